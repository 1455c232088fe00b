"""What an upstream of the chat completions dialect says, as scripted answers."""

import json
import threading
from collections.abc import Sequence
from typing import Any

from tests.support.fake_upstream import Answer, Piece

JSON = ("Content-Type", "application/json")
EVENT_STREAM = ("Content-Type", "text/event-stream")

PREAMBLE = (
    b'data: {"id":"u-1","object":"chat.completion.chunk","created":1,"model":"m",'
    b'"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n'
)
DONE = b"data: [DONE]\n\n"


def never() -> Answer:
    """Take the request and say nothing."""
    return Answer(hold=threading.Event())


def hold() -> threading.Event:
    """Holds up what follows it in an answer for good."""
    return threading.Event()


def body(text: str = "hello") -> bytes:
    """A whole completion."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    head = {"id": "u-1", "object": "chat.completion", "created": 1, "model": "m"}
    return json.dumps({**head, "choices": [choice], "usage": usage}).encode()


def whole(text: str = "hello") -> Answer:
    """Answer a whole completion."""
    return Answer(headers=(JSON,), body=(body(text),))


def chunk(delta: dict[str, Any], finish_reason: str | None = None, **fields: Any) -> bytes:
    """One frame of a stream."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    head = {"id": "u-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return frame({**head, "choices": [choice], **fields})


def frame(data: Any) -> bytes:
    """A frame of any JSON."""
    return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"


def text(piece: str) -> bytes:
    """A frame that carries some of the answer."""
    return chunk({"content": piece})


FINISH = chunk({}, "stop")
ENDING = (FINISH, DONE)


def frames(*texts: str) -> list[bytes]:
    """A whole good stream."""
    return [PREAMBLE, *map(text, texts), *ENDING]


def stream(*texts: str) -> Answer:
    """Answer with a good stream."""
    return events(frames(*texts))


def events(pieces: Sequence[Piece], *, cut_at: int | None = None) -> Answer:
    """Answer with a stream of these pieces."""
    return Answer(headers=(EVENT_STREAM,), body=pieces, framing="chunked", cut_at=cut_at)


def error(
    status: int, message: str = "no", *, headers: Sequence[tuple[str, str]] = (), **fields: Any
) -> Answer:
    """Refuse with the dialect's own error."""
    wire = {"error": {"message": message, "type": "refused", "param": None, "code": None, **fields}}
    return Answer(status, (JSON, *headers), (json.dumps(wire).encode(),))


def rate_limited(retry_after: str | None = None) -> Answer:
    """Refuse with 429."""
    headers = [("Retry-After", retry_after)] if retry_after is not None else []
    return error(429, "slow down", headers=headers)
