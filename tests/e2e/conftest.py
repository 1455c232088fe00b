"""A gateway for each way of running many calls, with instances for everything that can go wrong."""

import socket
from collections.abc import Iterator
from contextlib import closing

import openai
import pytest

from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway
from tests.support.redis_server import RedisServer
from tests.support.report import pytest_runtest_makereport

__all__ = ["pytest_runtest_makereport"]

CONCURRENCIES = ("gevent", "threads")

MAX_BODY_BYTES = 200_000
MAX_DEPTH = 64

SHORT_S = 0.3
"""A time limit of the instance `hasty`."""


@pytest.fixture(scope="session")
def private_redis() -> Iterator[RedisServer]:
    """A Redis for gateways that outlive a test: no other test empties it."""
    server = RedisServer()
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="session")
def shared_upstream() -> Iterator[FakeUpstream]:
    """The upstream of every instance; the first segment of a path names the instance."""
    upstream = FakeUpstream()
    yield upstream
    upstream.close()


@pytest.fixture(scope="session")
def refusing_port() -> Iterator[int]:
    """A port that refuses connections: it is taken, and nobody listens."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture(scope="session", params=CONCURRENCIES)
def concurrency(request: pytest.FixtureRequest) -> str:
    """How web and worker run many calls."""
    return str(request.param)


@pytest.fixture(scope="session")
def shared_gateway(
    concurrency: str, private_redis: RedisServer, shared_upstream: FakeUpstream, refusing_port: int
) -> Iterator[Gateway]:
    """The gateway of most tests."""
    root = shared_upstream.url
    limits = {"first_byte_s": SHORT_S, "silence_s": SHORT_S}
    gateway = Gateway(
        redis_url=private_redis.url,
        concurrency=concurrency,
        settings={
            "server": {"max_request_body_bytes": MAX_BODY_BYTES, "max_json_depth": MAX_DEPTH}
        },
        backends=[
            {"id": "local-stub"},
            {"id": "a", **_row(f"{root}/a/v1", "key-of-a-one", "key-of-a-two")},
            {"id": "b", **_row(f"{root}/b/v1", "key-of-b-one")},
            {"id": "hasty", **_row(f"{root}/hasty/v1", "key-of-hasty"), "timeouts": limits},
            {"id": "gone", **_row(f"http://127.0.0.1:{refusing_port}/v1", "key-of-gone")},
        ],
    )
    try:
        gateway.start()
        yield gateway
    finally:
        gateway.close()


@pytest.fixture
def upstream(shared_upstream: FakeUpstream) -> Iterator[FakeUpstream]:
    """The upstream, with nothing scripted and nothing received."""
    shared_upstream.reset()
    yield shared_upstream
    assert shared_upstream.faults == []


@pytest.fixture
def gateway(shared_gateway: Gateway, upstream: FakeUpstream) -> Gateway:
    """The gateway, with every key usable."""
    shared_gateway.reset_keys()
    return shared_gateway


@pytest.fixture
def sdk(gateway: Gateway) -> Iterator[openai.OpenAI]:
    """OpenAI's own client of the gateway, without retries of its own."""
    with openai.OpenAI(base_url=gateway.url, api_key="any", max_retries=0) as client:
        yield client


def _row(base_url: str, *keys: str) -> dict[str, object]:
    return {"kind": "openai-legacy", "base_url": base_url, "api_keys": list(keys)}
