"""Calls to an upstream that are open in a thread while the test cancels them."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from backends.http import Answer, HttpUpstream
from gateway.execution.execution import Execution
from tests.contract.sockets import CANCELLED, make_execution, make_upstream, post

SOON_S = 1.0
"""Within which a cancelled call must have ended."""


@dataclass
class OpenCall:
    """A call in a thread of its own."""

    execution: Execution = field(default_factory=make_execution)
    raised: list[BaseException] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def run(self, upstream: HttpUpstream, url: str, read: Callable[[Answer], object]) -> None:
        try:
            post(upstream, url, read, execution=self.execution)
        except BaseException as error:  # noqa: BLE001 - it belongs to the test
            self.raised.append(error)
        finally:
            self.ended.set()

    def cancel(self) -> float:
        """Cancel and return how long it took to end."""
        began = time.monotonic()
        self.execution.cancellation.cancel(CANCELLED)
        assert self.ended.wait(10), "the call went on"
        return time.monotonic() - began


@contextmanager
def calling(
    url: str,
    read: Callable[[Answer], object] = lambda answer: answer.body(),
    *,
    upstream: HttpUpstream | None = None,
) -> Iterator[OpenCall]:
    """Have a call open within the block."""
    call = OpenCall()
    args = (upstream or make_upstream(), url, read)
    thread = threading.Thread(target=call.run, args=args)
    thread.start()
    try:
        yield call
    finally:
        call.execution.cancellation.cancel(CANCELLED)
        thread.join()
