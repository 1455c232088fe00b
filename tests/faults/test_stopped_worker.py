"""A worker stands still until its calls are taken from it, and goes on: it changes nothing then."""

import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.faults.caller import Caller
from tests.faults.deployment import Deployment, by_turn, deployment
from tests.support import answers
from tests.support.fake_upstream import Received
from tests.support.polling import wait_for


@dataclass
class Stopped:
    """What became of the calls of a worker that stood still for long."""

    made: Deployment
    with_output: Caller
    without_output: Caller
    first_request: Received
    """The upstream request that the stopped worker made for the call without output."""


@pytest.fixture(scope="module")
def stopped(concurrency: str) -> Iterator[Stopped]:
    """The only worker stands still until its calls are taken from it, then goes on."""
    with deployment(concurrency) as made:
        late = threading.Event()
        stream = [answers.PREAMBLE, answers.text("some"), late, answers.text("late")]
        made.answers["with-output"] = answers.events([*stream, answers.FINISH, answers.DONE])
        made.answers["without-output"] = by_turn(answers.never(), answers.whole("second"))
        with_output = made.call("with-output", stream=True).wait_text("some")
        without_output = made.call("without-output")
        first_request = made.request("without-output")
        [worker] = made.gateway.workers
        worker.signal(signal.SIGSTOP)
        wait_for(lambda: not made.processes("worker"), what="the take-over", limit_s=12)
        late.set()
        worker.signal(signal.SIGCONT)
        with_output.wait()
        without_output.wait()
        yield Stopped(made, with_output, without_output, first_request)


def test_a_call_with_output_got_one_error_and_nothing_late(stopped: Stopped) -> None:
    assert len(stopped.with_output.errors) == 1
    assert stopped.with_output.text == "some"
    assert "error" in stopped.with_output.frames[-1]


def test_a_call_without_output_is_answered_by_its_second_run(stopped: Stopped) -> None:
    assert stopped.without_output.text == "second"


def test_the_first_run_of_a_call_that_runs_again_is_ended(stopped: Stopped) -> None:
    assert stopped.first_request.left.wait(5)


def test_each_call_is_sent_upstream_as_often_as_it_runs(stopped: Stopped) -> None:
    sent = [len(stopped.made.requests(name)) for name in ("with-output", "without-output")]
    assert sent == [1, 2]


def test_the_worker_serves_new_calls(stopped: Stopped) -> None:
    assert stopped.made.call("new", stream=True).wait().is_good


def test_the_worker_is_known_again(stopped: Stopped) -> None:
    wait_for(lambda: stopped.made.redis.smembers("rq:workers"), what="a worker in RQ")
    assert stopped.made.gateway.is_ready()


def test_nothing_of_the_calls_is_left(stopped: Stopped) -> None:
    stopped.made.wait_clean()


def test_a_call_that_came_back_to_its_worker_can_be_cancelled(concurrency: str) -> None:
    with deployment(concurrency) as made:
        made.answers["again"] = answers.never()
        caller = made.call("again", stream=True)
        made.request("again")
        [worker] = made.gateway.workers
        worker.signal(signal.SIGSTOP)
        wait_for(lambda: not made.processes("worker"), what="the take-over", limit_s=12)
        worker.signal(signal.SIGCONT)
        second = made.request("again", number=2)
        assert made.requests("again")[0].left.wait(5)
        caller.leave()
        assert second.left.wait(2)
