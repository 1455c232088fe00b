"""What an upstream's dialect cannot say is refused before it is asked, or dropped and named."""

from typing import Any

import pytest

from gateway.canonical.request import Dialect
from tests.support.client import Reply
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway
from tests.support.speakers import ANTHROPIC, CHAT, GEMINI, RESPONSES, Speaker, error_of

DROPPED = "X-Queueway-Dropped"
CUSTOM = {"type": "custom", "name": "f", "description": "free text"}
SEARCH = {"type": "web_search_20250305", "name": "web_search"}

REFUSED = [
    pytest.param(CHAT, {"logprobs": True}, ANTHROPIC, "logprobs", id="logprobs"),
    pytest.param(CHAT, {"n": 2}, GEMINI, "several_choices", id="several-choices"),
    pytest.param(CHAT, {"stop": "END"}, RESPONSES, "stop_sequences", id="stop-sequences"),
    pytest.param(RESPONSES, {"tools": [CUSTOM]}, ANTHROPIC, "custom_tools", id="custom-tools"),
    pytest.param(
        RESPONSES, {"tools": [{"type": "web_search"}]}, CHAT, "provider_tools", id="web-search"
    ),
    pytest.param(ANTHROPIC, {"tools": [SEARCH]}, CHAT, "provider_tools", id="server-tool"),
    pytest.param(
        ANTHROPIC, {"stop_sequences": ["END"]}, RESPONSES, "stop_sequences", id="stop-in-messages"
    ),
    pytest.param(
        GEMINI, {"tools": [{"googleSearch": {}}]}, ANTHROPIC, "provider_tools", id="google-search"
    ),
    pytest.param(
        GEMINI,
        {"generationConfig": {"responseMimeType": "application/json"}},
        ANTHROPIC,
        "json_object",
        id="json-without-schema",
    ),
]
LOST = [
    pytest.param(CHAT, {"seed": 7}, ANTHROPIC, "seed", id="seed"),
    pytest.param(CHAT, {"seed": 7, "presence_penalty": 1}, RESPONSES, "penalties, seed", id="two"),
    pytest.param(CHAT, {"user": "u"}, GEMINI, "user", id="user"),
    pytest.param(ANTHROPIC, {"top_k": 5}, CHAT, "top_k", id="top-k"),
    pytest.param(
        ANTHROPIC,
        {"system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}]},
        GEMINI,
        "prompt_cache",
        id="cache",
    ),
    pytest.param(GEMINI, {"generationConfig": {"topK": 5}}, RESPONSES, "top_k", id="top-k-google"),
]
ways = pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])


def ask(
    gateway: Gateway, client: Speaker, model: str, *, stream: bool = False, **fields: Any
) -> Reply:
    body = client.body(model, stream=stream, **fields)
    return gateway.client.send("POST", client.path(model, stream), body)


@ways
@pytest.mark.parametrize(("client", "fields", "wire", "feature"), REFUSED)
def test_what_would_change_the_answer_is_refused_by_name_before_anybody_is_asked(
    polyglot: Gateway,
    upstream: FakeUpstream,
    client: Speaker,
    fields: dict[str, Any],
    wire: Speaker,
    feature: str,
    streams: bool,
) -> None:
    reply = ask(polyglot, client, f"{wire.instance}:m", stream=streams, **fields)
    assert reply.status == 400
    assert feature in error_of(client.dialect, reply.json)[1]
    assert upstream.requests == []


@pytest.mark.parametrize(("client", "fields", "wire", "feature"), REFUSED)
def test_the_next_candidate_that_can_say_it_is_asked(
    polyglot: Gateway,
    upstream: FakeUpstream,
    client: Speaker,
    fields: dict[str, Any],
    wire: Speaker,
    feature: str,
) -> None:
    upstream.script = lambda _: client.whole("noon")
    reply = ask(polyglot, client, f"{wire.instance}:m|{client.instance}:m", **fields)
    assert client.text(reply.json) == "noon"
    assert [request.path.split("/")[1] for request in upstream.requests] == [client.instance]


def test_a_refused_feature_is_the_parameter_of_openais_error(polyglot: Gateway) -> None:
    reply = ask(polyglot, CHAT, "claude:m", logprobs=True)
    assert (reply.error["param"], reply.error["code"]) == ("logprobs", "unsupported_feature")


def test_a_refused_feature_is_the_field_of_googles_error(polyglot: Gateway) -> None:
    reply = ask(polyglot, GEMINI, "claude:m", tools=[{"googleSearch": {}}])
    (detail,) = reply.error["details"]
    assert [violation["field"] for violation in detail["fieldViolations"]] == ["provider_tools"]


def test_a_refused_feature_does_not_set_a_key_aside(
    polyglot: Gateway, upstream: FakeUpstream
) -> None:
    upstream.script = lambda _: ANTHROPIC.whole("noon")
    ask(polyglot, CHAT, "claude:m", logprobs=True)
    assert CHAT.text(ask(polyglot, CHAT, "claude:m").json) == "noon"


@ways
@pytest.mark.parametrize(("client", "fields", "wire", "names"), LOST)
def test_what_the_answer_can_do_without_is_dropped_and_named(
    polyglot: Gateway,
    upstream: FakeUpstream,
    client: Speaker,
    fields: dict[str, Any],
    wire: Speaker,
    names: str,
    streams: bool,
) -> None:
    upstream.script = lambda _: wire.streamed("noon") if streams else wire.whole("noon")
    reply = ask(polyglot, client, f"{wire.instance}:m", stream=streams, **fields)
    assert reply.status == 200
    assert reply.headers[DROPPED] == names


@ways
def test_a_request_of_which_nothing_is_lost_says_nothing(
    polyglot: Gateway, upstream: FakeUpstream, speaker: Speaker, streams: bool
) -> None:
    wire = ANTHROPIC if speaker is CHAT else CHAT
    upstream.script = lambda _: wire.streamed("noon") if streams else wire.whole("noon")
    reply = ask(polyglot, speaker, f"{wire.instance}:m", stream=streams)
    assert reply.status == 200
    assert DROPPED not in reply.headers


def test_nothing_is_dropped_on_the_way_to_the_clients_own_dialect(
    polyglot: Gateway, upstream: FakeUpstream
) -> None:
    upstream.script = lambda _: CHAT.whole("noon")
    reply = ask(polyglot, CHAT, "chat:m", top_k=5, unknown=1)
    assert DROPPED not in reply.headers
    assert upstream.requests[0].json["top_k"] == 5


def test_what_is_dropped_is_that_of_the_candidate_that_answered(
    polyglot: Gateway, upstream: FakeUpstream
) -> None:
    upstream.script = lambda request: (
        ANTHROPIC.refusal(500) if "/claude/" in request.path else GEMINI.whole("noon")
    )
    reply = ask(polyglot, CHAT, "claude:m|google:m", seed=7, user="u")
    assert reply.headers[DROPPED] == "user"


def test_an_unknown_field_is_named_as_the_client_wrote_it(
    polyglot: Gateway, upstream: FakeUpstream
) -> None:
    upstream.script = lambda _: ANTHROPIC.whole("noon")
    reply = ask(polyglot, CHAT, "claude:m", my_own_field=1)
    assert reply.headers[DROPPED] == "my_own_field"


def test_a_fault_that_only_a_translation_finds_is_a_400(
    polyglot: Gateway, upstream: FakeUpstream, speaker: Speaker
) -> None:
    wire = ANTHROPIC if speaker is CHAT else CHAT
    odd: dict[Dialect, dict[str, Any]] = {
        Dialect.OPENAI_CHAT: {"messages": [{"role": "nobody", "content": "hi"}]},
        Dialect.OPENAI_RESPONSES: {"input": [{"type": "message", "role": "user", "content": 5}]},
        Dialect.ANTHROPIC_MESSAGES: {"messages": [{"role": "user", "content": 5}]},
        Dialect.GEMINI: {"contents": [{"role": "user", "parts": 5}]},
    }
    reply = ask(polyglot, speaker, f"{wire.instance}:m", **odd[speaker.dialect])
    assert reply.status == 400
    error_of(speaker.dialect, reply.json)
    assert upstream.requests == []
