"""What takes long is kept alive or ended in time, and what ended unsent is never sent."""

import json
import threading
from collections.abc import Iterator

import pytest

from tests.faults.caller import Caller
from tests.faults.deployment import OTHER_INSTANCE, Deployment, deployment
from tests.support import answers
from tests.support.fake_upstream import Answer, Received
from tests.support.polling import wait_for

OFTEN_S = 0.3
MAX_WAIT_S = 1.0
TOTAL_S = 2.0
SHORT_S = 0.5
NOTICED_S = 2.0
"""Beyond a limit, until the client is told."""


@pytest.fixture(scope="module")
def kept_alive(concurrency: str) -> Iterator[Deployment]:
    """A deployment that breaks every silence."""
    server = {
        "keepalive_s": OFTEN_S,
        "nonstream_keepalive": "whitespace",
        "nonstream_keepalive_s": OFTEN_S,
    }
    with deployment(concurrency, settings={"server": server}) as made:
        yield made


@pytest.fixture(scope="module")
def limited(concurrency: str) -> Iterator[Deployment]:
    """A deployment with short limits; its other instance has those of an upstream as well."""
    with deployment(
        concurrency,
        settings={"queue": {"max_wait_s": MAX_WAIT_S}, "timeouts": {"total_s": TOTAL_S}},
        other={"timeouts": {"first_byte_s": SHORT_S, "silence_s": SHORT_S}},
    ) as made:
        yield made


def silent(made: Deployment, *, streams: bool, answer: Answer) -> Caller:
    """Have a call answered after its client was kept alive three times."""
    go_on = threading.Event()
    name = f"silent-{len(made.answers)}"
    made.answers[name] = Answer(
        answer.status, answer.headers, answer.body, answer.framing, hold=go_on
    )
    caller = made.call(name, stream=streams)
    signs = b": keepalive\n\n" if streams else b" "
    wait_for(lambda: caller.body.count(signs) >= 3, what="three signs of life")
    go_on.set()
    return caller.wait()


def test_a_silent_stream_is_kept_alive_with_comments(kept_alive: Deployment) -> None:
    caller = silent(kept_alive, streams=True, answer=answers.stream("late"))
    assert caller.body.replace(b": keepalive\n\n", b"") == b"".join(answers.frames("late"))


def test_a_stream_that_falls_silent_is_kept_alive(kept_alive: Deployment) -> None:
    go_on = threading.Event()
    pieces = [answers.text("some"), go_on, answers.text(" more"), answers.FINISH, answers.DONE]
    kept_alive.answers["falls-silent"] = answers.events(pieces)
    caller = kept_alive.call("falls-silent", stream=True).wait_text("some")
    wait_for(lambda: caller.body.count(b": keepalive") >= 2, what="comments")
    go_on.set()
    assert caller.wait().is_good
    assert caller.text == "some more"


def test_a_stream_that_is_not_silent_gets_no_comment(kept_alive: Deployment) -> None:
    caller = kept_alive.call("quick", stream=True).wait()
    assert caller.body == b"".join(answers.frames("hel", "lo"))


def test_an_error_after_comments_is_a_frame(kept_alive: Deployment) -> None:
    caller = silent(kept_alive, streams=True, answer=answers.error(400, "refused late"))
    assert caller.status == 200
    assert [error["message"] for error in caller.errors] == ["refused late"]
    assert "[DONE]" not in caller.frames


def test_a_late_body_begins_with_white_space(kept_alive: Deployment) -> None:
    caller = silent(kept_alive, streams=False, answer=answers.whole("late"))
    assert caller.status == 200
    assert caller.body.lstrip(b" ") == answers.body("late")


def test_an_error_after_white_space_is_the_body(kept_alive: Deployment) -> None:
    caller = silent(kept_alive, streams=False, answer=answers.error(400, "refused late"))
    assert caller.status == 200
    assert caller.json["error"]["message"] == "refused late"


def test_a_quick_body_has_no_white_space(kept_alive: Deployment) -> None:
    assert kept_alive.call("quick").wait().body == answers.body("hello")


def test_a_client_that_leaves_between_signs_of_life_ends_its_call(kept_alive: Deployment) -> None:
    kept_alive.answers["left"] = answers.never()
    caller = kept_alive.call("left")
    wait_for(lambda: caller.body, what="white space")
    caller.leave()
    assert kept_alive.request("left").left.wait(NOTICED_S)


STREAMED = pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])


@STREAMED
def test_a_call_that_no_worker_takes_is_refused_and_never_sent(
    limited: Deployment, streams: bool
) -> None:
    name = f"untaken-{streams}"
    [worker] = limited.gateway.workers
    worker.stand_still()
    try:
        caller = limited.call(name, stream=streams).wait()
    finally:
        worker.go_on()
    assert (caller.status, caller.json["error"]["code"]) == (503, "gateway_overloaded")
    assert MAX_WAIT_S <= caller.duration_s < MAX_WAIT_S + NOTICED_S
    assert limited.call("behind").wait().is_good
    assert limited.requests(name) == []


def test_a_call_that_was_taken_in_time_may_take_longer(limited: Deployment) -> None:
    go_on = threading.Event()
    whole = answers.whole()
    limited.answers["longer"] = Answer(headers=whole.headers, body=whole.body, hold=go_on)
    caller = limited.call("longer")
    threading.Timer(MAX_WAIT_S + 0.4, go_on.set).start()
    assert caller.wait().is_good


@STREAMED
def test_a_call_over_its_total_time_is_a_504(limited: Deployment, streams: bool) -> None:
    name = f"endless-{streams}"
    limited.answers[name] = answers.never()
    caller = limited.call(name, stream=streams).wait()
    assert (caller.status, caller.json["error"]["code"]) == (504, "upstream_timeout")
    assert TOTAL_S <= caller.duration_s < TOTAL_S + NOTICED_S
    assert limited.request(name).left.wait(NOTICED_S)


def test_a_stream_over_its_total_time_ends_with_one_error(limited: Deployment) -> None:
    limited.answers["talks-on"] = talks_on
    caller = limited.call("talks-on", stream=True).wait()
    assert [error["code"] for error in caller.errors] == ["upstream_timeout"]
    assert "error" in json.loads(caller.frames[-1])
    assert caller.duration_s < TOTAL_S + NOTICED_S
    assert limited.request("talks-on").left.wait(NOTICED_S)


def talks_on(request: Received) -> Answer:
    """A piece every tenth of a second for ten seconds."""
    pieces: list[bytes | threading.Event] = []
    for number in range(100):
        go_on = threading.Event()
        timer = threading.Timer(number / 10, go_on.set)
        timer.daemon = True
        timer.start()
        pieces += [go_on, answers.text("more ")]
    return answers.events(pieces)


@STREAMED
def test_an_upstream_without_a_first_byte_is_a_504(limited: Deployment, streams: bool) -> None:
    limited.answers["mute"] = answers.never()
    caller = limited.call("mute", instance=OTHER_INSTANCE, stream=streams).wait()
    assert (caller.status, caller.json["error"]["code"]) == (504, "upstream_timeout")
    assert SHORT_S <= caller.duration_s < TOTAL_S


def test_an_upstream_that_falls_silent_within_a_body_is_a_504(limited: Deployment) -> None:
    pieces = (answers.body()[:20], answers.hold(), answers.body())
    limited.answers["half"] = Answer(headers=(answers.JSON,), body=pieces)
    caller = limited.call("half", instance=OTHER_INSTANCE).wait()
    assert (caller.status, caller.json["error"]["code"]) == (504, "upstream_timeout")


def test_an_upstream_that_falls_silent_before_output_is_a_504(limited: Deployment) -> None:
    limited.answers["preamble"] = answers.events([answers.PREAMBLE, answers.hold()])
    caller = limited.call("preamble", instance=OTHER_INSTANCE, stream=True).wait()
    assert (caller.status, caller.json["error"]["code"]) == (504, "upstream_timeout")


def test_an_upstream_that_falls_silent_after_output_is_one_error(limited: Deployment) -> None:
    limited.answers["some"] = answers.events([answers.text("some"), answers.hold()])
    caller = limited.call("some", instance=OTHER_INSTANCE, stream=True).wait()
    assert caller.text == "some"
    assert [error["code"] for error in caller.errors] == ["upstream_timeout"]


def test_nothing_of_any_call_is_left(limited: Deployment) -> None:
    limited.wait_clean()
