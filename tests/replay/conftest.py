"""One gateway with a stub and an instance for every provider, all of these on one upstream."""

from collections.abc import Iterator

import pytest

from tests.replay.clients import Outcome
from tests.replay.exchange import EXCHANGES, KINDS, OTHER_KINDS
from tests.replay.stage import KEYS, Play, Stage
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway
from tests.support.redis_server import RedisServer
from tests.support.report import pytest_runtest_makereport

__all__ = ["pytest_runtest_makereport"]

STUB = "local-stub"
"""The instance that answers by itself."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of one play side by side, so that one process plays it for all of them."""
    places = [n for n, item in enumerate(items) if _play(item)]
    ours = sorted((items[place] for place in places), key=lambda item: _play(item))
    for place, item in zip(places, ours, strict=True):
        items[place] = item


def _play(item: pytest.Item) -> str:
    callspec = getattr(item, "callspec", None)
    play = callspec.params.get("play") if callspec else None
    return play.id if isinstance(play, Play) else ""


@pytest.fixture(scope="session")
def upstream() -> Iterator[FakeUpstream]:
    """The upstream of every instance."""
    upstream = FakeUpstream()
    yield upstream
    upstream.close()


@pytest.fixture(scope="session")
def gateway(upstream: FakeUpstream) -> Iterator[Gateway]:
    """The gateway of all cases, on a Redis that no other test empties."""
    redis_server = RedisServer()
    redis_server.start()
    instances: dict[str, dict[str, object]] = {STUB: {"id": STUB, "kind": "local-stub"}}
    for exchange in EXCHANGES:
        other = OTHER_KINDS[exchange.family]
        kind = KINDS.get((exchange.family, exchange.provider), other)
        # The second is the first again where the kind speaks one dialect.
        for id, its_kind in ((exchange.plain_instance, other), (exchange.instance, kind)):
            instances[id] = {
                "id": id,
                "kind": its_kind,
                "base_url": f"{upstream.url}{exchange.root}",
                "api_keys": [f"{id}-{key}" for key in KEYS],
            }
    gateway = Gateway(redis_url=redis_server.url, backends=list(instances.values()))
    try:
        gateway.start()
        yield gateway
    finally:
        gateway.close()
        redis_server.close()


@pytest.fixture(scope="session")
def stage(gateway: Gateway, upstream: FakeUpstream) -> Iterator[Stage]:
    """Where exchanges are played."""
    with gateway.runtime() as runtime:
        stage = Stage(gateway, upstream, runtime=runtime)
        yield stage
        stage.close()


@pytest.fixture
def outcome(play: Play, stage: Stage) -> Outcome:
    """What came of the play of the test."""
    return stage.outcome(play)
