"""Connections to PostgreSQL on which nothing waits for ever. Only imported where psycopg is."""

import time
from collections.abc import Generator
from typing import Any

import psycopg

CONNECT_LIMIT_S = 5
ANSWER_LIMIT_S = 10.0
"""A server that takes a question and stands still is given up after so long."""


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that is closed when the server does not answer in time.

    libpq has a limit for connecting and none for an answer; a socket stays good for hours when
    the kernel of a machine lives and the server on it does not.
    """

    def wait(self, gen: Any, *args: Any, **options: Any) -> Any:
        """Wait for the server, up to the limit.

        Raises:
            psycopg.OperationalError: it is over; the connection cannot be used any more.
        """
        return super().wait(self._limited(gen), *args, **options)

    def _limited(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        end = time.monotonic() + ANSWER_LIMIT_S
        try:
            wanted = gen.send(None)
            while True:
                ready = yield wanted
                if not ready and time.monotonic() > end:
                    self.pgconn.finish()
                    raise psycopg.OperationalError("the server did not answer in time")
                wanted = gen.send(ready)
        except StopIteration as finished:
            return finished.value


def connect(*arguments: Any, **parameters: Any) -> BoundedConnection:
    """Connect, within a limit that the URL can replace by its own `connect_timeout`."""
    parameters.setdefault("connect_timeout", CONNECT_LIMIT_S)
    return BoundedConnection.connect(*arguments, **parameters)
