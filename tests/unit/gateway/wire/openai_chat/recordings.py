"""The recorded exchanges of the chat dialect, and ways to read an answer."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from gateway.canonical.collect import Answer, collect
from gateway.canonical.events import Event, Finished
from gateway.wire.codec import Reply
from gateway.wire.openai_chat.codec import CODEC
from gateway.wire.openai_chat.native import DONE_DATA
from gateway.wire.sse import FrameSplitter
from tests.conftest import RECORDED

MODEL = "m"


@dataclass(frozen=True)
class Recording:
    """One exchange."""

    name: str
    request: dict[str, Any] | None = field(repr=False)
    status: int
    body: bytes = field(repr=False)
    is_sse: bool

    @property
    def request_body(self) -> bytes:
        """The client's body, with a model where the recording says none."""
        return json.dumps({"model": MODEL, **(self.request or {})}).encode()

    @property
    def frames(self) -> list[bytes]:
        """The frames of a stream."""
        return frames_of(self.body)

    @property
    def breaks_off(self) -> bool:
        """Whether the answer ends with an error inside a 200."""
        return '"error"' in (data_of(self.frames[-1]) or "")


def recordings() -> list[Recording]:
    """Every chat exchange; none where their folder is not."""
    found = [json.loads(path.read_text()) for path in sorted(RECORDED.glob("*.json"))]
    return [
        Recording(
            name=exchange["id"],
            request=exchange["request"].get("body_json"),
            status=exchange["response"]["status"],
            body=exchange["response"]["body"].encode(),
            is_sse=exchange["response"]["is_sse"],
        )
        for exchange in found
        if exchange["api"] == "chat"
    ]


def frames_of(stream: bytes) -> list[bytes]:
    """Cut a stream into its frames."""
    splitter = FrameSplitter()
    frames = splitter.feed(stream)
    rest = splitter.flush()
    return [*frames, rest] if rest.strip() else frames


def data_of(frame: bytes) -> str | None:
    """The data field of a frame; None for a comment."""
    lines = [line[5:] for line in frame.decode().splitlines() if line.startswith("data:")]
    return "\n".join(line.removeprefix(" ") for line in lines) if lines else None


def chunks_of(stream: bytes) -> list[dict[str, Any]]:
    """The chunks of a stream, without its mark of the end."""
    texts = (data_of(frame) for frame in frames_of(stream))
    return [json.loads(text) for text in texts if text is not None and text != DONE_DATA]


def parse_stream(stream: bytes) -> list[Event]:
    """Read a stream as an upstream's."""
    parser = CODEC.stream_parser("up")
    events: list[Event] = []
    for frame in frames_of(stream):
        data = data_of(frame)
        if data is not None:
            events += parser.read(data)
        if parser.done:
            break
    return [*events, *parser.end()]


def parse_whole(body: bytes) -> list[Event]:
    """Read a whole answer as an upstream's."""
    return list(CODEC.parse_answer(body, instance="up"))


def reply(model: str = MODEL, *, include_usage: bool = True) -> Reply:
    """What is known of an answer to a request for it."""
    request = {
        "model": model,
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        "stream_options": {"include_usage": include_usage},
    }
    envelope = CODEC.parse_envelope(json.dumps(request).encode(), max_depth=32)
    return Reply(id="r1", created=7, model=model, envelope=envelope)


def render_stream(events: Iterable[Event], *, model: str = MODEL, usage: bool = True) -> bytes:
    """Render events as a client's stream."""
    return CODEC.renderer(reply(model, include_usage=usage)).render(events)


def render_whole(answer: Answer, *, model: str = MODEL) -> bytes:
    """Render an answer as a client's completion."""
    return CODEC.render_response(answer, reply(model))


def collected(events: Iterable[Event]) -> Answer:
    """Collect events, which have exactly one end."""
    events = list(events)
    assert [isinstance(event, Finished) for event in events].count(True) == 1
    assert isinstance(events[-1], Finished)
    return collect(events)
