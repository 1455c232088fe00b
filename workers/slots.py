"""The slots of a worker: each runs one call at a time on a thread (or greenlet) of its own.

Threads are made as they are needed and kept, so that a call costs no thread start.
"""

import queue
import threading
from collections.abc import Callable


class Slots:
    """A bounded set of threads that run what they are given."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._tasks: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._change = threading.Condition()
        self._busy = 0
        self._threads = 0

    @property
    def busy(self) -> int:
        """How many calls run now."""
        return self._busy

    def wait_free(self, *, timeout_s: float) -> int:
        """Wait until a slot is free; return how many are, 0 when none became so in time."""
        with self._change:
            self._change.wait_for(lambda: self._busy < self._capacity, timeout_s)
            return self._capacity - self._busy

    def wait_idle(self, *, timeout_s: float) -> bool:
        """Wait until nothing runs; False when something still does after `timeout_s`."""
        with self._change:
            return self._change.wait_for(lambda: self._busy == 0, timeout_s)

    def run(self, task: Callable[[], None]) -> None:
        """Run a task in a slot. There must be a free one. The task must not raise."""
        with self._change:
            self._busy += 1
            new = self._busy > self._threads
            self._threads += new
        self._tasks.put(task)
        if new:
            threading.Thread(target=self._work, name="slot", daemon=True).start()

    def _work(self) -> None:
        while True:
            task = self._tasks.get()
            try:
                task()
            finally:
                with self._change:
                    self._busy -= 1
                    self._change.notify_all()
