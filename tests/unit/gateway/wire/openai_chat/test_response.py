"""Whole chat completions of upstreams."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.canonical.errors import Kind, Next, UpstreamError
from gateway.canonical.events import Event, Finished, NativeBody, Usage
from gateway.wire.openai_chat.native import parse_native
from tests.unit.gateway.wire.json_texts import values

CHOICE = {"index": 0, "message": {"content": "x"}, "finish_reason": "stop"}


@pytest.mark.parametrize(
    ("wire", "end"),
    [
        pytest.param({"choices": [CHOICE]}, [Finished("stop")], id="plain"),
        pytest.param(
            {"choices": [CHOICE], "usage": {"prompt_tokens": 3, "completion_tokens": 2}},
            [Usage(3, 2), Finished("stop")],
            id="usage",
        ),
        pytest.param({"choices": [CHOICE], "usage": None}, [Finished("stop")], id="null-usage"),
        pytest.param({"choices": []}, [Finished()], id="no-choice"),
        pytest.param({"choices": ["x", {}, CHOICE]}, [Finished("stop")], id="odd-choices"),
        pytest.param({"choices": [CHOICE], "error": "x"}, [Finished("stop")], id="error-beside"),
    ],
)
def test_a_completion_passes_as_it_came(wire: object, end: list[Event]) -> None:
    body = json.dumps(wire, indent=3).encode()
    assert list(parse_native(body, instance="up")) == [NativeBody(body), *end]


@pytest.mark.parametrize(
    ("wire", "status", "follows"),
    [
        pytest.param(
            {"error": {"message": "m", "code": 429}}, 429, Next.CREDENTIAL, id="names-a-status"
        ),
        pytest.param({"error": {"message": "m"}}, 502, Next.CANDIDATE, id="names-none"),
        pytest.param(
            {"choices": [{"message": {}, "error": {"message": "m", "code": 429}}]},
            429,
            Next.CREDENTIAL,
            id="in-a-choice",
        ),
        pytest.param({"error": "m", "choices": []}, 502, Next.CANDIDATE, id="empty-choices"),
    ],
)
def test_an_error_with_status_200_is_an_error(wire: object, status: int, follows: Next) -> None:
    with pytest.raises(UpstreamError) as caught:
        list(parse_native(json.dumps(wire).encode(), instance="up"))
    assert (caught.value.failure.status, caught.value.next) == (status, follows)
    assert caught.value.failure.native is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b'{"choices":[',
        b'{"choices":["\xff"]}',
        b"{}",
        b'{"choices":null}',
        b'{"choices":5}',
        b'{"detail":"x"}',
        b"[" * 100_000,
    ],
    ids=lambda body: body[:20].decode("latin-1"),
)
def test_what_is_no_completion_is_an_error(body: bytes) -> None:
    with pytest.raises(UpstreamError) as caught:
        list(parse_native(body, instance="up"))
    assert (caught.value.failure.kind, caught.value.failure.status) == (Kind.UPSTREAM, 502)
    assert caught.value.next is Next.CANDIDATE


@given(body=st.binary() | values().map(lambda value: f'{{"choices":{value}}}'.encode()))
def test_any_body_is_read_or_is_an_error_of_the_upstream(body: bytes) -> None:
    events, status = [], 200
    try:
        events = list(parse_native(body, instance="up"))
    except UpstreamError as error:
        status = error.failure.status
    assert events[:1] == ([NativeBody(body)] if status == 200 else [])
    assert status == 200 or 400 <= status <= 502
