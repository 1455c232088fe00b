"""Web pages of the configured origins may call, and no others."""

import pytest

from tests.e2e.dialects.conftest import CLIENT_KEY, PAGE
from tests.support.gateway import Gateway
from tests.support.speakers import CHAT, Speaker

STUB = "local-stub:echo"
ALLOW = "Access-Control-Allow-Origin"
KEY = {"Authorization": f"Bearer {CLIENT_KEY}"}
OTHERS = ["https://evil.example", "http://app.example.com", "https://app.example.com:8443", "null"]

PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,x-stainless-os",
}


def test_a_browser_is_told_before_that_its_page_may_call(
    guarded: Gateway, speaker: Speaker
) -> None:
    reply = guarded.client.send(
        "OPTIONS", speaker.path(STUB, False), headers={"Origin": PAGE, **PREFLIGHT}
    )
    assert reply.status == 204
    assert reply.headers[ALLOW] == PAGE
    assert "POST" in reply.headers["Access-Control-Allow-Methods"]
    assert (
        reply.headers["Access-Control-Allow-Headers"] == PREFLIGHT["Access-Control-Request-Headers"]
    )


def test_a_page_of_the_origin_may_read_an_answer(guarded: Gateway, speaker: Speaker) -> None:
    path = speaker.path(STUB, False)
    headers = {"Origin": PAGE, **speaker.client_key(CLIENT_KEY)}
    reply = guarded.client.send("POST", path, speaker.body(STUB), headers=headers)
    assert (reply.status, reply.headers[ALLOW]) == (200, PAGE)
    assert "X-Queueway-Call-Id" in reply.headers["Access-Control-Expose-Headers"]


def test_a_page_of_the_origin_may_read_a_stream(guarded: Gateway, speaker: Speaker) -> None:
    path = speaker.path(STUB, True)
    headers = {"Origin": PAGE, **speaker.client_key(CLIENT_KEY)}
    reply = guarded.client.send("POST", path, speaker.body(STUB, stream=True), headers=headers)
    assert (reply.status, reply.headers[ALLOW]) == (200, PAGE)


def test_a_page_of_the_origin_may_read_an_error(guarded: Gateway, speaker: Speaker) -> None:
    path = speaker.path(STUB, False)
    reply = guarded.client.send("POST", path, speaker.body(STUB), headers={"Origin": PAGE})
    assert (reply.status, reply.headers[ALLOW]) == (401, PAGE)


@pytest.mark.parametrize("origin", OTHERS)
def test_a_browser_is_told_nothing_of_that_kind_for_another_origin(
    guarded: Gateway, origin: str
) -> None:
    path = CHAT.path(STUB, False)
    reply = guarded.client.send("OPTIONS", path, headers={"Origin": origin, **PREFLIGHT})
    assert not [name for name in reply.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize("origin", OTHERS)
def test_a_page_of_another_origin_may_read_nothing(guarded: Gateway, origin: str) -> None:
    headers = {"Origin": origin, **KEY}
    reply = guarded.client.send("POST", CHAT.path(STUB, False), CHAT.body(STUB), headers=headers)
    assert ALLOW not in reply.headers


def test_a_program_that_is_no_page_is_told_nothing_of_origins(guarded: Gateway) -> None:
    reply = guarded.client.send("POST", CHAT.path(STUB, False), CHAT.body(STUB), headers=KEY)
    assert reply.status == 200
    assert ALLOW not in reply.headers


def test_a_cache_keeps_answers_to_different_origins_apart(guarded: Gateway) -> None:
    reply = guarded.client.send("GET", "/v1/models", headers=KEY)
    assert "Origin" in reply.headers["Vary"]


def test_without_origins_nothing_is_said_of_them(polyglot: Gateway) -> None:
    path = CHAT.path(STUB, False)
    reply = polyglot.client.send("OPTIONS", path, headers={"Origin": PAGE, **PREFLIGHT})
    assert ALLOW not in reply.headers
