"""A call that is cancelled ends within a second, wherever it waits, and its connection with it."""

import socket
import threading
from collections.abc import Callable
from contextlib import closing

import pytest

from backends.http import Answer
from gateway.canonical.errors import UpstreamError
from tests.contract.open_call import SOON_S, OpenCall, calling
from tests.contract.sockets import (
    CANCELLED,
    Peer,
    RawServer,
    Serve,
    make_execution,
    make_upstream,
    post,
)
from tests.support import answers, fake_upstream
from tests.support.fake_upstream import FakeUpstream
from tests.support.polling import wait_for

Start = Callable[[Serve], RawServer]

FRAMINGS = ["chunked", "close", "length"]


def test_wait_for_headers_ends(fake: FakeUpstream) -> None:
    fake.script = fake_upstream.in_order(answers.never())
    with calling(fake.url) as call:
        wait_for(lambda: fake.requests, what="the request")
        assert call.cancel() < SOON_S


@pytest.mark.parametrize("framing", FRAMINGS)
def test_wait_for_the_first_event_ends(fake: FakeUpstream, framing: str) -> None:
    answer = fake_upstream.Answer(body=(threading.Event(), b"late"), framing=framing)
    fake.script = fake_upstream.in_order(answer)
    reading = threading.Event()

    def read(answer: Answer) -> None:
        reading.set()
        list(answer.events())

    with calling(fake.url, read) as call:
        assert reading.wait(10)
        assert call.cancel() < SOON_S


@pytest.mark.parametrize("framing", FRAMINGS)
def test_wait_for_the_next_event_ends(fake: FakeUpstream, framing: str) -> None:
    pieces = (b"data: 1\n\n", threading.Event(), b"late")
    fake.script = fake_upstream.in_order(fake_upstream.Answer(body=pieces, framing=framing))
    first = threading.Event()

    def read(answer: Answer) -> None:
        for _ in answer.events():
            first.set()

    with calling(fake.url, read) as call:
        assert first.wait(10)
        assert call.cancel() < SOON_S


@pytest.mark.parametrize("framing", FRAMINGS)
def test_wait_for_the_rest_of_a_body_ends(fake: FakeUpstream, framing: str) -> None:
    pieces = (b'{"a":', threading.Event(), b"1}")
    fake.script = fake_upstream.in_order(fake_upstream.Answer(body=pieces, framing=framing))
    with calling(fake.url) as call:
        wait_for(lambda: fake.requests, what="the request")
        assert call.cancel() < SOON_S


def test_call_ends_with_an_error_of_its_upstream(fake: FakeUpstream) -> None:
    fake.script = fake_upstream.in_order(answers.never())
    with calling(fake.url) as call:
        wait_for(lambda: fake.requests, what="the request")
        call.cancel()
    assert [type(error) for error in call.raised] == [UpstreamError]


@pytest.mark.parametrize("framing", FRAMINGS)
def test_upstream_sees_the_connection_close(fake: FakeUpstream, framing: str) -> None:
    pieces = (b"data: 1\n\n", threading.Event(), b"late")
    fake.script = fake_upstream.in_order(fake_upstream.Answer(body=pieces, framing=framing))
    first = threading.Event()

    def read(answer: Answer) -> None:
        for _ in answer.events():
            first.set()

    with calling(fake.url, read) as call:
        assert first.wait(10)
        call.execution.cancellation.cancel(CANCELLED)
        assert fake.requests[0].left.wait(SOON_S)


def test_wait_for_a_request_to_be_taken_ends(raw_server: Start) -> None:
    head_is_here = threading.Event()
    over = threading.Event()

    def take_the_head_alone(peer: Peer) -> None:
        peer.read_head()
        head_is_here.set()
        over.wait(20)

    call = OpenCall()
    url = raw_server(take_the_head_alone).url

    def run() -> None:
        try:
            post(
                make_upstream(),
                url,
                lambda answer: answer.body(),
                execution=call.execution,
                body=bytes(50_000_000),
            )
        except UpstreamError:
            call.ended.set()

    thread = threading.Thread(target=run)
    thread.start()
    assert head_is_here.wait(10)
    took_s = call.cancel()
    over.set()
    thread.join()
    assert took_s < SOON_S


def test_cancelled_call_is_not_sent(fake: FakeUpstream) -> None:
    execution = make_execution()
    execution.cancellation.cancel(CANCELLED)
    with pytest.raises(UpstreamError):
        post(make_upstream(), fake.url, lambda answer: answer.body(), execution=execution)
    assert fake.requests == []


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_call_cancelled_while_it_connects_gives_up(scheme: str) -> None:
    """The listener's backlog is full, so its kernel takes no connection."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        host, port = server.getsockname()
        with (
            closing(socket.create_connection((host, port))),
            calling(f"{scheme}://{host}:{port}/") as call,
        ):
            wait_for(lambda: _connecting(port), what="the attempt to connect")
            assert call.cancel() < SOON_S
            assert not _connecting(port)


def _connecting(port: int) -> bool:
    """Whether some socket waits to be connected to the port (SYN_SENT), as Linux tells it."""
    with open("/proc/net/tcp") as table:
        return any(f":{port:04X} 02 " in line for line in table)


def test_other_calls_of_the_same_upstream_go_on(fake: FakeUpstream) -> None:
    go_on = threading.Event()
    slow = fake_upstream.Answer(body=(b"a", go_on, b"b"), framing="chunked")
    fake.script = fake_upstream.by_path({"held": answers.never(), "slow": slow})
    upstream = make_upstream()
    read: list[bytes] = []
    with (
        calling(f"{fake.url}/held", upstream=upstream) as held,
        calling(f"{fake.url}/slow", lambda a: read.append(a.body()), upstream=upstream) as other,
    ):
        wait_for(lambda: len(fake.requests) == 2, what="both requests")
        held.cancel()
        go_on.set()
        assert other.ended.wait(10)
    assert read == [b"ab"]


def test_late_cancellation_does_not_touch_the_connections_next_call(fake: FakeUpstream) -> None:
    """The connection is kept alive, and the cancelled call has ended before."""
    fake.script = fake_upstream.in_order(answers.whole("one"), answers.whole("two"))
    upstream = make_upstream()
    ended = make_execution()
    post(upstream, fake.url, lambda answer: answer.body(), execution=ended)
    ended.cancellation.cancel(CANCELLED)
    assert post(upstream, fake.url, lambda answer: answer.status) == 200


def test_cancellation_of_a_call_that_was_read_leaves_its_connections_next_call(
    fake: FakeUpstream,
) -> None:
    """The first is still being delivered when the second already uses the connection."""
    go_on = threading.Event()
    second = fake_upstream.Answer(body=(b"a", go_on, b"b"), framing="chunked")
    fake.script = fake_upstream.in_order(answers.whole(), second)
    upstream = make_upstream()
    first = make_execution()
    read: list[bytes] = []
    with upstream.post(fake.url, headers={}, body=b"", execution=first) as answer:
        answer.body()
        with calling(fake.url, lambda other: read.append(other.body()), upstream=upstream) as other:
            wait_for(lambda: len(fake.requests) == 2, what="the second request")
            first.cancellation.cancel(CANCELLED)
            go_on.set()
            assert other.ended.wait(10)
    assert fake.requests[0].left is fake.requests[1].left
    assert read == [b"ab"]


def test_cancellation_of_a_call_that_was_read_leaves_its_connection_alone(
    fake: FakeUpstream,
) -> None:
    """Nobody uses it yet, but whoever is given it next has no time to say that it is theirs."""
    fake.script = fake_upstream.in_order(answers.whole(), answers.whole())
    upstream = make_upstream()
    first = make_execution()
    with upstream.post(fake.url, headers={}, body=b"", execution=first) as answer:
        answer.body()
        first.cancellation.cancel(CANCELLED)
        post(upstream, fake.url, lambda other: other.body())
    assert fake.requests[0].left is fake.requests[1].left


def test_leaving_an_answer_unread_closes_its_connection(fake: FakeUpstream) -> None:
    pieces = (b"data: 1\n\n", threading.Event(), b"late")
    fake.script = fake_upstream.in_order(fake_upstream.Answer(body=pieces, framing="chunked"))
    post(make_upstream(), fake.url, lambda answer: next(iter(answer.events())))
    assert fake.requests[0].left.wait(SOON_S)
