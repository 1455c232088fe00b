"""Redis dies and comes back, with its data or without."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import rq

from tests.faults.caller import Caller
from tests.faults.deployment import OTHER_INSTANCE, Deployment, deployment
from tests.support import answers
from tests.support.polling import wait_for

NOTICED_S = 10.0
REFUSED_S = 2.0
SERVED_AGAIN_S = 5.0


@dataclass
class Lost:
    """What was seen while Redis was away and after it had come back."""

    made: Deployment
    keeps_data: bool
    open_calls: dict[str, Caller]
    refused: dict[str, Caller]
    back_at: float
    served_at: float


@pytest.fixture(scope="module", params=["with-data", "without-data"])
def lost(request: pytest.FixtureRequest, concurrency: str) -> Iterator[Lost]:
    """Redis is killed under open calls, and started again."""
    with deployment(concurrency) as made:
        made.answers["refused-key"] = answers.error(401)
        made.call("refused-key", instance=OTHER_INSTANCE).wait()
        made.answers["has-output"] = answers.events([answers.text("some"), answers.hold()])
        made.answers["waits"] = answers.never()
        made.answers["waits-for-a-stream"] = answers.never()
        open_calls = {
            "has-output": made.call("has-output", stream=True).wait_text("some"),
            "waits": made.call("waits"),
            "waits-for-a-stream": made.call("waits-for-a-stream", stream=True),
        }
        for name in open_calls:
            made.request(name)
        made.wait_durable()
        made.redis_server.kill()
        refused = {
            "whole": made.call("refused").wait(),
            "streamed": made.call("refused", stream=True).wait(),
        }
        for caller in open_calls.values():
            caller.wait()
        if request.param == "without-data":
            made.redis_server.forget()
        made.redis_server.start()
        back_at = time.monotonic()
        wait_for(lambda: made.call("new").wait().is_good, what="an answer", limit_s=15)
        served_at = time.monotonic()
        yield Lost(made, request.param == "with-data", open_calls, refused, back_at, served_at)


@pytest.mark.parametrize("name", ["has-output", "waits", "waits-for-a-stream"])
def test_open_calls_end_in_time(lost: Lost, name: str) -> None:
    assert lost.open_calls[name].duration_s < NOTICED_S


@pytest.mark.parametrize("name", ["waits", "waits-for-a-stream"])
def test_open_calls_without_output_get_a_status(lost: Lost, name: str) -> None:
    caller = lost.open_calls[name]
    assert (caller.status, caller.json["error"]["code"]) == (503, "gateway_unavailable")


def test_an_open_stream_ends_with_one_error(lost: Lost) -> None:
    caller = lost.open_calls["has-output"]
    assert [error["code"] for error in caller.errors] == ["gateway_unavailable"]
    assert "error" in caller.frames[-1]


@pytest.mark.parametrize("name", ["has-output", "waits", "waits-for-a-stream"])
def test_upstream_connections_are_closed(lost: Lost, name: str) -> None:
    assert lost.made.request(name).left.wait(NOTICED_S)


@pytest.mark.parametrize("name", ["whole", "streamed"])
def test_new_calls_are_refused_at_once(lost: Lost, name: str) -> None:
    assert lost.refused[name].duration_s < REFUSED_S


@pytest.mark.parametrize("name", ["whole", "streamed"])
def test_new_calls_are_refused_in_their_dialect(lost: Lost, name: str) -> None:
    caller = lost.refused[name]
    assert (caller.status, caller.json["error"]["code"]) == (503, "gateway_unavailable")
    assert caller.headers["Retry-After"] == "5"


def test_calls_are_served_soon_after_it_is_back(lost: Lost) -> None:
    assert lost.served_at - lost.back_at < SERVED_AGAIN_S


def test_refused_calls_are_not_sent_when_it_is_back(lost: Lost) -> None:
    assert lost.made.requests("refused") == []


def test_rq_knows_the_worker_again(lost: Lost) -> None:
    wait_for(lambda: rq.Worker.all(connection=lost.made.redis), what="a worker in RQ")


def test_the_worker_counts_as_living_again(lost: Lost) -> None:
    wait_for(lost.made.gateway.is_ready, what="readiness")


def test_a_new_call_can_be_cancelled(lost: Lost) -> None:
    lost.made.answers["later"] = answers.never()
    caller = lost.made.call("later")
    request = lost.made.request("later")
    caller.leave()
    assert request.left.wait(4)


def test_key_marks_are_kept_with_the_data(lost: Lost) -> None:
    caller = lost.made.call("refused-key", instance=OTHER_INSTANCE).wait()
    assert caller.status == 502
    assert len(lost.made.requests("refused-key")) == (1 if lost.keeps_data else 2)


def test_nothing_of_any_call_is_left(lost: Lost) -> None:
    lost.made.wait_clean(limit_s=NOTICED_S)
