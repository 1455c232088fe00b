"""A client leaves while its upstream does not take the connection."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.faults.deployment import OTHER_INSTANCE, Deployment, deployment
from tests.support.polling import wait_for

NOTICED_S = 2.0
SYN_SENT = "02"


@pytest.fixture(scope="module")
def blackhole() -> Iterator[int]:
    """A port where connections are neither taken nor refused."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port = listener.getsockname()[1]
        for _ in range(4):
            filler = stack.enter_context(closing(socket.socket()))
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        yield port


@pytest.fixture(scope="module")
def made(concurrency: str, blackhole: int) -> Iterator[Deployment]:
    """A deployment with an upstream that takes no connection."""
    base_url = f"http://127.0.0.1:{blackhole}/v1"
    with deployment(concurrency, other={"base_url": base_url}) as made:
        yield made


def connecting(port: int) -> int:
    """How many connections to a port are being made, also those that fill it up."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    fields = [line.split() for line in lines]
    return sum(
        remote.endswith(f":{port:04X}") and state == SYN_SENT for _, _, remote, state, *_ in fields
    )


def leave_while_connecting(made: Deployment, blackhole: int) -> int:
    """Have a client leave during the attempt to connect; return how many others there are."""
    fillers = connecting(blackhole)
    caller = made.call("any", instance=OTHER_INSTANCE)
    wait_for(lambda: connecting(blackhole) > fillers, what="a connection that is being made")
    caller.leave()
    return fillers


def test_the_call_is_gone_when_its_client_has_left(made: Deployment, blackhole: int) -> None:
    leave_while_connecting(made, blackhole)
    wait_for(lambda: not made.open_calls(), what="the end of the call", limit_s=NOTICED_S)


def test_the_attempt_is_given_up_when_the_client_has_left(made: Deployment, blackhole: int) -> None:
    fillers = leave_while_connecting(made, blackhole)
    wait_for(lambda: connecting(blackhole) <= fillers, what="its end", limit_s=NOTICED_S)
