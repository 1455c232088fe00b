"""A client that reads nothing of a huge stream is ended alone."""

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.caller import Caller
from tests.faults.deployment import Deployment, deployment
from tests.faults.memory import Peak, only_child
from tests.support import answers
from tests.support.client import chat_body
from tests.support.fake_upstream import Received
from tests.support.gateway import CHAT
from tests.support.polling import wait_for

FRAME = answers.text("x" * 16_000)
FRAMES = 8_000
"""128 MB in all, of which a web process may hold 8."""
MOST_MB = 48
ESTABLISHED = "01"


@dataclass
class Slow:
    """What happened while a client read nothing."""

    made: Deployment
    request: Received
    others: list[Caller]
    grown_mb: float


@pytest.fixture(scope="module")
def slow(concurrency: str) -> Iterator[Slow]:
    """One client reads nothing; others call meanwhile."""
    with deployment(concurrency) as made:
        made.answers["huge"] = answers.events([FRAME] * FRAMES)
        made.call("small").wait()
        assert made.gateway.web
        peak = Peak(only_child(made.gateway.web.pid))
        body = chat_body("up:huge", stream=True)
        head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        with closing(socket.socket()) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", made.gateway.port))
            client.sendall(head.encode() + body)
            request = made.request("huge")
            others = []
            while not request.left.is_set() and request.at + 20 > time.monotonic():
                others.append(made.call("other", stream=True).wait())
            wait_for(
                lambda: not is_open_at(made.gateway.port, client),
                what="the end of the connection",
                limit_s=15,
            )
            yield Slow(made, request, others, peak.grown_mb)


def is_open_at(port: int, client: socket.socket) -> bool:
    """Whether the process that listens on a port still has a client's connection open."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    pair = (f":{port:04X}", f":{client.getsockname()[1]:04X}")
    fields = [line.split() for line in lines]
    return any(
        local.endswith(pair[0]) and remote.endswith(pair[1]) and state == ESTABLISHED
        for _, local, remote, state, *_ in fields
    )


def test_its_upstream_connection_is_closed(slow: Slow) -> None:
    assert slow.request.left.is_set()


def test_other_calls_are_served_meanwhile(slow: Slow) -> None:
    assert slow.others
    assert all(other.is_good for other in slow.others)


def test_other_calls_are_not_held_up(slow: Slow) -> None:
    assert max(other.duration_s for other in slow.others) < 2.0


def test_the_web_process_does_not_grow_without_bound(slow: Slow) -> None:
    assert slow.grown_mb < MOST_MB


def test_nothing_of_it_is_left(slow: Slow) -> None:
    slow.made.wait_clean()
