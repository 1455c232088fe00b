"""Writes records behind the calls that make them, in groups and from one thread.

A call never waits for the database. What cannot be written is kept for a while, within a bound,
and tried again; over the bound the oldest is given up and counted.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic, TypeVar

from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

FLUSH_EVERY_S = 0.5
MAX_GROUP = 500
MAX_WAITING = 50_000
RETRY_S = 2.0
STOP_S = 5.0

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
        self._writing = 0
        """Records in the group that is being written."""
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
        """Write what is there and end; what the database does not take in time is lost."""
        self._stopping.set()
        self._thread.join(STOP_S)
        with self._lock:
            self.lost += len(self._waiting) + self._writing
        if self.lost:
            log.error("%d records were not written", self.lost)

    def _run(self) -> None:
        pause_s = FLUSH_EVERY_S
        while not self._stopping.wait(pause_s):
            pause_s = FLUSH_EVERY_S if self._flush() else RETRY_S
        self._flush()

    def _flush(self) -> bool:
        """Write all that waits; False when the database did not take it."""
        most = MAX_GROUP
        while group := self._take(most):
            most = MAX_GROUP
            try:
                self._run_blocking(partial(self._write, group))
            except Exception as error:  # noqa: BLE001 - no record may end the writing of all others
                if not _is_refusal(error):
                    log.error("could not write %d records: %s", len(group), type(error).__name__)
                    self._put_back(group)
                    return False
                if len(group) == 1:
                    log.error("the database refuses a record: %s", type(error).__name__)
                    self.lost += 1
                else:
                    # The others are written: smaller groups, until the refused one is alone.
                    self._put_back(group)
                    most = (len(group) + 1) // 2
            finally:
                self._writing = 0
        return True

    def _take(self, most: int) -> list[T]:
        with self._lock:
            self._writing = min(most, len(self._waiting))
            return [self._waiting.popleft() for _ in range(self._writing)]

    def _put_back(self, group: list[T]) -> None:
        with self._lock:
            room = MAX_WAITING - len(self._waiting)
            self.lost += max(0, len(group) - room)
            self._waiting.extendleft(reversed(group[-room:] if room else []))


def _is_refusal(error: Exception) -> bool:
    """Whether it is about what was to be written, and not about the database."""
    return isinstance(error, DataError | IntegrityError) or not isinstance(error, SQLAlchemyError)
