"""Recorded exchanges of this dialect, and short ways to read and write its answers."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.canonical.collect import Answer, collect
from gateway.canonical.events import Event
from gateway.wire.anthropic_messages.codec import CODEC
from gateway.wire.anthropic_messages.envelope import Envelope
from gateway.wire.codec import Reply
from tests.conftest import RECORDED

REPLY = Reply(id="abc123", created=1, model="anthropic:m", envelope=Envelope("anthropic:m", []))


@dataclass(frozen=True)
class Exchange:
    """One recorded request with its answer."""

    id: str
    api: str
    request: dict[str, Any] | None = field(repr=False)
    status: int
    body: str = field(repr=False)
    is_sse: bool

    @property
    def frames(self) -> list[str]:
        """The stream's frames, blank lines included."""
        return cut(self.body)

    def events(self) -> list[Event]:
        """The answer as canonical events."""
        return read_stream(self.body) if self.is_sse else read_whole(self.body.encode())


def recorded(api: str = "messages") -> list[Exchange]:
    """The recordings of one of the dialect's operations; none where their folder is not."""
    exchanges = []
    for path in sorted(RECORDED.glob("*anthropic-*.json")):
        record = json.loads(path.read_text())
        response = record["response"]
        if record["provider"] == "anthropic" and record["api"] == api:
            exchanges.append(
                Exchange(
                    id=record["id"],
                    api=api,
                    request=record["request"].get("body_json"),
                    status=response["status"],
                    body=response["body"],
                    is_sse=response["is_sse"],
                )
            )
    return exchanges


def captures() -> list[Any]:
    """Bodies that SDKs sent to this dialect's paths, as test parameters."""
    found = [
        pytest.param(capture["body_json"], id=f"{path.parent.name}-{capture['n']}")
        for path in sorted((RECORDED.parent / "client-captures").glob("*/*.json"))
        for capture in [json.loads(path.read_text())]
        if capture["method"] == "POST"
        and capture["path"].partition("?")[0] in ("/v1/messages", "/v1/messages/count_tokens")
    ]
    reason = "the folder of captured requests is not beside the project"
    return found or [pytest.param(None, id="none", marks=pytest.mark.skip(reason=reason))]


def cases(exchanges: Iterable[Exchange]) -> list[Any]:
    """Exchanges as test parameters; a skipped one where there are none."""
    found = [pytest.param(exchange, id=exchange.id) for exchange in exchanges]
    reason = "the folder of recorded exchanges is not beside the project"
    return found or [pytest.param(None, id="none", marks=pytest.mark.skip(reason=reason))]


def cut(stream: str) -> list[str]:
    """Cut a stream into frames."""
    return [piece + "\n\n" for piece in stream.split("\n\n") if piece.strip()]


def data_of(frame: str) -> str | None:
    """A frame's data field."""
    lines = [line[5:].strip() for line in frame.split("\n") if line.startswith("data:")]
    return "\n".join(lines) if lines else None


def read_stream(stream: str) -> list[Event]:
    """Read a stream as one that came from an upstream."""
    parser = CODEC.stream_parser("up")
    events: list[Event] = []
    for frame in cut(stream):
        data = data_of(frame)
        if data is not None:
            events += parser.read(data)
    return [*events, *parser.end()]


def read_whole(body: bytes) -> list[Event]:
    """Read a whole answer as one that came from an upstream."""
    return list(CODEC.parse_answer(body, instance="up"))


def write_stream(events: Iterable[Event]) -> str:
    """Write events for a client that streams."""
    return CODEC.renderer(REPLY).render(events).decode()


def write_whole(events: Iterable[Event]) -> Any:
    """Write events for a client that does not stream."""
    return json.loads(CODEC.render_response(collect(events), REPLY))


def shown(events: Iterable[Event]) -> list[Any]:
    """What the frames say that a stream of these events is made of."""
    frames = (data_of(frame) for frame in cut(write_stream(events)))
    return [json.loads(data) for data in frames if data is not None]


def answer(events: Iterable[Event]) -> Answer:
    """What events come to, but for the ids that each server gives anew."""
    return replace(collect(events), model="", id=None)
