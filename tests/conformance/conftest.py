"""One gateway with an instance for every wire, all on one emulator, and a client of every SDK."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import anthropic
import openai
import pytest
from google import genai
from google.genai import types

from gateway.canonical.request import Dialect
from gateway.runtime import Runtime
from tests.conformance.clients.anthropic_messages import AnthropicMessagesClient
from tests.conformance.clients.gemini import GeminiClient
from tests.conformance.clients.openai_chat import OpenAIChatClient
from tests.conformance.clients.openai_responses import OpenAIResponsesClient
from tests.conformance.stage import Clients
from tests.support.emulators.emulator import CLIENT_KEY, WIRES, Emulator, key_of
from tests.support.emulators.scenes import FIRST, SECOND
from tests.support.gateway import Gateway
from tests.support.redis_server import RedisServer
from tests.support.report import pytest_runtest_makereport

__all__ = ["pytest_runtest_makereport"]

_KINDS = {
    Dialect.OPENAI_CHAT: "openai-legacy",
    Dialect.OPENAI_RESPONSES: "openai-responses",
    Dialect.ANTHROPIC_MESSAGES: "anthropic",
    Dialect.GEMINI: "gemini",
}
_TIMEOUT_S = 30.0


@pytest.fixture(scope="session")
def shared_emulator() -> Iterator[Emulator]:
    """The upstream of every instance."""
    with closing(Emulator()) as emulator:
        yield emulator


@pytest.fixture
def emulator(shared_emulator: Emulator) -> Iterator[Emulator]:
    """The upstream, which has been asked nothing; at the end, all that it was asked was right."""
    shared_emulator.reset()
    yield shared_emulator
    assert shared_emulator.complaints == []
    assert shared_emulator.faults == []


@pytest.fixture(scope="session")
def own_redis() -> Iterator[RedisServer]:
    """A Redis that no other test empties."""
    server = RedisServer()
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="session")
def gateway(own_redis: RedisServer, shared_emulator: Emulator) -> Iterator[Gateway]:
    """The gateway of all cells, in the default way of doing many things at once."""
    with _started(own_redis, shared_emulator, concurrency="gevent") as gateway:
        yield gateway


@pytest.fixture(scope="session")
def threaded_gateway(own_redis: RedisServer, shared_emulator: Emulator) -> Iterator[Gateway]:
    """The same on threads."""
    with _started(own_redis, shared_emulator, concurrency="threads") as gateway:
        yield gateway


@pytest.fixture(scope="session")
def runtime(gateway: Gateway) -> Iterator[Runtime]:
    """What this process needs to lift marks from keys."""
    with gateway.runtime() as runtime:
        yield runtime


@pytest.fixture(scope="session")
def shared_clients(gateway: Gateway) -> Iterator[Clients]:
    """A client of every SDK."""
    with _clients(gateway) as clients:
        yield clients


@pytest.fixture
def clients(shared_clients: Clients, runtime: Runtime) -> Clients:
    """A client of every SDK, while every key may be used."""
    for wire in WIRES:
        runtime.pool.reset(wire.value)
    return shared_clients


@pytest.fixture(scope="session")
def threaded_clients(threaded_gateway: Gateway) -> Iterator[Clients]:
    """The same for the gateway on threads."""
    with _clients(threaded_gateway) as clients:
        yield clients


@contextmanager
def _started(redis: RedisServer, emulator: Emulator, *, concurrency: str) -> Iterator[Gateway]:
    backends = [
        {
            "id": dialect.value,
            "kind": _KINDS[dialect],
            "base_url": emulator.base_url(dialect),
            "api_keys": [key_of(dialect, FIRST), key_of(dialect, SECOND)],
        }
        for dialect in WIRES
    ]
    settings = {"access": {"client_keys": [{"id": "sdk", "key": CLIENT_KEY}]}}
    gateway = Gateway(
        redis_url=redis.url, backends=backends, settings=settings, concurrency=concurrency
    )
    with closing(gateway):
        gateway.start()
        yield gateway


@contextmanager
def _clients(gateway: Gateway) -> Iterator[Clients]:
    root = gateway.url.removesuffix("/v1")
    with ExitStack() as stack:
        gpt = stack.enter_context(
            openai.OpenAI(
                base_url=gateway.url, api_key=CLIENT_KEY, max_retries=0, timeout=_TIMEOUT_S
            )
        )
        claude = stack.enter_context(
            anthropic.Anthropic(
                base_url=root, api_key=CLIENT_KEY, max_retries=0, timeout=_TIMEOUT_S
            )
        )
        options = types.HttpOptions(
            base_url=root,
            timeout=int(_TIMEOUT_S * 1000),
            retry_options=types.HttpRetryOptions(attempts=1),
        )
        google = stack.enter_context(
            closing(genai.Client(api_key=CLIENT_KEY, vertexai=False, http_options=options))
        )
        yield {
            Dialect.OPENAI_CHAT: OpenAIChatClient(gpt),
            Dialect.OPENAI_RESPONSES: OpenAIResponsesClient(gpt),
            Dialect.ANTHROPIC_MESSAGES: AnthropicMessagesClient(claude),
            Dialect.GEMINI: GeminiClient(google),
        }
