"""Servers that end with their test."""

from collections.abc import Callable, Iterator

import pytest
import redis

from tests.contract.desk import Desk
from tests.contract.sockets import RawServer, Serve
from tests.support.fake_upstream import FakeUpstream


@pytest.fixture
def fake() -> Iterator[FakeUpstream]:
    """A scripted upstream."""
    upstream = FakeUpstream()
    yield upstream
    upstream.close()
    assert upstream.faults == []


@pytest.fixture
def raw_server() -> Iterator[Callable[[Serve], RawServer]]:
    """Starts raw servers."""
    servers: list[RawServer] = []

    def start(serve: Serve) -> RawServer:
        servers.append(RawServer(serve))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
    assert [fault for server in servers for fault in server.faults] == []


@pytest.fixture
def desk(redis_client: redis.Redis) -> Desk:
    """Calls on an empty Redis."""
    return Desk(redis_client)
