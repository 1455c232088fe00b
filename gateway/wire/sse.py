"""Splits a server-sent-event stream into raw frames and keeps their bytes.

Owns frame boundaries only: what a frame says is decoded elsewhere. A frame ends with a blank line
and includes it, so the frames joined are the stream.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

import re

MAX_FRAME_BYTES = 32 * 1024 * 1024
"""A frame over this is not an event any more; image deltas of several MB are."""

_LINE_END = rb"(?:\r\n|\n|\r(?!\n))"
_BLANK_LINE = re.compile(_LINE_END + _LINE_END)


class FrameTooLarge(Exception):
    """The upstream sent `MAX_FRAME_BYTES` without a blank line."""


class FrameSplitter:
    """Cuts chunks of any size into frames; the result does not depend on the chunking."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take the next bytes and return the frames that are now whole.

        Raises:
            FrameTooLarge: one frame grew over `MAX_FRAME_BYTES`.
        """
        buffer: bytes | bytearray = chunk
        if self._buffer:
            self._buffer += chunk
            buffer = self._buffer
        frames = []
        start = 0
        # A CR at the very end may be half of a CRLF, so it is not looked at before its neighbour.
        limit = len(buffer) - 1 if buffer.endswith(b"\r") else len(buffer)
        position = self._scanned
        while match := _BLANK_LINE.search(buffer, position, limit):
            frames.append(bytes(buffer[start : match.end()]))
            start = position = match.end()
        if buffer is self._buffer:
            del self._buffer[:start]
        else:
            self._buffer = bytearray(buffer[start:])
        self._scanned = max(0, len(self._buffer) - 4)
        if len(self._buffer) > MAX_FRAME_BYTES:
            raise FrameTooLarge
        return frames

    def flush(self) -> bytes:
        """Return what came after the last whole frame; empty when the stream ended cleanly."""
        rest, self._buffer, self._scanned = bytes(self._buffer), bytearray(), 0
        return rest


def is_whole(frame: bytes) -> bool:
    """Whether a frame has its blank line; without one the stream ended within it."""
    return _BLANK_LINE.search(frame) is not None


def comment(text: str) -> bytes:
    """Make a comment frame, which keeps a connection alive and which clients ignore."""
    return f": {text}\n\n".encode()
