"""A worker is killed: its calls without output are answered by another one, the others end."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import openai
import pytest

from tests.faults.caller import Caller
from tests.faults.deployment import INSTANCE, Deployment, by_turn, deployment
from tests.support import answers
from tests.support.fake_upstream import Answer
from tests.support.polling import wait_for

TAKEN_OVER_S = 10.0
"""From a worker's death to its calls' answers."""


@dataclass(frozen=True)
class Case:
    """A call's state at the moment of the crash."""

    streams: bool
    first: Answer
    """What its first upstream request is answered with."""

    @property
    def second(self) -> Answer:
        return answers.stream("hel", "lo") if self.streams else answers.whole("hello")


HALF_A_BODY = Answer(
    headers=(answers.JSON,), body=(answers.body()[:40], answers.hold(), answers.body())
)

WITHOUT_OUTPUT = {
    "waits-for-headers": Case(streams=False, first=answers.never()),
    "waits-for-headers-of-a-stream": Case(streams=True, first=answers.never()),
    "has-the-headers-of-a-stream": Case(streams=True, first=answers.events([answers.hold()])),
    "has-the-preamble": Case(
        streams=True, first=answers.events([answers.PREAMBLE, answers.hold()])
    ),
    "has-half-of-a-body": Case(streams=False, first=HALF_A_BODY),
}
OUTPUT = answers.events([answers.PREAMBLE, answers.text("some"), answers.hold()])


@dataclass
class Crash:
    """What became of the calls of a worker that was killed."""

    made: Deployment
    killed_at: float
    callers: dict[str, Caller]
    sdk_error: BaseException | None


@pytest.fixture(scope="module")
def crash(concurrency: str) -> Iterator[Crash]:
    """A worker is killed with a call in every state; another one lives."""
    with deployment(concurrency) as made:
        for name, case in WITHOUT_OUTPUT.items():
            made.answers[name] = by_turn(case.first, case.second)
        made.answers["has-output"] = OUTPUT
        made.answers["has-output-for-the-sdk"] = OUTPUT
        callers = {n: made.call(n, stream=case.streams) for n, case in WITHOUT_OUTPUT.items()}
        callers["has-output"] = made.call("has-output", stream=True).wait_text("some")
        sdk = _SdkCall(made, "has-output-for-the-sdk")
        for name in callers:
            made.request(name)
        first = made.gateway.workers[0]
        made.add_worker()
        first.kill()
        killed_at = time.monotonic()
        for caller in callers.values():
            caller.wait()
        sdk.thread.join(15)
        yield Crash(made, killed_at, callers, sdk.error)


class _SdkCall:
    """A stream read by OpenAI's own client on a thread."""

    def __init__(self, made: Deployment, model: str) -> None:
        self._made = made
        self._model = model
        self.error: BaseException | None = None
        self._reading = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        assert self._reading.wait(10)

    def _run(self) -> None:
        url = self._made.gateway.url
        with openai.OpenAI(base_url=url, api_key="any", max_retries=0) as client:
            try:
                for _ in client.chat.completions.create(
                    model=f"{INSTANCE}:{self._model}",
                    messages=[{"role": "user", "content": "hi"}],
                    stream=True,
                ):
                    self._reading.set()
            except openai.APIError as error:
                self.error = error


@pytest.mark.parametrize("name", WITHOUT_OUTPUT)
def test_a_call_without_output_is_answered_by_another_worker(crash: Crash, name: str) -> None:
    caller = crash.callers[name]
    assert caller.is_good, caller
    assert caller.text == "hello"


@pytest.mark.parametrize("name", WITHOUT_OUTPUT)
def test_a_call_without_output_is_answered_in_time(crash: Crash, name: str) -> None:
    assert crash.callers[name].ended_at - crash.killed_at < TAKEN_OVER_S


@pytest.mark.parametrize("name", WITHOUT_OUTPUT)
def test_a_call_without_output_is_sent_upstream_once_more(crash: Crash, name: str) -> None:
    assert len(crash.made.requests(name)) == 2


def test_a_call_with_output_ends_with_exactly_one_error(crash: Crash) -> None:
    frames = crash.callers["has-output"].frames
    assert [sorted(json.loads(frame)) for frame in frames[2:]] == [["error"]]


def test_a_call_with_output_says_that_the_worker_died(crash: Crash) -> None:
    [error] = crash.callers["has-output"].errors
    assert "worker" in error["message"]


def test_a_call_with_output_ends_in_time(crash: Crash) -> None:
    assert crash.callers["has-output"].ended_at - crash.killed_at < TAKEN_OVER_S


def test_a_call_with_output_is_not_sent_upstream_again(crash: Crash) -> None:
    assert len(crash.made.requests("has-output")) == 1


def test_the_sdk_raises_for_a_call_with_output(crash: Crash) -> None:
    assert isinstance(crash.sdk_error, openai.APIError)


def test_nothing_of_the_calls_is_left(crash: Crash) -> None:
    crash.made.wait_clean()


def test_the_dead_worker_is_forgotten(crash: Crash) -> None:
    assert len(crash.made.redis.smembers("rq:workers")) == 1


def test_a_call_that_was_popped_and_not_started_is_answered(concurrency: str) -> None:
    with deployment(concurrency) as made:
        made.stop_worker(made.gateway.workers[0])
        caller = made.call("popped")
        wait_for(made.waiting, what="a waiting call")
        with made.gateway.runtime() as runtime:
            runtime.redis.zadd(runtime.keys.processes("worker"), {"ghost": time.time() * 1000})
            assert runtime.calls.pop([runtime.interactive], worker_id="ghost", room=1)
        popped_at = time.monotonic()
        made.add_worker()
        assert caller.wait().is_good, caller
        assert caller.ended_at - popped_at < TAKEN_OVER_S
        assert len(made.requests("popped")) == 1


def test_calls_that_three_workers_died_with_are_refused(concurrency: str) -> None:
    with deployment(concurrency, settings={"server": {"keepalive_s": 60}}) as made:
        streams = {"deadly": False, "deadly-stream": True}
        made.answers.update(dict.fromkeys(streams, answers.never()))
        callers = {name: made.call(name, stream=stream) for name, stream in streams.items()}
        for run in range(1, 4):
            for name in streams:
                made.request(name, number=run)
            made.gateway.workers.pop().kill()
            made.add_worker()
        ends = {name: caller.wait() for name, caller in callers.items()}
        assert {end.status: end.json["error"]["code"] for end in ends.values()} == {
            502: "gateway_unavailable"
        }
        assert {name: len(made.requests(name)) for name in streams} == dict.fromkeys(streams, 3)
        made.wait_clean()
