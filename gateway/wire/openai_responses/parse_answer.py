"""Answers of an upstream -> canonical events, whole and streamed.

A stream is good only when `response.completed` or `response.incomplete` came.

Source: https://platform.openai.com/docs/api-reference/responses-streaming
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from typing import Any

import msgspec
from msgspec import Raw, Struct

from gateway.canonical.events import Event, Finished, NativeBody, Started
from gateway.wire.openai_responses.errors import parse_answer_error
from gateway.wire.openai_responses.parse_items import (
    CALLS,
    ItemParser,
    finish_reason,
    item_key,
    parse_usage,
)
from gateway.wire.openai_responses.reading import mapping, objects, string
from gateway.wire.upstream_errors import garbage, truncated

ENDINGS = frozenset({"response.completed", "response.incomplete", "response.done"})
"""The types of events after which an answer is whole; the last is an older name of the first."""
FAILURES = frozenset({"error", "response.failed", "response.cancelled"})

FAILED = ("failed", "cancelled")
"""The statuses of a response that came to nothing."""

_UNFINISHED = ("queued", "in_progress")

_decode = msgspec.json.Decoder().decode


class _Outputs(Struct):
    output: list[Raw]


class _Item(Struct):
    item: Raw


class _Ending(Struct):
    response: _Outputs


_outputs_decoder = msgspec.json.Decoder(_Outputs)
_item_decoder = msgspec.json.Decoder(_Item)
_ending_decoder = msgspec.json.Decoder(_Ending)


def parse_answer(body: bytes, *, instance: str) -> Iterator[Event]:
    """Read a whole answer of status 200 into events, the last of them `Finished`.

    Raises:
        UpstreamError: the body is an error all the same, or is not a finished response.
    """
    wire = read_response(body, instance=instance)
    items = ItemParser()
    yield Started(string(wire.get("model")), string(wire.get("id")) or None)
    yield from _whole(items, wire, raw=lambda: _outputs_decoder.decode(body))
    yield from _ending(wire, calls=items.calls > 0)


def parse_native(body: bytes, *, instance: str) -> Iterator[Event]:
    """Read a whole answer of status 200; its bytes go on as they are.

    Raises:
        UpstreamError: the body is an error all the same, or is not a finished response.
    """
    wire = read_response(body, instance=instance)
    yield NativeBody(body)
    calls = any(string(item.get("type")) in CALLS for item in objects(wire["output"]))
    yield from _ending(wire, calls=calls)


def read_response(body: bytes, *, instance: str) -> dict[str, Any]:
    """Decode a whole answer.

    Raises:
        UpstreamError: the body is an error all the same, or is not a finished response.
    """
    wire = _object(body)
    if wire is None:
        raise garbage(instance, "no JSON object")
    if wire.get("status") in FAILED or (wire.get("error") and not wire.get("output")):
        raise parse_answer_error(wire, instance=instance)
    if not isinstance(wire.get("output"), list):
        raise garbage(instance, "an object that is no response")
    if wire.get("status") in _UNFINISHED:
        raise garbage(instance, "a response that is not finished")
    return wire


class StreamParser:
    """Reads an upstream stream into canonical events."""

    def __init__(self, instance: str) -> None:
        self._instance = instance
        self._items = ItemParser()
        self._started = False
        self._ending: dict[str, Any] | None = None

    @property
    def done(self) -> bool:
        """Whether the terminal event came; what follows it is not part of the answer."""
        return self._ending is not None

    def read(self, data: str) -> Iterable[Event]:
        """Read one frame's data field into the events that it tells of.

        Raises:
            UpstreamError: the frame is an error or cannot be read.
        """
        if self.done or data.strip() == "[DONE]":
            return []
        wire = _object(data)
        if wire is None:
            raise garbage(self._instance, "a frame that is not a JSON object")
        type = string(wire.get("type"))
        response = mapping(wire.get("response"))
        if type in FAILURES or (not type and wire.get("error")):
            raise parse_answer_error(wire, instance=self._instance)
        if type in ENDINGS and response.get("status") in FAILED:
            raise parse_answer_error(wire, instance=self._instance)
        events = list(self._begin(response))
        if type in ENDINGS:
            self._ending = response
            if self._items.empty:
                events += _whole(
                    self._items, response, raw=lambda: _ending_decoder.decode(data).response
                )
        elif type == "response.output_item.done":
            item = mapping(wire.get("item"))
            events += self._items.done(
                item_key(wire), item, raw=lambda: _as_came(lambda: _item_decoder.decode(data).item)
            )
        elif type == "response.output_item.added":
            events += self._items.added(item_key(wire), mapping(wire.get("item")))
        elif reader := _READERS.get(type):
            events += reader(self._items, item_key(wire), wire)
        return events

    def end(self) -> Iterable[Event]:
        """Give the events that close the stream, the last of them `Finished`.

        Raises:
            UpstreamError: the stream stopped before its terminal event.
        """
        if self._ending is None:
            raise truncated(self._instance)
        return list(_ending(self._ending, calls=self._items.calls > 0))

    def _begin(self, response: dict[str, Any]) -> Iterator[Event]:
        if not self._started:
            self._started = True
            yield Started(string(response.get("model")), string(response.get("id")) or None)


_Reader = Callable[[ItemParser, object, dict[str, Any]], Iterator[Event]]

_READERS: dict[str, _Reader] = {
    "response.output_text.delta": ItemParser.text,
    "response.output_text.done": ItemParser.text,
    "response.output_text.annotation.added": ItemParser.annotation,
    "response.content_part.done": ItemParser.part_done,
    "response.refusal.delta": ItemParser.refusal,
    "response.refusal.done": ItemParser.refusal,
    "response.reasoning_summary_text.delta": ItemParser.thought,
    "response.reasoning_text.delta": ItemParser.thought,
    "response.function_call_arguments.delta": ItemParser.arguments,
    "response.function_call_arguments.done": ItemParser.arguments,
    "response.custom_tool_call_input.delta": ItemParser.arguments,
    "response.custom_tool_call_input.done": ItemParser.arguments,
}


def _object(data: bytes | str) -> dict[str, Any] | None:
    try:
        wire = _decode(data)
    except (ValueError, RecursionError):
        return None
    return wire if isinstance(wire, dict) else None


def _whole(
    items: ItemParser, response: dict[str, Any], *, raw: Callable[[], _Outputs]
) -> Iterator[Event]:
    # Decoded once more only for items that are kept as they came.
    outputs = cache(raw)
    output = response.get("output")
    for index, item in enumerate(output if isinstance(output, list) else ()):
        if isinstance(item, dict):
            yield from items.done(index, item, raw=partial(_output_at, outputs, index))


def _output_at(outputs: Callable[[], _Outputs], index: int) -> bytes:
    return _as_came(lambda: outputs().output[index])


def _as_came(find: Callable[[], Raw]) -> bytes:
    """Find a piece of a text that has been decoded, without its white space.

    Empty for one that is not decoded twice alike: a member that is there two times, say, or nesting
    at the very bound.
    """
    try:
        return msgspec.json.format(bytes(find()), indent=-1)
    except (msgspec.DecodeError, IndexError, RecursionError):
        return b""


def _ending(response: dict[str, Any], *, calls: bool) -> Iterator[Event]:
    if usage := parse_usage(response.get("usage")):
        yield usage
    yield Finished(finish_reason(response, calls=calls))
