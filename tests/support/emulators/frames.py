"""Answers as an HTTP server frames them, alike in all dialects."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from tests.support.emulators.said import Json, Refused
from tests.support.fake_upstream import Answer, Received

_JSON = ("Content-Type", "application/json")
_EVENT_STREAM = ("Content-Type", "text/event-stream; charset=utf-8")


def whole(value: Any, *, status: int = 200, headers: Sequence[tuple[str, str]] = ()) -> Answer:
    """Answer with one JSON document, in the many lines that vendors write it in."""
    body = json.dumps(value, indent=2, ensure_ascii=False).encode()
    return Answer(status, (_JSON, *headers), (body,))


def stream(frames: Iterable[bytes]) -> Answer:
    """Answer with a stream."""
    return Answer(headers=(_EVENT_STREAM,), body=tuple(frames), framing="chunked")


def frame(data: Any, *, event: str | None = None) -> bytes:
    """One server-sent event."""
    head = f"event: {event}\n".encode() if event else b""
    return head + b"data: " + dumps(data).encode() + b"\n\n"


def dumps(value: Any) -> str:
    """JSON text as vendors write it on one line."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def body_of(received: Received) -> Json:
    """The object that a request is.

    Raises:
        Refused: it is none, or is not said to be JSON.
    """
    if received.header("Content-Type") != "application/json":
        raise Refused(f"the content type is {received.header('Content-Type')}")
    if received.method != "POST":
        raise Refused(f"{received.method} is not POST")
    body = json.loads(received.body)
    if not isinstance(body, dict):
        raise Refused("the body is not an object")
    return body


def halves(text: str) -> tuple[str, str]:
    """A text in the two pieces in which it is streamed."""
    middle = len(text) // 2
    return text[:middle], text[middle:]
