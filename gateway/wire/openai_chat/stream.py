"""Chat completion streams: upstream frames -> native events, canonical events -> frames.

The end of a stream is good only when every choice said why it finished or `[DONE]` came.

Source: https://platform.openai.com/docs/api-reference/chat/streaming
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from gateway.canonical.errors import Failure, Kind, Next, UpstreamError
from gateway.canonical.events import (
    Event,
    Failed,
    Finished,
    NativeFrame,
    ReasoningDelta,
    Silence,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
)
from gateway.canonical.request import Dialect
from gateway.wire.openai_chat.errors import parse_error_chunk, render_error
from gateway.wire.sse import comment, is_whole

DONE = b"data: [DONE]\n\n"

_OUTPUT_FIELDS = (
    "content",
    "reasoning",
    "reasoning_content",
    "reasoning_details",
    "refusal",
    "tool_calls",
    "function_call",
    "audio",
    "images",
)

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class NativeStream:
    """Watches one upstream stream for output, usage, errors and its end."""

    def __init__(self, instance: str) -> None:
        self._instance = instance
        self._choices: set[int] = set()
        self._finished: set[int] = set()
        self._finish_reason = ""
        self._usage: Usage | None = None
        self._done = False

    @property
    def done(self) -> bool:
        """Whether `[DONE]` came; what follows it is not part of the answer."""
        return self._done

    def read(self, frame: bytes, data: str | None) -> NativeFrame:
        """Read one frame.

        Args:
            frame: the frame's bytes, as they came.
            data: its decoded data field; None for a comment.
        Raises:
            UpstreamError: the frame is an error, is not JSON, or was cut off.
        """
        if data is None:
            return NativeFrame(frame, False)
        if data.strip() == "[DONE]":
            self._done = True
            return NativeFrame(frame, False)
        chunk = self._chunk(frame, data)
        if chunk.get("error"):
            raise parse_error_chunk(instance=self._instance, wire=chunk, frame=frame)
        self._read_usage(chunk.get("usage"))
        output = False
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict):
                output = self._read_choice(choice, frame) or output
        return NativeFrame(frame, output)

    def end(self) -> Iterator[Event]:
        """Yield the events that close the stream.

        Raises:
            UpstreamError: the stream stopped before its end.
        """
        if not self._done and (not self._finished or self._choices - self._finished):
            raise truncated(self._instance)
        if self._usage:
            yield self._usage
        yield Finished(self._finish_reason)

    def _chunk(self, frame: bytes, data: str) -> dict[str, Any]:
        try:
            chunk = _decode(data)
        except (msgspec.DecodeError, RecursionError):
            chunk = None
        if not isinstance(chunk, dict):
            if not is_whole(frame):
                raise truncated(self._instance)
            raise _garbage(self._instance, "a frame that is not a JSON object")
        return chunk

    def _read_choice(self, choice: dict[str, Any], frame: bytes) -> bool:
        if choice.get("error"):
            raise parse_error_chunk(instance=self._instance, wire=choice, frame=frame)
        index = choice.get("index")
        index = index if isinstance(index, int) else 0
        self._choices.add(index)
        # Some upstreams send token counts in a chunk of a choice that has finished.
        if reason := choice.get("finish_reason"):
            self._finished.add(index)
            self._finish_reason = str(reason)
        delta = choice.get("delta")
        return isinstance(delta, dict) and any(delta.get(name) for name in _OUTPUT_FIELDS)

    def _read_usage(self, usage: object) -> None:
        if isinstance(usage, dict):
            self._usage = parse_usage(usage)


def parse_usage(usage: dict[str, Any]) -> Usage:
    """Read a usage object; a count that is not there is 0."""
    return Usage(_count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens")))


def truncated(instance: str) -> UpstreamError:
    """Make the error for an answer that stopped before its end."""
    failure = Failure(
        kind=Kind.TRUNCATED,
        message=f"{instance} closed the connection before the answer was complete",
        status=502,
    )
    return UpstreamError(failure, next=Next.CANDIDATE)


def render_failure_frame(failure: Failure) -> bytes:
    """Render the last frame of a stream that broke; no `[DONE]` may follow it."""
    native = failure.native
    if native and native.framed and native.dialect == Dialect.OPENAI_CHAT:
        return native.data
    return b"data: " + render_error(failure) + b"\n\n"


class StreamRenderer:
    """Renders one answer's events as SSE frames; native frames of this dialect pass as they are."""

    def __init__(self, *, id: str, created: int, include_usage: bool) -> None:
        """
        Args:
            created: Unix seconds.
            include_usage: whether the client asked for a last chunk with the token counts.
        """
        self._include_usage = include_usage
        self._head = {"id": id, "object": "chat.completion.chunk", "created": created}
        self._model: str | None = None
        self._usage: Usage | None = None

    def render(self, events: Iterable[Event]) -> bytes:
        """Render the next events; empty when none of them shows."""
        return b"".join(
            event.data if isinstance(event, NativeFrame) else self._render(event)
            for event in events
        )

    def _render(self, event: Event) -> bytes:
        match event:
            case Started(model):
                self._model = model
                return self._frame({"role": "assistant", "content": ""})
            case TextDelta(text):
                return self._frame({"content": text})
            case ReasoningDelta(text):
                return self._frame({"reasoning_content": text})
            case ToolCallStarted(index, id, name):
                call = {"id": id, "type": "function", "function": {"name": name, "arguments": ""}}
                return self._frame({"tool_calls": [{"index": index, **call}]})
            case ToolCallDelta(index, arguments):
                piece = {"index": index, "function": {"arguments": arguments}}
                return self._frame({"tool_calls": [piece]})
            case Usage():
                self._usage = event
            case Silence():
                return comment("keepalive")
            case Failed(failure):
                return render_failure_frame(failure)
            case Finished(reason):
                return self._finish(reason)
            case _:
                pass
        return b""

    def _finish(self, reason: str) -> bytes:
        if self._model is None:
            return b""
        frame = self._frame({}, reason or "stop")
        if self._usage and self._include_usage:
            chunk = {**self._chunk(), "choices": [], "usage": render_usage(self._usage)}
            frame += b"data: " + _encode(chunk) + b"\n\n"
        return frame + DONE

    def _frame(self, delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return b"data: " + _encode({**self._chunk(), "choices": [choice]}) + b"\n\n"

    def _chunk(self) -> dict[str, Any]:
        usage = {"usage": None} if self._include_usage else {}
        return {**self._head, "model": self._model, **usage}


def render_usage(usage: Usage) -> dict[str, int]:
    """Render a usage object."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0


def _garbage(instance: str, what: str) -> UpstreamError:
    failure = Failure(kind=Kind.UPSTREAM, message=f"{instance} sent {what}", status=502)
    return UpstreamError(failure, next=Next.CANDIDATE)
