"""Every route of every dialect answers in that dialect, translated and as it came."""

import json

import pytest

from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway
from tests.support.speakers import (
    ANTHROPIC,
    CHAT,
    GEMINI,
    QUESTION,
    RESPONSES,
    Speaker,
    error_of,
)

STUB = "local-stub:echo"


def test_a_stub_answers_in_the_clients_dialect(polyglot: Gateway, speaker: Speaker) -> None:
    path = speaker.path(STUB, False)
    reply = polyglot.client.send("POST", path, speaker.body(STUB))
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/json"
    assert speaker.text(reply.json) == QUESTION


def test_a_stub_streams_in_the_clients_dialect(polyglot: Gateway, speaker: Speaker) -> None:
    path = speaker.path(STUB, True)
    reply = polyglot.client.send("POST", path, speaker.body(STUB, stream=True))
    assert reply.status == 200
    assert reply.headers["Content-Type"].startswith("text/event-stream")
    assert speaker.texts(reply.body) == QUESTION


def test_an_upstream_of_the_clients_dialect_answers_byte_for_byte(
    polyglot: Gateway, upstream: FakeUpstream, speaker: Speaker
) -> None:
    answer = speaker.whole()
    upstream.script = lambda _: answer
    model = f"{speaker.instance}:m"
    reply = polyglot.client.send("POST", speaker.path(model, False), speaker.body(model))
    assert [reply.body] == list(answer.body)


def test_an_upstream_of_the_clients_dialect_streams_byte_for_byte(
    polyglot: Gateway, upstream: FakeUpstream, speaker: Speaker
) -> None:
    answer = speaker.streamed("It is ", "noon.")
    upstream.script = lambda _: answer
    model = f"{speaker.instance}:m"
    reply = polyglot.client.send(
        "POST", speaker.path(model, True), speaker.body(model, stream=True)
    )
    assert reply.body == b"".join(piece for piece in answer.body if isinstance(piece, bytes))


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
def test_every_answer_names_its_call(polyglot: Gateway, speaker: Speaker, streams: bool) -> None:
    path = speaker.path(STUB, streams)
    reply = polyglot.client.send("POST", path, speaker.body(STUB, stream=streams))
    assert reply.headers["X-Queueway-Call-Id"].startswith(f"{polyglot.prefix}-")


def test_messages_may_be_asked_with_a_query(polyglot: Gateway) -> None:
    reply = polyglot.client.send("POST", "/v1/messages?beta=true", ANTHROPIC.body(STUB))
    assert ANTHROPIC.text(reply.json) == QUESTION


@pytest.mark.parametrize("version", ["", "/v1", "/v1beta", "/v1beta1"])
def test_gemini_is_served_under_every_version(polyglot: Gateway, version: str) -> None:
    path = f"{version}/models/{STUB}:generateContent"
    reply = polyglot.client.send("POST", path, GEMINI.body(STUB))
    assert GEMINI.text(reply.json) == QUESTION


@pytest.mark.parametrize("query", ["", "?alt=json"])
def test_a_gemini_stream_without_sse_is_a_json_array(polyglot: Gateway, query: str) -> None:
    path = f"/v1beta/models/{STUB}:streamGenerateContent{query}"
    reply = polyglot.client.send("POST", path, GEMINI.body(STUB))
    assert reply.headers["Content-Type"] == "application/json"
    assert "".join(map(GEMINI.piece, reply.json)) == QUESTION


def test_a_gemini_upstream_is_asked_for_sse_whatever_the_client_wants(
    polyglot: Gateway, upstream: FakeUpstream
) -> None:
    upstream.script = lambda _: GEMINI.streamed("It is ", "noon.")
    path = "/v1beta/models/google:m:streamGenerateContent"
    reply = polyglot.client.send("POST", path, GEMINI.body(""))
    assert [GEMINI.piece(chunk) for chunk in reply.json] == ["It is ", "noon.", ""]
    assert upstream.requests[0].path.endswith("/models/m:streamGenerateContent?alt=sse")


@pytest.mark.parametrize(
    ("path", "model"),
    [
        pytest.param("chat:vendor/m:fast", "vendor/m:fast", id="as-it-is"),
        pytest.param("chat:vendor%2Fm%3Afast", "vendor/m:fast", id="encoded"),
        pytest.param("chat%3Avendor%2Fm%3Afast", "vendor/m:fast", id="all-encoded"),
        pytest.param("local-stub:error-before-output%7Cchat:m", "m", id="a-choice-encoded"),
        pytest.param("local-stub:error-before-output|chat:m", "m", id="a-choice"),
    ],
)
def test_a_model_in_a_path_may_hold_any_character(
    polyglot: Gateway, upstream: FakeUpstream, path: str, model: str
) -> None:
    upstream.script = lambda _: CHAT.whole("noon")
    reply = polyglot.client.send("POST", f"/v1beta/models/{path}:generateContent", GEMINI.body(""))
    assert GEMINI.text(reply.json) == "noon"
    assert upstream.requests[0].json["model"] == model


@pytest.mark.parametrize(
    ("model", "path"),
    [
        pytest.param("m", "/google/v1beta/models/m:generateContent", id="plain"),
        pytest.param("models/m", "/google/v1beta/models/m:generateContent", id="resource"),
        pytest.param("a/b:c#d", "/google/v1beta/models/a%2Fb%3Ac%23d:generateContent", id="odd"),
    ],
)
def test_a_gemini_upstream_is_asked_for_the_model_by_its_path(
    polyglot: Gateway, upstream: FakeUpstream, model: str, path: str
) -> None:
    upstream.script = lambda _: GEMINI.whole()
    route = {"X-Queueway-Route": f"google:{model}"}
    polyglot.client.send(
        "POST", "/v1beta/models/any:generateContent", GEMINI.body(""), headers=route
    )
    assert upstream.requests[0].path == path


@pytest.mark.parametrize(
    ("field", "value"),
    [("previous_response_id", "resp_1"), ("background", True), ("conversation", "conv_1")],
)
def test_what_needs_stored_responses_is_a_400_that_names_the_field(
    polyglot: Gateway, field: str, value: object
) -> None:
    body = RESPONSES.body(STUB, **{field: value})
    reply = polyglot.client.send("POST", "/v1/responses", body)
    assert reply.status == 400
    assert reply.error["param"] == field


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/responses/resp_1"),
        ("DELETE", "/v1/responses/resp_1"),
        ("POST", "/v1/responses/resp_1/cancel"),
        ("GET", "/v1/responses/resp_1/input_items"),
    ],
)
def test_a_stored_response_is_a_404_that_says_why(
    polyglot: Gateway, method: str, path: str
) -> None:
    reply = polyglot.client.send(method, path)
    assert reply.status == 404
    _, message = error_of(RESPONSES.dialect, reply.json)
    assert "no response is stored here" in message


def test_a_gemini_verb_that_is_not_served_is_a_404_that_names_those_that_are(
    polyglot: Gateway,
) -> None:
    reply = polyglot.client.send(
        "POST", f"/v1beta/models/{STUB}:embedContent", json.dumps({}).encode()
    )
    assert reply.status == 404
    status, message = error_of(GEMINI.dialect, reply.json)
    assert status == "NOT_FOUND"
    assert "generateContent" in message
