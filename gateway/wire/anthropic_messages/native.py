"""Answers that go to a client of the same dialect as they are: whole, and frame by frame.

They are read only for output, usage, errors and their end.
"""

from collections.abc import Iterator
from contextlib import suppress

import msgspec
from msgspec import Raw, Struct

from gateway.canonical.events import Event, Finished, NativeBody, NativeFrame
from gateway.wire.anthropic_messages.endings import UsageReader, parse_stop_reason
from gateway.wire.anthropic_messages.frames import (
    NULL,
    Frame,
    decode_lenient,
    read_frame,
    read_head,
)
from gateway.wire.anthropic_messages.parse_answer import read_message
from gateway.wire.upstream_errors import truncated

_QUIET_BLOCKS = {"text", "thinking", "redacted_thinking"}
"""Blocks that say nothing by having begun; a tool call does."""


class _Start(Struct):
    usage: Raw = NULL


_start_decoder = msgspec.json.Decoder(_Start)


def parse_native(body: bytes, *, instance: str) -> Iterator[Event]:
    """Read a whole answer of status 200; its bytes go on as they are.

    Raises:
        UpstreamError: the body is an error all the same, or is not a message.
    """
    message = read_message(body, instance=instance)
    yield NativeBody(body)
    usage = UsageReader().read(decode_lenient(message.usage))
    if usage:
        yield usage
    yield Finished(parse_stop_reason(message.stop_reason), message.ending_sequence)


class NativeReader:
    """Watches one upstream stream."""

    def __init__(self, instance: str) -> None:
        self._instance = instance
        self._usage = UsageReader()
        self._finished = Finished()
        self._done = False

    @property
    def done(self) -> bool:
        """Whether `message_stop` came."""
        return self._done

    def read(self, frame: bytes, data: str | None) -> NativeFrame:
        """Read one frame.

        Raises:
            UpstreamError: the frame is an error, is not JSON, or was cut off.
        """
        if data is None:
            return NativeFrame(frame, False)
        read = read_frame(self._instance, data, frame=frame)
        match read.type:
            case "content_block_delta":
                delta = read.delta
                output = delta and (delta.text or delta.thinking or delta.partial_json)
                return NativeFrame(frame, bool(output))
            case "content_block_start":
                return NativeFrame(frame, _begins_output(read.content_block))
            case "message_start":
                self._start(read.message)
            case "message_delta":
                self._message_delta(read)
            case "message_stop":
                self._done = True
            case _:
                pass
        return NativeFrame(frame, False)

    def end(self) -> Iterator[Event]:
        """Yield the events that close the stream.

        Raises:
            UpstreamError: the stream stopped before its end.
        """
        if not self._done:
            raise truncated(self._instance)
        if usage := self._usage.usage:
            yield usage
        yield self._finished

    def _start(self, message: Raw) -> None:
        with suppress(ValueError, RecursionError):
            self._usage.read(decode_lenient(_start_decoder.decode(message).usage))

    def _message_delta(self, frame: Frame) -> None:
        self._usage.read(decode_lenient(frame.usage))
        if frame.delta:
            sequence = frame.delta.stop_sequence
            self._finished = Finished(
                parse_stop_reason(frame.delta.stop_reason),
                sequence if isinstance(sequence, str) else None,
            )


def _begins_output(block: Raw) -> bool:
    head = read_head(block)
    if head is None:
        return False
    quiet = head.type is None or str(head.type) in _QUIET_BLOCKS
    return not quiet or bool(head.text or head.thinking)
