"""Delivers a call's events to its client, in whatever dialect: the status line, silence, the end.

Owns when the response begins and what happens when the client leaves. Knows no dialect.
"""

import math
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from urllib.parse import quote

from flask import Response

from config.schema import Config
from gateway.canonical.call import Call
from gateway.canonical.errors import Failure, GatewayError, Kind
from gateway.canonical.events import Answering, Dropped, Event, Failed, Silence, is_terminal
from gateway.frontends.departures import Departures
from gateway.transport.replies import Follower
from gateway.web import Web

CALL_ID_HEADER = "X-Queueway-Call-Id"
ROUTE_HEADER = "X-Queueway-Route-Taken"
"""Names who answered, as `instance:model`; what no header can carry is percent-encoded."""
DROPPED_HEADER = "X-Queueway-Dropped"
"""Names what of the request the upstream was not asked, because its dialect cannot say it."""
MAX_DROPPED = 50
STREAM_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}

_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_GRACE_S = 5.0
"""What the worker gets beyond a call's deadline to say itself that it has passed."""
_STUCK_S = 60.0
"""Beyond its deadline a call's client has so long to take what came of the answer."""

Batch = Sequence[Event]
"""Events that came together; they are sent together."""

RenderStream = Callable[[Batch], bytes]
RenderWhole = Callable[[list[Event]], bytes]
RenderError = Callable[[Failure], bytes]


class Delivery:
    """Submits calls and answers their clients."""

    def __init__(self, web: Web, config: Config) -> None:
        self._web = web
        self._config = config
        self._departures = Departures()

    def stream(
        self,
        call: Call,
        body: bytes,
        *,
        client: socket.socket | None,
        render: RenderStream,
        mimetype: str | None = None,
    ) -> Response:
        """Answer with a stream that begins with the first event or the first silence.

        Args:
            mimetype: None = server-sent events.
        Raises:
            GatewayError: the call failed before either, so the response can still have its status.
        """
        silence_s = self._config.server.keepalive_s
        batches = self._follow(call, body, client=client, silence_s=silence_s)
        preface = _Preface()
        first: Batch = ()
        while not first:
            first = preface.take(next(batches))
        if isinstance(first[0], Failed):
            raise GatewayError(first[0].failure)
        response = Response(
            _Body(map(render, chain([first], batches)), batches),
            mimetype=mimetype or "text/event-stream",
            headers=STREAM_HEADERS,
            # The pieces are bytes, and each layer that looks at them costs a tenth of a stream.
            direct_passthrough=True,
        )
        response.headers[CALL_ID_HEADER] = call.id
        preface.tell(response)
        return response

    def whole(
        self,
        call: Call,
        body: bytes,
        *,
        client: socket.socket | None,
        render: RenderWhole,
        render_error: RenderError,
    ) -> Response:
        """Answer with one JSON document.

        Where `server.nonstream_keepalive` says so, a long silence begins the response with status
        200 and white space, which JSON allows; what comes then, also an error, follows it.

        Raises:
            GatewayError: the call failed before the response began.
        """
        server = self._config.server
        spaced = server.nonstream_keepalive == "whitespace"
        silence_s = server.nonstream_keepalive_s if spaced else math.inf
        batches = self._follow(call, body, client=client, silence_s=silence_s)
        events = chain.from_iterable(batches)
        answer: list[Event] = []
        for event in events:
            if isinstance(event, Failed):
                raise GatewayError(event.failure)
            if isinstance(event, Silence):
                pieces = _spaced(answer, events, render=render, render_error=render_error)
                return _json(_Body(pieces, batches), call)
            answer.append(event)
        response = _json(render(answer), call)
        preface = _Preface()
        preface.take(answer)
        preface.tell(response)
        return response

    def _follow(
        self, call: Call, body: bytes, *, client: socket.socket | None, silence_s: float
    ) -> Iterator[Batch]:
        """Submit a call and yield its events up to the terminal one, with `Silence` between.

        Closing the iterator before its end cancels the call.

        Raises:
            GatewayError: the call was not accepted.
        """
        follower = self._web.open(call, body)
        limits = _Limits(
            silence_s=silence_s,
            withdrawn_at=time.time() + self._config.queue.max_wait_s,
            given_up_at=call.deadline_at + _GRACE_S,
        )
        stuck_at = call.deadline_at + _STUCK_S
        ended = False
        try:
            with self._departures.watching(
                client,
                lambda: self._left(call, follower),
                is_overdue=lambda: follower.is_overdue or time.time() > stuck_at,
            ):
                while not ended:
                    events = follower.next_events(timeout_s=limits.next_in_s())
                    batch: Batch | None = events or self._overdue(call, limits)
                    if batch:
                        ended = is_terminal(batch[-1])
                        yield batch
                        limits.spoke()
        finally:
            follower.close()
            if not ended:
                self._web.cancel_soon(call.id)

    def _left(self, call: Call, follower: Follower) -> None:
        self._web.cancel_soon(call.id)
        follower.fail(_client_left())

    def _overdue(self, call: Call, limits: "_Limits") -> Batch | None:
        """Say what it means that nothing came; None when it means nothing yet."""
        now = time.time()
        if now >= limits.given_up_at:
            self._web.cancel_soon(call.id)
            return [Failed(_no_answer())]
        if now >= limits.withdrawn_at:
            limits.withdrawn_at = math.inf
            if self._web.withdraw(call.id):
                return [Failed(_waited_too_long(self._config.queue.max_wait_s))]
        return [Silence()] if now >= limits.silent_at else None


class _Limits:
    """When something is due although no event came, in Unix seconds."""

    def __init__(self, *, silence_s: float, withdrawn_at: float, given_up_at: float) -> None:
        self.withdrawn_at = withdrawn_at
        self.given_up_at = given_up_at
        self.silent_at = time.time() + silence_s
        self._silence_s = silence_s

    def spoke(self) -> None:
        """Note that the client was sent something now."""
        self.silent_at = time.time() + self._silence_s

    def next_in_s(self) -> float:
        """How long to wait for an event before one of them is due."""
        soonest = min(self.silent_at, self.withdrawn_at, self.given_up_at)
        return max(0.01, soonest - time.time())


class _Preface:
    """What comes before an answer and goes into the headers of its response."""

    def __init__(self) -> None:
        self._route = ""
        self._dropped: Sequence[str] = ()

    def take(self, batch: Batch) -> Batch:
        """Take it out of a batch, and return the rest."""
        for position, event in enumerate(batch):
            if isinstance(event, Answering):
                self._route = event.candidate
            elif isinstance(event, Dropped):
                self._dropped = event.names
            else:
                return batch[position:]
        return ()

    def tell(self, response: Response) -> None:
        """Put it into the headers; dropped names that no header can carry are left out."""
        if self._route:
            response.headers[ROUTE_HEADER] = quote(self._route, safe=_PRINTABLE, errors="replace")
        shown = [name for name in self._dropped if _is_printable(name)][:MAX_DROPPED]
        if shown:
            response.headers[DROPPED_HEADER] = ", ".join(shown)


class _Body:
    """The bytes of a response; closing it before its end cancels the call."""

    def __init__(self, pieces: Iterator[bytes], batches: Iterator[Batch]) -> None:
        self._pieces = pieces
        self._batches = batches

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        """End the call, unless it has ended."""
        close = getattr(self._batches, "close", None)
        if close:
            close()


def _spaced(
    answer: list[Event],
    events: Iterator[Event],
    *,
    render: RenderWhole,
    render_error: RenderError,
) -> Iterator[bytes]:
    yield b" "
    for event in events:
        if isinstance(event, Failed):
            yield render_error(event.failure)
            return
        if isinstance(event, Silence):
            yield b" "
        else:
            answer.append(event)
    yield render(answer)


def _is_printable(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _json(body: bytes | Iterator[bytes], call: Call) -> Response:
    return Response(body, mimetype="application/json", headers={CALL_ID_HEADER: call.id})


def _client_left() -> Failure:
    return Failure(kind=Kind.CANCELLED, message="the client closed the connection", status=499)


def _no_answer() -> Failure:
    return Failure(
        kind=Kind.TIMEOUT, message="no answer came within the call's total time", status=504
    )


def _waited_too_long(limit_s: float) -> Failure:
    return Failure(
        kind=Kind.OVERLOADED,
        message=f"no worker took the call within {limit_s:g} s, so it was not sent; try again",
        status=503,
        retry_after_s=30,
    )
