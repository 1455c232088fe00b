"""Answers of an upstream: whole messages and streams -> canonical events.

A whole message is read as the stream that it could have been, so both give the same.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Raw, Struct

from gateway.canonical.content import Citation, Opaque
from gateway.canonical.errors import UpstreamError
from gateway.canonical.events import (
    Event,
    Finished,
    NativeBlock,
    ReasoningDelta,
    ReasoningEnded,
    RefusalDelta,
    Started,
    TextDelta,
    TextEnded,
    ToolCallDelta,
    ToolCallEnded,
    ToolCallStarted,
)
from gateway.canonical.request import Dialect
from gateway.wire.anthropic_messages.citations import parse_citation, spanning
from gateway.wire.anthropic_messages.endings import UsageReader, parse_stop_reason
from gateway.wire.anthropic_messages.errors import parse_inner_error
from gateway.wire.anthropic_messages.frames import (
    NULL,
    Delta,
    Frame,
    Head,
    decode_lenient,
    read_frame,
    read_head,
)
from gateway.wire.opaque import unwrap
from gateway.wire.upstream_errors import garbage, truncated

_OWN = Dialect.ANTHROPIC_MESSAGES
_EMPTY = Raw(b"{}")


class Message(Struct):
    """A whole answer; in a stream's `message_start` without content."""

    type: Any = None
    id: Any = None
    model: Any = None
    content: list[Raw] | None = None
    stop_reason: Any = None
    stop_sequence: Any = None
    stop_details: Any = None
    usage: Raw = NULL

    @property
    def ending_sequence(self) -> str | None:
        """Which stop sequence ended the answer."""
        return self.stop_sequence if isinstance(self.stop_sequence, str) else None

    @property
    def started(self) -> Started:
        """The event that the answer begins with."""
        model = self.model if isinstance(self.model, str) else ""
        return Started(model, self.id if isinstance(self.id, str) else None)


_message_decoder = msgspec.json.Decoder(Message)
_object_decoder = msgspec.json.Decoder(dict[str, Raw])


def read_message(body: bytes, *, instance: str) -> Message:
    """Decode a whole answer of status 200.

    Raises:
        UpstreamError: the body is an error all the same, or is not a message.
    """
    try:
        body.decode()
        message = _message_decoder.decode(body)
    except (ValueError, RecursionError):
        message = None
    if message is None or message.content is None:
        raise _no_message(body, instance)
    return message


def parse_answer(body: bytes, *, instance: str) -> Iterator[Event]:
    """Read a whole answer of status 200 into canonical events.

    Raises:
        UpstreamError: the body is an error all the same, or is not a message.
    """
    message = read_message(body, instance=instance)
    yield message.started
    blocks = _Blocks()
    for index, block in enumerate(message.content or ()):
        yield from blocks.start(index, block)
        yield from blocks.stop(index)
    yield from blocks.end()
    yield from _explanation(message.stop_details)
    usage = UsageReader().read(decode_lenient(message.usage))
    if usage:
        yield usage
    yield Finished(parse_stop_reason(message.stop_reason), message.ending_sequence)


class StreamParser:
    """Reads one upstream stream into canonical events."""

    def __init__(self, instance: str) -> None:
        self._instance = instance
        self._blocks = _Blocks()
        self._usage = UsageReader()
        self._started = False
        self._finished = Finished()
        self._done = False

    @property
    def done(self) -> bool:
        """Whether `message_stop` came."""
        return self._done

    def read(self, data: str) -> Iterable[Event]:
        """Read one frame's data field.

        Raises:
            UpstreamError: the frame is an error or is not a JSON object.
        """
        frame = read_frame(self._instance, data)
        events: list[Event] = []
        match frame.type:
            case "message_start":
                events = self._start(frame.message)
            case "content_block_start":
                events = list(self._blocks.start(frame.index, frame.content_block))
            case "content_block_delta" if frame.delta:
                events = list(self._blocks.delta(frame.index, frame.delta))
            case "content_block_stop":
                events = list(self._blocks.stop(frame.index))
            case "message_delta":
                events = self._message_delta(frame)
            case "message_stop":
                self._done = True
        if events and not self._started:
            self._started = True
            events.insert(0, Started(""))
        return events

    def end(self) -> Iterable[Event]:
        """Give the events that close the stream.

        Raises:
            UpstreamError: the stream stopped before its end.
        """
        if not self._done:
            raise truncated(self._instance)
        if not self._started:
            yield Started("")
        yield from self._blocks.end()
        yield self._finished

    def _start(self, raw: Raw) -> list[Event]:
        if self._started:
            return []
        self._started = True
        try:
            message = _message_decoder.decode(raw)
        except (ValueError, RecursionError):
            message = Message()
        usage = self._usage.read(decode_lenient(message.usage))
        return [message.started, *([usage] if usage else [])]

    def _message_delta(self, frame: Frame) -> list[Event]:
        events: list[Event] = list(self._blocks.end())
        if delta := frame.delta:
            sequence = delta.stop_sequence if isinstance(delta.stop_sequence, str) else None
            self._finished = Finished(parse_stop_reason(delta.stop_reason), sequence)
            events += _explanation(delta.stop_details)
        usage = self._usage.read(decode_lenient(frame.usage))
        return [*events, *([usage] if usage else [])]


class _Open:
    """A content block that has begun and not ended."""

    def __init__(self, head: Head, raw: Raw) -> None:
        self.type = head.type if isinstance(head.type, str) else ""
        self.head = head
        self.raw = raw
        self.citations: list[Citation] = []
        self.signature = _string(head.signature)
        self.length = 0
        self.pieces: list[str] = []
        self.call = -1


class _Blocks:
    """Reads content blocks, which come one after the other, into events.

    A tool call's signature travels in a block of its own, before the call or right after it, so the
    end of a call is told when the next block is known.
    """

    def __init__(self) -> None:
        self._open: dict[object, _Open] = {}
        self._last: object = None
        self._calls = 0
        self._signatures: dict[str, Opaque] = {}
        self._ending: tuple[int, str] | None = None
        """Index and id of the call that has ended and was not told to have."""

    def start(self, index: object, raw: Raw) -> Iterator[Event]:
        """Begin a block; what it already holds is told at once."""
        head = read_head(raw)
        if head is None:
            return
        if not isinstance(index, int):
            index = None
        if index in self._open:
            yield from self.stop(index)
        block = self._open[index] = _Open(head, raw)
        self._last = index
        if not self._carries_signature(block):
            yield from self._flush()
        if block.type == "tool_use":
            block.call, self._calls = self._calls, self._calls + 1
            yield ToolCallStarted(block.call, _string(head.id), _string(head.name))
        citations = head.citations if isinstance(head.citations, list) else []
        block.citations = [parse_citation(c) for c in citations if isinstance(c, dict)]
        yield from self._piece(block, Delta(text=head.text, thinking=head.thinking))

    def delta(self, index: object, delta: Delta) -> Iterator[Event]:
        """Take a piece of a block; one of an unknown block belongs to the last that began."""
        block = self._open.get(index if isinstance(index, int) else None)
        block = block or self._open.get(self._last)
        if block is None:
            return
        if isinstance(delta.citation, dict):
            block.citations.append(parse_citation(delta.citation))
        if delta.signature and isinstance(delta.signature, str):
            block.signature = delta.signature
        yield from self._piece(block, delta)

    def stop(self, index: object) -> Iterator[Event]:
        """End a block."""
        block = self._open.pop(index if isinstance(index, int) else None, None)
        if block is None:
            return
        match block.type:
            case "text":
                spans = (spanning(citation, block.length) for citation in block.citations)
                yield TextEnded(tuple(spans))
            case "thinking":
                yield from self._end_thinking(block)
            case "redacted_thinking":
                yield from self._reasoning(_string(block.head.data), redacted=True)
            case "tool_use":
                yield from self._end_call(block)
            case "":
                pass
            case _:
                yield NativeBlock(_OWN, block.type, _whole(block))

    def end(self) -> Iterator[Event]:
        """End all blocks that the upstream left open."""
        for index in list(self._open):
            yield from self.stop(index)
        yield from self._flush()

    def _piece(self, block: _Open, delta: Delta) -> Iterator[Event]:
        match block.type:
            case "text":
                if text := _string(delta.text):
                    block.length += len(text)
                    yield TextDelta(text)
            case "thinking":
                if text := _string(delta.thinking):
                    block.length += len(text)
                    yield ReasoningDelta(text)
            case _:
                if piece := _string(delta.partial_json):
                    block.pieces.append(piece)
                    if block.type == "tool_use":
                        yield ToolCallDelta(block.call, piece)

    def _end_thinking(self, block: _Open) -> Iterator[Event]:
        if block.signature:
            yield from self._reasoning(block.signature, redacted=False)
        elif block.length:
            yield ReasoningEnded()

    def _reasoning(self, value: str, *, redacted: bool) -> Iterator[Event]:
        """End a block of reasoning whose opaque value is `value`."""
        wrapped = unwrap(value, own=_OWN)
        if wrapped.of_text:
            yield TextEnded((), wrapped.opaque)
        elif wrapped.call_id is None:
            redacted = wrapped.redacted or (redacted and wrapped.opaque.origin == _OWN)
            yield ReasoningEnded(wrapped.signature if value else None, redacted, wrapped.id)

    def _end_call(self, block: _Open) -> Iterator[Event]:
        if not block.pieces:
            # An upstream that does not stream arguments gives them where the block begins.
            arguments = _input(block.head)
            yield ToolCallDelta(block.call, bytes(arguments).decode())
        yield from self._flush()
        self._ending = (block.call, _string(block.head.id))

    def _flush(self) -> Iterator[Event]:
        """Tell the end of the tool call that ended last."""
        if self._ending:
            index, id = self._ending
            self._ending = None
            yield ToolCallEnded(index, self._signatures.pop(id, None))

    def _carries_signature(self, block: _Open) -> bool:
        """Take the signature of a tool call from a block that was made to carry it."""
        if block.type != "redacted_thinking":
            return False
        wrapped = unwrap(_string(block.head.data), own=_OWN)
        if wrapped.call_id is None:
            return False
        self._signatures[wrapped.call_id] = wrapped.opaque
        return True


def _whole(block: _Open) -> bytes:
    """A native block's JSON text, the same whether it came whole or with its input in pieces."""
    try:
        members = _object_decoder.decode(block.raw)
        if block.pieces:
            input = Raw("".join(block.pieces).encode())
            _object_decoder.decode(input)
            members["input"] = input
    except (ValueError, RecursionError):
        return bytes(block.raw)
    return msgspec.json.encode(members)


def _input(head: Head) -> Raw:
    return _EMPTY if head.input == NULL else head.input


def _explanation(details: object) -> list[Event]:
    """The words for why the model refused, where the upstream gives any."""
    words = details.get("explanation") if isinstance(details, dict) else None
    return [RefusalDelta(words)] if words and isinstance(words, str) else []


def _no_message(body: bytes, instance: str) -> UpstreamError:
    wire = decode_lenient(body)
    if not isinstance(wire, dict):
        return garbage(instance, "no JSON object")
    if wire.get("type") == "error" or wire.get("error"):
        return parse_inner_error(instance, wire=wire)
    return garbage(instance, "an object that is no message")


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""
