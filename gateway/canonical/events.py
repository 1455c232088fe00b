"""The events of an answer, in order: some deltas, then exactly one terminal event.

Native events carry the upstream's own bytes to a client of the same dialect; all others are
canonical and can be rendered in any dialect.
"""

from msgspec import Raw, Struct, msgpack

from gateway.canonical.content import Citation, Media, Opaque
from gateway.canonical.errors import Failure


class Event(Struct, frozen=True, array_like=True, tag=True, tag_field="event"):
    """The base of all events."""


class Answering(Event, frozen=True):
    """A candidate begins to answer, and no other will be tried. Comes first; not output."""

    candidate: str
    """`instance:model`."""


class Dropped(Event, frozen=True):
    """What of the request the upstream was not asked, by name; not output. Comes before the answer.

    See `features`.
    """

    names: tuple[str, ...]


class Started(Event, frozen=True):
    """The answer began; not output."""

    model: str
    id: str | None = None
    """The upstream's own id of the answer."""


class TextDelta(Event, frozen=True):
    text: str


class RefusalDelta(Event, frozen=True):
    """A piece of the model's own words for why it does not answer."""

    text: str


class ReasoningDelta(Event, frozen=True):
    text: str


class ReasoningEnded(Event, frozen=True):
    """A block of reasoning is whole; it may have had no text. Not output."""

    signature: Opaque | None = None
    redacted: bool = False
    id: str | None = None


class TextEnded(Event, frozen=True):
    """A block of text is whole; text that follows begins another. Not output."""

    citations: tuple[Citation, ...] = ()
    signature: Opaque | None = None


class ToolCallStarted(Event, frozen=True):
    """A tool call began. `index` counts the tool calls of the answer from 0."""

    index: int
    id: str
    name: str
    custom: bool = False


class ToolCallDelta(Event, frozen=True):
    """A piece of a tool call's arguments: of their JSON, or of free text for a custom tool."""

    index: int
    arguments: str


class ToolCallEnded(Event, frozen=True):
    """A tool call is whole. Calls of one answer may be under way at the same time.

    An answer's terminal event ends all that are open.
    """

    index: int
    signature: Opaque | None = None


class MediaProduced(Event, frozen=True):
    """The model made an image or a recording, which is whole."""

    media: Media


class NativeBlock(Event, frozen=True):
    """A part of the answer that only its own dialect can say, as JSON text."""

    dialect: str
    type: str
    data: bytes


class TokenLogprob(Struct, frozen=True, array_like=True):
    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()
    """The likeliest tokens at this place."""


class Logprobs(Event, frozen=True):
    """How likely the text's next tokens were; not output."""

    tokens: tuple[TokenLogprob, ...]


class Usage(Event, frozen=True):
    """Tokens of the whole answer; a later one replaces an earlier one."""

    input_tokens: int
    """All of them, with those that were read from or written to a cache."""
    output_tokens: int
    """All of them, with those of reasoning."""
    cached_tokens: int = 0
    """Of the input, read from a cache."""
    cache_write_tokens: int = 0
    """Of the input, written to a cache."""
    reasoning_tokens: int = 0
    """Of the output."""


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
    """stop, length, tool_calls, content_filter or pause; empty = unknown.

    `pause` asks the client to send the answer back, so that the model can go on.
    """
    stop_sequence: str | None = None
    """Which of the request's stop sequences ended it, where the upstream says so."""


class Failed(Event, frozen=True):
    """The answer ends here, unfinished."""

    failure: Failure


class Stored(Event, frozen=True):
    """Stands for an event that is too large for a frame; the transport puts that one back."""

    key: str


class Silence(Event, frozen=True):
    """Nothing came for a while. Made where events are followed, never sent between processes."""


AnyEvent = (
    Answering
    | Dropped
    | Started
    | TextDelta
    | TextEnded
    | RefusalDelta
    | ReasoningDelta
    | ReasoningEnded
    | ToolCallStarted
    | ToolCallDelta
    | ToolCallEnded
    | MediaProduced
    | NativeBlock
    | Logprobs
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
    if isinstance(event, TextDelta | ReasoningDelta | RefusalDelta):
        return bool(event.text)
    return isinstance(event, ToolCallStarted | MediaProduced | NativeBlock | NativeBody)


def is_terminal(event: Event) -> bool:
    """Whether nothing may follow this event."""
    return isinstance(event, Finished | Failed)
