"""Who may call: holders of a client key, or without keys this machine alone."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from tests.support.client import chat_body
from tests.support.gateway import CHAT, QUEUEWAY, Gateway
from tests.support.process import ROOT, clean_environment, free_port
from tests.support.redis_server import RedisServer

CONFIGURED = "key-from-the-configuration"
FROM_ENVIRONMENT = "key-from-the-environment"
NAMED = "named-key-from-the-environment"

REFUSED_S = 20


@pytest.fixture(scope="module")
def guarded(private_redis: RedisServer) -> Iterator[Gateway]:
    """A gateway with client keys."""
    gateway = Gateway(
        redis_url=private_redis.url,
        backends=[{"id": "local-stub"}],
        settings={"access": {"client_keys": [{"id": "alice", "key": CONFIGURED}]}},
        environment={"QUEUEWAY_CLIENT_KEYS": f"{FROM_ENVIRONMENT}, bob={NAMED}"},
    )
    try:
        gateway.start()
        yield gateway
    finally:
        gateway.close()


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize("key", [CONFIGURED, FROM_ENVIRONMENT, NAMED])
@pytest.mark.parametrize("header", ["Authorization", "x-api-key", "api-key"])
def test_every_configured_key_is_let_in(guarded: Gateway, key: str, header: str) -> None:
    value = f"Bearer {key}" if header == "Authorization" else key
    assert guarded.chat("local-stub:echo", headers={header: value}).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="none"),
        pytest.param(bearer("key-that-nobody-has"), id="unknown"),
        pytest.param(bearer(CONFIGURED[:-1]), id="cut-short"),
        pytest.param(bearer(CONFIGURED + "x"), id="longer"),
        pytest.param(bearer(CONFIGURED.upper()), id="upper-case"),
        pytest.param(bearer("bob"), id="name-of-a-key"),
        pytest.param(bearer(f"bob={NAMED}"), id="name-and-key"),
        pytest.param(bearer(""), id="empty"),
        pytest.param(bearer("\xff\xfe"), id="latin-1"),
        pytest.param({"Authorization": f"Basic {CONFIGURED}"}, id="basic"),
        pytest.param({"Authorization": CONFIGURED}, id="no-scheme"),
        pytest.param({"Cookie": f"key={CONFIGURED}"}, id="cookie"),
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", CHAT), ("GET", "/v1/models"), ("POST", "/v1/calls/x/cancel")]
)
def test_anyone_else_gets_a_401(
    guarded: Gateway, headers: dict[str, str], method: str, path: str
) -> None:
    reply = guarded.client.send(
        method, path, chat_body("local-stub:echo") if method == "POST" else None, headers=headers
    )
    assert reply.status == 401
    assert reply.error["type"] == "authentication_error"
    assert reply.error["code"] == "invalid_api_key"


def test_a_stranger_is_told_nothing_of_the_fault_in_the_body(guarded: Gateway) -> None:
    assert guarded.post(b"not json").status == 401


def test_the_sdk_raises_its_own_class_for_a_wrong_key(guarded: Gateway) -> None:
    with (
        openai.OpenAI(base_url=guarded.url, api_key="wrong", max_retries=0) as sdk,
        pytest.raises(openai.AuthenticationError),
    ):
        sdk.models.list()


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_needs_no_key(guarded: Gateway, path: str) -> None:
    assert guarded.client.send("GET", path).status == 200


def test_with_a_key_the_origin_and_host_do_not_matter(guarded: Gateway) -> None:
    headers = {**bearer(CONFIGURED), "Origin": "https://app.example", "Host": "llm.example"}
    assert guarded.chat("local-stub:echo", headers=headers).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Origin": "http://evil.example"}, id="origin"),
        pytest.param({"Origin": "null"}, id="origin-null"),
        pytest.param({"Origin": "http://localhost.evil.example"}, id="origin-like-localhost"),
        pytest.param({"Origin": "http://[::1"}, id="origin-unreadable"),
        pytest.param({"Host": "evil.example"}, id="host"),
        pytest.param({"Host": "evil.example:8080"}, id="host-with-port"),
        pytest.param({"Host": "127.0.0.1.evil.example"}, id="host-like-loopback"),
        pytest.param({"Host": "[::1"}, id="host-unreadable"),
        pytest.param({"Host": "0.0.0.0"}, id="host-any"),
    ],
)
@pytest.mark.parametrize(("method", "path"), [("POST", CHAT), ("GET", "/v1/models")])
def test_without_keys_a_web_page_of_another_site_gets_a_403(
    gateway: Gateway, headers: dict[str, str], method: str, path: str
) -> None:
    body = chat_body("local-stub:echo") if method == "POST" else None
    reply = gateway.client.send(method, path, body, headers=headers)
    assert reply.status == 403
    assert reply.error["type"] == "permission_error"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Origin": "http://localhost:3000"}, id="origin-localhost"),
        pytest.param({"Origin": "http://127.0.0.1:5173"}, id="origin-loopback"),
        pytest.param({"Origin": "http://[::1]:80"}, id="origin-loopback-6"),
        pytest.param({"Host": "localhost:1"}, id="host-localhost"),
        pytest.param({"Host": "LOCALHOST"}, id="host-upper-case"),
        pytest.param({"Host": "queueway.localhost"}, id="host-below-localhost"),
        pytest.param({"Host": "[::1]:8080"}, id="host-loopback-6"),
    ],
)
def test_without_keys_this_machines_own_pages_are_let_in(
    gateway: Gateway, headers: dict[str, str]
) -> None:
    assert gateway.chat("local-stub:echo", headers=headers).status == 200


ADDRESSES = ["0.0.0.0", "[::]", "", "192.0.2.1", "gateway.example"]
"""What others could reach; the last three are none of this machine's, and refused before that
would be noticed."""


def run_refused(
    command: list[str], folder: Path, *, address: str, redis_url: str
) -> subprocess.CompletedProcess[str]:
    """Run a command that must end by itself, for an address and no client keys."""
    config = folder / "config.yaml"
    config.write_text(
        f"server: {{address: '{address}:{free_port()}'}}\n"
        f"redis: {{url: '{redis_url}'}}\n"
        "backends: [{id: local-stub}]\n"
    )
    return subprocess.run(
        command,
        cwd=folder,
        env=clean_environment(QUEUEWAY_CONFIG=str(config), QUEUEWAY_STATE_DIR=str(folder / "var")),
        capture_output=True,
        text=True,
        timeout=REFUSED_S,
        check=False,
    )


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(
    "command",
    [
        pytest.param([QUEUEWAY, "up"], id="up"),
        pytest.param(
            [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), "wsgi:app"],
            id="gunicorn",
        ),
    ],
)
def test_an_open_address_without_client_keys_is_refused_at_the_start(
    tmp_path: Path, private_redis: RedisServer, command: list[str], address: str
) -> None:
    done = run_refused(command, tmp_path, address=address, redis_url=private_redis.url)
    assert done.returncode == 1
    assert "QUEUEWAY_CLIENT_KEYS" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("bind", ["0.0.0.0", "[::]"])
def test_an_open_address_given_to_gunicorn_itself_is_refused_too(
    tmp_path: Path, private_redis: RedisServer, bind: str
) -> None:
    conf = str(ROOT / "gunicorn.conf.py")
    arguments = ["-c", conf, "-b", f"{bind}:{free_port()}", "wsgi:app"]
    done = run_refused(
        [sys.executable, "-m", "gunicorn", *arguments],
        tmp_path,
        address="127.0.0.1",
        redis_url=private_redis.url,
    )
    assert done.returncode == 1
    assert "without client keys" in done.stderr
