"""Notices clients that leave while nothing is being sent to them.

A WSGI server finds out only when it writes, which a call that waits does not do. One thread looks
at all client sockets of the process; a socket that reads as closed belongs to a client that left.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LOOK_EVERY_S = 0.5


class Departures:
    """Watches the sockets of waiting clients."""

    def __init__(self) -> None:
        self._watched: dict[int, tuple[socket.socket, Callable[[], None]]] = {}
        self._lock = threading.Lock()
        self._next = 0
        self._started = False

    @contextmanager
    def watching(self, client: socket.socket | None, left: Callable[[], None]) -> Iterator[None]:
        """Have `left` called, once, if the client leaves within this block.

        Args:
            client: the connection; None = the server does not tell it, so nothing is watched.
            left: must not wait.
        """
        if client is None:
            yield
            return
        ticket = self._add(client, left)
        try:
            yield
        finally:
            with self._lock:
                self._watched.pop(ticket, None)

    def _add(self, client: socket.socket, left: Callable[[], None]) -> int:
        with self._lock:
            self._next += 1
            self._watched[self._next] = (client, left)
            if not self._started:
                threading.Thread(target=self._run, name="departures", daemon=True).start()
                self._started = True
            return self._next

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            pause.wait(LOOK_EVERY_S)
            for ticket, (client, left) in list(self._watched.items()):
                if _has_left(client):
                    with self._lock:
                        known = self._watched.pop(ticket, None)
                    if known:
                        left()


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
