"""Tokens are counted by the upstream where it can be asked, and else estimated, which is told."""

import json
from typing import Any

import anthropic
import pytest
from google import genai

from gateway.canonical.request import Dialect
from tests.support import answers
from tests.support.client import Reply
from tests.support.fake_upstream import Answer, FakeUpstream
from tests.support.gateway import Gateway
from tests.support.speakers import (
    ANTHROPIC,
    CHAT,
    GEMINI,
    QUESTION,
    RESPONSES,
    Json,
    Speaker,
    error_of,
)

COUNTS: dict[Dialect, Json] = {
    Dialect.ANTHROPIC_MESSAGES: {"input_tokens": 41},
    Dialect.GEMINI: {"totalTokens": 41},
}
PATHS = {
    Dialect.ANTHROPIC_MESSAGES: "/claude/v1/messages/count_tokens",
    Dialect.GEMINI: "/google/v1beta/models/m:countTokens",
}
DROPPED = "X-Queueway-Dropped"

every_client = pytest.mark.parametrize("client", [ANTHROPIC, GEMINI], ids=["anthropic", "gemini"])
every_counter = pytest.mark.parametrize("wire", [ANTHROPIC, GEMINI], ids=["anthropic", "gemini"])


def counting(wire: Speaker) -> Answer:
    """An upstream's count."""
    return Answer(headers=(answers.JSON,), body=(json.dumps(COUNTS[wire.dialect]).encode(),))


def count(gateway: Gateway, client: Speaker, model: str) -> Reply:
    """Ask for a count as a client of a dialect."""
    assert client.count_path is not None
    said = {key: value for key, value in client.question.items() if key != "max_tokens"}
    body = json.dumps({"model": model, **said} if client is ANTHROPIC else said).encode()
    return gateway.client.send("POST", client.count_path(model), body)


@every_client
@every_counter
def test_an_upstream_that_counts_is_asked(
    polyglot: Gateway, upstream: FakeUpstream, client: Speaker, wire: Speaker
) -> None:
    upstream.script = lambda _: counting(wire)
    reply = count(polyglot, client, f"{wire.instance}:m")
    assert (reply.status, reply.json) == (200, COUNTS[client.dialect])
    assert DROPPED not in reply.headers
    assert [request.path for request in upstream.requests] == [PATHS[wire.dialect]]


@every_client
def test_a_count_of_the_clients_dialect_comes_back_byte_for_byte(
    polyglot: Gateway, upstream: FakeUpstream, client: Speaker
) -> None:
    told = b'{ "input_tokens" : 41, "totalTokens" : 41, "unknown" : 1.0 }'
    upstream.script = lambda _: Answer(headers=(answers.JSON,), body=(told,))
    assert count(polyglot, client, f"{client.instance}:m").body == told


@every_client
@every_counter
def test_an_upstream_that_counts_is_asked_in_its_own_words(
    polyglot: Gateway, upstream: FakeUpstream, client: Speaker, wire: Speaker
) -> None:
    upstream.script = lambda _: counting(wire)
    count(polyglot, client, f"{wire.instance}:m")
    assert QUESTION in json.dumps(sent(upstream))
    assert "max_tokens" not in sent(upstream)
    assert "stream" not in sent(upstream)


def sent(upstream: FakeUpstream) -> Any:
    """The one request's body."""
    (request,) = upstream.requests
    return request.json


@every_client
@pytest.mark.parametrize(
    "model", ["chat:m", "responses:m", "local-stub:echo"], ids=["chat", "responses", "stub"]
)
def test_a_count_that_nobody_can_be_asked_is_estimated_and_says_so(
    polyglot: Gateway, upstream: FakeUpstream, client: Speaker, model: str
) -> None:
    reply = count(polyglot, client, model)
    assert reply.status == 200
    (number,) = reply.json.values()
    assert 10 < number < 60
    assert reply.headers[DROPPED] == "exact_token_count"
    assert upstream.requests == []


@every_client
def test_a_count_names_its_call(polyglot: Gateway, client: Speaker) -> None:
    reply = count(polyglot, client, "local-stub:echo")
    assert reply.headers["X-Queueway-Call-Id"].startswith(f"{polyglot.prefix}-")


@every_client
@every_counter
def test_a_refused_count_is_told_in_the_clients_shape(
    polyglot: Gateway, upstream: FakeUpstream, client: Speaker, wire: Speaker
) -> None:
    upstream.script = lambda _: wire.refusal(400)
    reply = count(polyglot, client, f"{wire.instance}:m")
    assert reply.status == 400
    assert "no luck" in error_of(client.dialect, reply.json)[1]


@every_client
def test_a_refused_count_goes_to_the_next_candidate(
    polyglot: Gateway, upstream: FakeUpstream, client: Speaker
) -> None:
    upstream.script = lambda _: client.refusal(500)
    reply = count(polyglot, client, f"{client.instance}:m|local-stub:echo")
    assert reply.headers[DROPPED] == "exact_token_count"


@every_client
@every_counter
def test_what_is_no_count_is_a_502(
    polyglot: Gateway, upstream: FakeUpstream, client: Speaker, wire: Speaker
) -> None:
    upstream.script = lambda _: Answer(headers=(answers.JSON,), body=(b"[]",))
    reply = count(polyglot, client, f"{wire.instance}:m")
    assert reply.status == 502


def test_googles_count_may_be_of_a_whole_request(polyglot: Gateway, upstream: FakeUpstream) -> None:
    upstream.script = lambda _: counting(ANTHROPIC)
    whole = {"model": "models/x", **GEMINI.question}
    body = json.dumps({"generateContentRequest": whole}).encode()
    reply = polyglot.client.send("POST", "/v1beta/models/claude:m:countTokens", body)
    assert reply.json == {"totalTokens": 41}


@pytest.mark.parametrize("wire", [CHAT, RESPONSES], ids=["chat", "responses"])
def test_a_count_of_nothing_is_a_400(polyglot: Gateway, wire: Speaker) -> None:
    body = json.dumps({"model": f"{wire.instance}:m", "messages": []}).encode()
    reply = polyglot.client.send("POST", "/v1/messages/count_tokens", body)
    assert reply.status == 400


def test_anthropics_sdk_reads_a_count(polyglot: Gateway, upstream: FakeUpstream) -> None:
    upstream.script = lambda _: counting(GEMINI)
    root = f"http://127.0.0.1:{polyglot.port}"
    question: Any = ANTHROPIC.question["messages"]
    with anthropic.Anthropic(base_url=root, api_key="any", max_retries=0) as client:
        counted = client.messages.count_tokens(model="google:m", messages=question)
    assert counted.input_tokens == 41


def test_googles_sdk_reads_a_count(polyglot: Gateway, upstream: FakeUpstream) -> None:
    upstream.script = lambda _: counting(ANTHROPIC)
    root = f"http://127.0.0.1:{polyglot.port}"
    with genai.Client(api_key="any", http_options={"base_url": root}) as client:
        counted = client.models.count_tokens(model="claude:m", contents=QUESTION)
    assert counted.total_tokens == 41
