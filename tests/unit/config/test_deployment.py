"""What the deployment variables change, and what is said of wrong ones."""

from collections.abc import Callable, Mapping
from operator import attrgetter

import pytest

from config.environment import VARIABLES
from config.errors import Problem
from config.schema import ClientKey, Config

Load = Callable[..., Config]
Problems = Callable[..., Mapping[str, Problem]]

LONG = "0123456789abcdef"
OPEN = f"access: {{client_keys: [{{id: alice, key: {LONG}}}]}}\n"
SERVERS = "redis: {url: 'redis://h'}\ndatabase: {url: 'postgresql://h/d'}\n"


@pytest.mark.parametrize(
    ("name", "text", "setting", "value"),
    [
        ("REDIS_URL", "rediss://h:6380/1", "redis.url", "rediss://h:6380/1"),
        ("DATABASE_URL", "postgres://u:p@h:5432/d", "database.url", "postgres://u:p@h:5432/d"),
        ("WEB_CONCURRENCY", " 4 ", "server.web_processes", 4),
        ("QUEUEWAY_CONCURRENCY", "threads", "concurrency", "threads"),
        ("QUEUEWAY_STATE_DIR", "/srv/state", "state_dir", "/srv/state"),
        ("QUEUEWAY_SECRET", LONG, "secret", LONG),
        ("QUEUEWAY_SECRET", "${NOT_A_REFERENCE}", "secret", "${NOT_A_REFERENCE}"),
        ("QUEUEWAY_LOG_LEVEL", "debug", "logging.level", "debug"),
    ],
)
def test_a_variable_replaces_its_setting(
    load: Load, name: str, text: str, setting: str, value: object
) -> None:
    file = "redis: {url: 'redis://file'}\nconcurrency: gevent\nstate_dir: file"
    assert attrgetter(setting)(load(file, **{name: text})) == value


@pytest.mark.parametrize("name", [variable.name for variable in VARIABLES])
def test_a_blank_variable_is_as_one_not_set(load: Load, name: str) -> None:
    assert load("", **{name: "  "}) == Config()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "80a"),
        ("PORT", "8_0"),
        ("REDIS_URL", "http://h"),
        ("DATABASE_URL", "mysql://h/d"),
        ("WEB_CONCURRENCY", "-1"),
        ("WEB_CONCURRENCY", "two"),
        ("WEB_CONCURRENCY", "1.5"),
        ("QUEUEWAY_CONCURRENCY", "asyncio"),
        ("QUEUEWAY_SECRET", "short"),
        ("QUEUEWAY_LOG_LEVEL", "loud"),
        ("QUEUEWAY_CLIENT_KEYS", "short"),
        ("QUEUEWAY_CLIENT_KEYS", f"not an id={LONG}"),
        ("QUEUEWAY_CLIENT_KEYS", f"={LONG}"),
        ("QUEUEWAY_CLIENT_KEYS", f"{LONG},{LONG}"),
        ("QUEUEWAY_CLIENT_KEYS", f"client1={LONG}x,{LONG}y"),
        ("QUEUEWAY_CLIENT_KEYS", "ключ" * 8),
    ],
)
def test_a_wrong_variable_is_the_path_of_its_problem(
    problems: Problems, name: str, text: str
) -> None:
    assert list(problems("", **{name: text})) == [name]


@pytest.mark.parametrize(
    ("address", "environ", "result"),
    [
        pytest.param("127.0.0.1:8080", {"PORT": "5000"}, "127.0.0.1:5000", id="port"),
        pytest.param("'[::1]:8080'", {"PORT": "5000"}, "[::1]:5000", id="port-ipv6"),
        pytest.param("'[::]:8080'", {"PORT": "05000"}, "[::]:5000", id="port-leading-zero"),
        pytest.param("localhost:8080", {"DYNO": "web.1"}, "0.0.0.0:8080", id="dyno"),
        pytest.param("localhost:80", {"DYNO": "web.1", "PORT": "1"}, "0.0.0.0:1", id="both"),
        pytest.param("192.0.2.1:80", {"DYNO": "web.1", "PORT": "1"}, "192.0.2.1:1", id="chosen"),
        pytest.param("':8080'", {}, ":8080", id="neither"),
    ],
)
def test_the_address_follows_the_platform(
    load: Load, address: str, environ: dict[str, str], result: str
) -> None:
    file = f"{OPEN}{SERVERS}server: {{address: {address}}}"
    assert load(file, **environ).server.address == result


@pytest.mark.parametrize(
    "environ",
    [{"DYNO": "web.1"}, {"QUEUEWAY_ENV": "production"}, {"QUEUEWAY_ENV": " Production "}],
    ids=["dyno", "production", "any-case"],
)
def test_a_deployment_needs_servers_of_its_own(problems: Problems, environ: dict[str, str]) -> None:
    found = problems(OPEN, **environ)
    named = {path: problem.remedy.split()[1] for path, problem in found.items()}
    assert named == {"redis.url": "REDIS_URL", "database.url": "DATABASE_URL"}


@pytest.mark.parametrize("name", ["REDIS_URL", "DATABASE_URL"])
def test_a_wrong_url_of_a_server_is_not_called_a_missing_one(problems: Problems, name: str) -> None:
    found = problems(f"{OPEN}{SERVERS}", QUEUEWAY_ENV="production", **{name: "http://h"})
    assert list(found) == [name]


@pytest.mark.parametrize("environ", [{}, {"QUEUEWAY_ENV": "development"}], ids=["none", "other"])
def test_one_machine_needs_no_servers_of_its_own(load: Load, environ: dict[str, str]) -> None:
    loaded = load("", **environ)
    assert (loaded.redis.url, loaded.database.url) == (None, None)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        pytest.param(LONG, {"client0": LONG}, id="bare"),
        pytest.param(f"bob={LONG}", {"bob": LONG}, id="named"),
        pytest.param(f" bob = {LONG} ", {"bob": LONG}, id="trimmed"),
        pytest.param(
            f",bob={LONG}x, ,{LONG}y,", {"bob": f"{LONG}x", "client1": f"{LONG}y"}, id="2"
        ),
        pytest.param(f"{LONG}==", {"client0": f"{LONG}=="}, id="bare-base64"),
        pytest.param(f"bob={LONG}==", {"bob": f"{LONG}=="}, id="named-base64"),
    ],
)
def test_client_keys_can_come_from_the_environment(
    load: Load, text: str, keys: dict[str, str]
) -> None:
    loaded = load("", QUEUEWAY_CLIENT_KEYS=text).access.client_keys
    assert {key.id: key.key for key in loaded} == keys


def test_client_keys_of_the_environment_come_after_those_of_the_file(load: Load) -> None:
    loaded = load(OPEN, QUEUEWAY_CLIENT_KEYS=f"{LONG}2").access.client_keys
    assert loaded == (ClientKey(id="alice", key=LONG), ClientKey(id="client0", key=f"{LONG}2"))


@pytest.mark.parametrize("text", [f"alice={LONG}2", f"bob={LONG}"], ids=["id", "key"])
def test_a_client_key_is_not_in_the_file_and_the_environment(problems: Problems, text: str) -> None:
    assert list(problems(OPEN, QUEUEWAY_CLIENT_KEYS=text)) == ["QUEUEWAY_CLIENT_KEYS"]


def test_a_wrong_entry_is_told_by_its_position(problems: Problems) -> None:
    found = problems("", QUEUEWAY_CLIENT_KEYS=f"{LONG},short")
    assert found["QUEUEWAY_CLIENT_KEYS"].message == "entry 2: key is too short"


def test_a_key_of_the_environment_closes_an_open_address(load: Load) -> None:
    config = load("server: {address: ':8080'}", QUEUEWAY_CLIENT_KEYS=LONG)
    assert config.server.address == ":8080"
