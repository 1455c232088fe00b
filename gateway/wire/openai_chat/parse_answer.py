"""Chat answers of upstreams as events: whole ones, and streams of chunks.

The end of a stream is good only when the answer said why it finished or `[DONE]` came.

Source: https://platform.openai.com/docs/api-reference/chat/streaming
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from gateway.canonical.events import Event
from gateway.wire.openai_chat.answer import AnswerReader
from gateway.wire.openai_chat.errors import parse_error_chunk
from gateway.wire.openai_chat.native import DONE_DATA, read_completion
from gateway.wire.upstream_errors import garbage, truncated


class _TextDelta(Struct, forbid_unknown_fields=True):
    """A delta of text or of reasoning alone."""

    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    role: str | None = None
    channel: str | None = None
    refusal: None = None
    tool_calls: None = None
    function_call: None = None
    token_id: None = None


class _TextChoice(Struct):
    delta: _TextDelta
    index: int = 0
    finish_reason: None = None
    logprobs: None = None
    error: None = None


class _TextChunk(Struct):
    """The chunk that streams are made of; any other fails to be one, and is read in full."""

    choices: tuple[_TextChoice]
    usage: None = None
    error: None = None
    x_groq: None = None
    citations: None = None
    search_results: None = None


_decode_text = msgspec.json.Decoder(_TextChunk).decode
_decode = msgspec.json.Decoder[Any]().decode


def parse_answer(body: bytes, *, instance: str) -> Iterator[Event]:
    """Read a whole answer of status 200 into events, the last of them `Finished`.

    Raises:
        UpstreamError: the body is an error all the same, or is not a completion.
    """
    wire = read_completion(body, instance=instance)
    reader = AnswerReader(instance)
    yield from reader.read(wire)
    yield from reader.end()


class ChatStreamParser:
    """Reads an upstream stream; see `StreamParser`."""

    def __init__(self, instance: str) -> None:
        self._instance = instance
        self._reader = AnswerReader(instance)
        self._done = False

    @property
    def done(self) -> bool:
        """Whether `[DONE]` came; what follows it is not part of the answer."""
        return self._done

    def read(self, data: str) -> list[Event]:
        """Read one frame's data into the events that it tells of.

        Raises:
            UpstreamError: the frame is an error or cannot be read.
        """
        if data.strip() == DONE_DATA:
            self._done = True
            return []
        return self._read_text(data) or self._read_in_full(data)

    def _read_text(self, data: str) -> list[Event]:
        try:
            (choice,) = _decode_text(data).choices
        except (ValueError, RecursionError):
            return []
        delta = choice.delta
        reasoning = delta.reasoning_content or delta.reasoning or ""
        event = self._reader.read_alone(choice.index, delta.content or "", reasoning=reasoning)
        return [event] if event else []

    def _read_in_full(self, data: str) -> list[Event]:
        try:
            chunk = _decode(data)
        except (ValueError, RecursionError):
            chunk = None
        if not isinstance(chunk, dict):
            raise garbage(self._instance, "a frame that is not a JSON object")
        if chunk.get("error"):
            frame = f"data: {data}\n\n".encode()
            raise parse_error_chunk(instance=self._instance, wire=chunk, frame=frame)
        return list(self._reader.read(chunk))

    def end(self) -> list[Event]:
        """Give the events that close the stream.

        Raises:
            UpstreamError: the stream stopped before its end.
        """
        if not self._done and not self._reader.finished:
            raise truncated(self._instance)
        return list(self._reader.end())
