"""Gemini streams that go to a client of the same dialect as they are.

On the hot path of every frame: one decode of the few fields that are needed.
"""

from collections.abc import Iterator

import msgspec
from msgspec import Raw, Struct

from gateway.canonical.events import Event, Finished, NativeFrame, Usage, is_output
from gateway.wire.gemini.answer_reader import AnswerReader
from gateway.wire.gemini.finish import parse_finish_reason
from gateway.wire.gemini.members import is_null
from gateway.wire.gemini.parse_answer import is_padding, read_chunk
from gateway.wire.gemini.parse_parts import ANNOTATIONS
from gateway.wire.gemini.usage import parse_usage
from gateway.wire.sse import is_whole
from gateway.wire.upstream_errors import garbage, truncated

_NULL = Raw(b"null")
_NOTHING = (b'""', b"null")


class _Content(Struct):
    parts: list[dict[str, Raw]] | None = None


class _Candidate(Struct):
    content: _Content | None = None
    finishReason: str | int | None = None
    index: int | None = None


class _Usage(Struct):
    promptTokenCount: int | None = None
    candidatesTokenCount: int | None = None
    thoughtsTokenCount: int | None = None
    toolUsePromptTokenCount: int | None = None
    cachedContentTokenCount: int | None = None


class _Feedback(Struct):
    blockReason: str | int | None = None


class _Chunk(Struct):
    candidates: list[_Candidate] | None = None
    usageMetadata: _Usage | None = None
    promptFeedback: _Feedback | None = None
    error: Raw = _NULL


_decoder = msgspec.json.Decoder(_Chunk)


class NativeReader:
    """Watches one upstream stream for output, usage, errors and its end."""

    def __init__(self, instance: str) -> None:
        self._instance = instance
        self._candidates: set[int] = set()
        self._finished: set[int] = set()
        self._reason = ""
        self._has_calls = False
        self._counts: _Usage | None = None
        self._usage: Usage | None = None

    @property
    def done(self) -> bool:
        """Never: counts and sources may follow the reason why it ended."""
        return False

    def read(self, frame: bytes, data: str | None) -> NativeFrame:
        """Read one frame.

        Args:
            frame: its bytes, as they came.
            data: its decoded data field; None for a comment.
        Raises:
            UpstreamError: the frame is an error, cannot be read, or was cut off.
        """
        if not data:
            return self._bare(frame)
        try:
            chunk = _decoder.decode(data)
        except msgspec.ValidationError:
            return self._odd(frame, data)
        except (ValueError, RecursionError):
            return self._unreadable(frame, data)
        if not is_null(chunk.error):
            # It raises unless the error is an empty one.
            read_chunk(data, instance=self._instance, frame=frame)
        if chunk.usageMetadata is not None:
            self._counts = chunk.usageMetadata
        if chunk.promptFeedback is not None and chunk.promptFeedback.blockReason:
            self._finish(0, "content_filter")
        output = False
        for candidate in chunk.candidates or ():
            output = self._read_candidate(candidate) or output
        return NativeFrame(frame, output)

    def end(self) -> Iterator[Event]:
        """Yield the events that close the stream.

        Raises:
            UpstreamError: the stream stopped before every candidate said why it ended.
        """
        if not self._finished or self._candidates - self._finished:
            raise truncated(self._instance)
        if self._counts is not None:
            yield parse_usage(msgspec.structs.asdict(self._counts))
        elif self._usage:
            yield self._usage
        is_call = self._has_calls and self._reason == "stop"
        yield Finished("tool_calls" if is_call else self._reason)

    def _read_candidate(self, candidate: _Candidate) -> bool:
        index = candidate.index or 0
        self._candidates.add(index)
        reason = parse_finish_reason(candidate.finishReason)
        if reason is not None:
            self._finish(index, reason)
        parts = candidate.content.parts if candidate.content else None
        output = False
        for part in parts or ():
            for name, value in part.items():
                if name not in ANNOTATIONS and not (len(value) <= 4 and bytes(value) in _NOTHING):
                    output = True
                    self._has_calls = self._has_calls or name == "functionCall"
        return output

    def _finish(self, index: int, reason: str) -> None:
        self._finished.add(index)
        self._reason = reason

    def _bare(self, frame: bytes) -> NativeFrame:
        """Read a frame without data: a comment, or an error that is not in a frame at all."""
        if frame.lstrip()[:1] in (b"{", b"["):
            read_chunk(frame, instance=self._instance)
        return NativeFrame(frame, False)

    def _unreadable(self, frame: bytes, data: str) -> NativeFrame:
        if is_padding(data):
            return NativeFrame(frame, False)
        if not is_whole(frame):
            raise truncated(self._instance)
        raise garbage(self._instance, "a frame that is not a JSON object")

    def _odd(self, frame: bytes, data: str) -> NativeFrame:
        """Read a frame in which a field has another type than it should have."""
        if is_padding(data):
            return NativeFrame(frame, False)
        answer = AnswerReader()
        chunk = read_chunk(data, instance=self._instance, frame=frame)
        events = list(answer.read(chunk))
        self._candidates.add(0)
        for event in answer.end():
            if isinstance(event, Usage):
                self._counts, self._usage = None, event
            elif isinstance(event, Finished) and answer.is_finished:
                self._finish(0, event.reason)
        return NativeFrame(frame, any(is_output(event) for event in events))
