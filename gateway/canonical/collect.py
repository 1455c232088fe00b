"""Collects the events of an answer into one value, for clients that do not stream."""

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from gateway.canonical.content import (
    AnyPart,
    Citation,
    NativePart,
    Opaque,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
)
from gateway.canonical.errors import GatewayError
from gateway.canonical.events import (
    Event,
    Failed,
    Finished,
    Logprobs,
    MediaProduced,
    NativeBlock,
    ReasoningDelta,
    ReasoningEnded,
    RefusalDelta,
    Started,
    TextDelta,
    TextEnded,
    TokenLogprob,
    ToolCallDelta,
    ToolCallEnded,
    ToolCallStarted,
    Usage,
)


class Answer(Struct, frozen=True, kw_only=True):
    """A whole canonical answer: its parts in the order in which they began."""

    parts: tuple[AnyPart, ...] = ()
    usage: Usage | None = None
    finish_reason: str = ""
    stop_sequence: str | None = None
    logprobs: tuple[TokenLogprob, ...] = ()
    model: str = ""
    """As the upstream calls it."""
    id: str | None = None
    """The upstream's own id of the answer."""

    @property
    def text(self) -> str:
        """All text of the answer."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def reasoning(self) -> str:
        """All visible reasoning of the answer."""
        return "".join(part.text for part in self.parts if isinstance(part, Reasoning))

    @property
    def refusal(self) -> str:
        """The model's own words for why it did not answer."""
        return "".join(part.text for part in self.parts if isinstance(part, Refusal))

    @property
    def tool_calls(self) -> list[ToolCall]:
        """The tool calls of the answer."""
        return [part for part in self.parts if isinstance(part, ToolCall)]


def collect(events: Iterable[Event]) -> Answer:
    """Collect canonical events up to the terminal one.

    Raises:
        GatewayError: the terminal event is a failure; text collected before it is dropped.
    """
    parts = _Parts()
    answer = Answer()
    for event in events:
        match event:
            case Usage():
                answer = msgspec.structs.replace(answer, usage=event)
            case Started(model, id):
                answer = msgspec.structs.replace(answer, model=model, id=id)
            case Logprobs(tokens):
                answer = msgspec.structs.replace(answer, logprobs=answer.logprobs + tokens)
            case Failed(failure):
                raise GatewayError(failure)
            case Finished(reason, stop_sequence):
                answer = msgspec.structs.replace(
                    answer, finish_reason=reason, stop_sequence=stop_sequence
                )
                break
            case _:
                parts.add(event)
    return msgspec.structs.replace(answer, parts=parts.whole())


class _Open:
    """A block of text, refusal or reasoning, or a tool call, as far as it has come."""

    def __init__(self, kind: type[Text] | type[Refusal] | type[Reasoning] | type[ToolCall]) -> None:
        self.kind = kind
        self.pieces: list[str] = []
        self.citations: tuple[Citation, ...] = ()
        self.signature: Opaque | None = None
        self.redacted = False
        self.id: str | None = None
        self.call = ("", "", False)

    def whole(self) -> AnyPart:
        """The part that it has become."""
        text = "".join(self.pieces)
        if self.kind is Text:
            return Text(text, self.citations, self.signature)
        if self.kind is Refusal:
            return Refusal(text)
        if self.kind is Reasoning:
            return Reasoning(
                text=text, signature=self.signature, redacted=self.redacted, id=self.id
            )
        id, name, custom = self.call
        return ToolCall(id, name, text, self.signature, custom)


class _Parts:
    """The parts of an answer in the making."""

    def __init__(self) -> None:
        self._parts: list[AnyPart | _Open] = []
        self._block: _Open | None = None
        self._calls: dict[int, _Open] = {}

    def add(self, event: Event) -> None:
        """Take the next event of the answer."""
        match event:
            case TextDelta(piece):
                self._piece(Text, piece)
            case RefusalDelta(piece):
                self._piece(Refusal, piece)
            case ReasoningDelta(piece):
                self._piece(Reasoning, piece)
            case TextEnded(citations, signature):
                block = self._in(Text)
                block.citations, block.signature = citations, signature
                self._block = None
            case ReasoningEnded(signature, redacted, id):
                block = self._in(Reasoning)
                block.signature, block.redacted, block.id = signature, redacted, id
                self._block = None
            case ToolCallStarted() | ToolCallDelta() | ToolCallEnded():
                self._tool_call(event)
            case MediaProduced(media):
                self._append(media)
            case NativeBlock(dialect, type, data):
                self._append(NativePart(dialect, type, data))
            case _:
                pass

    def whole(self) -> tuple[AnyPart, ...]:
        """All parts that say anything."""
        made = (part.whole() if isinstance(part, _Open) else part for part in self._parts)
        return tuple(part for part in made if not _is_empty(part))

    def _piece(self, kind: type[Text] | type[Refusal] | type[Reasoning], piece: str) -> None:
        if piece:
            self._in(kind).pieces.append(piece)

    def _in(self, kind: type[Text] | type[Refusal] | type[Reasoning]) -> _Open:
        if self._block is None or self._block.kind is not kind:
            self._block = _Open(kind)
            self._parts.append(self._block)
        return self._block

    def _append(self, part: AnyPart) -> None:
        self._block = None
        self._parts.append(part)

    def _tool_call(self, event: ToolCallStarted | ToolCallDelta | ToolCallEnded) -> None:
        match event:
            case ToolCallStarted(index, id, name, custom):
                call = self._calls[index] = _Open(ToolCall)
                call.call = (id, name, custom)
                self._block = None
                self._parts.append(call)
            case ToolCallDelta(index, piece):
                self._calls[index].pieces.append(piece)
            case ToolCallEnded(index, signature):
                self._calls[index].signature = signature


def _is_empty(part: AnyPart) -> bool:
    match part:
        case Text(text, citations, signature):
            return not (text or citations or signature)
        case Reasoning(text=text, signature=signature, redacted=redacted):
            return not (text or signature or redacted)
        case _:
            return False
