"""Recorded exchanges as cases, and the ways in which an upstream may cut their bytes."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from tests.conftest import RECORDED
from tests.support.fake_upstream import Answer

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"


class Family(StrEnum):
    """A dialect, by the name that the tests' tables have for it."""

    CHAT = "chat"
    RESPONSES = "responses"
    MESSAGES = "messages"
    GEMINI = "gemini"


class Verb(StrEnum):
    """What is asked."""

    GENERATE = "generate"
    COUNT = "count"
    EMBED = "embed"


APIS: Mapping[str, tuple[Family, Verb]] = {
    "chat": (Family.CHAT, Verb.GENERATE),
    "embeddings": (Family.CHAT, Verb.EMBED),
    "responses": (Family.RESPONSES, Verb.GENERATE),
    "messages": (Family.MESSAGES, Verb.GENERATE),
    "count_tokens": (Family.MESSAGES, Verb.COUNT),
    "generateContent": (Family.GEMINI, Verb.GENERATE),
    "streamGenerateContent": (Family.GEMINI, Verb.GENERATE),
    "countTokens": (Family.GEMINI, Verb.COUNT),
}
"""API of a recording -> whose it is, and what it asks."""

KINDS = {
    (Family.CHAT, "huggingface"): "huggingface",
    (Family.CHAT, "nvidia"): "nvidia",
    (Family.CHAT, "openrouter"): "openrouter",
    (Family.RESPONSES, "openrouter"): "openrouter",
}
"""Provider of a recording -> the kind that serves it; any other one speaks its dialect at an
address of its own."""
OTHER_KINDS = {
    Family.CHAT: "openai-legacy",
    Family.RESPONSES: "openai-responses",
    Family.MESSAGES: "anthropic",
    Family.GEMINI: "gemini",
}

MODEL = "m"
"""Where the recording does not say which."""

NOT_YET = ("previous_response_id", "background")
"""Fields that the gateway refuses for now; a recording is replayed without them."""

_HELLO: Mapping[tuple[Family, Verb], dict[str, Any]] = {
    (Family.CHAT, Verb.GENERATE): {"messages": [{"role": "user", "content": "hi"}]},
    (Family.RESPONSES, Verb.GENERATE): {"input": "hi"},
    (Family.MESSAGES, Verb.GENERATE): {
        "messages": [{"role": "user", "content": "hi"}],
        "max_tokens": 100,
    },
    (Family.GEMINI, Verb.GENERATE): {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
}
"""What a request must have, where the recording has none."""

# Of the connection that was recorded, not of the answer.
_HOP_HEADERS = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive"})

_BYTEWISE = 2 * 1024
"""A longer body is cut into single bytes only this far from each end: every byte costs every
process on the way some 20 µs."""

_MODEL_IN_PATH = re.compile(r"/models/(.+):\w+$")


@dataclass(frozen=True, eq=False)
class Exchange:
    """One recorded request with its answer. Each is one object, so that readings can be kept."""

    id: str
    provider: str
    api: str
    model: str
    """The upstream's own id of the model."""
    request: dict[str, Any] = field(repr=False)
    """The client's body, complete but for a model; Gemini's may hold one."""
    query: str
    """Of the URL, as the recorded client sent it."""
    left_out: dict[str, Any] = field(repr=False)
    """Fields of the recorded request that are `NOT_YET`, with their values."""
    is_stream: bool
    """Whether the client asks for a stream."""
    status: int
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)
    is_sse: bool

    @property
    def family(self) -> Family:
        """Whose dialect it is."""
        return APIS[self.api][0]

    @property
    def verb(self) -> Verb:
        """What it asks."""
        return APIS[self.api][1]

    @property
    def is_array(self) -> bool:
        """Whether a stream was recorded as one JSON array."""
        return self.is_stream and not self.is_sse and self.body.lstrip().startswith(b"[")

    @property
    def instance(self) -> str:
        """The gateway's instance that stands for the provider."""
        return f"{self.provider}-{self.family}"

    @property
    def selector(self) -> str:
        """What a client of the gateway writes as the model."""
        return f"{self.instance}:{self.model}"

    @property
    def has_numbers(self) -> bool:
        """Whether its client asked for numbers in place of names, which no SDK of ours reads."""
        return "enum-encoding%3Dint" in self.query

    @property
    def plain_instance(self) -> str:
        """The instance for clients of other dialects: one that speaks this exchange's alone."""
        has_kind = (self.family, self.provider) in KINDS
        return f"{self.instance}-alone" if has_kind else self.instance

    def selector_for(self, family: Family) -> str:
        """What a client of a dialect writes as the model."""
        instance = self.instance if family is self.family else self.plain_instance
        return f"{instance}:{self.model}"

    @property
    def root(self) -> str:
        """What the paths at the upstream begin with."""
        is_openai = self.family in (Family.CHAT, Family.RESPONSES)
        return f"/{self.instance}/v1" if is_openai else f"/{self.instance}"

    @property
    def upstream_path(self) -> str:
        """Where the upstream has to be asked."""
        if self.family is not Family.GEMINI:
            return self.root + _PATHS[self.api]
        as_sse = "?alt=sse" if self.is_stream else ""
        return f"{self.root}/v1beta/models/{quote(self.model, safe='')}:{self.api}{as_sse}"

    @property
    def path(self) -> str:
        """Where the client asks the gateway."""
        query = f"?{self.query}" if self.query else ""
        if self.family is Family.GEMINI:
            return f"/v1beta/models/{quote(self.selector, safe='')}:{self.api}{query}"
        prefix = "" if self.family is Family.MESSAGES else "/v1"
        return prefix + _PATHS[self.api] + query

    @property
    def frames(self) -> list[str]:
        """The data fields of a stream, or the elements of one that is a JSON array."""
        if self.is_array:
            return [json.dumps(element) for element in json.loads(self.body)]
        return data_fields(self.body)

    @cached_property
    def chunks(self) -> list[dict[str, Any]]:
        """The frames of a stream, decoded."""
        return [json.loads(frame) for frame in self.frames if frame != "[DONE]"]

    @cached_property
    def json(self) -> Any:
        """A body that is no stream, decoded."""
        return json.loads(self.body)


_PATHS = {
    "chat": "/chat/completions",
    "embeddings": "/embeddings",
    "responses": "/responses",
    "messages": "/v1/messages",
    "count_tokens": "/v1/messages/count_tokens",
}


def data_fields(stream: bytes) -> list[str]:
    """The data fields of a stream of server-sent events."""
    events: list[list[str]] = [[]]
    for line in re.split(r"\r\n|\r|\n", stream.decode()):
        if not line:
            events.append([])
        elif line.startswith("data:"):
            events[-1].append(line[5:].strip())
    return ["\n".join(lines) for lines in events if lines]


def load(folder: Path) -> list[dict[str, Any]]:
    """Read every record of a folder, by name."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


def recorded() -> list[dict[str, Any]]:
    """The records of real exchanges; none where their folder is not."""
    return load(RECORDED)


def own() -> list[dict[str, Any]]:
    """The handwritten records of this repository."""
    folders = (folder for folder in sorted(FIXTURES.iterdir()) if folder.is_dir())
    return [record for folder in folders for record in load(folder)]


def _exchange(record: Mapping[str, Any]) -> Exchange:
    family, verb = APIS[record["api"]]
    response = record["response"]
    url = urlsplit(record["request"].get("url") or "")
    request = {**_HELLO.get((family, verb), {}), **(record["request"].get("body_json") or {})}
    model = str(request.get("model") or MODEL).removeprefix("models/")
    if family is Family.GEMINI:
        found = _MODEL_IN_PATH.search(url.path)
        model = unquote(found[1]) if found else model
    else:
        request.pop("model", None)
    is_stream = bool(request.get("stream")) or response["is_sse"]
    if family is Family.GEMINI:
        is_stream = record["api"] == "streamGenerateContent"
    elif is_stream:
        request["stream"] = True
    left_out = {name: request.pop(name) for name in NOT_YET if request.get(name)}
    headers = response.get("headers") or {}
    return Exchange(
        id=record["id"],
        provider=record["provider"],
        api=record["api"],
        model=model,
        request=request,
        query=url.query,
        left_out=left_out,
        is_stream=is_stream,
        status=response["status"],
        headers=tuple((k, v) for k, v in headers.items() if k.lower() not in _HOP_HEADERS),
        body=response["body"].encode(),
        is_sse=response["is_sse"],
    )


NOT_PLAYED = {
    "openai-responses-025-sync": "the answer to a background request, which is not served yet",
}
"""Recording of a served API -> why it is not replayed."""

EXCHANGES = [
    _exchange(record)
    for record in (*own(), *recorded())
    if record["api"] in APIS and record["id"] not in NOT_PLAYED
]
"""All cases."""


def _whole(body: bytes) -> list[bytes]:
    return [body]


def _events(body: bytes) -> list[bytes]:
    return [piece for piece in re.split(rb"(?<=\n\n)|(?<=\r\n\r\n)", body) if piece]


def _bytes(body: bytes) -> list[bytes]:
    head, rest = body[:_BYTEWISE], body[_BYTEWISE:]
    middle, tail = (rest[:-_BYTEWISE], rest[-_BYTEWISE:]) if len(rest) > _BYTEWISE else (b"", rest)
    single = [bytes((byte,)) for byte in head], [bytes((byte,)) for byte in tail]
    return [*single[0], *_within_characters(middle), *single[1]]


def _within_characters(body: bytes) -> list[bytes]:
    """Cut behind the first byte of every character that has several."""
    return [piece for piece in re.split(rb"(?<=[\xc2-\xf4])", body) if piece]


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

    def answer_as_events(self, exchange: Exchange) -> Answer:
        """Script a stream that was recorded as a JSON array as what `alt=sse` makes of it."""
        frames = "".join(f"data: {frame}\r\n\r\n" for frame in exchange.frames)
        others = [pair for pair in exchange.headers if pair[0].lower() != "content-type"]
        return Answer(
            headers=[*others, ("Content-Type", "text/event-stream")],
            body=self.cut(frames.encode()),
            framing=self.stream_framing,
        )


CHUNKINGS = {
    "whole": Chunking(_whole, "chunked", "length"),
    "events": Chunking(_events, "chunked", "chunked"),
    "bytes": Chunking(_bytes, "close", "close"),
}
