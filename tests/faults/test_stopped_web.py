"""A web process stands still until it counts as dead, and goes on: none of its clients hangs."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.faults.caller import Caller
from tests.faults.deployment import Deployment, deployment
from tests.faults.memory import only_child
from tests.support import answers

TOLD_S = 10.0


@dataclass
class Stopped:
    """What became of the calls of a web process that stood still for long."""

    made: Deployment
    waits: Caller
    has_output: Caller


@pytest.fixture(scope="module")
def stopped(concurrency: str) -> Iterator[Stopped]:
    """gunicorn's worker stands still until the workers have given up its calls, then goes on."""
    with deployment(concurrency) as made:
        made.answers["waits"] = answers.never()
        made.answers["has-output"] = answers.events([answers.text("some"), answers.hold()])
        waits = made.call("waits")
        has_output = made.call("has-output", stream=True).wait_text("some")
        requests = [made.request("waits"), made.request("has-output")]
        assert made.gateway.web
        web = only_child(made.gateway.web.pid)
        os.kill(web, signal.SIGSTOP)
        for request in requests:
            assert request.left.wait(TOLD_S)
        os.kill(web, signal.SIGCONT)
        yield Stopped(made, waits.wait(limit_s=TOLD_S), has_output.wait(limit_s=TOLD_S))


def test_a_call_without_output_gets_a_status(stopped: Stopped) -> None:
    caller = stopped.waits
    assert (caller.status, caller.json["error"]["code"]) == (503, "gateway_unavailable")


def test_a_call_with_output_ends_with_one_error(stopped: Stopped) -> None:
    caller = stopped.has_output
    assert [error["code"] for error in caller.errors] == ["gateway_unavailable"]


def test_the_process_serves_new_calls(stopped: Stopped) -> None:
    assert stopped.made.call("new").wait().is_good


def test_nothing_of_the_calls_is_left(stopped: Stopped) -> None:
    stopped.made.wait_clean()


def test_calls_of_which_redis_lost_everything_end(concurrency: str) -> None:
    with deployment(concurrency) as made:
        made.answers["waits"] = answers.never()
        caller = made.call("waits")
        request = made.request("waits")
        made.redis.flushall()
        caller.wait(limit_s=TOLD_S)
        assert (caller.status, caller.json["error"]["code"]) == (503, "gateway_unavailable")
        assert request.left.wait(TOLD_S)
