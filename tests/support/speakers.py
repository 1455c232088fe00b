"""The four dialects as clients and upstreams speak them: requests, answers, streams and errors.

Written by hand from the vendors' pages, so that it shares no mistake with the product's codecs.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from gateway.canonical.request import Dialect
from tests.support import answers
from tests.support.client import data_frames
from tests.support.fake_upstream import Answer, Piece

Json = dict[str, Any]

QUESTION = "What is the time?"


@dataclass(frozen=True, kw_only=True)
class Speaker:
    """One dialect, as a client and as an upstream speak it."""

    dialect: Dialect
    instance: str
    """The gateway's instance whose upstream speaks it."""
    key: str
    """That instance's key."""
    path: Callable[[str, bool], str]
    """Where a client asks: from the model and whether it wants a stream."""
    question: Json
    """A small request, without its model."""
    text: Callable[[Any], str]
    """The text of a whole answer."""
    piece: Callable[[Any], str]
    """The text of one frame of a stream; empty when it has none."""
    answer: Callable[[str], Json]
    """What an upstream answers."""
    preamble: Sequence[bytes] = ()
    """The frames before any text."""
    said: Callable[[str], bytes]
    """The frame that carries some text."""
    ending: Sequence[bytes]
    error: Callable[[int, str], Json]
    """An upstream's refusal."""
    keepalive: bytes
    """What keeps a stream open in which nothing was said yet."""
    key_header: tuple[str, str] = ("Authorization", "Bearer ")
    """Where an upstream looks for its key, and what stands before it."""
    client_key: Callable[[str], dict[str, str]] = field(
        default=lambda key: {"Authorization": f"Bearer {key}"}
    )
    count_path: Callable[[str], str] | None = None

    def body(self, model: str, *, stream: bool = False, **fields: Any) -> bytes:
        """A request's bytes."""
        said = {**self.question, **fields}
        if self.dialect is not Dialect.GEMINI:
            said = {"model": model, "stream": stream, **said}
        return json.dumps(said).encode()

    def whole(self, text: str = "It is noon.") -> Answer:
        """An upstream's answer that is not streamed."""
        return Answer(headers=(answers.JSON,), body=(json.dumps(self.answer(text)).encode(),))

    def streamed(self, *pieces: str) -> Answer:
        """An upstream's good stream."""
        return self.stream_of(*self.preamble, *map(self.said, pieces), *self.ending)

    def stream_of(self, *pieces: Piece) -> Answer:
        """An upstream's stream of these frames."""
        return answers.events(pieces)

    def refusal(
        self, status: int, message: str = "no luck", *, headers: Sequence[tuple[str, str]] = ()
    ) -> Answer:
        """An upstream's error."""
        wire = json.dumps(self.error(status, message)).encode()
        return Answer(status, (answers.JSON, *headers), (wire,))

    def texts(self, body: bytes) -> str:
        """The text of a stream that a client got."""
        frames = [frame for frame in data_frames(body) if frame != "[DONE]"]
        return "".join(self.piece(json.loads(frame)) for frame in frames)


def _event(name: str, **members: Any) -> bytes:
    data = json.dumps({"type": name, **members})
    return f"event: {name}\ndata: {data}\n\n".encode()


def _chat_piece(chunk: Any) -> str:
    return "".join(choice["delta"].get("content") or "" for choice in chunk.get("choices", ()))


CHAT = Speaker(
    dialect=Dialect.OPENAI_CHAT,
    instance="chat",
    key="key-of-chat-upstream",
    path=lambda model, stream: "/v1/chat/completions",
    question={"messages": [{"role": "user", "content": QUESTION}]},
    text=lambda wire: wire["choices"][0]["message"]["content"],
    piece=_chat_piece,
    answer=lambda text: json.loads(answers.body(text)),
    preamble=(answers.PREAMBLE,),
    said=answers.text,
    ending=answers.ENDING,
    error=lambda status, message: {
        "error": {"message": message, "type": "refused", "param": None, "code": str(status)}
    },
    keepalive=b": keepalive\n\n",
)


def _response(status: str, text: str | None) -> Json:
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
    counts = {
        "input_tokens": 1,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 2,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 3,
    }
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": status,
        "model": "m",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "output": [{**item, "content": [part]}] if text is not None else [],
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": counts if text is not None else None,
    }


_PLACE = {"item_id": "msg_1", "output_index": 0, "content_index": 0}

RESPONSES = Speaker(
    dialect=Dialect.OPENAI_RESPONSES,
    instance="responses",
    key="key-of-responses-upstream",
    path=lambda model, stream: "/v1/responses",
    question={"input": QUESTION},
    text=lambda wire: wire["output"][0]["content"][0]["text"],
    piece=lambda event: event["delta"] if event["type"] == "response.output_text.delta" else "",
    answer=lambda text: _response("completed", text),
    preamble=(
        _event("response.created", sequence_number=0, response=_response("in_progress", None)),
        _event(
            "response.output_item.added",
            sequence_number=1,
            output_index=0,
            item={
                "type": "message",
                "id": "msg_1",
                "role": "assistant",
                "status": "in_progress",
                "content": [],
            },
        ),
        _event(
            "response.content_part.added",
            sequence_number=2,
            part={"type": "output_text", "text": "", "annotations": [], "logprobs": []},
            **_PLACE,
        ),
    ),
    said=lambda text: _event(
        "response.output_text.delta", sequence_number=3, delta=text, logprobs=[], **_PLACE
    ),
    ending=(
        _event("response.completed", sequence_number=4, response=_response("completed", "noon")),
    ),
    error=CHAT.error,
    keepalive=b": keepalive\n\n",
)


def _message(**members: Any) -> Json:
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": []}
    usage = {"input_tokens": 1, "output_tokens": 2}
    return {**head, "stop_reason": None, "stop_sequence": None, "usage": usage, **members}


def _anthropic_error(status: int, message: str) -> Json:
    types = {400: "invalid_request_error", 401: "authentication_error", 429: "rate_limit_error"}
    error = {"type": types.get(status, "api_error"), "message": message}
    return {"type": "error", "error": error, "request_id": "req_1"}


ANTHROPIC = Speaker(
    dialect=Dialect.ANTHROPIC_MESSAGES,
    instance="claude",
    key="key-of-anthropic-upstream",
    path=lambda model, stream: "/v1/messages",
    question={"max_tokens": 64, "messages": [{"role": "user", "content": QUESTION}]},
    text=lambda wire: wire["content"][0]["text"],
    piece=lambda event: event.get("delta", {}).get("text", ""),
    answer=lambda text: _message(content=[{"type": "text", "text": text}], stop_reason="end_turn"),
    preamble=(
        _event("message_start", message=_message()),
        _event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
    ),
    said=lambda text: _event(
        "content_block_delta", index=0, delta={"type": "text_delta", "text": text}
    ),
    ending=(
        _event("content_block_stop", index=0),
        _event(
            "message_delta",
            delta={"stop_reason": "end_turn", "stop_sequence": None},
            usage={"output_tokens": 2},
        ),
        _event("message_stop"),
    ),
    error=_anthropic_error,
    keepalive=b": keepalive\n\n",
    key_header=("x-api-key", ""),
    client_key=lambda key: {"x-api-key": key},
    count_path=lambda model: "/v1/messages/count_tokens",
)


def _gemini_chunk(text: str, **members: Any) -> Json:
    candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0, **members}
    usage = {"promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 3}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "m"}


def _gemini_path(model: str, stream: bool) -> str:
    verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return f"/v1beta/models/{quote(model, safe='')}:{verb}"


def _gemini_error(status: int, message: str) -> Json:
    names = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 429: "RESOURCE_EXHAUSTED"}
    return {"error": {"code": status, "message": message, "status": names.get(status, "INTERNAL")}}


GEMINI = Speaker(
    dialect=Dialect.GEMINI,
    instance="google",
    key="key-of-gemini-upstream",
    path=_gemini_path,
    question={"contents": [{"role": "user", "parts": [{"text": QUESTION}]}]},
    text=lambda wire: wire["candidates"][0]["content"]["parts"][0]["text"],
    piece=lambda chunk: "".join(
        part.get("text", "")
        for candidate in chunk.get("candidates", ())
        for part in candidate.get("content", {}).get("parts", ())
    ),
    answer=lambda text: _gemini_chunk(text, finishReason="STOP"),
    said=lambda text: answers.frame(_gemini_chunk(text)),
    ending=(answers.frame(_gemini_chunk("", finishReason="STOP")),),
    error=_gemini_error,
    keepalive=b"\r\n",
    key_header=("x-goog-api-key", ""),
    client_key=lambda key: {"x-goog-api-key": key},
    count_path=lambda model: f"/v1beta/models/{quote(model, safe='')}:countTokens",
)

SPEAKERS = {each.dialect: each for each in (CHAT, RESPONSES, ANTHROPIC, GEMINI)}


def error_of(dialect: Dialect, wire: Any) -> tuple[str, str]:
    """Check that an error has exactly the dialect's shape; return its type and its message."""
    match dialect:
        case Dialect.ANTHROPIC_MESSAGES:
            assert set(wire) == {"type", "error", "request_id"}
            assert wire["type"] == "error"
            assert set(wire["error"]) == {"type", "message"}
            return wire["error"]["type"], wire["error"]["message"]
        case Dialect.GEMINI:
            assert set(wire) == {"error"}
            assert {"code", "message", "status"} <= set(wire["error"])
            assert isinstance(wire["error"]["code"], int)
            return wire["error"]["status"], wire["error"]["message"]
        case _:
            assert set(wire) == {"error"}
            assert set(wire["error"]) == {"message", "type", "param", "code"}
            return wire["error"]["type"], wire["error"]["message"]
