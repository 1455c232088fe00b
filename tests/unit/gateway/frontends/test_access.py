"""Who may call."""

from typing import Any

import pytest
from werkzeug.datastructures import Headers

from config.schema import ClientKey
from gateway.canonical.errors import Failure, GatewayError, Kind
from gateway.frontends.access import LOCAL_OWNER, Access

KEYS = tuple(ClientKey(id=f"team-{n}", key=f"secret-number-{n}") for n in range(3))
GUARDED = Access(KEYS)
OPEN = Access(())
LOCAL = {"Host": "localhost:8000"}


def _owner(access: Access, headers: dict[str, str], address: str = "127.0.0.1") -> str:
    return access.owner(Headers(headers), remote_address=address)


def _refusal(access: Access, headers: dict[str, str], address: str = "127.0.0.1") -> Failure:
    with pytest.raises(GatewayError) as caught:
        _owner(access, headers, address)
    return caught.value.failure


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.id)
def test_every_key_names_its_owner_wherever_it_stands_in_the_list(key: ClientKey) -> None:
    headers = {"Authorization": f"Bearer {key.key}"}
    assert _owner(GUARDED, headers) == key.id
    assert _owner(Access(KEYS[::-1]), headers) == key.id


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Authorization": "Bearer secret-number-1"}, id="bearer"),
        pytest.param({"authorization": "bearer secret-number-1"}, id="in-lower-case"),
        pytest.param({"Authorization": "BEARER   secret-number-1 "}, id="white-space"),
        pytest.param({"x-api-key": "secret-number-1"}, id="x-api-key"),
        pytest.param({"X-Api-Key": " secret-number-1 "}, id="x-api-key-white-space"),
        pytest.param({"api-key": "secret-number-1"}, id="api-key"),
        pytest.param(
            {"Authorization": "Basic dTpw", "x-api-key": "secret-number-1"}, id="beside-basic"
        ),
        pytest.param({"Authorization": "Bearer ", "api-key": "secret-number-1"}, id="empty-bearer"),
        pytest.param({"x-api-key": " ", "api-key": "secret-number-1"}, id="blank-x-api-key"),
        pytest.param(
            {"Authorization": "Bearer secret-number-1", "x-api-key": "other"}, id="bearer-wins"
        ),
    ],
)
def test_a_key_is_read_from_the_header_that_the_client_uses(headers: dict[str, str]) -> None:
    assert _owner(GUARDED, headers) == "team-1"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="no-key"),
        pytest.param({"Authorization": ""}, id="empty"),
        pytest.param({"Authorization": "secret-number-1"}, id="no-scheme"),
        pytest.param({"Authorization": "Basic secret-number-1"}, id="other-scheme"),
        pytest.param({"Authorization": "Bearer secret-number-"}, id="part-of-a-key"),
        pytest.param({"Authorization": "Bearer secret-number-11"}, id="more-than-a-key"),
        pytest.param({"Authorization": "Bearer SECRET-NUMBER-1"}, id="other-case"),
        pytest.param({"Authorization": "Bearer team-1"}, id="the-id"),
        pytest.param({"Authorization": "Bearer \xe9\xff"}, id="not-ascii"),
        pytest.param({"Authorization": "Bearer wrong", "x-api-key": "secret-number-1"}, id="both"),
        pytest.param({"Cookie": "key=secret-number-1"}, id="cookie"),
    ],
)
@pytest.mark.parametrize("address", ["127.0.0.1", ""], ids=["loopback", "unix-socket"])
def test_without_a_valid_key_a_request_is_a_401_also_from_this_machine(
    headers: dict[str, str], address: str
) -> None:
    failure = _refusal(GUARDED, LOCAL | headers, address)
    assert (failure.status, failure.kind) == (401, Kind.AUTHENTICATION)
    assert failure.code == "invalid_api_key"


@pytest.mark.parametrize("key", ["wrong-secret", "secret-number-11"])
def test_a_refusal_repeats_no_key(key: str) -> None:
    assert key not in _refusal(GUARDED, {"x-api-key": key}).message


def test_with_keys_a_request_may_come_from_anywhere() -> None:
    headers = {"x-api-key": "secret-number-1", "Host": "example.com", "Origin": "https://x.test"}
    assert _owner(GUARDED, headers, "203.0.113.9") == "team-1"


ALLOWED: list[Any] = [
    pytest.param(LOCAL, "127.0.0.1", id="ipv4"),
    pytest.param(LOCAL, "127.8.8.8", id="another-loopback-address"),
    pytest.param(LOCAL, "::1", id="ipv6"),
    pytest.param(LOCAL, "::ffff:127.0.0.1", id="ipv4-as-ipv6"),
    pytest.param(LOCAL, "", id="unix-socket"),
    pytest.param({}, "127.0.0.1", id="no-host"),
    pytest.param({"Host": "127.0.0.1:8000"}, "127.0.0.1", id="host-address"),
    pytest.param({"Host": "[::1]:8000"}, "::1", id="host-ipv6"),
    pytest.param({"Host": "LOCALHOST"}, "127.0.0.1", id="host-in-upper-case"),
    pytest.param({"Host": "app.localhost:80"}, "127.0.0.1", id="host-below-localhost"),
    pytest.param(LOCAL | {"Origin": "http://localhost:3000"}, "127.0.0.1", id="local-page"),
    pytest.param(LOCAL | {"Origin": "http://127.0.0.1"}, "127.0.0.1", id="local-page-by-address"),
    pytest.param(LOCAL | {"Origin": "http://[::1]:1"}, "127.0.0.1", id="local-page-by-ipv6"),
    pytest.param(LOCAL | {"Authorization": "Bearer any"}, "127.0.0.1", id="with-some-key"),
]
REFUSED: list[Any] = [
    pytest.param(LOCAL, "203.0.113.9", "this machine only", id="another-machine"),
    pytest.param(LOCAL, "10.0.0.2", "this machine only", id="a-private-address"),
    pytest.param(LOCAL, "2001:db8::1", "this machine only", id="another-machine-ipv6"),
    pytest.param(LOCAL, "::ffff:10.0.0.2", "this machine only", id="private-as-ipv6"),
    pytest.param(LOCAL, "0.0.0.0", "this machine only", id="no-address"),
    pytest.param(LOCAL, "unknown", "this machine only", id="junk-address"),
    pytest.param(LOCAL | {"Origin": "https://x.test"}, "127.0.0.1", "web page", id="other-site"),
    pytest.param(LOCAL | {"Origin": "null"}, "127.0.0.1", "web page", id="sandboxed-page"),
    pytest.param(
        LOCAL | {"Origin": "http://localhost.x.test"}, "127.0.0.1", "web page", id="lookalike"
    ),
    pytest.param(LOCAL | {"Origin": "file://"}, "127.0.0.1", "web page", id="file"),
    pytest.param({"Host": "x.test"}, "127.0.0.1", "localhost only", id="rebound-name"),
    pytest.param({"Host": "x.test:8000"}, "", "localhost only", id="rebound-name-at-a-socket"),
    pytest.param({"Host": "0.0.0.0:8000"}, "127.0.0.1", "localhost only", id="host-any-address"),
    pytest.param({"Host": "10.0.0.2"}, "127.0.0.1", "localhost only", id="host-other-address"),
    pytest.param({"Host": "notlocalhost"}, "127.0.0.1", "localhost only", id="host-lookalike"),
]


@pytest.mark.parametrize(("headers", "address"), ALLOWED)
def test_without_keys_this_machine_is_let_in(headers: dict[str, str], address: str) -> None:
    assert _owner(OPEN, headers, address) == LOCAL_OWNER


@pytest.mark.parametrize(("headers", "address", "words"), REFUSED)
def test_without_keys_strangers_are_a_403(
    headers: dict[str, str], address: str, words: str
) -> None:
    failure = _refusal(OPEN, headers, address)
    assert (failure.status, failure.kind) == (403, Kind.PERMISSION)
    assert words in failure.message


@pytest.mark.parametrize("headers", [{"Host": "[::1"}, LOCAL | {"Origin": "http://[::1"}])
def test_without_keys_a_name_that_cannot_be_read_is_a_403(headers: dict[str, str]) -> None:
    assert _refusal(OPEN, headers).status == 403
