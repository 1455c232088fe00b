"""Gateways with an upstream of every dialect: an open one, one with keys, an impatient one."""

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.canonical.request import Dialect
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway
from tests.support.redis_server import RedisServer
from tests.support.speakers import ANTHROPIC, CHAT, GEMINI, RESPONSES, SPEAKERS, Speaker

CLIENT_KEY = "key-of-a-client-0123"
PAGE = "https://app.example.com"
"""The origin whose web pages may call."""

MAX_BODY_BYTES = 100_000
MAX_DEPTH = 64
KEEPALIVE_S = 0.1


@pytest.fixture(params=list(Dialect), ids=lambda dialect: dialect.value)
def speaker(request: pytest.FixtureRequest) -> Speaker:
    """Each dialect in turn."""
    return SPEAKERS[request.param]


def _backends(root: str) -> list[dict[str, Any]]:
    rows = (
        (CHAT, "openai-legacy", "/v1"),
        (RESPONSES, "openai-responses", "/v1"),
        (ANTHROPIC, "anthropic", ""),
        (GEMINI, "gemini", ""),
    )
    return [
        {"id": "local-stub"},
        *(
            {
                "id": speaker.instance,
                "kind": kind,
                "base_url": f"{root}/{speaker.instance}{below}",
                "api_keys": [speaker.key],
                "models": ["m"],
            }
            for speaker, kind, below in rows
        ),
    ]


def _running(redis_url: str, upstream: FakeUpstream, settings: dict[str, Any]) -> Iterator[Gateway]:
    gateway = Gateway(redis_url=redis_url, backends=_backends(upstream.url), settings=settings)
    try:
        gateway.start()
        yield gateway
    finally:
        gateway.close()


@pytest.fixture(scope="session")
def shared_polyglot(private_redis: RedisServer, shared_upstream: FakeUpstream) -> Iterator[Gateway]:
    """The gateway of most tests."""
    bounds = {"max_request_body_bytes": MAX_BODY_BYTES, "max_json_depth": MAX_DEPTH}
    yield from _running(private_redis.url, shared_upstream, {"server": bounds})


@pytest.fixture(scope="session")
def shared_guarded(private_redis: RedisServer, shared_upstream: FakeUpstream) -> Iterator[Gateway]:
    """A gateway with a client key and an origin."""
    settings = {
        "access": {"client_keys": [{"id": "alice", "key": CLIENT_KEY}]},
        "server": {"cors_origins": [PAGE]},
    }
    yield from _running(private_redis.url, shared_upstream, settings)


@pytest.fixture(scope="session")
def shared_impatient(
    private_redis: RedisServer, shared_upstream: FakeUpstream
) -> Iterator[Gateway]:
    """A gateway that takes a short silence for a long one."""
    server = {
        "keepalive_s": KEEPALIVE_S,
        "nonstream_keepalive": "whitespace",
        "nonstream_keepalive_s": KEEPALIVE_S,
    }
    yield from _running(private_redis.url, shared_upstream, {"server": server})


@pytest.fixture
def polyglot(shared_polyglot: Gateway, upstream: FakeUpstream) -> Gateway:
    """The gateway of most tests, with every key usable."""
    shared_polyglot.reset_keys()
    return shared_polyglot


@pytest.fixture
def guarded(shared_guarded: Gateway, upstream: FakeUpstream) -> Gateway:
    """The gateway with a client key and an origin."""
    return shared_guarded


@pytest.fixture
def impatient(shared_impatient: Gateway, upstream: FakeUpstream) -> Gateway:
    """The gateway that takes a short silence for a long one."""
    shared_impatient.reset_keys()
    return shared_impatient
