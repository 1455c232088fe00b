"""Writes records behind the calls that make them, in groups and from one thread.

A call never waits for the database. What cannot be written is kept for a while, within a bound,
and tried again; over the bound the oldest is given up and counted.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from sqlalchemy.exc import SQLAlchemyError

FLUSH_EVERY_S = 0.5
MAX_GROUP = 500
MAX_WAITING = 50_000
RETRY_S = 2.0

T = TypeVar("T")
Run = Callable[[Callable[[], None]], None]

log = logging.getLogger(__name__)


class Writer(Generic[T]):
    """Gathers records and writes them."""

    def __init__(self, write: Callable[[Sequence[T]], None], *, run: Run) -> None:
        """
        Args:
            write: writes a group in one transaction.
            run: calls a function that waits for a database, where it holds up nobody else.
        """
        self._write = write
        self._run_blocking = run
        self._waiting: deque[T] = deque()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self.lost = 0
        """Records that were given up."""

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def add(self, record: T) -> None:
        """Have a record written. Does not wait."""
        with self._lock:
            if len(self._waiting) >= MAX_WAITING:
                self._waiting.popleft()
                self.lost += 1
            self._waiting.append(record)

    def stop(self) -> None:
        """Write what is there and end; what the database does not take now is lost."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        pause_s = FLUSH_EVERY_S
        while not self._stopping.wait(pause_s):
            pause_s = FLUSH_EVERY_S if self._flush() else RETRY_S
        self._flush()

    def _flush(self) -> bool:
        """Write all that waits; False when the database did not take it."""
        while group := self._take():
            try:
                self._run_blocking(lambda group=group: self._write(group))  # type: ignore[misc]
            except SQLAlchemyError as error:
                log.error("could not write %d records: %s", len(group), type(error).__name__)
                self._put_back(group)
                return False
        return True

    def _take(self) -> list[T]:
        with self._lock:
            return [self._waiting.popleft() for _ in range(min(MAX_GROUP, len(self._waiting)))]

    def _put_back(self, group: list[T]) -> None:
        with self._lock:
            room = MAX_WAITING - len(self._waiting)
            self.lost += max(0, len(group) - room)
            self._waiting.extendleft(reversed(group[-room:] if room else []))
