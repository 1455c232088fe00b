"""A client that leaves ends its call, whatever it waits for."""

import pytest

from tests.support import answers
from tests.support.client import chat_body
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import CHAT, Gateway
from tests.support.polling import wait_for

NOTICED_S = 3.0


def test_a_client_that_leaves_a_stream_ends_the_upstreams(
    gateway: Gateway, upstream: FakeUpstream
) -> None:
    pieces = [answers.PREAMBLE, answers.text("one"), answers.never().hold]
    upstream.script = lambda request: answers.events(pieces)
    with gateway.open_chat("a:m", stream=True) as response:
        assert b"one" in response.read1()
    assert upstream.requests[0].left.wait(NOTICED_S)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_client_that_leaves_before_the_first_byte_ends_the_upstreams(
    gateway: Gateway, upstream: FakeUpstream, stream: bool
) -> None:
    upstream.script = lambda request: answers.never()
    with gateway.client.waiting("POST", CHAT, chat_body("a:m", stream=stream)):
        wait_for(lambda: upstream.requests, what="the call at its upstream")
    assert upstream.requests[0].left.wait(NOTICED_S)


def test_a_client_that_leaves_does_not_cost_its_key(
    gateway: Gateway, upstream: FakeUpstream
) -> None:
    upstream.script = lambda request: answers.never()
    with gateway.client.waiting("POST", CHAT, chat_body("b:m")):
        wait_for(lambda: upstream.requests, what="the call at its upstream")
    upstream.requests[0].left.wait(NOTICED_S)
    upstream.script = lambda request: answers.whole()
    assert gateway.chat("b:m").status == 200


def test_an_upstream_that_answers_nobody_is_not_asked_again(
    gateway: Gateway, upstream: FakeUpstream
) -> None:
    upstream.script = lambda request: answers.never()
    with gateway.client.waiting("POST", CHAT, chat_body("a:m|b:m")):
        wait_for(lambda: upstream.requests, what="the call at its upstream")
    upstream.requests[0].left.wait(NOTICED_S)
    upstream.script = lambda request: answers.whole()
    assert gateway.chat("a:other").status == 200
    assert [request.json["model"] for request in upstream.requests] == ["m", "other"]
