"""What one attempt sends and how it reads the answer: as the client wrote it, or translated.

Owns the choice between the native path and the canonical model. Knows no socket and no key.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import msgspec
from msgspec import Raw

from backends.wires import Wire
from gateway.canonical.call import Call
from gateway.canonical.errors import Failure, GatewayError, Kind, Next, UpstreamError
from gateway.canonical.events import Dropped, Event, Finished, NativeBody, NativeFrame, Usage
from gateway.canonical.features import Verdict, negotiate
from gateway.canonical.request import Operation, Request
from gateway.wire import embeddings
from gateway.wire.codec import Codec, ParseAnswer
from gateway.wire.codecs import CODECS
from gateway.wire.sse import MAX_FRAME_BYTES

BYTES_PER_TOKEN = 4
"""Of a request's JSON, where nobody can be asked how many tokens it has."""
ESTIMATED = "exact_token_count"
"""What is told as dropped when a count is an estimate."""


class ServerSentEvent(Protocol):
    """One frame: its bytes, and its data field; None for a frame that has none."""

    @property
    def frame(self) -> bytes: ...
    @property
    def data(self) -> str | None: ...


class Answer(Protocol):
    """An upstream's answer of a good status, its body not yet read."""

    @property
    def is_json(self) -> bool: ...
    def body(self) -> bytes: ...
    def events(self) -> Iterator[ServerSentEvent]: ...
    def next_at_once(self, events: Iterator[Any]) -> ServerSentEvent | None: ...
    def finish(self) -> None: ...


@dataclass(frozen=True)
class Task:
    """A body to send, and the reader of its answer."""

    body: bytes
    read: Callable[[Answer], Iterator[Event]]
    dropped: tuple[str, ...] = ()
    """What of the client's request is not in the body, by name."""


def make_task(call: Call, body: bytes, *, wire: Wire, model: str, instance: str) -> Task:
    """Write a call for an upstream.

    Args:
        body: the client's own.
        model: the upstream's id of the model.
    Raises:
        UpstreamError: the upstream's dialect cannot say what the client asks, or the client's
            request cannot be read.
    """
    codec = wire.codec
    if call.operation is Operation.EMBED:
        return _embedding(body, codec=codec, model=model, instance=instance)
    if call.operation is Operation.COUNT_TOKENS:
        return _count(call, body, codec=codec, model=model, instance=instance)
    if call.dialect is codec.dialect:
        native = codec.render_native(body, model=model)
        return Task(native, _native_reader(codec, stream=call.stream, instance=instance))
    parse = CODECS[call.dialect].parse_request
    request, dropped = _translated(parse, body, codec=codec, instance=instance)
    sent = codec.render_request(request, model=model, stream=call.stream)
    if wire.members:
        sent = _renamed(sent, wire.members)
    reader = partial(_stream, codec, instance=instance) if call.stream else _whole(codec, instance)
    return Task(sent, reader, dropped)


def estimate(body: bytes) -> Iterator[Event]:
    """Count a request's tokens where no upstream can be asked."""
    yield Dropped((ESTIMATED,))
    yield Usage(max(1, len(body) // BYTES_PER_TOKEN), 0)
    yield Finished("stop")


def unsupported(call: Call, *, instance: str, kind: str) -> UpstreamError:
    """Make the error for an operation that an upstream has no endpoint for."""
    failure = Failure(
        kind=Kind.INVALID_REQUEST,
        message=f"{instance} is a {kind}, which has no {call.operation.value} endpoint; "
        "route to an instance that has one",
        status=400,
        code="unsupported_operation",
    )
    return UpstreamError(failure, next=Next.CANDIDATE)


def _native_reader(
    codec: Codec, *, stream: bool, instance: str
) -> Callable[[Answer], Iterator[Event]]:
    if stream:
        return partial(_native_stream, codec, instance=instance)
    return partial(_read_whole, codec.parse_native, instance=instance)


def _whole(codec: Codec, instance: str) -> Callable[[Answer], Iterator[Event]]:
    return partial(_read_whole, codec.parse_answer, instance=instance)


def _read_whole(parse: ParseAnswer, answer: Answer, *, instance: str) -> Iterator[Event]:
    yield from parse(answer.body(), instance=instance)


def _native_stream(codec: Codec, answer: Answer, *, instance: str) -> Iterator[Event]:
    if answer.is_json:
        raise _not_streamed(codec, answer.body(), instance=instance)
    reader = codec.native_reader(instance)
    events = answer.events()
    begun = False
    for event in events:
        begun = begun or event.data is not None
        if not begun and _begins_document(event):
            raise _not_streamed(codec, _document(event, events), instance=instance)
        yield reader.read(event.frame, event.data)
        if reader.done:
            break
    if codec.trailer is not None:
        last = answer.next_at_once(events)
        if last is not None and last.data == codec.trailer:
            yield NativeFrame(last.frame, False)
    yield from reader.end()
    answer.finish()


def _stream(codec: Codec, answer: Answer, *, instance: str) -> Iterator[Event]:
    if answer.is_json:
        # What did not come as a stream can be made one: a client cannot tell.
        yield from codec.parse_answer(answer.body(), instance=instance)
        return
    parser = codec.stream_parser(instance)
    events = answer.events()
    begun = False
    for event in events:
        if event.data is not None:
            begun = True
            yield from parser.read(event.data)
        elif not begun and _begins_document(event):
            yield from codec.parse_answer(_document(event, events), instance=instance)
            return
        if parser.done:
            break
    yield from parser.end()
    answer.finish()


def _begins_document(event: ServerSentEvent) -> bool:
    """Whether this is no frame but JSON, under the content type of a stream."""
    return event.data is None and event.frame.lstrip()[:1] in (b"{", b"[")


def _document(first: ServerSentEvent, rest: Iterator[ServerSentEvent]) -> bytes:
    """Join what was taken for frames; what goes over the bound is left out, and shows as cut."""
    frames = [first.frame]
    size = len(first.frame)
    for event in rest:
        size += len(event.frame)
        if size > MAX_FRAME_BYTES:
            break
        frames.append(event.frame)
    return b"".join(frames)


def _not_streamed(codec: Codec, body: bytes, *, instance: str) -> UpstreamError:
    """Make the error for a whole answer where a stream was asked for.

    Some upstreams refuse a stream with status 200 and an error in JSON.

    Raises:
        UpstreamError: the answer is such an error, or no answer.
    """
    for _ in codec.parse_native(body, instance=instance):
        pass
    failure = Failure(
        kind=Kind.UPSTREAM, message=f"{instance} did not stream its answer", status=502
    )
    return UpstreamError(failure, next=Next.CANDIDATE)


def _translated(
    parse: Callable[[bytes], Request], body: bytes, *, codec: Codec, instance: str
) -> tuple[Request, tuple[str, ...]]:
    """Read a client's request, and name what of it the upstream's dialect cannot say.

    Raises:
        UpstreamError: the request cannot be read, or loses its meaning on the way.
    """
    request = _request(parse, body)
    verdict = negotiate(request, codec.support, dialect=codec.dialect)
    if verdict.refused:
        raise _unsupported(verdict, codec=codec, instance=instance)
    return request, verdict.dropped


def _renamed(sent: bytes, members: Mapping[str, str | None]) -> bytes:
    """Call the members of a request what this upstream calls them; None = leave them out."""
    wire = msgspec.json.decode(sent, type=dict[str, Raw])
    named = ((members.get(name, name), value) for name, value in wire.items())
    return msgspec.json.encode({name: value for name, value in named if name is not None})


def _request(parse: Callable[[bytes], Request], body: bytes) -> Request:
    try:
        return parse(body)
    except GatewayError as error:
        raise UpstreamError(error.failure, next=Next.SURFACE) from None


def _count(call: Call, body: bytes, *, codec: Codec, model: str, instance: str) -> Task:
    counting, own = codec.counting, CODECS[call.dialect].counting
    assert counting is not None
    assert own is not None
    is_native = call.dialect is codec.dialect
    dropped: tuple[str, ...] = ()
    if is_native:
        sent = codec.render_native(body, model=model)
    else:
        request, dropped = _translated(own.parse_request, body, codec=codec, instance=instance)
        sent = counting.render_request(request, model)

    def read(answer: Answer) -> Iterator[Event]:
        counted = answer.body()
        tokens = counting.parse_answer(counted, instance)
        if is_native:
            yield NativeBody(counted)
        yield Usage(tokens, 0)
        yield Finished("stop")

    return Task(sent, read, dropped)


def _embedding(body: bytes, *, codec: Codec, model: str, instance: str) -> Task:
    native = codec.render_native(body, model=model)
    return Task(native, partial(_read_whole, embeddings.parse_native, instance=instance))


def _unsupported(verdict: Verdict, *, codec: Codec, instance: str) -> UpstreamError:
    names = ", ".join(verdict.refused)
    failure = Failure(
        kind=Kind.INVALID_REQUEST,
        message=f"{instance} is reached through {codec.dialect.value}, which cannot say: {names}; "
        "leave it out, or route to an upstream that speaks your own protocol",
        status=400,
        code="unsupported_feature",
        param=verdict.refused[0],
    )
    return UpstreamError(failure, next=Next.CANDIDATE)
