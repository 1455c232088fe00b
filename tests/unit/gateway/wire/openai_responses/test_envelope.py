"""What a web process reads of a request, and what goes to an upstream of the same dialect."""

import json
from typing import Any

import pytest

from gateway.canonical.content import Opaque
from gateway.canonical.errors import GatewayError
from gateway.wire.opaque import wrap
from gateway.wire.openai_responses.envelope import parse_envelope, render_native

OWN = "openai-responses"


def _parse(**fields: Any) -> Any:
    body = json.dumps({"model": "a:b", "input": "hi", **fields}).encode()
    return parse_envelope(body, max_depth=32)


def _refusal(body: bytes) -> Any:
    with pytest.raises(GatewayError) as raised:
        parse_envelope(body, max_depth=32)
    return raised.value.failure


def _thought(signature: Opaque, call_id: str | None = None) -> dict[str, Any]:
    encrypted = wrap(signature, own=OWN, call_id=call_id)
    return {"type": "reasoning", "summary": [], "encrypted_content": encrypted}


@pytest.mark.parametrize("input", ["hi", "", [], [{"role": "user", "content": "hi"}]])
def test_input_is_text_or_a_list(input: Any) -> None:
    assert _parse(input=input).model == "a:b"


@pytest.mark.parametrize("input", [1, True, {"role": "user"}, 1.5])
def test_input_of_another_type_is_refused(input: Any) -> None:
    assert _refusal(json.dumps({"model": "m", "input": input}).encode()).param == "input"


@pytest.mark.parametrize("body", [b'{"model":"m"}', b'{"model":"m","input":null}'])
def test_input_has_to_be_there(body: bytes) -> None:
    assert _refusal(body).param == "input"


def test_a_stored_prompt_stands_for_the_input() -> None:
    body = b'{"model":"m","prompt":{"id":"pmpt_1"}}'
    assert parse_envelope(body, max_depth=32).model == "m"


@pytest.mark.parametrize("model", ["", "  "])
def test_an_empty_model_is_refused(model: str) -> None:
    body = json.dumps({"model": model, "input": "hi"}).encode()
    assert _refusal(body).param == "model"


@pytest.mark.parametrize(
    ("name", "value"),
    [("previous_response_id", "resp_1"), ("conversation", "conv_1"), ("conversation", {"id": "c"})],
)
def test_what_needs_stored_responses_is_refused(name: str, value: Any) -> None:
    failure = _refusal(json.dumps({"model": "m", "input": "hi", name: value}).encode())
    assert (failure.status, failure.param) == (400, name)
    assert "send the whole conversation" in failure.message


def test_background_is_refused() -> None:
    assert _refusal(b'{"model":"m","input":"hi","background":true}').param == "background"


@pytest.mark.parametrize(
    "fields",
    [
        {"previous_response_id": None},
        {"conversation": None},
        {"background": False},
        {"background": None},
        {"store": False},
        {"tools": None, "tool_choice": None, "metadata": None, "text": None, "reasoning": None},
        {"a_field_of_tomorrow": {"x": [1]}},
    ],
)
def test_null_defaults_and_unknown_fields_are_let_through(fields: dict[str, Any]) -> None:
    assert _parse(**fields).model == "a:b"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"temperature": "hot"}, "temperature"),
        ({"tools": {}}, "tools"),
        ({"instructions": ["a"]}, "instructions"),
        ({"include": ["a", 1]}, "include[1]"),
        ({"max_output_tokens": 1.5}, "max_output_tokens"),
        ({"stream": "yes"}, "stream"),
    ],
)
def test_a_field_of_the_wrong_type_is_named(fields: dict[str, Any], param: str) -> None:
    body = json.dumps({"model": "m", "input": "hi", **fields}).encode()
    assert _refusal(body).param == param


@pytest.mark.parametrize(("value", "streams"), [(True, True), (False, False), (None, False)])
def test_whether_a_stream_is_wanted(value: bool | None, streams: bool) -> None:
    assert _parse(stream=value).streams is streams


def test_a_native_request_changes_in_nothing_but_the_model() -> None:
    body = b'{ "model" : "a:b",\n "input":"hi", "temperature":1.0, "x":1e5 }'
    sent = render_native(body, model="b")
    assert sent == b'{ "model" : "b",\n "input":"hi", "temperature":1.0, "x":1e5 }'


def test_reasoning_of_another_provider_never_reaches_an_upstream() -> None:
    kept = b'{"role":"user",  "content":"hi"}'
    foreign = json.dumps(_thought(Opaque("anthropic-messages", "sig"))).encode()
    body = b'{"model":"a:b","input":[' + kept + b"," + foreign + b'],"x":1.0}'
    assert render_native(body, model="b") == b'{"model":"b","input":[' + kept + b'],"x":1.0}'


def test_the_signature_of_a_call_never_reaches_an_upstream() -> None:
    thought = _thought(Opaque("gemini", "sig"), "call_1")
    body = json.dumps({"model": "a:b", "input": [thought]}).encode()
    assert json.loads(render_native(body, model="b"))["input"] == []


def test_reasoning_of_the_dialect_itself_is_sent_back() -> None:
    own = _thought(Opaque(OWN, "gAAAA"))
    foreign = _thought(Opaque("gemini", "sig"))
    body = json.dumps({"model": "a:b", "input": [own, foreign]}).encode()
    assert json.loads(render_native(body, model="b"))["input"] == [own]


def test_text_that_looks_like_a_wrapped_value_is_left_alone() -> None:
    body = json.dumps({"model": "a:b", "input": wrap(Opaque("x", "y"), own=OWN)}).encode()
    assert render_native(body, model="a:b") == body
