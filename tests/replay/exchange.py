"""Recorded exchanges as cases, and the ways in which an upstream may cut their bytes."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import RECORDED
from tests.support.fake_upstream import Answer

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "openai_chat"

KINDS = {
    "huggingface": "huggingface",
    "nvidia": "nvidia",
    "openai": "openai-legacy",
    "openrouter": "openrouter",
}
"""Provider of a recording -> the kind that serves it; any other one speaks OpenAI's dialect at an
address of its own."""
OTHER_KIND = "openai-legacy"

MODEL = "m"
"""Where the recording does not say which."""

# Of the connection that was recorded, not of the answer.
_HOP_HEADERS = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive"})

_BYTEWISE = 8 * 1024
"""A longer body is cut into single bytes only this far from each end: every byte costs every
process on the way some 20 µs."""


@dataclass(frozen=True)
class Exchange:
    """One recorded request with its answer."""

    id: str
    provider: str
    api: str
    request: dict[str, Any] = field(repr=False)
    """The client's body, complete: with a model, and messages."""
    status: int
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)
    is_sse: bool

    @property
    def model(self) -> str:
        """The upstream's own id of the model."""
        return str(self.request["model"])

    @property
    def selector(self) -> str:
        """What a client of the gateway writes as the model."""
        return f"{self.provider}:{self.model}"

    @property
    def frames(self) -> list[str]:
        """The data fields of a stream."""
        events: list[list[str]] = [[]]
        for line in re.split(r"\r\n|\r|\n", self.body.decode()):
            if not line:
                events.append([])
            elif line.startswith("data:"):
                events[-1].append(line[5:].strip())
        return ["\n".join(lines) for lines in events if lines]

    @property
    def stream_error(self) -> dict[str, Any] | None:
        """The error that ends a stream, if one does."""
        if not self.is_sse or not self.frames or self.frames[-1] == "[DONE]":
            return None
        error = json.loads(self.frames[-1]).get("error")
        return {"message": error} if isinstance(error, str) else error

    @property
    def has_output(self) -> bool:
        """Whether a stream said anything of its answer before its end."""
        chunks = (json.loads(frame) for frame in self.frames if frame != "[DONE]")
        deltas = (c.get("delta") or {} for chunk in chunks for c in chunk.get("choices") or ())
        said = ("content", "reasoning", "reasoning_content", "refusal", "tool_calls")
        return any(delta.get(name) for delta in deltas for name in said)


def load(folder: Path) -> list[Exchange]:
    """Read every exchange of a folder, whatever its dialect, by name."""
    return [_exchange(json.loads(path.read_text())) for path in sorted(folder.glob("*.json"))]


def recorded() -> list[Exchange]:
    """The recordings; none where their folder is not."""
    return load(RECORDED)


def own() -> list[Exchange]:
    """The handwritten exchanges of this repository."""
    return load(FIXTURES)


def chat(exchanges: Sequence[Exchange]) -> list[Exchange]:
    """Those of the chat completions dialect."""
    return [exchange for exchange in exchanges if exchange.api == "chat"]


def _exchange(record: Mapping[str, Any]) -> Exchange:
    response = record["response"]
    request = dict(record["request"].get("body_json") or {})
    request.setdefault("model", MODEL)
    request.setdefault("messages", [{"role": "user", "content": "hi"}])
    if response["is_sse"]:
        request["stream"] = True
    headers = response.get("headers") or {}
    return Exchange(
        id=record["id"],
        provider=record["provider"],
        api=record["api"],
        request=request,
        status=response["status"],
        headers=tuple((k, v) for k, v in headers.items() if k.lower() not in _HOP_HEADERS),
        body=response["body"].encode(),
        is_sse=response["is_sse"],
    )


def _whole(body: bytes) -> list[bytes]:
    return [body]


def _events(body: bytes) -> list[bytes]:
    return [piece for piece in re.split(rb"(?<=\n\n)|(?<=\r\n\r\n)", body) if piece]


def _bytes(body: bytes) -> list[bytes]:
    head, rest = body[:_BYTEWISE], body[_BYTEWISE:]
    middle, tail = (rest[:-_BYTEWISE], rest[-_BYTEWISE:]) if len(rest) > _BYTEWISE else (b"", rest)
    single = [bytes((byte,)) for byte in head], [bytes((byte,)) for byte in tail]
    return [*single[0], *([middle] if middle else []), *single[1]]


@dataclass(frozen=True)
class Chunking:
    """A way to send a body."""

    cut: Callable[[bytes], list[bytes]]
    stream_framing: Any
    body_framing: Any

    def answer(self, exchange: Exchange) -> Answer:
        """Script an exchange's answer in this way."""
        return Answer(
            status=exchange.status,
            headers=exchange.headers,
            body=self.cut(exchange.body),
            framing=self.stream_framing if exchange.is_sse else self.body_framing,
        )


CHUNKINGS = {
    "whole": Chunking(_whole, "chunked", "length"),
    "events": Chunking(_events, "chunked", "chunked"),
    "bytes": Chunking(_bytes, "close", "close"),
}
