"""Answers of this dialect for its tests: recorded ones, made ones, and how they are read."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from gateway.canonical.collect import Answer, collect
from gateway.canonical.content import Reasoning
from gateway.canonical.events import Event, Finished, NativeFrame, Started
from gateway.wire.codec import NativeReader, Reply
from gateway.wire.openai_responses.codec import CODEC
from gateway.wire.sse import FrameSplitter
from tests.conftest import RECORDED

START = Started("upstream-model", "up-1")
END = Finished("stop")

NOT_SERVED = ("previous_response_id", "background")


@dataclass(frozen=True)
class Exchange:
    """One recorded exchange."""

    name: str
    request: dict[str, Any] | None
    status: int
    streams: bool
    body: bytes


def exchanges() -> list[Any]:
    """All recorded exchanges of this dialect, as parameters of a test."""
    found = []
    for path in sorted(RECORDED.glob("*responses*.json")):
        wire = json.loads(path.read_bytes())
        if wire["api"] != "responses":
            continue
        response = wire["response"]
        exchange = Exchange(
            name=path.stem,
            request=wire["request"].get("body_json"),
            status=response["status"],
            streams=response["is_sse"],
            body=response["body"].encode(),
        )
        found.append(pytest.param(exchange, id=path.stem))
    return found or [
        pytest.param(None, marks=pytest.mark.skip(reason="the recorded exchanges are not there"))
    ]


def reply(request: dict[str, Any] | None = None) -> Reply:
    """What is known of an answer before it comes."""
    body = json.dumps({"model": "a:b", "input": "hi", **(request or {})}).encode()
    envelope = CODEC.parse_envelope(body, max_depth=128)
    return Reply(id="1f2e", created=1700000000, model="a:b", envelope=envelope)


def frames(stream: bytes) -> list[bytes]:
    """The frames of a stream."""
    splitter = FrameSplitter()
    whole = splitter.feed(stream)
    rest = splitter.flush()
    return [*whole, rest] if rest else whole


def data_of(frame: bytes) -> str | None:
    """The data field of a frame; None for a comment."""
    lines = [line[5:].lstrip() for line in frame.split(b"\n") if line.startswith(b"data:")]
    return b"\n".join(lines).decode() if lines else None


def told(stream: bytes) -> list[dict[str, Any]]:
    """The events that a stream of ours tells."""
    data = (data_of(frame) for frame in frames(stream))
    return [json.loads(text) for text in data if text is not None]


def parsed(stream: bytes) -> list[Event]:
    """The canonical events of a stream."""
    parser = CODEC.stream_parser("up")
    events: list[Event] = []
    for frame in frames(stream):
        if (data := data_of(frame)) is not None:
            events += parser.read(data)
    return [*events, *parser.end()]


def canonical(exchange: Exchange) -> list[Event]:
    """The canonical events of a recorded answer."""
    if exchange.streams:
        return parsed(exchange.body)
    return list(CODEC.parse_answer(exchange.body, instance="up"))


def watched(stream: bytes) -> tuple[list[NativeFrame], NativeReader]:
    """The frames of a stream that goes through as it is, and who watched it."""
    reader = CODEC.native_reader("up")
    return [reader.read(frame, data_of(frame)) for frame in frames(stream)], reader


def rendered(events: Iterable[Event], request: dict[str, Any] | None = None) -> bytes:
    """A stream of ours."""
    return CODEC.renderer(reply(request)).render(events)


def streamed(*events: Event, request: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """The events that a client is told of an answer of these."""
    return told(rendered([START, *events], request))


def whole(*events: Event, request: dict[str, Any] | None = None) -> dict[str, Any]:
    """What a client that does not stream is told of an answer of these events."""
    answer = collect([START, *events])
    wire: dict[str, Any] = json.loads(CODEC.render_response(answer, reply(request)))
    return wire


def outputs(*events: Event, request: dict[str, Any] | None = None) -> list[Any]:
    """The items of a whole answer, which a stream's last event has to have as well."""
    output: list[Any] = whole(*events, END, request=request)["output"]
    assert streamed(*events, END, request=request)[-1]["response"]["output"] == output
    return output


def frame(type: str, **fields: Any) -> bytes:
    """A frame of an upstream's stream."""
    return f"event: {type}\ndata: {json.dumps({'type': type, **fields})}\n\n".encode()


def stream(*pieces: bytes, **response: Any) -> bytes:
    """A good stream of an upstream's around these frames."""
    begun = frame("response.created", response={"id": "resp_up", "model": "m", "output": []})
    ending = {"id": "resp_up", "status": "completed", "output": [], **response}
    return b"".join([begun, *pieces, frame("response.completed", response=ending)])


def body(output: Sequence[Any], **response: Any) -> bytes:
    """A whole answer of an upstream's."""
    head = {"id": "resp_up", "object": "response", "model": "m", "status": "completed"}
    return json.dumps({**head, "output": list(output), **response}).encode()


def message(*content: Any) -> dict[str, Any]:
    """An output item that is a message."""
    head = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed"}
    return {**head, "content": list(content)}


def output_text(text: str, **fields: Any) -> dict[str, Any]:
    """A part of a message."""
    return {"type": "output_text", "text": text, "annotations": [], **fields}


def same(answer: Answer) -> Answer:
    """What of an answer stays the same when it is told anew: all but ids and the model's name."""
    parts = (
        msgspec.structs.replace(part, id=None) if isinstance(part, Reasoning) else part
        for part in answer.parts
    )
    return msgspec.structs.replace(answer, id=None, model="", parts=tuple(parts))
