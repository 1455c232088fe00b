"""Fixtures that every kind of test shares."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.support.postgres import PostgresServer, find_programs
from tests.support.redis_server import RedisServer

RECORDED = Path(__file__).resolve().parents[2] / "shared" / "recorded"


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A real Redis for the whole run; tests that kill one start their own."""
    server = RedisServer()
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A real PostgreSQL for the whole run; who stalls or kills it brings it back."""
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    server = PostgresServer(programs)
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def redis_client(redis_server: RedisServer) -> Iterator[redis.Redis]:
    """A client of an empty Redis."""
    client = redis_server.client()
    client.flushall()
    yield client
    client.close()
