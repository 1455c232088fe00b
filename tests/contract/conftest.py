"""Servers that end with their test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from sqlalchemy import Engine

from gateway.store import schema
from gateway.store.attempts import AttemptStore
from gateway.store.database import open_database, sqlite_url
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


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of either kind."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    return str(request.getfixturevalue("postgres_server").empty_database())


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """The empty database, opened."""
    engine = open_database(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def upgraded(engine: Engine) -> Engine:
    """A database that is up to date."""
    schema.upgrade(engine)
    return engine


@pytest.fixture
def store(upgraded: Engine) -> AttemptStore:
    """Attempts in a database that is up to date."""
    return AttemptStore(upgraded)
