"""Errors: what an upstream's words mean, and what a client of this dialect is told."""

import json
from typing import Any

import pytest

from gateway.canonical.errors import Failure, Kind, Native, Next, UpstreamError
from gateway.wire.anthropic_messages.codec import CODEC
from gateway.wire.anthropic_messages.errors import parse_error, render_error
from gateway.wire.codec import ErrorResponse
from tests.unit.gateway.wire.anthropic_messages.exchanges import (
    Exchange,
    cases,
    data_of,
    recorded,
)

OWN = "anthropic-messages"
MESSAGES = recorded()


def _parse(status: int, body: Any) -> UpstreamError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return parse_error(ErrorResponse(instance="up", status=status, headers={}, body=raw))


def _native(type: str, message: str = "why") -> dict[str, Any]:
    return {"type": "error", "error": {"type": type, "message": message}, "request_id": "req_1"}


def _failure(kind: Kind = Kind.INVALID_REQUEST, **fields: Any) -> Failure:
    return Failure(**{"kind": kind, "message": "why", "status": 400, **fields})


@pytest.mark.parametrize(
    ("failure", "type"),
    [
        (_failure(Kind.INVALID_REQUEST), "invalid_request_error"),
        (_failure(Kind.AUTHENTICATION, status=401), "authentication_error"),
        (_failure(Kind.PERMISSION, status=403), "permission_error"),
        (_failure(Kind.NOT_FOUND, status=404), "not_found_error"),
        (_failure(Kind.METHOD_NOT_ALLOWED, status=405), "invalid_request_error"),
        (_failure(Kind.TOO_LARGE, status=413), "request_too_large"),
        (_failure(Kind.RATE_LIMITED, status=429), "rate_limit_error"),
        (_failure(Kind.OVERLOADED, status=429), "overloaded_error"),
        (_failure(Kind.CREDENTIALS_EXHAUSTED, status=429), "rate_limit_error"),
        (_failure(Kind.CREDENTIALS_EXHAUSTED, status=502), "api_error"),
        (_failure(Kind.UPSTREAM, status=502), "api_error"),
        (_failure(Kind.TIMEOUT, status=504), "timeout_error"),
        (_failure(Kind.UNAVAILABLE, status=503), "api_error"),
        (_failure(Kind.INTERNAL, status=500), "api_error"),
    ],
)
def test_a_failure_has_the_dialects_shape(failure: Failure, type: str) -> None:
    assert json.loads(render_error(failure)) == {
        "type": "error",
        "error": {"type": type, "message": "why"},
        "request_id": None,
    }


@pytest.mark.parametrize(
    ("message", "said"),
    [("it is wrong", "tools[0].name: it is wrong"), ("tools[0].name is wrong",) * 2],
)
def test_the_message_names_the_field(message: str, said: str) -> None:
    body = render_error(_failure(message=message, param="tools[0].name"))
    assert json.loads(body)["error"]["message"] == said


@pytest.mark.parametrize(("dialect", "passes"), [(OWN, True), ("openai-chat", False)])
def test_an_upstreams_own_error_passes_in_its_dialect(dialect: str, passes: bool) -> None:
    failure = _failure(native=Native(dialect, b'{"own":1}'))
    assert (render_error(failure) == b'{"own":1}') is passes


@pytest.mark.parametrize(
    ("status", "follows"),
    [
        (400, Next.SURFACE),
        (401, Next.CREDENTIAL),
        (404, Next.SURFACE),
        (408, Next.CANDIDATE),
        (413, Next.SURFACE),
        (429, Next.CREDENTIAL),
        (500, Next.CANDIDATE),
        (529, Next.CANDIDATE),
    ],
)
def test_the_status_says_what_follows(status: int, follows: Next) -> None:
    error = _parse(status, _native("x"))
    assert (error.next, error.status) == (follows, status)


def test_an_error_of_the_request_reaches_the_client_as_it_came() -> None:
    body = json.dumps(_native("invalid_request_error", "prompt is too long")).encode()
    failure = _parse(400, body).failure
    assert failure.message == "up: prompt is too long"
    assert failure.native == Native(OWN, body)


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "why"}},
        {"error": "why"},
        {"detail": "why"},
        "why",
    ],
)
def test_another_shape_is_understood_but_not_passed_on(body: Any) -> None:
    failure = _parse(400, body).failure
    assert (failure.message, failure.native) == ("up: why", None)


@pytest.mark.parametrize("body", [b"", b"<html>gone</html>", b"[" * 100_000])
def test_an_unreadable_error_has_no_reason(body: bytes) -> None:
    assert _parse(404, body).failure.message == "up: no reason given"


def test_an_upstreams_own_trouble_is_not_told() -> None:
    failure = _parse(529, _native("overloaded_error", "db-7 is down")).failure
    assert (failure.status, failure.kind, failure.native) == (502, Kind.UPSTREAM, None)
    assert "db-7" not in failure.message


@pytest.mark.parametrize(
    ("type", "status", "follows"),
    [
        ("overloaded_error", 529, Next.CANDIDATE),
        ("api_error", 500, Next.CANDIDATE),
        ("timeout_error", 504, Next.CANDIDATE),
        ("rate_limit_error", 429, Next.CREDENTIAL),
        ("authentication_error", 401, Next.CREDENTIAL),
        ("invalid_request_error", 400, Next.CANDIDATE),
        ("future_error", 502, Next.CANDIDATE),
        (None, 502, Next.CANDIDATE),
    ],
)
def test_an_error_within_a_stream_has_the_status_of_its_type(
    type: str | None, status: int, follows: Next
) -> None:
    data = json.dumps({"type": "error", "error": {"type": type, "message": "x"}})
    with pytest.raises(UpstreamError) as raised:
        CODEC.stream_parser("up").read(data)
    assert (raised.value.status, raised.value.next) == (status, follows)


@pytest.mark.parametrize(
    "wire",
    [{"error": "x"}, {"error": {"code": 502}}, {"type": "error"}, {"type": "error", "error": 5}],
)
def test_an_odd_error_within_a_stream_is_one_too(wire: Any) -> None:
    with pytest.raises(UpstreamError):
        CODEC.native_reader("up").read(b"data: x\n\n", json.dumps(wire))


def test_a_native_error_frame_is_kept() -> None:
    data = json.dumps(_native("overloaded_error"))
    frame = f"event: error\ndata: {data}\n\n".encode()
    with pytest.raises(UpstreamError) as raised:
        CODEC.native_reader("up").read(frame, data)
    assert raised.value.failure.native == Native(OWN, frame, framed=True)


@pytest.mark.parametrize("exchange", cases(e for e in MESSAGES if e.status >= 400))
def test_a_recorded_error_is_understood(exchange: Exchange) -> None:
    failure = _parse(exchange.status, exchange.body.encode()).failure
    wire = json.loads(exchange.body)
    if exchange.status < 500:
        assert failure.status == exchange.status
        assert wire["error"]["message"] in failure.message
        assert failure.native
    else:
        assert failure.status == 502


@pytest.mark.parametrize(
    "exchange", cases(e for e in MESSAGES if e.status == 200 and "event: error" in e.body)
)
def test_a_recorded_break_is_the_next_candidates_turn(exchange: Exchange) -> None:
    reader = CODEC.native_reader("up")
    *frames, last = exchange.frames
    for frame in frames:
        assert not reader.read(frame.encode(), data_of(frame)).output
    with pytest.raises(UpstreamError) as raised:
        reader.read(last.encode(), data_of(last))
    assert (raised.value.status, raised.value.next) == (529, Next.CANDIDATE)
