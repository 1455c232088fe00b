"""An upstream stream that goes to a client of this dialect as it is."""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Raw, Struct

from gateway.canonical.errors import UpstreamError
from gateway.canonical.events import Event, Finished, NativeFrame
from gateway.wire.openai_responses.errors import parse_answer_error
from gateway.wire.openai_responses.parse_answer import ENDINGS, FAILED, FAILURES
from gateway.wire.openai_responses.parse_items import CALLS, finish_reason, parse_usage
from gateway.wire.openai_responses.reading import NULL, mapping, typed_decoder
from gateway.wire.sse import is_whole
from gateway.wire.upstream_errors import garbage, truncated

_NOTHING = (b"null", b'""')
_ITEMS = ("response.output_item.added", "response.output_item.done")
_OWN_DELTAS = frozenset({"message", "reasoning"})
"""Items that show nothing before their first delta."""


class _Frame(Struct):
    """What of an event is looked at; the rest is not decoded."""

    type: str | None = None
    delta: Raw = NULL
    text: Raw = NULL
    item: Raw = NULL
    response: Raw = NULL
    error: Raw = NULL


class _Response(Struct):
    """What of a finished response is looked at; not the items, which may be megabytes."""

    status: Raw = NULL
    incomplete_details: Raw = NULL
    usage: Raw = NULL


_frame_decoder = msgspec.json.Decoder(_Frame)
_response_decoder = msgspec.json.Decoder(_Response)
_decode = msgspec.json.Decoder().decode


class NativeStream:
    """Watches one upstream stream for output, usage, errors and its end."""

    def __init__(self, instance: str) -> None:
        self._instance = instance
        self._calls = False
        self._ending: dict[str, Any] | None = None

    @property
    def done(self) -> bool:
        """Whether the terminal event came; what follows it is not part of the answer."""
        return self._ending is not None

    def read(self, frame: bytes, data: str | None) -> NativeFrame:
        """Read one frame.

        Args:
            frame: the frame's bytes, as they came.
            data: its decoded data field; None for a comment.
        Raises:
            UpstreamError: the frame is an error, is not JSON, or was cut off.
        """
        if data is None or data.strip() == "[DONE]":
            return NativeFrame(frame, False)
        event = self._event(frame, data)
        type = event.type or ""
        if type in FAILURES or (event.type is None and event.error != NULL):
            raise self._failed(frame, data)
        if type in ENDINGS:
            self._ending = _ending(event.response)
            if self._ending["status"] in FAILED:
                raise self._failed(frame, data)
            return NativeFrame(frame, False)
        if type in _ITEMS:
            return NativeFrame(frame, self._read_item(event.item))
        return NativeFrame(frame, _says(event.delta) or _says(event.text))

    def end(self) -> Iterator[Event]:
        """Yield the events that close the stream.

        Raises:
            UpstreamError: the stream stopped before its terminal event.
        """
        if self._ending is None:
            raise truncated(self._instance)
        if usage := parse_usage(self._ending.get("usage")):
            yield usage
        yield Finished(finish_reason(self._ending, calls=self._calls))

    def _event(self, frame: bytes, data: str) -> _Frame:
        try:
            return _frame_decoder.decode(data)
        except (msgspec.DecodeError, RecursionError):
            pass
        if isinstance(_value(data), dict):
            return _Frame(type="")
        if not is_whole(frame):
            raise truncated(self._instance)
        raise garbage(self._instance, "a frame that is not a JSON object")

    def _failed(self, frame: bytes, data: str) -> UpstreamError:
        return parse_answer_error(mapping(_value(data)), instance=self._instance, frame=frame)

    def _read_item(self, item: Raw) -> bool:
        try:
            type = typed_decoder.decode(item).type
        except msgspec.DecodeError:
            return False
        self._calls = self._calls or type in CALLS
        return type not in _OWN_DELTAS


def _says(text: Raw) -> bool:
    return bytes(text) not in _NOTHING


def _ending(response: Raw) -> dict[str, Any]:
    try:
        wire = _response_decoder.decode(response)
    except msgspec.DecodeError:
        wire = _Response()
    return {
        "status": _value(wire.status),
        "incomplete_details": _value(wire.incomplete_details),
        "usage": _value(wire.usage),
    }


def _value(raw: Raw | str) -> object:
    try:
        return _decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None
