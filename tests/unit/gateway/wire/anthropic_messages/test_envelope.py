"""What a web process reads of a Messages request, and what it refuses."""

import json
from typing import Any

import pytest

from gateway.canonical.errors import GatewayError, Kind
from gateway.wire.anthropic_messages.envelope import Envelope, parse_envelope, render_native

HI = {"model": "a:m", "messages": [{"role": "user", "content": "hi"}]}


def _parse(**fields: Any) -> Envelope:
    return parse_envelope(json.dumps({**HI, **fields}).encode(), max_depth=64)


def test_the_model_is_read() -> None:
    assert _parse(max_tokens=5).model == "a:m"


@pytest.mark.parametrize(("stream", "streams"), [(True, True), (False, False), (None, False)])
def test_a_client_says_whether_it_streams(stream: bool | None, streams: bool) -> None:
    assert _parse(stream=stream).streams is streams


def test_max_tokens_may_be_absent_as_in_a_count() -> None:
    assert _parse().max_tokens is None


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"unknown": {"x": 1}}, id="unknown field"),
        pytest.param({"system": "s"}, id="system string"),
        pytest.param({"system": [{"type": "text", "text": "s"}]}, id="system blocks"),
        pytest.param({"messages": [{"role": "x", "content": 5}]}, id="odd message"),
        pytest.param({"tools": [{"type": "future_20300101"}]}, id="future tool"),
        pytest.param({"thinking": {"type": "future"}}, id="future thinking"),
        pytest.param(
            dict.fromkeys(("system", "tools", "tool_choice", "thinking", "stream", "metadata")),
            id="nulls",
        ),
    ],
)
def test_what_the_upstream_judges_is_let_through(fields: dict[str, Any]) -> None:
    assert _parse(**fields)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": " "}, "model"),
        ({"model": 5}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [{"content": "hi"}]}, "messages[0].role"),
        ({"max_tokens": "5"}, "max_tokens"),
        ({"stream": "yes"}, "stream"),
        ({"tools": {}}, "tools"),
        ({"stop_sequences": "END"}, "stop_sequences"),
        ({"temperature": "hot"}, "temperature"),
    ],
)
def test_a_fault_is_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(GatewayError) as raised:
        _parse(**fields)
    failure = raised.value.failure
    assert (failure.kind, failure.status, failure.param) == (Kind.INVALID_REQUEST, 400, param)


def test_only_the_model_is_replaced() -> None:
    body = b'{ "model" :"a:m", "x":1.00 }'
    assert render_native(body, model="m") == b'{ "model" :"m", "x":1.00 }'
