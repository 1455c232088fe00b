"""The output items of an answer -> canonical events.

An item is told in pieces, as a stream has it, or at once. What the pieces left out is told when the
item is done, so an upstream may stream no deltas at all.
"""

from collections.abc import Callable, Iterator
from typing import Any

from gateway.canonical.content import Media, MediaKind, Opaque
from gateway.canonical.events import (
    Event,
    Logprobs,
    MediaProduced,
    NativeBlock,
    ReasoningDelta,
    ReasoningEnded,
    RefusalDelta,
    TextDelta,
    TextEnded,
    ToolCallDelta,
    ToolCallEnded,
    ToolCallStarted,
    Usage,
)
from gateway.canonical.request import Dialect
from gateway.wire.opaque import unwrap
from gateway.wire.openai_responses.names import flatten
from gateway.wire.openai_responses.output_text import parse_citations, parse_logprobs
from gateway.wire.openai_responses.reading import integer, mapping, objects, string

_OWN = Dialect.OPENAI_RESPONSES

CALLS = {"function_call": "arguments", "custom_tool_call": "input"}
"""Items that call a client's tool, and the member that holds what it is called with."""

_REASONS = {"max_output_tokens": "length", "content_filter": "content_filter"}


class _Told:
    """Something that is told in pieces, or at once where no piece of it came."""

    def __init__(self) -> None:
        self.told = False

    def news(self, wire: dict[str, Any], *, whole: str) -> str:
        """What an event or an object adds to what was told before.

        Args:
            whole: the member that has all of it.
        """
        piece = string(wire.get("delta")) or ("" if self.told else string(wire.get(whole)))
        self.told = self.told or bool(piece)
        return piece


class _Part(_Told):
    """A part of a message, as far as it has come."""

    def __init__(self) -> None:
        super().__init__()
        self.ended = False
        self.annotations: list[Any] = []


class _Item(_Told):
    """An output item, as far as it has come; told is what a tool is called with, or reasoning."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: dict[object, _Part] = {}
        self.call: int | None = None
        self.thought: object = None

    def part(self, index: object) -> _Part:
        """The part at this index."""
        return self.parts.setdefault(index if isinstance(index, int) else 0, _Part())


class ItemParser:
    """Reads the items of one answer."""

    def __init__(self) -> None:
        self._items: dict[object, _Item] = {}
        self._signatures: dict[str, Opaque] = {}
        self._calls = 0

    @property
    def calls(self) -> int:
        """How many of the client's tools were called."""
        return self._calls

    @property
    def empty(self) -> bool:
        """Whether no item has been told of."""
        return not self._items

    def added(self, key: object, item: dict[str, Any]) -> Iterator[Event]:
        """An item began."""
        state = self._item(key)
        if string(item.get("type")) in CALLS and string(item.get("name")):
            yield self._start(state, item)

    def text(self, key: object, wire: dict[str, Any]) -> Iterator[Event]:
        """A piece of text came, or all of it."""
        part = self._item(key).part(wire.get("content_index"))
        if piece := part.news(wire, whole="text"):
            if tokens := parse_logprobs(wire.get("logprobs")):
                yield Logprobs(tokens)
            yield TextDelta(piece)

    def refusal(self, key: object, wire: dict[str, Any]) -> Iterator[Event]:
        """A piece of a refusal came, or all of it."""
        part = self._item(key).part(wire.get("content_index"))
        if piece := part.news(wire, whole="refusal"):
            yield RefusalDelta(piece)

    def annotation(self, key: object, wire: dict[str, Any]) -> Iterator[Event]:
        """An annotation of the text came."""
        part = self._item(key).part(wire.get("content_index"))
        part.annotations.append(wire.get("annotation"))
        yield from ()

    def part_done(self, key: object, wire: dict[str, Any]) -> Iterator[Event]:
        """A part of a message is whole."""
        part = self._item(key).part(wire.get("content_index"))
        yield from _part_done(part, mapping(wire.get("part")))

    def thought(self, key: object, wire: dict[str, Any]) -> Iterator[Event]:
        """A piece of reasoning came, or of a summary of it; parts are set apart."""
        item = self._item(key)
        piece = string(wire.get("delta"))
        is_summary = "summary_index" in wire
        place = (is_summary, wire.get("summary_index" if is_summary else "content_index"))
        if not piece or (isinstance(item.thought, tuple) and item.thought[0] is not is_summary):
            return
        parted = item.thought is not None and item.thought != place
        item.thought, item.told = place, True
        yield ReasoningDelta(f"\n\n{piece}" if parted else piece)

    def arguments(self, key: object, wire: dict[str, Any]) -> Iterator[Event]:
        """A piece of what a tool is called with came, or all of it."""
        item = self._item(key)
        member = "input" if "input" in wire else "arguments"
        if item.call is not None and (piece := item.news(wire, whole=member)):
            yield ToolCallDelta(item.call, piece)

    def done(
        self, key: object, item: dict[str, Any], *, raw: Callable[[], bytes]
    ) -> Iterator[Event]:
        """An item is whole.

        Args:
            raw: gives its bytes as they came, for an item that only this dialect knows.
        """
        state = self._item(key)
        type = string(item.get("type"))
        if type == "message":
            for index, part in enumerate(objects(item.get("content"))):
                yield from _part_done(state.part(index), part)
        elif type == "reasoning":
            yield from self._reasoning_done(state, item)
        elif type in CALLS:
            yield from self._call_done(state, item)
        elif type == "image_generation_call" and string(item.get("result")):
            mime = f"image/{string(item.get('output_format')) or 'png'}"
            yield MediaProduced(Media(kind=MediaKind.IMAGE, mime=mime, data=item["result"]))
        elif type and (data := raw()):
            yield NativeBlock(_OWN, type, data)

    def _item(self, key: object) -> _Item:
        return self._items.setdefault(key, _Item())

    def _start(self, state: _Item, item: dict[str, Any]) -> ToolCallStarted:
        state.call, self._calls = self._calls, self._calls + 1
        id = string(item.get("call_id")) or string(item.get("id")) or f"call_{state.call}"
        name = flatten(string(item.get("name")), string(item.get("namespace")))
        return ToolCallStarted(state.call, id, name, item.get("type") == "custom_tool_call")

    def _call_done(self, state: _Item, item: dict[str, Any]) -> Iterator[Event]:
        if state.call is None:
            yield self._start(state, item)
        index = state.call or 0
        arguments = state.news(item, whole=CALLS[item["type"]])
        if not state.told and item["type"] == "function_call":
            arguments = "{}"
        if arguments:
            yield ToolCallDelta(index, arguments)
        yield ToolCallEnded(index, self._signatures.get(string(item.get("call_id"))))

    def _reasoning_done(self, state: _Item, item: dict[str, Any]) -> Iterator[Event]:
        ended = ReasoningEnded(id=string(item.get("id")) or None)
        if encrypted := string(item.get("encrypted_content")):
            wrapped = unwrap(encrypted, own=_OWN)
            if wrapped.call_id is not None:
                self._signatures[wrapped.call_id] = wrapped.opaque
                return
            if wrapped.of_text:
                yield TextEnded((), wrapped.opaque)
                return
            id = ended.id if wrapped.opaque.origin == _OWN else wrapped.id
            ended = ReasoningEnded(wrapped.signature, wrapped.redacted, id)
        if not state.told:
            parts = list(objects(item.get("summary"))) or objects(item.get("content"))
            if text := "\n\n".join(filter(None, (string(part.get("text")) for part in parts))):
                yield ReasoningDelta(text)
        yield ended


def item_key(wire: dict[str, Any]) -> object:
    """What an event of a stream tells its item by."""
    index = integer(wire.get("output_index"))
    return string(wire.get("item_id")) if index is None else index


def parse_usage(usage: object) -> Usage | None:
    """Read a usage object; a count that is not there is 0."""
    if not isinstance(usage, dict):
        return None
    input = mapping(usage.get("input_tokens_details"))
    output = mapping(usage.get("output_tokens_details"))
    return Usage(
        integer(usage.get("input_tokens")) or 0,
        integer(usage.get("output_tokens")) or 0,
        cached_tokens=integer(input.get("cached_tokens")) or 0,
        cache_write_tokens=integer(input.get("cache_write_tokens")) or 0,
        reasoning_tokens=integer(output.get("reasoning_tokens")) or 0,
    )


def finish_reason(response: dict[str, Any], *, calls: bool) -> str:
    """Say why an answer finished, from its status.

    Args:
        calls: whether it called a client's tool.
    """
    if response.get("status") == "incomplete":
        reason = mapping(response.get("incomplete_details")).get("reason")
        return _REASONS.get(string(reason), "")
    return "tool_calls" if calls else "stop"


def _part_done(part: _Part, wire: dict[str, Any]) -> Iterator[Event]:
    if part.ended:
        return
    if wire.get("type") == "refusal":
        part.ended = True
        if text := part.news(wire, whole="refusal"):
            yield RefusalDelta(text)
    elif wire.get("type") == "output_text":
        part.ended = True
        if text := part.news(wire, whole="text"):
            if tokens := parse_logprobs(wire.get("logprobs")):
                yield Logprobs(tokens)
            yield TextDelta(text)
        citations = parse_citations(wire.get("annotations") or part.annotations)
        if part.told or citations:
            yield TextEnded(citations)
