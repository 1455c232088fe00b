"""Delivers a call's events to its client, in whatever dialect: the status line, silence, the end.

Owns when the response begins and what happens when the client leaves. Knows no dialect.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from flask import Response

from gateway.canonical.call import Call
from gateway.canonical.errors import Failure, GatewayError, Kind
from gateway.canonical.events import Event, Failed, Silence, is_terminal
from gateway.runtime import Web

CALL_ID_HEADER = "X-Queueway-Call-Id"

_GRACE_S = 5.0
"""What the worker gets beyond a call's deadline to say itself that it has passed."""

STREAM_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}

Render = Callable[[Iterable[Event]], Iterator[bytes]]


def follow(web: Web, call: Call, body: bytes, *, silence_s: float) -> Iterator[Event]:
    """Submit a call and yield its events up to the terminal one, with `Silence` where none come.

    Closing the iterator before its end cancels the call.

    Raises:
        GatewayError: the call was not accepted.
    """
    follower = web.open(call, body)
    ended = False
    try:
        while True:
            events = follower.next_events(timeout_s=silence_s)
            if events is None:
                late = time.time() > call.deadline_at + _GRACE_S
                yield Failed(_no_answer()) if late else Silence()
                if late:
                    return
                continue
            for event in events:
                ended = is_terminal(event)
                yield event
                if ended:
                    return
    finally:
        follower.close()
        if not ended:
            web.cancel(call.id)


def stream(events: Iterator[Event], call: Call, render: Render) -> Response:
    """Answer with a stream that begins with the first event or the first silence.

    Raises:
        GatewayError: the call failed before either, so the response can still have its status.
    """
    first = next(events)
    if isinstance(first, Failed):
        raise GatewayError(first.failure)
    body = _StreamBody(first, events, render)
    response = Response(body, mimetype="text/event-stream", headers=STREAM_HEADERS)
    response.headers[CALL_ID_HEADER] = call.id
    return response


def whole(events: Iterator[Event]) -> list[Event]:
    """Wait for all events of a call.

    Raises:
        GatewayError: the call failed.
    """
    answer = []
    for event in events:
        if isinstance(event, Failed):
            raise GatewayError(event.failure)
        answer.append(event)
    return answer


class _StreamBody:
    """The bytes of a stream; closing it before its end cancels the call."""

    def __init__(self, first: Event, events: Iterator[Event], render: Render) -> None:
        self._events = events
        self._frames = render(chain([first], events))

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._frames)

    def close(self) -> None:
        """End the call, unless it has ended."""
        close = getattr(self._events, "close", None)
        if close:
            close()


def _no_answer() -> Failure:
    return Failure(
        kind=Kind.TIMEOUT, message="no answer came within the call's total time", status=504
    )
