"""What upstreams of each dialect are asked and what they say, in their own shapes."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.canonical.request import Dialect
from tests.support import answers
from tests.support.answers import JSON
from tests.support.fake_upstream import Answer

HELLO = "hello from the upstream"

_MESSAGES = [{"role": "user", "content": "hi"}]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One dialect as an upstream serves it."""

    key_header: str
    request: Mapping[str, Any]
    whole: bytes
    """A whole answer that says HELLO."""
    stream: Sequence[bytes]
    """The same in frames."""
    begun: Sequence[bytes]
    """The first frames of an answer, with some of its text."""
    broken: Callable[[str], Mapping[str, Any]]
    """From a message to the frame of an error inside a stream."""
    error: Mapping[str, Any]
    """An error object without its message, which belongs to its `error` member."""

    def body(self, *, model: str, stream: bool) -> bytes:
        """A client's request."""
        return json.dumps({"model": model, "stream": stream, **self.request}).encode()

    def answer(self, *, stream: bool) -> Answer:
        """The good answer."""
        if stream:
            return answers.events(self.stream)
        return Answer(headers=(JSON,), body=(self.whole,))

    def breaking_off(self, message: str, *, begun: bool) -> Answer:
        """Answer with a stream that ends with an error."""
        frame = self.broken(message)
        event = f"event: {frame['type']}\n" if "type" in frame else ""
        last = f"{event}data: {json.dumps(frame)}\n\n".encode()
        return answers.events([*(self.begun if begun else ()), last])

    def refusal(
        self, status: int, message: str = "no", *, headers: Sequence[tuple[str, str]] = ()
    ) -> Answer:
        """Refuse with the dialect's own error."""
        error = {**self.error, "error": {**self.error["error"], "message": message}}
        return Answer(status, (JSON, *headers), (json.dumps(error).encode(),))


def _events(*events: Mapping[str, Any]) -> list[bytes]:
    """Frames that are named as their data is."""
    return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]


def _response(status: str, output: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    usage = {
        "input_tokens": 3,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 2,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 5,
    }
    head = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "error": None}
    done = {"usage": usage} if status == "completed" else {}
    return {**head, "status": status, "output": list(output), **done}


_PART = {"type": "output_text", "text": HELLO, "annotations": []}
_ITEM = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed"}
_PLACE = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
_RESPONSE = _response("completed", [{**_ITEM, "content": [_PART]}])
_BEGUN = {**_ITEM, "status": "in_progress", "content": []}
_RESPONSE_EVENTS: list[dict[str, Any]] = [
    {"type": "response.created", "response": _response("in_progress", [])},
    {"type": "response.output_item.added", "output_index": 0, "item": _BEGUN},
    {"type": "response.content_part.added", **_PLACE, "part": {**_PART, "text": ""}},
    {"type": "response.output_text.delta", **_PLACE, "delta": HELLO},
    {"type": "response.output_text.done", **_PLACE, "text": HELLO},
    {"type": "response.content_part.done", **_PLACE, "part": _PART},
    {"type": "response.output_item.done", "output_index": 0, "item": _RESPONSE["output"][0]},
    {"type": "response.completed", "response": _RESPONSE},
]

_RESPONSE_FRAMES = _events(
    *({**event, "sequence_number": number} for number, event in enumerate(_RESPONSE_EVENTS))
)

_MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": HELLO}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 2},
}
_MESSAGE_START = {**_MESSAGE, "content": [], "stop_reason": None}
_STOP = {"stop_reason": "end_turn", "stop_sequence": None}

_MESSAGE_FRAMES = _events(
    {"type": "message_start", "message": _MESSAGE_START},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": HELLO},
    },
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": _STOP, "usage": {"output_tokens": 2}},
    {"type": "message_stop"},
)

_GENERATED: dict[str, Any] = {
    "candidates": [
        {
            "content": {"role": "model", "parts": [{"text": HELLO}]},
            "finishReason": "STOP",
            "index": 0,
        }
    ],
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5},
    "modelVersion": "m",
    "responseId": "r-1",
}

_BEGUN_CONTENT = {"content": _GENERATED["candidates"][0]["content"], "index": 0}


def _framed(data: Mapping[str, Any]) -> bytes:
    """A frame as Gemini writes it."""
    return b"data: " + json.dumps(data).encode() + b"\r\n\r\n"


SHAPES: Mapping[Dialect, Shape] = {
    Dialect.OPENAI_CHAT: Shape(
        key_header="Authorization",
        request={"messages": _MESSAGES},
        whole=answers.body(HELLO),
        stream=answers.frames(HELLO),
        begun=answers.frames(HELLO)[:2],
        broken=lambda message: {"error": {"message": message, "code": 500}},
        error={"error": {"type": "refused", "param": None, "code": None}},
    ),
    Dialect.OPENAI_RESPONSES: Shape(
        key_header="Authorization",
        request={"input": "hi"},
        whole=json.dumps(_RESPONSE).encode(),
        stream=_RESPONSE_FRAMES,
        begun=_RESPONSE_FRAMES[:4],
        broken=lambda message: {
            "type": "error",
            "sequence_number": 9,
            "code": "server_error",
            "message": message,
            "param": None,
        },
        error={"error": {"type": "refused", "param": None, "code": None}},
    ),
    Dialect.ANTHROPIC_MESSAGES: Shape(
        key_header="x-api-key",
        request={"messages": _MESSAGES, "max_tokens": 64},
        whole=json.dumps(_MESSAGE).encode(),
        stream=_MESSAGE_FRAMES,
        begun=_MESSAGE_FRAMES[:3],
        broken=lambda message: {
            "type": "error",
            "error": {"type": "overloaded_error", "message": message},
        },
        error={"type": "error", "error": {"type": "refused"}, "request_id": "req_1"},
    ),
    Dialect.GEMINI: Shape(
        key_header="x-goog-api-key",
        request={"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
        whole=json.dumps(_GENERATED).encode(),
        stream=[_framed(_GENERATED)],
        begun=[_framed({**_GENERATED, "candidates": [_BEGUN_CONTENT]})],
        broken=lambda message: {"error": {"code": 503, "message": message, "status": "REFUSED"}},
        error={"error": {"code": 400, "status": "REFUSED"}},
    ),
}
