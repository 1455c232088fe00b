"""Notices clients that leave while nothing is being sent to them.

A WSGI server finds out only when it writes, which a call that waits does not do. One thread looks
at all client sockets of the process; a socket that reads as closed belongs to a client that left.
A client that does not take its answer is made to leave.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

LOOK_EVERY_S = 0.5


@dataclass(frozen=True)
class _Watched:
    client: socket.socket
    left: Callable[[], None]
    is_overdue: Callable[[], bool]


class Departures:
    """Watches the sockets of waiting clients."""

    def __init__(self) -> None:
        self._watched: dict[int, _Watched] = {}
        self._lock = threading.Lock()
        self._next = 0
        self._started = False

    @contextmanager
    def watching(
        self,
        client: socket.socket | None,
        left: Callable[[], None],
        *,
        is_overdue: Callable[[], bool],
    ) -> Iterator[None]:
        """Have `left` called, once, if the client leaves within this block.

        Args:
            client: the connection; None = the server does not tell it, so nothing is watched.
            left: must not wait.
            is_overdue: whether the client's connection is to be closed, so that whoever writes to
                it gets free.
        """
        if client is None:
            yield
            return
        ticket = self._add(_Watched(client, left, is_overdue))
        try:
            yield
        finally:
            with self._lock:
                self._watched.pop(ticket, None)

    def _add(self, watched: _Watched) -> int:
        with self._lock:
            self._next += 1
            self._watched[self._next] = watched
            if not self._started:
                threading.Thread(target=self._run, name="departures", daemon=True).start()
                self._started = True
            return self._next

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            pause.wait(LOOK_EVERY_S)
            for ticket, watched in list(self._watched.items()):
                if watched.is_overdue():
                    _close(watched.client)
                if _has_left(watched.client):
                    with self._lock:
                        known = self._watched.pop(ticket, None)
                    if known:
                        known.left()


def _close(client: socket.socket) -> None:
    with suppress(OSError):
        client.shutdown(socket.SHUT_RDWR)


def _has_left(client: socket.socket) -> bool:
    """Peek without waiting: no bytes = the other side closed, an error = it is gone."""
    try:
        if client.fileno() < 0:
            return True
        probe = client.dup()
    except OSError:
        return True
    try:
        if hasattr(client, "hub"):
            # A gevent socket never blocks below, but waits above unless its timeout is 0.
            probe.settimeout(0)
        return probe.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except (BlockingIOError, TimeoutError):
        return False
    except OSError:
        return True
    finally:
        probe.close()
