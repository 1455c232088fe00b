"""A provider's key in the environment alone is enough: it is what the upstream gets."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import answers
from tests.support.fake_upstream import Answer, FakeUpstream, Received
from tests.support.gateway import QUEUEWAY, Gateway
from tests.support.process import clean_environment
from tests.support.redis_server import RedisServer

VARIABLES = {
    "openai-legacy": ("OPENAI_API_KEY", ("OPENAI_API_KEY_2", "OPENAI_API_KEY_3")),
    "openrouter": ("OPENROUTER_API_KEY", ("OPENROUTER_API_KEY_1", "OPENROUTER_API_KEY_2")),
    "nvidia": ("NVIDIA_API_KEY", ("NVIDIA_API_KEY_1", "NVIDIA_API_KEY_2")),
    "huggingface": ("HUGGINGFACE_API_KEY", ("HUGGINGFACE_API_KEY_1", "HUGGINGFACE_API_KEY_2")),
}
"""Kind -> its plain variable, and its first numbered ones."""

PLAIN = {kind: plain for kind, (plain, _) in VARIABLES.items()}
NUMBERED = {kind: numbered for kind, (_, numbered) in VARIABLES.items()}


def secret(variable: str) -> str:
    """The key that a variable holds."""
    return f"secret-of-{variable}"


def names(kind: str, *, plain: bool) -> tuple[str, ...]:
    """The variables that are set for a kind."""
    return (*((PLAIN[kind],) if plain else ()), *NUMBERED[kind])


def environment(*, plain: bool) -> dict[str, str]:
    """The variables of every kind, with their keys."""
    variables = [name for kind in VARIABLES for name in names(kind, plain=plain)]
    return {name: secret(name) for name in variables}


@pytest.fixture(scope="module", params=[True, False], ids=["plain-and-numbered", "numbered-only"])
def plain(request: pytest.FixtureRequest) -> bool:
    """Whether the plain variables are set beside the numbered ones."""
    return bool(request.param)


@pytest.fixture(scope="module")
def keyed_gateway(
    plain: bool, private_redis: RedisServer, shared_upstream: FakeUpstream
) -> Iterator[Gateway]:
    """A gateway whose file says where the upstreams are and names no key."""
    gateway = Gateway(
        redis_url=private_redis.url,
        environment=environment(plain=plain),
        backends=[
            {"id": kind, "base_url": f"{shared_upstream.url}/{kind}/v1"} for kind in VARIABLES
        ],
    )
    try:
        gateway.start()
        yield gateway
    finally:
        gateway.close()


@pytest.mark.parametrize("kind", VARIABLES)
def test_the_keys_of_the_environment_reach_the_upstream_in_their_order(
    keyed_gateway: Gateway, upstream: FakeUpstream, kind: str, plain: bool
) -> None:
    expected = [secret(name) for name in names(kind, plain=plain)]

    def script(request: Received) -> Answer:
        return answers.whole() if request.key == expected[-1] else answers.error(401)

    upstream.script = script
    assert keyed_gateway.chat(f"{kind}:m").status == 200
    assert upstream.keys == expected
    assert {request.authorization for request in upstream.requests} == {
        f"Bearer {key}" for key in expected
    }


def keys_without_a_file(folder: Path, redis_url: str, **variables: str) -> list[tuple[str, str]]:
    """What `queueway keys` lists when there is no configuration file: (instance, id)."""
    done = subprocess.run(
        [QUEUEWAY, "keys", "--json"],
        cwd=folder,
        env=clean_environment(REDIS_URL=redis_url, **variables),
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    return [(row["instance"], row["id"]) for row in json.loads(done.stdout)]


def test_without_a_file_every_kind_with_a_key_in_the_environment_is_served(
    tmp_path: Path, private_redis: RedisServer
) -> None:
    listed = keys_without_a_file(tmp_path, private_redis.url, **environment(plain=True))
    expected = {(kind, f"c{n}") for kind in VARIABLES for n in range(3)}
    assert {row for row in listed if row[0] in VARIABLES} == expected


def test_without_a_file_and_without_keys_only_the_stub_is_served(
    tmp_path: Path, private_redis: RedisServer
) -> None:
    assert {row[0] for row in keys_without_a_file(tmp_path, private_redis.url)} == {"local-stub"}
