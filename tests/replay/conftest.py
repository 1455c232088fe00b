"""One gateway with an instance for every provider of the exchanges, all on one fake upstream."""

from collections.abc import Iterator

import pytest

from tests.replay.exchange import KINDS, OTHER_KIND, chat, own, recorded
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway
from tests.support.redis_server import RedisServer
from tests.support.report import pytest_runtest_makereport

__all__ = ["pytest_runtest_makereport"]

KEYS = ("replay-key-one", "replay-key-two")


@pytest.fixture(scope="session")
def shared_upstream() -> Iterator[FakeUpstream]:
    """The upstream of every instance."""
    upstream = FakeUpstream()
    yield upstream
    upstream.close()


@pytest.fixture(scope="session")
def shared_gateway(shared_upstream: FakeUpstream) -> Iterator[Gateway]:
    """The gateway of all cases, on a Redis that no other test empties."""
    redis_server = RedisServer()
    redis_server.start()
    providers = sorted({exchange.provider for exchange in chat([*own(), *recorded()])})
    backends = [
        {
            "id": provider,
            "kind": KINDS.get(provider, OTHER_KIND),
            "base_url": f"{shared_upstream.url}/{provider}/v1",
            "api_keys": [f"{provider}-{key}" for key in KEYS],
        }
        for provider in providers
    ]
    gateway = Gateway(redis_url=redis_server.url, backends=backends)
    try:
        gateway.start()
        yield gateway
    finally:
        gateway.close()
        redis_server.close()


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
