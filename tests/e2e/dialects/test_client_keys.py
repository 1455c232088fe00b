"""The caller's key, wherever its client puts it; without one a 401 in the client's own shape."""

import pytest

from gateway.canonical.request import Dialect
from tests.e2e.dialects.conftest import CLIENT_KEY
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway
from tests.support.speakers import ANTHROPIC, CHAT, GEMINI, RESPONSES, Speaker, error_of

STUB = "local-stub:echo"
HEADERS = {
    "bearer": {"Authorization": f"Bearer {CLIENT_KEY}"},
    "bearer-in-lower-case": {"authorization": f"bearer {CLIENT_KEY}"},
    "x-api-key": {"x-api-key": CLIENT_KEY},
    "x-goog-api-key": {"x-goog-api-key": CLIENT_KEY},
    "api-key": {"api-key": CLIENT_KEY},
}
UNAUTHENTICATED = {
    Dialect.OPENAI_CHAT: "authentication_error",
    Dialect.OPENAI_RESPONSES: "authentication_error",
    Dialect.ANTHROPIC_MESSAGES: "authentication_error",
    Dialect.GEMINI: "UNAUTHENTICATED",
}


def with_key(path: str, key: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}key={key}"


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
def test_a_key_is_taken_from_every_header_in_every_dialect(
    guarded: Gateway, speaker: Speaker, headers: dict[str, str]
) -> None:
    path = speaker.path(STUB, False)
    reply = guarded.client.send("POST", path, speaker.body(STUB), headers=headers)
    assert reply.status == 200


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
def test_a_key_is_taken_from_the_url(guarded: Gateway, speaker: Speaker, streams: bool) -> None:
    path = with_key(speaker.path(STUB, streams), CLIENT_KEY)
    assert guarded.client.send("POST", path, speaker.body(STUB, stream=streams)).status == 200


@pytest.mark.parametrize("path", ["/v1/models", "/v1beta/models", f"/v1/models/{STUB}"])
def test_models_are_listed_for_a_key_in_the_url(guarded: Gateway, path: str) -> None:
    assert guarded.client.send("GET", with_key(path, CLIENT_KEY)).status == 200


def test_a_call_is_cancelled_for_a_key_in_the_url(guarded: Gateway) -> None:
    reply = guarded.client.send("POST", with_key("/v1/calls/x/cancel", CLIENT_KEY))
    assert reply.status == 404


@pytest.mark.parametrize("key", [None, "wrong"], ids=["none", "unknown"])
def test_without_a_key_there_is_a_401_in_the_clients_shape(
    guarded: Gateway, speaker: Speaker, key: str | None
) -> None:
    headers = speaker.client_key(key) if key else {}
    path = speaker.path(STUB, False)
    reply = guarded.client.send("POST", path, speaker.body(STUB), headers=headers)
    assert reply.status == 401
    assert error_of(speaker.dialect, reply.json)[0] == UNAUTHENTICATED[speaker.dialect]


def test_a_wrong_key_in_the_url_is_no_key(guarded: Gateway, speaker: Speaker) -> None:
    path = with_key(speaker.path(STUB, False), "wrong")
    assert guarded.client.send("POST", path, speaker.body(STUB)).status == 401


def test_a_401_does_not_repeat_the_key(guarded: Gateway, speaker: Speaker) -> None:
    path = with_key(speaker.path(STUB, False), "key-that-nobody-has")
    reply = guarded.client.send("POST", path, speaker.body(STUB))
    assert b"key-that-nobody-has" not in reply.body


@pytest.mark.parametrize(
    ("path", "speaks"),
    [
        pytest.param("/v1/messages/count_tokens", ANTHROPIC, id="anthropic-count"),
        pytest.param("/v1beta/models/m:countTokens", GEMINI, id="gemini-count"),
        pytest.param("/v1/embeddings", CHAT, id="embeddings"),
        pytest.param("/v1/responses/resp_1/cancel", RESPONSES, id="stored-response"),
    ],
)
def test_other_routes_ask_for_a_key_too(guarded: Gateway, path: str, speaks: Speaker) -> None:
    reply = guarded.client.send("POST", path, b"{}")
    assert reply.status == 401
    error_of(speaks.dialect, reply.json)


def test_the_clients_key_stays_here(
    guarded: Gateway, upstream: FakeUpstream, speaker: Speaker
) -> None:
    upstream.script = lambda _: speaker.whole()
    model = f"{speaker.instance}:m"
    path = with_key(speaker.path(model, False), CLIENT_KEY)
    headers = speaker.client_key(CLIENT_KEY)
    guarded.client.send("POST", path, speaker.body(model), headers=headers)
    (request,) = upstream.requests
    assert CLIENT_KEY not in f"{request.path} {request.headers} {request.body!r}"
