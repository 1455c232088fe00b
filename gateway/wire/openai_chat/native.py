"""Chat answers that go to a client of the same dialect as they are.

The end of a stream is good only when every choice said why it finished or `[DONE]` came.

Source: https://platform.openai.com/docs/api-reference/chat/streaming
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Raw, Struct

from gateway.canonical.errors import UpstreamError
from gateway.canonical.events import Event, Finished, NativeBody, NativeFrame
from gateway.wire.openai_chat.errors import parse_error_chunk
from gateway.wire.openai_chat.usage import parse_finish_reason, parse_usage
from gateway.wire.sse import is_whole
from gateway.wire.upstream_errors import garbage, truncated

DONE_DATA = "[DONE]"


class _Delta(Struct):
    """All that can be output."""

    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    reasoning_details: list[Raw] | None = None
    refusal: str | None = None
    tool_calls: list[Raw] | None = None
    function_call: dict[str, Raw] | None = None
    audio: dict[str, Raw] | None = None
    images: list[Raw] | None = None


class _Choice(Struct):
    index: int = 0
    delta: _Delta | None = None
    finish_reason: str | None = None
    error: object = None


class _Chunk(Struct):
    """A chunk as OpenAI sends it; one that does not fit is read without types."""

    choices: list[_Choice] = []
    usage: object = None
    error: object = None
    x_groq: object = None


_OUTPUT_FIELDS = _Delta.__struct_fields__

_decode: Any = msgspec.json.Decoder().decode
_decode_chunk = msgspec.json.Decoder(_Chunk).decode


class NativeStream:
    """Watches one upstream stream for output, usage, errors and its end."""

    def __init__(self, instance: str) -> None:
        self._instance = instance
        self._choices: set[int] = set()
        self._finished: set[int] = set()
        self._finish_reason = ""
        self._usage: object = None
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
        if data.strip() == DONE_DATA:
            self._done = True
            return NativeFrame(frame, False)
        try:
            chunk = _decode_chunk(data)
        except (ValueError, RecursionError):
            return NativeFrame(frame, self._read_untyped(frame, data))
        if chunk.error or any(choice.error for choice in chunk.choices):
            return NativeFrame(frame, self._read_untyped(frame, data))
        self._read_usage(chunk.usage, chunk.x_groq)
        output = False
        for choice in chunk.choices:
            delta = choice.delta
            output = output or delta is not None and _says(delta)
            self._note(choice.index, choice.finish_reason)
        return NativeFrame(frame, output)

    def end(self) -> Iterator[Event]:
        """Yield the events that close the stream.

        Raises:
            UpstreamError: the stream stopped before its end.
        """
        if not self._done and (not self._finished or self._choices - self._finished):
            raise truncated(self._instance)
        if isinstance(self._usage, dict):
            yield parse_usage(self._usage)
        yield Finished(parse_finish_reason(self._finish_reason))

    def _note(self, index: int, finish_reason: str | None) -> None:
        self._choices.add(index)
        # Some upstreams send token counts in a chunk of a choice that has finished.
        if finish_reason:
            self._finished.add(index)
            self._finish_reason = finish_reason

    def _read_untyped(self, frame: bytes, data: str) -> bool:
        chunk = self._chunk(frame, data)
        if chunk.get("error"):
            raise parse_error_chunk(instance=self._instance, wire=chunk, frame=frame)
        self._read_usage(chunk.get("usage"), chunk.get("x_groq"))
        output = False
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict):
                output = self._read_choice(choice, frame) or output
        return output

    def _chunk(self, frame: bytes, data: str) -> dict[str, Any]:
        try:
            chunk = _decode(data)
        except (ValueError, RecursionError):
            chunk = None
        if not isinstance(chunk, dict):
            if not is_whole(frame):
                raise truncated(self._instance)
            raise garbage(self._instance, "a frame that is not a JSON object")
        return chunk

    def _read_choice(self, choice: dict[str, Any], frame: bytes) -> bool:
        if choice.get("error"):
            raise parse_error_chunk(instance=self._instance, wire=choice, frame=frame)
        index = choice.get("index")
        reason = choice.get("finish_reason")
        self._note(index if isinstance(index, int) else 0, str(reason) if reason else None)
        delta = choice.get("delta")
        return isinstance(delta, dict) and any(delta.get(name) for name in _OUTPUT_FIELDS)

    def _read_usage(self, usage: object, x_groq: object) -> None:
        if usage is None and isinstance(x_groq, dict):
            usage = x_groq.get("usage")
        if isinstance(usage, dict):
            self._usage = usage


def parse_native(body: bytes, *, instance: str) -> Iterator[Event]:
    """Read a whole answer of status 200; its bytes go on as they are.

    Raises:
        UpstreamError: the body is an error all the same, or is not a completion.
    """
    wire = read_completion(body, instance=instance)
    yield NativeBody(body)
    if isinstance(wire.get("usage"), dict):
        yield parse_usage(wire["usage"])
    yield Finished(_finish_reason(wire))


def read_completion(body: bytes, *, instance: str) -> dict[str, Any]:
    """Decode a whole answer of status 200, whose `choices` are a list.

    Raises:
        UpstreamError: the body is an error all the same, or is not a completion.
    """
    try:
        wire = _decode(body)
    except (ValueError, RecursionError):
        wire = None
    if not isinstance(wire, dict):
        raise garbage(instance, "no JSON object")
    if wire.get("error") and not wire.get("choices"):
        raise _error(wire, body, instance=instance)
    if not isinstance(wire.get("choices"), list):
        raise garbage(instance, "an object that is no completion")
    for choice in wire["choices"]:
        if isinstance(choice, dict) and choice.get("error"):
            raise _error(choice, body, instance=instance)
    return wire


def _error(wire: dict[str, Any], body: bytes, *, instance: str) -> UpstreamError:
    error = parse_error_chunk(instance=instance, wire=wire, frame=body)
    error.failure = msgspec.structs.replace(error.failure, native=None)
    return error


def _says(delta: _Delta) -> bool:
    return bool(
        delta.content
        or delta.reasoning
        or delta.reasoning_content
        or delta.tool_calls
        or delta.reasoning_details
        or delta.refusal
        or delta.function_call
        or delta.audio
        or delta.images
    )


def _finish_reason(wire: dict[str, Any]) -> str:
    reasons = (
        choice.get("finish_reason") for choice in wire["choices"] if isinstance(choice, dict)
    )
    return parse_finish_reason(next(filter(None, reasons), ""))
