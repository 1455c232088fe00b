"""How a running call is told to stop."""

import threading

from gateway.canonical.errors import Failure, Kind
from gateway.execution.execution import Cancellation, Execution
from tests.unit.gateway.execution.scripted import execution_of

LEFT = Failure(kind=Kind.CANCELLED, message="the client left", status=499)
LATE = Failure(kind=Kind.TIMEOUT, message="too late", status=504)


def test_a_call_may_go_on_until_it_is_cancelled() -> None:
    assert Cancellation().failure is None


def test_the_first_reason_stays() -> None:
    cancellation = Cancellation()
    cancellation.cancel(LEFT)
    cancellation.cancel(LATE)
    assert cancellation.failure == LEFT


def test_cancelling_aborts_what_the_call_waits_for() -> None:
    cancellation = Cancellation()
    aborted = threading.Event()
    with cancellation.aborting(aborted.set):
        assert not aborted.is_set()
        threading.Thread(target=cancellation.cancel, args=(LEFT,)).start()
        assert aborted.wait(timeout=5)


def test_what_begins_after_the_cancellation_is_aborted_at_once() -> None:
    cancellation = Cancellation()
    cancellation.cancel(LEFT)
    aborts: list[str] = []
    with cancellation.aborting(lambda: aborts.append("now")):
        assert aborts == ["now"]
    assert aborts == ["now"]


def test_what_has_ended_is_not_aborted() -> None:
    cancellation = Cancellation()
    aborts: list[str] = []
    with cancellation.aborting(lambda: aborts.append("late")):
        pass
    cancellation.cancel(LEFT)
    assert aborts == []


def test_cancelling_twice_aborts_what_began_between() -> None:
    cancellation = Cancellation()
    cancellation.cancel(LEFT)
    aborts: list[str] = []
    with cancellation.aborting(lambda: aborts.append("abort")):
        cancellation.cancel(LATE)
    assert aborts == ["abort", "abort"]


def test_an_execution_shows_no_body() -> None:
    execution = Execution(execution_of("a").call, b"a prompt")
    assert "a prompt" not in repr(execution)
