"""A worker or gunicorn is told to stop while calls are open."""

import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.faults.caller import Caller
from tests.faults.deployment import Deployment, by_turn, deployment
from tests.support import answers
from tests.support.fake_upstream import Answer
from tests.support.polling import wait_for
from tests.support.process import Process

DRAIN_S = 2.0
SETTINGS = {"server": {"drain_s": DRAIN_S}}
END_S = DRAIN_S + 6.0
"""Until a process that was told to stop has gone."""


def some_output() -> Answer:
    return answers.events([answers.PREAMBLE, answers.text("some"), answers.hold()])


@dataclass
class Told:
    """What became of the calls of a worker that was told to stop."""

    made: Deployment
    worker: Process
    told_at: float
    callers: dict[str, Caller]


@pytest.fixture(scope="module")
def told(concurrency: str) -> Iterator[Told]:
    """A worker is told to stop with a call in every state; another one lives."""
    with deployment(concurrency, settings=SETTINGS) as made:
        soon = threading.Event()
        whole = answers.whole("in time")
        made.answers["ends-soon"] = Answer(headers=whole.headers, body=whole.body, hold=soon)
        made.answers["stream-ends-soon"] = answers.events(
            [answers.PREAMBLE, answers.text("in"), soon, answers.text(" time"), answers.DONE]
        )
        made.answers["waits"] = by_turn(answers.never(), answers.whole("again"))
        made.answers["waits-for-a-stream"] = by_turn(answers.never(), answers.stream("again"))
        made.answers["has-output"] = some_output()
        callers = {
            "ends-soon": made.call("ends-soon"),
            "stream-ends-soon": made.call("stream-ends-soon", stream=True),
            "waits": made.call("waits"),
            "waits-for-a-stream": made.call("waits-for-a-stream", stream=True),
            "has-output": made.call("has-output", stream=True).wait_text("some"),
        }
        for name in callers:
            made.request(name)
        [worker] = made.gateway.workers
        made.add_worker()
        worker.signal(signal.SIGTERM)
        told_at = time.monotonic()
        wait_for(lambda: "drains" in worker.output(), what="the drain")
        soon.set()
        for caller in callers.values():
            caller.wait()
        yield Told(made, worker, told_at, callers)


@pytest.mark.parametrize("name", ["ends-soon", "stream-ends-soon"])
def test_calls_that_end_in_time_are_answered(told: Told, name: str) -> None:
    caller = told.callers[name]
    assert caller.is_good
    assert caller.text == "in time"
    assert len(told.made.requests(name)) == 1


@pytest.mark.parametrize("name", ["waits", "waits-for-a-stream"])
def test_calls_without_output_are_answered_by_another_worker(told: Told, name: str) -> None:
    caller = told.callers[name]
    assert caller.is_good
    assert caller.text == "again"
    assert len(told.made.requests(name)) == 2


@pytest.mark.parametrize("name", ["waits", "waits-for-a-stream", "has-output"])
def test_calls_may_go_on_for_the_drain_time(told: Told, name: str) -> None:
    took_s = told.callers[name].ended_at - told.told_at
    assert DRAIN_S - 0.1 <= took_s < END_S


def test_a_call_with_output_ends_with_one_error(told: Told) -> None:
    caller = told.callers["has-output"]
    assert [error["code"] for error in caller.errors] == ["gateway_unavailable"]
    assert "error" in caller.frames[-1]
    assert len(told.made.requests("has-output")) == 1


def test_the_worker_ends(told: Told) -> None:
    told.worker.wait(limit_s=END_S)


def test_its_upstream_connections_are_closed(told: Told) -> None:
    for name in ("waits", "waits-for-a-stream", "has-output"):
        assert told.made.request(name).left.wait(END_S)


def test_nothing_of_the_calls_is_left(told: Told) -> None:
    told.worker.wait(limit_s=END_S)
    told.made.wait_clean()


def test_the_worker_has_signed_off(told: Told) -> None:
    told.worker.wait(limit_s=END_S)
    assert len(told.made.processes("worker")) == 1
    assert len(told.made.redis.smembers("rq:workers")) == 1


@dataclass
class WebTold:
    """What became of the calls of a gunicorn that was told to stop."""

    made: Deployment
    web: Process
    told_at: float
    callers: dict[str, Caller]


@pytest.fixture(scope="module")
def web_told(concurrency: str) -> Iterator[WebTold]:
    """gunicorn is told to stop with open calls."""
    with deployment(concurrency, settings=SETTINGS) as made:
        soon = threading.Event()
        whole = answers.whole("in time")
        made.answers["ends-soon"] = Answer(headers=whole.headers, body=whole.body, hold=soon)
        made.answers["waits"] = answers.never()
        made.answers["has-output"] = some_output()
        callers = {
            "ends-soon": made.call("ends-soon"),
            "waits": made.call("waits"),
            "has-output": made.call("has-output", stream=True).wait_text("some"),
        }
        for name in callers:
            made.request(name)
        web = made.gateway.web
        assert web
        web.signal(signal.SIGTERM)
        told_at = time.monotonic()
        soon.set()
        for caller in callers.values():
            caller.wait()
        yield WebTold(made, web, told_at, callers)


def test_web_calls_that_end_in_time_are_answered(web_told: WebTold) -> None:
    assert web_told.callers["ends-soon"].is_good


def test_web_calls_without_output_get_a_status(web_told: WebTold) -> None:
    caller = web_told.callers["waits"]
    assert (caller.status, caller.json["error"]["code"]) == (503, "gateway_unavailable")


def test_web_calls_with_output_end_with_one_error(web_told: WebTold) -> None:
    caller = web_told.callers["has-output"]
    assert [error["code"] for error in caller.errors] == ["gateway_unavailable"]
    assert not caller.broken


@pytest.mark.parametrize("name", ["waits", "has-output"])
def test_web_calls_may_go_on_for_the_drain_time(web_told: WebTold, name: str) -> None:
    took_s = web_told.callers[name].ended_at - web_told.told_at
    assert DRAIN_S - 0.1 <= took_s < DRAIN_S + 1.0


def test_gunicorn_ends(web_told: WebTold) -> None:
    assert web_told.web.wait(limit_s=END_S) == 0


@pytest.mark.parametrize("name", ["waits", "has-output"])
def test_upstream_connections_of_ended_web_calls_are_closed(web_told: WebTold, name: str) -> None:
    assert web_told.made.request(name).left.wait(END_S)


def test_nothing_of_the_web_calls_is_left(web_told: WebTold) -> None:
    web_told.made.wait_clean(limit_s=10)


def test_a_rolling_restart_loses_no_call(concurrency: str) -> None:
    with deployment(concurrency, workers=2) as made:
        made.answers["slow"] = slowly
        load = _Load(made)
        for worker in list(made.gateway.workers):
            seen = len(load.callers)
            wait_for(lambda seen=seen: len(load.callers) > seen + 10, what="some load")
            made.stop_worker(worker)
            made.add_worker()
        load.stop()
        ends = [caller.wait() for caller in load.callers]
        assert [end for end in ends if not end.is_good] == []
        assert len(made.requests("slow")) == len(ends)


def slowly(request: object) -> Answer:
    """An answer that takes a while, as most do."""
    done = threading.Event()
    threading.Timer(0.3, done.set).start()
    return answers.events(
        [answers.PREAMBLE, answers.text("a"), done, answers.text("b"), answers.DONE]
    )


class _Load:
    """Twenty new calls a second."""

    def __init__(self, made: Deployment) -> None:
        self.callers: list[Caller] = []
        self._made = made
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Begin no more calls."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.05):
            self.callers.append(self._made.call("slow", stream=True))
