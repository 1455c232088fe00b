"""Answers of a Gemini upstream -> canonical events: whole ones, and streams.

A stream is good only when it said why it ended: Gemini has no frame of its own for the end.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.canonical.errors import UpstreamError
from gateway.canonical.events import Event, Finished, NativeBody, Usage
from gateway.wire.gemini.answer_reader import AnswerReader, first_candidate
from gateway.wire.gemini.errors import first_of, parse_error_chunk
from gateway.wire.upstream_errors import garbage, truncated

_decode = msgspec.json.Decoder().decode


class StreamParser:
    """Reads an upstream stream into canonical events."""

    def __init__(self, instance: str) -> None:
        self._instance = instance
        self._answer = AnswerReader()

    @property
    def done(self) -> bool:
        """Never: counts and sources may follow the reason why it ended."""
        return False

    def read(self, data: str) -> Iterator[Event]:
        """Read one frame's data field.

        Raises:
            UpstreamError: the frame is an error, cannot be read, or was cut off.
        """
        if is_padding(data):
            return
        yield from self._answer.read(read_chunk(data, instance=self._instance))

    def end(self) -> Iterator[Event]:
        """Give the events that close the stream.

        Raises:
            UpstreamError: the stream stopped before it said why it ended.
        """
        if not self._answer.is_finished:
            raise truncated(self._instance)
        yield from self._answer.end()


def is_padding(data: str) -> bool:
    """Whether a frame says nothing: compatible upstreams end their streams as OpenAI does."""
    return data.strip() in ("", "[DONE]")


def read_chunk(data: str | bytes, *, instance: str, frame: bytes | None = None) -> dict[str, Any]:
    """Decode one chunk of a stream.

    Args:
        frame: the whole frame, where an error in it may go to a client of the same dialect.
    Raises:
        UpstreamError: the chunk is an error, cannot be read, or was cut off.
    """
    try:
        chunk = first_of(_decode(data))
    except (ValueError, RecursionError) as error:
        raise _unreadable(error, instance=instance) from None
    if not isinstance(chunk, dict):
        raise garbage(instance, "a frame that is not a JSON object")
    if chunk.get("error"):
        raise parse_error_chunk(instance=instance, wire=chunk, frame=frame)
    return chunk


def parse_answer(body: bytes, *, instance: str) -> Iterator[Event]:
    """Read a whole answer of status 200 into events, the last of them `Finished`.

    Raises:
        UpstreamError: the body is an error all the same, or is not an answer.
    """
    answer = AnswerReader()
    for chunk in _chunks(body, instance=instance):
        yield from answer.read(chunk)
    yield from answer.end()


def parse_native(body: bytes, *, instance: str) -> Iterator[Event]:
    """Read a whole answer of status 200; its bytes go on as they are.

    Raises:
        UpstreamError: the body is an error all the same, or is not an answer.
    """
    answer = AnswerReader()
    for chunk in _chunks(body, instance=instance):
        for _ in answer.read(chunk):
            pass
    yield NativeBody(body)
    yield from (event for event in answer.end() if isinstance(event, Usage | Finished))


def _chunks(body: bytes, *, instance: str) -> list[dict[str, Any]]:
    """Decode a whole answer: one object, or the chunks of a stream in a list."""
    try:
        wire = _decode(body)
    except (ValueError, RecursionError) as error:
        raise _unreadable(error, instance=instance) from None
    listed = wire if isinstance(wire, list) else [wire]
    chunks = [chunk for chunk in listed if isinstance(chunk, dict)]
    for chunk in chunks:
        if chunk.get("error"):
            raise parse_error_chunk(instance=instance, wire=chunk)
    if not any(_is_answer(chunk) for chunk in chunks):
        raise garbage(instance, "JSON that is no answer")
    if isinstance(wire, list) and not any(_finishes(chunk) for chunk in chunks):
        raise truncated(instance)
    return chunks


def _is_answer(chunk: dict[str, Any]) -> bool:
    return first_candidate(chunk) is not None or isinstance(chunk.get("promptFeedback"), dict)


def _finishes(chunk: dict[str, Any]) -> bool:
    candidate = first_candidate(chunk) or {}
    return bool(candidate.get("finishReason") or chunk.get("promptFeedback"))


def _unreadable(error: Exception, *, instance: str) -> UpstreamError:
    """Say that JSON cannot be read: because it stops too early, or because it is none."""
    if "truncated" in str(error):
        return truncated(instance)
    return garbage(instance, "something that is not JSON")
