"""Chat completion requests: what is checked, what passes, and what of it is understood."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.canonical.errors import Failure, GatewayError, Kind
from gateway.wire.openai_chat.request import Envelope, parse_envelope, parse_request, render_native
from tests.unit.gateway.wire.json_texts import values

MINIMAL: dict[str, Any] = {"model": "a:m", "messages": [{"role": "user", "content": "hi"}]}


def _body(**fields: object) -> bytes:
    return json.dumps(MINIMAL | fields).encode()


def _envelope(**fields: object) -> Envelope:
    return parse_envelope(_body(**fields), max_depth=32)


def _refusal(body: bytes) -> Failure:
    with pytest.raises(GatewayError) as caught:
        parse_envelope(body, max_depth=32)
    return caught.value.failure


WRONG: list[tuple[str, object, str]] = [
    ("model", 1, "model"),
    ("model", None, "model"),
    ("model", ["m"], "model"),
    ("model", "", "model"),
    ("model", " \t", "model"),
    ("messages", "hi", "messages"),
    ("messages", None, "messages"),
    ("messages", {}, "messages"),
    ("messages", [], "messages"),
    ("messages", ["hi"], "messages[0]"),
    ("messages", [{"role": "user"}, {"content": "x"}], "messages[1].role"),
    ("messages", [{"role": None}], "messages[0].role"),
    ("stream", "true", "stream"),
    ("stream", 1, "stream"),
    ("stream_options", True, "stream_options"),
    ("stream_options", {"include_usage": 1}, "stream_options.include_usage"),
    ("temperature", "0.5", "temperature"),
    ("temperature", True, "temperature"),
    ("top_p", [], "top_p"),
    ("n", "1", "n"),
    ("n", 1.5, "n"),
    ("max_tokens", "10", "max_tokens"),
    ("max_tokens", 10.5, "max_tokens"),
    ("max_completion_tokens", {}, "max_completion_tokens"),
    ("presence_penalty", "0", "presence_penalty"),
    ("frequency_penalty", False, "frequency_penalty"),
    ("stop", 1, "stop"),
    ("stop", ["a", 1], "stop[1]"),
    ("seed", "1", "seed"),
    ("seed", 1.5, "seed"),
    ("user", 1, "user"),
    ("logprobs", 1, "logprobs"),
    ("top_logprobs", True, "top_logprobs"),
    ("logit_bias", [], "logit_bias"),
    ("tools", {}, "tools"),
    ("tools", ["f"], "tools[0]"),
    ("parallel_tool_calls", "yes", "parallel_tool_calls"),
    ("response_format", "json", "response_format"),
    ("reasoning_effort", 3, "reasoning_effort"),
]


@pytest.mark.parametrize(
    ("field", "value", "param"), WRONG, ids=[f"{field}={value!r}" for field, value, _ in WRONG]
)
def test_a_wrong_field_is_a_400_that_names_it(field: str, value: object, param: str) -> None:
    failure = _refusal(_body(**{field: value}))
    assert (failure.status, failure.kind) == (400, Kind.INVALID_REQUEST)
    assert failure.param == param


@pytest.mark.parametrize("field", ["model", "messages"])
def test_a_missing_field_is_a_400_that_names_it(field: str) -> None:
    body = json.dumps({name: value for name, value in MINIMAL.items() if name != field})
    assert _refusal(body.encode()).param == field


def test_every_field_that_is_checked_has_a_wrong_value_here() -> None:
    assert {field for field, _, _ in WRONG} == set(Envelope.__struct_fields__)


@pytest.mark.parametrize("field", [f for f in Envelope.__struct_fields__ if f not in MINIMAL])
def test_an_optional_field_may_be_null(field: str) -> None:
    assert getattr(_envelope(**{field: None}), field) is None


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"unknown": {"deep": [1]}}, id="unknown-field"),
        pytest.param({"messages": [{"role": "user"}]}, id="no-content"),
        pytest.param({"messages": [{"role": "assistant", "content": None}]}, id="null-content"),
        pytest.param({"messages": [{"role": "user", "content": 5}]}, id="content-of-any-type"),
        pytest.param({"messages": [{"role": "wizard", "content": "x"}]}, id="unknown-role"),
        pytest.param({"messages": [{"role": "user", "name": "n"}]}, id="unknown-message-field"),
        pytest.param({"temperature": 1}, id="whole-number-as-float"),
        pytest.param({"stop": "x"}, id="stop-text"),
        pytest.param({"stop": ["x", "y"]}, id="stop-list"),
        pytest.param({"seed": 2**63}, id="seed-over-63-bits"),
        pytest.param({"tools": [{"type": "custom"}]}, id="tool-without-function"),
        pytest.param({"stream_options": {"include_obfuscation": False}}, id="other-stream-option"),
        pytest.param({"max_tokens": -1}, id="a-bound-that-is-the-upstreams-to-judge"),
    ],
)
def test_what_the_upstream_judges_passes(fields: dict[str, object]) -> None:
    assert _envelope(**fields).model == "a:m"


@pytest.mark.parametrize(
    ("options", "include"),
    [
        pytest.param(None, False, id="null"),
        pytest.param({}, False, id="empty"),
        pytest.param({"include_usage": None}, False, id="null-inside"),
        pytest.param({"include_usage": False}, False, id="false"),
        pytest.param({"include_usage": True}, True, id="true"),
    ],
)
def test_usage_is_included_only_when_it_was_asked_for(options: object, include: bool) -> None:
    assert _envelope(stream_options=options).include_usage is include
    assert _envelope().include_usage is False


@pytest.mark.parametrize(("stream", "streams"), [(True, True), (False, False), (None, False)])
def test_whether_to_stream_is_read(stream: bool | None, streams: bool) -> None:
    assert _envelope(stream=stream).streams is streams
    assert parse_request(_body(stream=stream)).stream is streams


def test_the_model_is_written_and_nothing_else_is_touched() -> None:
    body = b'{ "model" : "hf:openai/gpt" ,\n "x":1.50, "messages":[] , "y":{"model":"z"}}'
    assert render_native(body, model='m"é') == (
        '{ "model" : "m\\"é" ,\n "x":1.50, "messages":[] , "y":{"model":"z"}}'.encode()
    )


@given(content=values(), tool=values(), extra=values(), role=st.text(st.characters(codec="utf-8")))
def test_what_is_accepted_can_be_rendered(content: str, tool: str, extra: str, role: str) -> None:
    message = f'{{"role":{json.dumps(role)},"content":{content}}}'
    tools = f'[{{"function":{tool}}},{{"function":{{"name":{tool}}}}}]'
    body = f'{{"x":{extra},"model":"m","messages":[{message}],"tools":{tools}}}'.encode()
    try:
        parse_envelope(body, max_depth=32)
    except GatewayError:
        return
    assert json.loads(render_native(body, model="n"))["model"] == "n"


@pytest.mark.parametrize("number", ["1e999", "9" * 5000, "-0.0", "1E-999"])
def test_a_number_that_nobody_reads_does_no_harm(number: str) -> None:
    part = f'[{{"type":"text","text":"a","x":{number}}}]'
    body = f'{{"x":{number},"model":"m","messages":[{{"role":"user","content":{part}}}]}}'.encode()
    parse_envelope(body, max_depth=32)
    assert parse_request(body).last_user_text == "a"
    assert render_native(body, model="n") == body.replace(b'"model":"m"', b'"model":"n"')
