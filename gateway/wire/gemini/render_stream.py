"""Streams in Gemini's shape: canonical events -> server-sent events, or one JSON array.

Source: https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from gateway.canonical.content import Citation, NativePart, Opaque
from gateway.canonical.errors import Failure
from gateway.canonical.events import (
    Event,
    Failed,
    Finished,
    Logprobs,
    MediaProduced,
    NativeBlock,
    NativeFrame,
    ReasoningDelta,
    ReasoningEnded,
    RefusalDelta,
    Silence,
    Started,
    TextDelta,
    TextEnded,
    TokenLogprob,
    ToolCallDelta,
    ToolCallEnded,
    ToolCallStarted,
    Usage,
)
from gateway.canonical.request import Dialect
from gateway.wire.codec import Renderer, Reply
from gateway.wire.gemini.envelope import Envelope
from gateway.wire.gemini.errors import render_error
from gateway.wire.gemini.grounding import render_grounding
from gateway.wire.gemini.render_answer import (
    render_candidate,
    render_chunk,
    render_logprobs,
    render_part,
    sealed,
    sealed_call,
    sealed_thought,
)
from gateway.wire.gemini.wire_parts import call_part, text_part

_encode = msgspec.json.Encoder().encode
# Not a comment: Google's own clients take every line that is not empty for JSON. An empty line ends
# no event where none has begun, and they pass over it.
_KEEPALIVE = b"\r\n"
_ENDS_TEXT = (
    *(TextEnded, RefusalDelta, ReasoningDelta, ReasoningEnded),
    *(ToolCallStarted, MediaProduced, NativeBlock),
)
"""Events after which text begins another block; citations count from the begin of theirs."""
_LINE_END = re.compile(rb"\r\n|\n|\r")


def make_renderer(reply: Reply) -> Renderer:
    """Make the renderer of one stream, in the form that the client asked for."""
    envelope = reply.envelope
    if isinstance(envelope, Envelope) and envelope.as_array:
        return ArrayRenderer(reply)
    return StreamRenderer(reply)


class StreamRenderer:
    """Renders one answer's events as SSE frames; native frames pass as they are."""

    def __init__(self, reply: Reply) -> None:
        self._chunks = _Chunks(reply)

    def render(self, events: Iterable[Event]) -> bytes:
        """Render the next events; empty when none of them shows."""
        return b"".join(piece for event in events for piece in self._render(event))

    def _render(self, event: Event) -> Iterator[bytes]:
        match event:
            case NativeFrame(data):
                yield data
            case Silence():
                yield _KEEPALIVE
            case Failed(failure):
                yield _native_frame(failure) or _frame(render_error(failure))
            case _:
                for chunk in self._chunks.render(event):
                    yield _frame(_encode(chunk))


class ArrayRenderer:
    """Renders one answer's events as a JSON array, which is what a stream is without `alt=sse`."""

    def __init__(self, reply: Reply) -> None:
        self._chunks = _Chunks(reply)
        self._is_open = False

    def render(self, events: Iterable[Event]) -> bytes:
        """Render the next events; empty when none of them shows."""
        return b"".join(piece for event in events for piece in self._render(event))

    def _render(self, event: Event) -> Iterator[bytes]:
        match event:
            case NativeFrame(data):
                if value := _data_of(data):
                    yield from self._element(value)
            case Silence():
                yield b" "
            case Failed(failure):
                frame = _native_frame(failure)
                yield from self._element((frame and _data_of(frame)) or render_error(failure))
                yield b"]"
            case _:
                for chunk in self._chunks.render(event):
                    yield from self._element(_encode(chunk))
                if isinstance(event, Finished):
                    yield b"]" if self._is_open else b"[]"

    def _element(self, value: bytes) -> Iterator[bytes]:
        yield b",\r\n" if self._is_open else b"["
        yield value
        self._is_open = True


class _Call:
    """A tool call as far as it has come; Gemini knows whole ones only."""

    def __init__(self, started: ToolCallStarted) -> None:
        self._started = started
        self.pieces: list[str] = []
        self.signature: Opaque | None = None
        self.is_whole = False

    def part(self) -> dict[str, Any]:
        """The call as a part."""
        return call_part(
            id=self._started.id,
            name=self._started.name,
            arguments="".join(self.pieces),
            signature=sealed_call(self.signature),
        )


class _Chunks:
    """Makes one answer's events into chunks of the stream, in whatever frames those go."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._is_started = False
        self._calls: dict[int, _Call] = {}
        self._text: list[str] = []
        self._block_start = 0
        self._length = 0
        self._citations: list[Citation] = []
        self._logprobs: list[TokenLogprob] = []
        self._usage: Usage | None = None

    def render(self, event: Event) -> list[dict[str, Any]]:
        """The chunks that an event makes: mostly one, or none."""
        chunks = self._render(event)
        if isinstance(event, _ENDS_TEXT):
            self._block_start = self._length
        return chunks

    def _render(self, event: Event) -> list[dict[str, Any]]:
        match event:
            case Started():
                self._is_started = True
            case Logprobs(tokens):
                self._logprobs.extend(tokens)
            case Usage():
                self._usage = event
            case Finished(reason):
                return [self._last(reason)] if self._is_started else []
            case ToolCallStarted(index):
                self._calls[index] = _Call(event)
            case ToolCallDelta(index, piece):
                if call := self._calls.get(index):
                    call.pieces.append(piece)
            case _:
                parts = self._parts(event)
                return [self._chunk(parts)] if parts else []
        return []

    def _parts(self, event: Event) -> list[Any]:
        match event:
            case TextDelta(text) | RefusalDelta(text) if text:
                self._text.append(text)
                self._length += len(text)
                return [text_part(text)]
            case ReasoningDelta(text) if text:
                return [text_part(text, thought=True)]
            case TextEnded(citations, signature):
                self._cite(citations)
                return [text_part("", signature=sealed(signature))] if signature else []
            case ReasoningEnded(signature) if signature:
                return [text_part("", thought=True, signature=sealed_thought(event))]
            case ToolCallEnded(index, signature):
                return self._end_call(index, signature)
            case MediaProduced(media):
                part = render_part(media)
            case NativeBlock(dialect, type, data):
                part = render_part(NativePart(dialect, type, data))
            case _:
                part = None
        return [] if part is None else [part]

    def _end_call(self, index: int, signature: Opaque | None) -> list[Any]:
        """The calls that may be told now: a client has them in the order in which they began."""
        if call := self._calls.get(index):
            call.signature, call.is_whole = signature, True
        parts: list[Any] = []
        for first in sorted(self._calls):
            if not self._calls[first].is_whole:
                break
            parts.append(self._calls.pop(first).part())
        return parts

    def _cite(self, citations: tuple[Citation, ...]) -> None:
        """Keep a block's citations, with their places counted in all of the answer's text."""
        for citation in citations:
            start, end = citation.start, citation.end
            moved = msgspec.structs.replace(
                citation,
                start=None if start is None else start + self._block_start,
                end=None if end is None else end + self._block_start,
            )
            self._citations.append(moved)

    def _chunk(self, parts: list[Any]) -> dict[str, Any]:
        return render_chunk(self._with_logprobs(render_candidate(parts)), reply=self._reply)

    def _last(self, reason: str) -> dict[str, Any]:
        """The chunk with the reason, the counts, and the calls that nobody ended."""
        parts: list[Any] = [call.part() for _, call in sorted(self._calls.items())]
        self._calls.clear()
        candidate = render_candidate(parts or [text_part("")], finish_reason=reason)
        text = "".join(self._text)
        if grounding := render_grounding([(0, text, tuple(self._citations))]):
            candidate["groundingMetadata"] = grounding
        candidate = self._with_logprobs(candidate)
        return render_chunk(candidate, reply=self._reply, usage=self._usage)

    def _with_logprobs(self, candidate: dict[str, Any]) -> dict[str, Any]:
        if self._logprobs:
            candidate["logprobsResult"] = render_logprobs(self._logprobs)
            self._logprobs = []
        return candidate


def _frame(data: bytes) -> bytes:
    return b"data: " + data + b"\r\n\r\n"


def _native_frame(failure: Failure) -> bytes | None:
    """An upstream's own last words, when it spoke this dialect in a stream."""
    native = failure.native
    if native and native.framed and native.dialect == Dialect.GEMINI:
        return native.data
    return None


def _data_of(frame: bytes) -> bytes:
    """The data field of an SSE frame; empty for a comment."""
    lines = (line.partition(b":") for line in _LINE_END.split(frame))
    return b"\n".join(value.removeprefix(b" ") for name, _, value in lines if name == b"data")
