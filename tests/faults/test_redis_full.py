"""Redis has no memory left: new calls are refused, and everything goes on when it has some."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.faults.deployment import Deployment, deployment
from tests.support.polling import wait_for


@pytest.fixture(scope="module")
def made(concurrency: str) -> Iterator[Deployment]:
    """A deployment that has served a call."""
    with deployment(concurrency) as made:
        assert made.call("first").wait().is_good
        yield made


@contextmanager
def full(made: Deployment) -> Iterator[None]:
    """Have Redis take nothing more within the block."""
    made.redis.config_set("maxmemory", 1)
    try:
        yield
    finally:
        made.redis.config_set("maxmemory", 0)


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
def test_new_calls_are_refused(made: Deployment, streams: bool) -> None:
    with full(made):
        caller = made.call("refused", stream=streams).wait()
    assert (caller.status, caller.json["error"]["code"]) == (503, "gateway_unavailable")
    assert "out of memory" in caller.json["error"]["message"]


def test_a_refused_call_leaves_nothing(made: Deployment) -> None:
    with full(made):
        made.call("refused").wait()
    made.wait_clean()
    assert made.requests("refused") == []


@pytest.mark.parametrize("role", ["web", "worker"])
def test_processes_stay_alive(made: Deployment, role: str) -> None:
    [process_id] = made.processes(role)
    alive = f"{made.gateway.prefix}:alive:{process_id}"
    with full(made):
        made.redis.pexpire(alive, 3000)
        wait_for(lambda: made.redis.pttl(alive) > 4000, what="a beat")


def test_calls_are_served_when_it_has_memory_again(made: Deployment) -> None:
    with full(made):
        made.call("refused").wait()
    wait_for(lambda: made.call("new").wait().is_good, what="an answer")
