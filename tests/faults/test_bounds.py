"""What is over a bound is refused or waits, and what was refused leaves nothing behind."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.faults.caller import Caller
from tests.faults.deployment import Deployment, deployment
from tests.support import answers
from tests.support.client import chat_body
from tests.support.fake_upstream import Answer, Received
from tests.support.polling import wait_for

MAX_CALLS = 5
MAX_BYTES = 20_000
SLOTS = 3


@pytest.fixture(scope="module")
def made(concurrency: str) -> Iterator[Deployment]:
    """A deployment with low bounds."""
    settings = {
        "queue": {"max_calls": MAX_CALLS, "max_bytes": MAX_BYTES},
        "worker": {"slots": SLOTS},
    }
    with deployment(concurrency, settings=settings) as made:
        yield made


@contextmanager
def filled(made: Deployment, bodies: list[bytes]) -> Iterator[list[Caller]]:
    """Have calls wait in the queue; the worker stands still within the block."""
    [worker] = made.gateway.workers
    worker.stand_still()
    try:
        yield [waiting(made, body) for body in bodies]
    finally:
        worker.go_on()


def waiting(made: Deployment, body: bytes) -> Caller:
    before = made.waiting()
    caller = Caller(made.gateway.port, body)
    wait_for(lambda: made.waiting() > before, what="one more waiting call")
    return caller


def body_of(size_bytes: int) -> bytes:
    body = chat_body("up:m", user="")
    return chat_body("up:m", user="x" * (size_bytes - len(body)))


CALLS = [body_of(200)] * MAX_CALLS
BYTES = [body_of(MAX_BYTES // 2)] * 2
FULL = {"calls": (CALLS, body_of(200)), "bytes": (BYTES, body_of(200))}


@pytest.mark.parametrize("name", FULL)
def test_one_call_over_the_bound_is_refused(made: Deployment, name: str) -> None:
    bodies, one_more = FULL[name]
    with filled(made, bodies) as callers:
        refused = Caller(made.gateway.port, one_more).wait()
    assert (refused.status, refused.json["error"]["code"]) == (429, "gateway_overloaded")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert all(caller.wait().is_good for caller in callers)


@pytest.mark.parametrize("name", FULL)
def test_a_refused_call_leaves_nothing(made: Deployment, name: str) -> None:
    bodies, one_more = FULL[name]
    with filled(made, bodies) as callers:
        before = set(made.redis.keys())
        Caller(made.gateway.port, one_more).wait()
        assert set(made.redis.keys()) == before
    for caller in callers:
        caller.wait()
    made.wait_clean()


def test_a_call_of_any_size_may_wait_alone(made: Deployment) -> None:
    assert Caller(made.gateway.port, body_of(2 * MAX_BYTES)).wait().is_good


def test_calls_beyond_the_slots_wait_and_are_all_served(made: Deployment) -> None:
    counted = _Concurrent()
    made.answers["slow"] = counted.script
    callers = [made.call("slow") for _ in range(SLOTS)]
    wait_for(lambda: counted.now == SLOTS, what="all slots in use")
    callers += [made.call("slow") for _ in range(MAX_CALLS)]
    wait_for(lambda: made.waiting() == MAX_CALLS, what="calls that wait")
    counted.go_on.set()
    assert all(caller.wait().is_good for caller in callers)
    assert counted.most == SLOTS


class _Concurrent:
    """Counts the requests that are open at once."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.now = 0
        self.most = 0
        self._lock = threading.Lock()

    def script(self, request: Received) -> Answer:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        self.go_on.wait(10)
        with self._lock:
            self.now -= 1
        return answers.whole()


def test_hundreds_of_calls_at_once_are_all_served(concurrency: str) -> None:
    with deployment(concurrency) as made:
        callers = [made.call("many", stream=bool(number % 2)) for number in range(300)]
        assert [caller for caller in callers if not caller.wait(limit_s=30).is_good] == []
        assert len(made.requests("many")) == len(callers)
        made.wait_clean()
