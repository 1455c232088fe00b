"""One execution of a call: what it is given, and how it is told to stop."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from gateway.canonical.call import Call
from gateway.canonical.errors import Failure


class Cancellation:
    """Stops an execution from another thread, whatever it waits for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._abort: Callable[[], None] | None = None
        self._failure: Failure | None = None

    @property
    def failure(self) -> Failure | None:
        """Why the execution is to stop; None while it may go on."""
        return self._failure

    def cancel(self, failure: Failure) -> None:
        """Stop the execution; the first reason stays."""
        with self._lock:
            if self._failure is None:
                self._failure = failure
            abort = self._abort
        if abort:
            abort()

    @contextmanager
    def aborting(self, abort: Callable[[], None]) -> Iterator[None]:
        """Have `abort` called when the execution is to stop within this block.

        It is called at once when the execution was stopped before.
        """
        with self._lock:
            self._abort = abort
            stopped = self._failure is not None
        if stopped:
            abort()
        try:
            yield
        finally:
            with self._lock:
                self._abort = None


@dataclass(frozen=True)
class Execution:
    """A call, the client's body, and the way to stop it."""

    call: Call
    body: bytes = field(repr=False)
    cancellation: Cancellation = field(default_factory=Cancellation)
