"""Recorded Gemini exchanges, and short ways to say what is in a test."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.canonical.collect import Answer, collect
from gateway.canonical.events import Event
from gateway.wire.codec import Reply
from gateway.wire.gemini.codec import CODEC
from gateway.wire.gemini.envelope import Envelope
from tests.conftest import RECORDED

APIS = ("generateContent", "streamGenerateContent")


@dataclass(frozen=True)
class Exchange:
    """One recorded request with its answer."""

    id: str
    api: str
    model: str
    request: bytes | None = field(repr=False)
    """The body; None where only the answer was recorded."""
    status: int
    body: bytes = field(repr=False)
    is_sse: bool

    @property
    def frames(self) -> list[bytes]:
        """A stream as it was sent, frame by frame."""
        return [frame for frame in re.split(rb"(?<=\r\n\r\n)", self.body) if frame]

    def answer(self) -> Answer:
        """What was answered, in canonical form."""
        return collect(self.events())

    def events(self) -> list[Event]:
        """The events of the answer."""
        if self.is_sse:
            return parse_stream(data_of(frame) for frame in self.frames)
        return list(CODEC.parse_answer(self.body, instance="up"))


def data_of(frame: bytes) -> str:
    """The data field of a frame that has one line of it."""
    return frame.decode().removeprefix("data:").strip()


def frames_of(stream: bytes) -> list[str]:
    """The data fields of a stream that was rendered."""
    return [data_of(frame) for frame in stream.split(b"\r\n\r\n") if frame.strip()]


def parse_stream(chunks: Iterable[object]) -> list[Event]:
    """Read chunks, or their JSON texts, as a stream."""
    parser = CODEC.stream_parser("up")
    events: list[Event] = []
    for chunk in chunks:
        events.extend(parser.read(chunk if isinstance(chunk, str) else json.dumps(chunk)))
    return [*events, *parser.end()]


def chunk(*parts: object, finish: object = None, **candidate: object) -> dict[str, Any]:
    """A chunk as Gemini sends it."""
    wire = {"content": {"parts": list(parts), "role": "model"}, "index": 0, **candidate}
    if finish is not None:
        wire["finishReason"] = finish
    return {"candidates": [wire], "modelVersion": "gemini-x", "responseId": "r1"}


def reply(model: str = "gemini-x", id: str = "r1", **envelope: bool) -> Reply:
    """What is known of an answer before it comes."""
    return Reply(id=id, created=0, model=model, envelope=Envelope(model=model, **envelope))


def exchanges(*, status: int | None = None, apis: tuple[str, ...] = APIS) -> list[object]:
    """All recorded exchanges of this dialect, as cases."""
    found = [_read(path) for path in sorted(RECORDED.glob("*gemini*.json"))]
    return [
        pytest.param(exchange, id=exchange.id)
        for exchange in found
        if exchange.api in apis and (status is None or exchange.status == status)
    ] or [pytest.param(None, marks=pytest.mark.skip(f"no recordings in {RECORDED}"))]


def _read(path: Any) -> Exchange:
    wire = json.loads(path.read_text(encoding="utf-8"))
    request, response = wire["request"], wire["response"]
    body = request.get("body_json")
    model = re.search(r"/models/([^:/?]+)", request["url"])
    return Exchange(
        id=path.stem,
        api=wire["api"] if wire["provider"] == "gemini" else "",
        model=model[1] if model else "",
        request=None if body is None else json.dumps(body).encode(),
        status=response["status"],
        body=response["body"].encode(),
        is_sse=bool(response["is_sse"]),
    )
