"""Embeddings go to an upstream that has them as they are, and are refused by one that has none."""

import json
from typing import Any

import openai
import pytest

from tests.support import answers
from tests.support.client import Reply
from tests.support.fake_upstream import Answer, FakeUpstream
from tests.support.gateway import Gateway
from tests.support.speakers import CHAT, RESPONSES, Speaker

EMBEDDED = (
    b'{ "object":"list","data":[{"object":"embedding","index":0,"embedding":[0.25,-1.5]}],'
    b'"model":"m","usage":{"prompt_tokens":2,"total_tokens":2}, "unknown" : 1 }'
)


def embed(gateway: Gateway, model: str) -> Reply:
    body = json.dumps({"model": model, "input": "hello"}).encode()
    return gateway.client.send("POST", "/v1/embeddings", body)


@pytest.mark.parametrize("wire", [CHAT, RESPONSES], ids=["chat", "responses"])
def test_an_answer_comes_back_byte_for_byte(
    polyglot: Gateway, upstream: FakeUpstream, wire: Speaker
) -> None:
    upstream.script = lambda _: Answer(headers=(answers.JSON,), body=(EMBEDDED,))
    reply = embed(polyglot, f"{wire.instance}:m")
    assert (reply.status, reply.body) == (200, EMBEDDED)
    assert upstream.requests[0].path == f"/{wire.instance}/v1/embeddings"


def test_a_request_goes_on_as_it_is_but_for_the_model(
    polyglot: Gateway, upstream: FakeUpstream
) -> None:
    upstream.script = lambda _: Answer(headers=(answers.JSON,), body=(EMBEDDED,))
    body = b'{ "input" : ["a", "b"], "model":"chat:m",  "dimensions":2.0, "unknown":null }'
    polyglot.client.send("POST", "/v1/embeddings", body)
    assert upstream.requests[0].body == body.replace(b'"chat:m"', b'"m"')


def test_an_answer_names_its_call(polyglot: Gateway, upstream: FakeUpstream) -> None:
    upstream.script = lambda _: Answer(headers=(answers.JSON,), body=(EMBEDDED,))
    reply = embed(polyglot, "chat:m")
    assert reply.headers["X-Queueway-Call-Id"].startswith(f"{polyglot.prefix}-")


@pytest.mark.parametrize("model", ["claude:m", "google:m", "local-stub:echo"])
def test_an_instance_without_embeddings_is_a_400_that_names_it(
    polyglot: Gateway, upstream: FakeUpstream, model: str
) -> None:
    reply = embed(polyglot, model)
    assert reply.status == 400
    assert model.partition(":")[0] in reply.error["message"]
    assert reply.error["code"] == "unsupported_operation"
    assert upstream.requests == []


@pytest.mark.parametrize("model", ["claude:m|chat:m", "local-stub:echo|chat:m"])
def test_the_next_candidate_that_has_embeddings_is_asked(
    polyglot: Gateway, upstream: FakeUpstream, model: str
) -> None:
    upstream.script = lambda _: Answer(headers=(answers.JSON,), body=(EMBEDDED,))
    assert embed(polyglot, model).body == EMBEDDED


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        pytest.param({"input": None}, "input", id="null-input"),
        pytest.param({"input": ""}, "input", id="empty-input"),
        pytest.param({"input": []}, "input", id="no-input"),
        pytest.param({"model": " "}, "model", id="blank-model"),
        pytest.param({"model": 5}, "model", id="model-of-another-type"),
    ],
)
def test_a_fault_in_a_field_is_a_400_that_names_it(
    polyglot: Gateway, fields: dict[str, Any], param: str
) -> None:
    body = json.dumps({"model": "chat:m", "input": "hello", **fields}).encode()
    reply = polyglot.client.send("POST", "/v1/embeddings", body)
    assert reply.status == 400
    assert reply.error["param"] == param


def test_what_is_no_embedding_is_a_502(polyglot: Gateway, upstream: FakeUpstream) -> None:
    upstream.script = lambda _: CHAT.whole()
    assert embed(polyglot, "chat:m").status == 502


def test_an_upstreams_refusal_is_told_byte_for_byte(
    polyglot: Gateway, upstream: FakeUpstream
) -> None:
    refusal = CHAT.refusal(400)
    upstream.script = lambda _: refusal
    reply = embed(polyglot, "chat:m")
    assert reply.status == 400
    assert [reply.body] == list(refusal.body)


def test_openais_sdk_reads_embeddings(polyglot: Gateway, upstream: FakeUpstream) -> None:
    upstream.script = lambda _: Answer(headers=(answers.JSON,), body=(EMBEDDED,))
    with openai.OpenAI(base_url=polyglot.url, api_key="any", max_retries=0) as client:
        answer = client.embeddings.create(model="chat:m", input="hi", encoding_format="float")
    assert answer.data[0].embedding == [0.25, -1.5]
