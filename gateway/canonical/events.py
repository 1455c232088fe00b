"""The events of an answer, in order: some deltas, then exactly one terminal event.

Native events carry the upstream's own bytes to a client of the same dialect; all others are
canonical and can be rendered in any dialect.
"""

from msgspec import Raw, Struct, msgpack

from gateway.canonical.errors import Failure


class Event(Struct, frozen=True, array_like=True, tag=True):
    """The base of all events."""


class Started(Event, frozen=True):
    """The answer began; not output."""

    model: str


class TextDelta(Event, frozen=True):
    text: str


class ReasoningDelta(Event, frozen=True):
    text: str


class ToolCallStarted(Event, frozen=True):
    """A tool call began. `index` counts the tool calls of the answer from 0."""

    index: int
    id: str
    name: str


class ToolCallDelta(Event, frozen=True):
    """A piece of a tool call's JSON arguments."""

    index: int
    arguments: str


class Usage(Event, frozen=True):
    """Tokens of the whole answer."""

    input_tokens: int
    output_tokens: int


class NativeFrame(Event, frozen=True):
    """One SSE frame as the upstream sent it, blank line included."""

    data: bytes
    output: bool


class NativeBody(Event, frozen=True):
    """A whole answer that was not streamed, as the upstream sent it."""

    data: bytes


class Finished(Event, frozen=True):
    """The answer is whole."""

    reason: str = ""
    """stop, length, tool_calls or content_filter; empty = unknown."""


class Failed(Event, frozen=True):
    """The answer ends here, unfinished."""

    failure: Failure


class Stored(Event, frozen=True):
    """Stands for an event that is too large for a frame; the transport puts that one back."""

    key: str


class Silence(Event, frozen=True):
    """Nothing came for a while. Made where events are followed, never sent between processes."""


AnyEvent = (
    Started
    | TextDelta
    | ReasoningDelta
    | ToolCallStarted
    | ToolCallDelta
    | Usage
    | NativeFrame
    | NativeBody
    | Finished
    | Failed
    | Stored
)

_encoder = msgpack.Encoder()
_decoder: msgpack.Decoder[AnyEvent] = msgpack.Decoder(AnyEvent)
_list_decoder = msgpack.Decoder(list[AnyEvent])


def encode_event(event: Event) -> bytes:
    """Serialise one event for the transport."""
    return _encoder.encode(event)


def encode_events(events: list[bytes]) -> bytes:
    """Join events that `encode_event` made into one message."""
    return _encoder.encode([Raw(event) for event in events])


def decode_events(data: bytes | Raw) -> list[AnyEvent]:
    """Read back what `encode_events` made.

    Raises:
        msgspec.DecodeError: `data` is not a list of events.
    """
    return _list_decoder.decode(data)


def decode_event(data: bytes) -> AnyEvent:
    """Read back what `encode_event` made.

    Raises:
        msgspec.DecodeError: `data` is not an event.
    """
    return _decoder.decode(data)


def is_output(event: Event) -> bool:
    """Whether a client has been told something of the answer once it has this event.

    After output no other candidate is tried: a second answer cannot be joined to half of a first.
    """
    if isinstance(event, NativeFrame):
        return event.output
    if isinstance(event, TextDelta | ReasoningDelta):
        return bool(event.text)
    return isinstance(event, ToolCallStarted | NativeBody)


def is_terminal(event: Event) -> bool:
    """Whether nothing may follow this event."""
    return isinstance(event, Finished | Failed)
