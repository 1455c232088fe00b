"""A process that is told to stop finishes what it has, and its clients see nothing of it."""

import json
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support import answers
from tests.support.client import data_frames
from tests.support.fake_upstream import Answer, FakeUpstream
from tests.support.gateway import Gateway
from tests.support.polling import wait_for
from tests.support.redis_server import RedisServer

DRAIN_S = 2.0


@pytest.fixture
def short_lived(
    concurrency: str, private_redis: RedisServer, upstream: FakeUpstream
) -> Iterator[Gateway]:
    """A gateway whose processes are stopped by the test; its drain time is short."""
    row = {"id": "a", "kind": "openai-legacy", "base_url": f"{upstream.url}/a", "api_key": "key-a"}
    gateway = Gateway(
        redis_url=private_redis.url,
        concurrency=concurrency,
        settings={"server": {"drain_s": DRAIN_S}},
        backends=[row],
    )
    try:
        gateway.start()
        yield gateway
    finally:
        gateway.close()


def held(stream: bool, may_go_on: threading.Event) -> Answer:
    """An answer that the test lets end; a streamed one has begun before."""
    if stream:
        return answers.events(
            [answers.PREAMBLE, answers.text("one"), may_go_on, answers.text("two"), *answers.ENDING]
        )
    whole = answers.whole()
    return Answer(whole.status, whole.headers, whole.body, hold=may_go_on)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_worker_that_is_told_to_stop_finishes_its_call(
    short_lived: Gateway, upstream: FakeUpstream, stream: bool
) -> None:
    may_go_on = threading.Event()
    upstream.script = lambda request: held(stream, may_go_on)
    (worker,) = short_lived.workers
    with ThreadPoolExecutor(1) as client:
        reply = client.submit(short_lived.chat, "a:m", stream=stream)
        wait_for(lambda: upstream.requests, what="the call at its upstream")
        worker.signal(signal.SIGTERM)
        wait_for(lambda: "drains" in worker.output(), what="the worker's drain")
        assert worker.running
        may_go_on.set()
        answer = reply.result()
    assert answer.status == 200
    assert (b"[DONE]" in answer.body) is stream
    assert worker.wait() == 0


def test_while_one_worker_drains_another_takes_the_new_calls(
    short_lived: Gateway, upstream: FakeUpstream
) -> None:
    may_go_on = threading.Event()
    upstream.script = lambda request: (
        held(False, may_go_on) if len(upstream.requests) == 1 else answers.whole("from the other")
    )
    (worker,) = short_lived.workers
    with ThreadPoolExecutor(1) as client:
        first = client.submit(short_lived.chat, "a:m")
        wait_for(lambda: upstream.requests, what="the call at its upstream")
        worker.signal(signal.SIGTERM)
        wait_for(lambda: "drains" in worker.output(), what="the worker's drain")
        short_lived.workers.append(short_lived.start_worker())
        second = short_lived.chat("a:m")
        assert second.json["choices"][0]["message"]["content"] == "from the other"
        may_go_on.set()
        assert first.result().status == 200


def test_a_stream_that_outlasts_the_drain_is_told_so(
    short_lived: Gateway, upstream: FakeUpstream
) -> None:
    upstream.script = lambda request: held(True, threading.Event())
    (worker,) = short_lived.workers
    with ThreadPoolExecutor(1) as client:
        reply = client.submit(short_lived.chat, "a:m", stream=True)
        wait_for(lambda: upstream.requests, what="the call at its upstream")
        worker.signal(signal.SIGTERM)
        frames = data_frames(reply.result().body)
    assert json.loads(frames[-1])["error"]["code"] == "gateway_unavailable"
    assert worker.wait(limit_s=DRAIN_S + 10) in (0, 1)
    assert upstream.requests[0].left.wait(5), "the upstream was not told"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_call_without_output_that_outlasts_the_drain_goes_to_another_worker(
    short_lived: Gateway, upstream: FakeUpstream, stream: bool
) -> None:
    upstream.script = lambda request: (
        answers.never()
        if len(upstream.requests) == 1
        else answers.stream("again")
        if stream
        else answers.whole("again")
    )
    (worker,) = short_lived.workers
    with ThreadPoolExecutor(1) as client:
        reply = client.submit(short_lived.chat, "a:m", stream=stream)
        wait_for(lambda: upstream.requests, what="the call at its upstream")
        short_lived.workers.append(short_lived.start_worker())
        worker.signal(signal.SIGTERM)
        answer = reply.result()
    assert answer.status == 200
    assert b"again" in answer.body
    assert len(upstream.requests) == 2
    assert upstream.requests[0].left.wait(5), "the first upstream was not told"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_web_process_that_is_told_to_stop_finishes_its_request(
    short_lived: Gateway, upstream: FakeUpstream, stream: bool
) -> None:
    may_go_on = threading.Event()
    upstream.script = lambda request: held(stream, may_go_on)
    web = short_lived.web
    assert web is not None
    with ThreadPoolExecutor(1) as client:
        reply = client.submit(short_lived.chat, "a:m", stream=stream)
        wait_for(lambda: upstream.requests, what="the call at its upstream")
        web.signal(signal.SIGTERM)
        wait_for(lambda: not accepts(short_lived), what="the end of new requests")
        may_go_on.set()
        answer = reply.result()
    assert answer.status == 200
    assert (b"[DONE]" in answer.body) is stream
    assert web.wait(limit_s=DRAIN_S + 10) == 0


def accepts(gateway: Gateway) -> bool:
    """Whether a new request is answered at once."""
    try:
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=0.3) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return connection.recv(1) != b""
    except OSError:
        return False
