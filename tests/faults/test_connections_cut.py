"""Connections to Redis break and answers are lost on them: no answer has a gap, no call hangs."""

import threading
from collections.abc import Iterator

import pytest

from tests.faults.caller import Caller
from tests.faults.deployment import Deployment, deployment
from tests.support import answers
from tests.support.fake_upstream import Answer
from tests.support.polling import wait_for

PIECES = [f"{number} " for number in range(60)]


@pytest.fixture(scope="module")
def made(concurrency: str) -> Iterator[Deployment]:
    """A deployment whose upstream talks for a second and a half."""
    with deployment(concurrency) as made:
        made.answers["talks"] = talks
        yield made


def talks(request: object) -> Answer:
    pieces: list[bytes | threading.Event] = []
    for number, piece in enumerate(PIECES):
        go_on = threading.Event()
        timer = threading.Timer(number / 40, go_on.set)
        timer.daemon = True
        timer.start()
        pieces += [go_on, answers.text(piece)]
    return answers.events([*pieces, answers.FINISH, answers.DONE])


@pytest.fixture(scope="module")
def cut(made: Deployment) -> list[Caller]:
    """Calls under which every connection was closed by Redis, again and again."""
    callers = []
    for _ in range(5):
        callers += [made.call("talks", stream=True).wait_text("3 ") for _ in range(4)]
        made.redis.client_kill_filter(_type="normal", skipme=True)
    return [caller.wait() for caller in callers]


def test_no_answer_has_a_gap(cut: list[Caller]) -> None:
    whole = "".join(PIECES)
    texts = [caller.text for caller in cut if caller.status == 200]
    assert [text for text in texts if not whole.startswith(text)] == []


def test_every_answer_is_whole_or_ends_with_one_error(cut: list[Caller]) -> None:
    whole = "".join(PIECES)
    ends = [
        (caller.is_good and caller.text == whole)
        or (caller.status == 200 and len(caller.errors) == 1 and "error" in caller.frames[-1])
        or caller.status == 503
        for caller in cut
    ]
    assert ends == [True] * len(ends)


def test_calls_are_served_afterwards(made: Deployment, cut: list[Caller]) -> None:
    wait_for(lambda: made.call("new").wait().is_good, what="an answer")


def test_nothing_of_the_calls_is_left(made: Deployment, cut: list[Caller]) -> None:
    made.wait_clean(limit_s=10)


def test_a_call_that_its_worker_never_heard_of_is_answered(made: Deployment) -> None:
    [worker] = made.gateway.workers
    worker.stand_still()
    try:
        caller = made.call("unheard")
        wait_for(made.waiting, what="a waiting call")
        [worker_id] = made.processes("worker")
        with made.gateway.runtime() as runtime:
            assert runtime.calls.pop([runtime.interactive], worker_id=worker_id, room=1)
    finally:
        worker.go_on()
    assert caller.wait().is_good
    assert len(made.requests("unheard")) == 1
    made.wait_clean()
