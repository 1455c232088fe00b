"""Redis stands still for a while: it takes commands and does not answer."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.faults.caller import Caller
from tests.faults.deployment import Deployment, deployment
from tests.support import answers
from tests.support.polling import wait_for

REFUSED_S = 2.0
MARGIN_S = 1.0
SERVED_AGAIN_S = 5.0


@dataclass
class Stalled:
    """What was seen while Redis stood still and after it had gone on."""

    made: Deployment
    open_stream: Caller
    refused: list[Caller]
    back_at: float
    served_at: float


@pytest.fixture(scope="module")
def stalled(concurrency: str) -> Iterator[Stalled]:
    """Redis stands still under an open stream, for as long as new calls take to be refused."""
    with deployment(concurrency) as made:
        more = threading.Event()
        pieces = [answers.text("some"), more, answers.text(" more"), answers.FINISH, answers.DONE]
        made.answers["open"] = answers.events(pieces)
        open_stream = made.call("open", stream=True).wait_text("some")
        made.redis_server.stall()
        try:
            refused = [made.call("refused", stream=bool(n % 2)) for n in range(8)]
            for caller in refused:
                caller.wait()
        finally:
            made.redis_server.resume()
        back_at = time.monotonic()
        more.set()
        wait_for(lambda: made.call("new").wait().is_good, what="an answer", limit_s=15)
        served_at = time.monotonic()
        open_stream.wait()
        yield Stalled(made, open_stream, refused, back_at, served_at)


def test_new_calls_are_refused_in_time(stalled: Stalled) -> None:
    assert max(caller.duration_s for caller in stalled.refused) < REFUSED_S + MARGIN_S


def test_new_calls_are_refused_in_their_dialect(stalled: Stalled) -> None:
    said = {(caller.status, caller.json["error"]["code"]) for caller in stalled.refused}
    assert said == {(503, "gateway_unavailable")}


def test_refused_calls_are_not_sent_later(stalled: Stalled) -> None:
    stalled.made.wait_clean()
    assert stalled.made.requests("refused") == []


def test_calls_are_served_when_it_goes_on(stalled: Stalled) -> None:
    assert stalled.served_at - stalled.back_at < SERVED_AGAIN_S


def test_an_open_stream_outlives_a_short_stall(stalled: Stalled) -> None:
    assert stalled.open_stream.is_good
    assert stalled.open_stream.text == "some more"


def test_the_first_call_of_a_process_is_refused_in_time(concurrency: str) -> None:
    with deployment(concurrency) as made:
        made.redis_server.stall()
        try:
            callers = [made.call("first") for _ in range(8)]
            durations = [caller.wait().duration_s for caller in callers]
        finally:
            made.redis_server.resume()
        assert {caller.status for caller in callers} == {503}
        assert max(durations) < REFUSED_S + MARGIN_S
