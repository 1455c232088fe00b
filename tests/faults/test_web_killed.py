"""A web process is killed: nobody works on for its clients, and nothing is left of their calls."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.deployment import Deployment, deployment
from tests.support import answers
from tests.support.fake_upstream import Answer
from tests.support.polling import wait_for

NOTICED_S = 10.0

RUNNING: dict[str, Answer] = {
    "waits-for-headers": answers.never(),
    "has-output": answers.events([answers.PREAMBLE, answers.text("some"), answers.hold()]),
    "talks-on": answers.events([answers.text("more"), answers.hold()]),
}
QUEUED = ("queued-1", "queued-2")


@dataclass
class Killed:
    """What became of the calls of a web process that was killed."""

    made: Deployment
    killed_at: float


@pytest.fixture(scope="module", params=["worker", "all"])
def killed(request: pytest.FixtureRequest, concurrency: str) -> Iterator[Killed]:
    """gunicorn's worker or all of gunicorn is killed, with calls that run and calls that wait."""
    settings = {"worker": {"slots": len(RUNNING)}}
    with deployment(concurrency, settings=settings) as made:
        made.answers.update(RUNNING)
        for name in RUNNING:
            made.call(name, stream=name != "waits-for-headers")
        for name in RUNNING:
            made.request(name)
        for name in QUEUED:
            made.call(name)
        wait_for(lambda: made.waiting() == len(QUEUED), what="calls that wait")
        web = made.gateway.web
        assert web
        if request.param == "all":
            web.kill()
        else:
            [child] = Path(f"/proc/{web.pid}/task/{web.pid}/children").read_text().split()
            os.kill(int(child), signal.SIGKILL)
        yield Killed(made, time.monotonic())


@pytest.mark.parametrize("name", RUNNING)
def test_upstream_connections_are_closed(killed: Killed, name: str) -> None:
    assert killed.made.request(name).left.wait(NOTICED_S)


def test_nothing_of_its_calls_is_left(killed: Killed) -> None:
    killed.made.wait_clean(limit_s=NOTICED_S)


@pytest.mark.parametrize("name", QUEUED)
def test_calls_that_waited_are_never_sent(killed: Killed, name: str) -> None:
    killed.made.wait_clean(limit_s=NOTICED_S)
    assert killed.made.requests(name) == []


def test_new_calls_are_served(killed: Killed) -> None:
    killed.made.wait_clean(limit_s=NOTICED_S)
    web = killed.made.gateway.web
    assert web
    if not web.running:
        killed.made.gateway.start_web()
    wait_for(killed.made.gateway.is_ready, what="a ready gateway", limit_s=30)
    assert killed.made.call("new").wait().is_good
