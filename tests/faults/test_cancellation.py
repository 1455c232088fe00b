"""A call ends when its client leaves or its owner cancels it, whatever it waits for."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.faults.caller import Caller
from tests.faults.deployment import Deployment, deployment
from tests.support import answers
from tests.support.client import Reply
from tests.support.fake_upstream import Answer
from tests.support.polling import wait_for

NOTICED_S = 2.0
ALICE = "key-of-alice-0001"
BOB = "key-of-bob-000001"


@dataclass(frozen=True)
class Case:
    """What a call waits for when it is ended."""

    streams: bool
    answer: Answer
    begins_with: str = ""
    """What the client has of the answer by then."""


RUNNING = {
    "headers": Case(streams=False, answer=answers.never()),
    "headers-of-a-stream": Case(streams=True, answer=answers.never()),
    "output": Case(
        streams=True, answer=answers.events([answers.PREAMBLE, answers.hold(), answers.DONE])
    ),
    "more-output": Case(
        streams=True,
        answer=answers.events([answers.text("some"), answers.hold()]),
        begins_with="some",
    ),
    "rest-of-a-body": Case(
        streams=False,
        answer=Answer(headers=(answers.JSON,), body=(b"{", answers.hold(), answers.body())),
    ),
}


@pytest.fixture(scope="module")
def made(concurrency: str) -> Iterator[Deployment]:
    """A deployment with two clients."""
    clients = [{"id": "alice", "key": ALICE}, {"id": "bob", "key": BOB}]
    with deployment(concurrency, settings={"access": {"client_keys": clients}}) as made:
        yield made


@pytest.fixture
def running(made: Deployment, request: pytest.FixtureRequest) -> Caller:
    """A call of Alice's that waits for what the parameter names."""
    name = request.param
    case = RUNNING[name]
    made.upstream.reset()
    made.upstream.script = made.script
    made.answers[name] = case.answer
    caller = made.call(name, key=ALICE, stream=case.streams)
    made.request(name)
    return caller.wait_text(case.begins_with)


@contextmanager
def no_worker(made: Deployment) -> Iterator[None]:
    """Have the worker stand still."""
    made.gateway.workers[0].stand_still()
    try:
        yield
    finally:
        made.gateway.workers[0].go_on()


def cancel(made: Deployment, call_id: str, *, key: str = ALICE) -> Reply:
    headers = {"Authorization": f"Bearer {key}"}
    return made.gateway.client.send("POST", f"/v1/calls/{call_id}/cancel", headers=headers)


EVERY_STATE = pytest.mark.parametrize("running", RUNNING, indirect=True)


@EVERY_STATE
def test_upstream_is_closed_when_the_client_leaves(made: Deployment, running: Caller) -> None:
    running.leave()
    assert made.upstream.requests[0].left.wait(NOTICED_S)


@EVERY_STATE
def test_nothing_is_left_when_the_client_leaves(made: Deployment, running: Caller) -> None:
    running.leave()
    made.wait_clean()


def test_a_call_whose_client_left_the_queue_is_never_sent(made: Deployment) -> None:
    with no_worker(made):
        caller = made.call("queued", key=ALICE)
        wait_for(made.waiting, what="a waiting call")
        caller.leave()
        made.wait_clean(limit_s=NOTICED_S)
    assert made.call("behind", key=ALICE).wait().is_good
    assert made.requests("queued") == []


@EVERY_STATE
def test_its_owner_can_cancel_a_call(made: Deployment, running: Caller) -> None:
    [call_id] = made.open_calls()
    reply = cancel(made, call_id)
    assert (reply.status, reply.json["status"]) == (200, "cancelled")


@EVERY_STATE
def test_upstream_is_closed_when_the_owner_cancels(made: Deployment, running: Caller) -> None:
    [call_id] = made.open_calls()
    cancel(made, call_id)
    assert made.upstream.requests[0].left.wait(NOTICED_S)


@EVERY_STATE
def test_the_client_of_a_cancelled_call_is_told(made: Deployment, running: Caller) -> None:
    [call_id] = made.open_calls()
    cancel(made, call_id)
    running.wait(limit_s=NOTICED_S)
    error = running.errors[-1] if running.status == 200 else running.json["error"]
    assert error["code"] == "call_cancelled"


@EVERY_STATE
def test_nothing_is_left_of_a_cancelled_call(made: Deployment, running: Caller) -> None:
    [call_id] = made.open_calls()
    cancel(made, call_id)
    made.wait_clean()


def test_a_call_that_is_cancelled_in_the_queue_is_never_sent(made: Deployment) -> None:
    with no_worker(made):
        caller = made.call("cancelled", key=ALICE)
        wait_for(made.waiting, what="a waiting call")
        [call_id] = made.open_calls()
        assert cancel(made, call_id).status == 200
        caller.wait(limit_s=NOTICED_S)
    assert made.call("behind", key=ALICE).wait().is_good
    assert made.requests("cancelled") == []


def test_nobody_else_can_cancel_a_call(made: Deployment) -> None:
    go_on = threading.Event()
    made.answers["others"] = Answer(headers=(answers.JSON,), body=(answers.body(),), hold=go_on)
    caller = made.call("others", key=ALICE)
    made.request("others")
    [call_id] = made.open_calls()
    reply = cancel(made, call_id, key=BOB)
    go_on.set()
    assert (reply.status, reply.error["code"]) == (404, "call_not_found")
    assert caller.wait().is_good


def test_an_unknown_call_cannot_be_cancelled(made: Deployment) -> None:
    assert cancel(made, f"{made.gateway.prefix}-0").status == 404


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
def test_a_call_that_has_ended_cannot_be_cancelled(made: Deployment, streams: bool) -> None:
    caller = made.call("ended", key=ALICE, stream=streams).wait()
    assert caller.is_good
    assert cancel(made, caller.call_id).status == 404


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("status", [200, 400])
def test_an_answer_names_its_call(made: Deployment, streams: bool, status: int) -> None:
    if status != 200:
        made.answers["named"] = answers.error(status)
    else:
        made.answers.pop("named", None)
    caller = made.call("named", key=ALICE, stream=streams).wait()
    assert caller.status == status
    assert caller.call_id.startswith(f"{made.gateway.prefix}-")
