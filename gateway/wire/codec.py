"""What a dialect's package gives to those who speak it, as one value.

Frontends use the client's side of it, backends the upstream's; neither knows which dialect it is.
Everything here is pure.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from msgspec import Struct

from gateway.canonical.collect import Answer
from gateway.canonical.errors import Failure, UpstreamError
from gateway.canonical.events import Event, NativeFrame
from gateway.canonical.features import Feature, Support
from gateway.canonical.request import Dialect, Request


class Envelope(Protocol):
    """The fields of a request that a web process reads: for routing, errors and the answer."""

    @property
    def model(self) -> str: ...
    @property
    def streams(self) -> bool:
        """Whether the client asks for a stream."""


class Reply(Struct, frozen=True, kw_only=True):
    """What is known of an answer before it comes."""

    id: str
    """Unique, of letters and digits; a dialect puts its own prefix before it."""
    created: int
    """Unix seconds."""
    model: str
    """The client's own model string."""
    envelope: Envelope


class ErrorResponse(Struct, frozen=True, kw_only=True):
    """An upstream's answer with an error status."""

    instance: str
    """Named in the message, so that an operator knows whose words these are."""
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    """Already redacted of the key."""


class Renderer(Protocol):
    """Renders one answer's events as the bytes of a stream, in the client's dialect."""

    def render(self, events: Iterable[Event]) -> bytes:
        """Render the next events; empty when none of them shows.

        A `NativeFrame` passes as it is, `Silence` becomes what keeps the connection alive, and
        `Failed` becomes the dialect's own last words of a stream that broke.
        """


class NativeReader(Protocol):
    """Watches an upstream stream that goes to the client as it is."""

    @property
    def done(self) -> bool:
        """Whether the dialect's terminal frame came; what follows is not part of the answer."""

    def read(self, frame: bytes, data: str | None) -> NativeFrame:
        """Read one frame.

        Args:
            frame: its bytes, as they came.
            data: its decoded data field; None for a comment.
        Raises:
            UpstreamError: the frame is an error, cannot be read, or was cut off.
        """

    def end(self) -> Iterator[Event]:
        """Yield the events that close the stream.

        Raises:
            UpstreamError: the stream stopped before its terminal frame.
        """


class StreamParser(Protocol):
    """Reads an upstream stream into canonical events."""

    @property
    def done(self) -> bool:
        """Whether the dialect's terminal frame came."""

    def read(self, data: str) -> Iterable[Event]:
        """Read one frame's data field into the events that it tells of.

        Raises:
            UpstreamError: the frame is an error or cannot be read.
        """

    def end(self) -> Iterable[Event]:
        """Give the events that close the stream, the last of them `Finished`.

        Raises:
            UpstreamError: the stream stopped before its terminal frame.
        """


class ParseEnvelope(Protocol):
    def __call__(self, body: bytes, *, max_depth: int) -> Envelope:
        """Check a request as far as routing and errors need it.

        Raises:
            GatewayError: 400, with the faulty field as `param`.
        """


class RenderRequest(Protocol):
    def __call__(self, request: Request, *, model: str, stream: bool) -> bytes:
        """Write a canonical request; what the dialect cannot say is left out.

        What must not be left out has been refused before: see `Codec.support`.
        """


class RenderNative(Protocol):
    def __call__(self, body: bytes, *, model: str) -> bytes:
        """Write the upstream's model id into the client's own request and change nothing else.

        Raises:
            ValueError: `body` is not a JSON object.
        """


class ParseAnswer(Protocol):
    def __call__(self, body: bytes, *, instance: str) -> Iterator[Event]:
        """Read a whole answer of status 200 into events, the last of them `Finished`.

        Raises:
            UpstreamError: the body is an error all the same, or is not an answer.
        """


@dataclass(frozen=True, kw_only=True)
class Counting:
    """How a dialect asks how many tokens a request has, both directions."""

    parse_envelope: ParseEnvelope
    parse_request: Callable[[bytes], Request]
    """As `Codec.parse_request`."""
    render_answer: Callable[[int], bytes]

    render_request: Callable[[Request, str], bytes]
    """From a request and the upstream's model id."""
    parse_answer: Callable[[bytes, str], int]
    """From a body of status 200 and the instance's name. Raises UpstreamError: it is no count."""


@dataclass(frozen=True, kw_only=True)
class Codec:
    """One dialect, both directions."""

    dialect: Dialect
    support: Mapping[Feature, Support]
    """What `render_request` can say; every feature is in it."""

    parse_envelope: ParseEnvelope
    parse_request: Callable[[bytes], Request]
    """Reads a body that `parse_envelope` accepted. Raises GatewayError (400) for what only the
    canonical model needs to be right."""
    render_response: Callable[[Answer, Reply], bytes]
    renderer: Callable[[Reply], Renderer]
    render_error: Callable[[Failure], bytes]
    """A JSON body. An upstream's own error of this dialect is passed on as it came."""

    render_request: RenderRequest
    render_native: RenderNative
    parse_answer: ParseAnswer
    """To canonical events."""
    parse_native: ParseAnswer
    """To a `NativeBody`, its `Usage` and `Finished`."""
    stream_parser: Callable[[str], StreamParser]
    """From the instance's name."""
    native_reader: Callable[[str], NativeReader]
    """From the instance's name."""
    parse_error: Callable[[ErrorResponse], UpstreamError]
    trailer: str | None = None
    """The data of a frame that some upstreams send behind the terminal one, where that is no word
    of the dialect's; it goes to a client of the same dialect."""
    counting: Counting | None = None
    """None = the dialect has no such question."""
