"""Errors, from an upstream and to a client."""

import json
from typing import Any

import pytest

from gateway.canonical.errors import Failure, Kind, Native, Next, UpstreamError
from gateway.wire.codec import ErrorResponse
from gateway.wire.gemini.codec import CODEC
from gateway.wire.gemini.errors import parse_error_chunk

RETRY = "type.googleapis.com/google.rpc.RetryInfo"


def _error(status: int, body: object, **headers: str) -> UpstreamError:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return CODEC.parse_error(
        ErrorResponse(instance="up", status=status, headers=headers, body=data)
    )


def _google(code: int, status: str, *details: object) -> dict[str, Any]:
    error = {"code": code, "message": "words", "status": status, "details": list(details)}
    return {"error": error}


def _rendered(failure: Failure) -> Any:
    return json.loads(CODEC.render_error(failure))["error"]


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "INVALID_ARGUMENT"),
        (401, "UNAUTHENTICATED"),
        (403, "PERMISSION_DENIED"),
        (404, "NOT_FOUND"),
        (405, "UNKNOWN"),
        (413, "UNKNOWN"),
        (429, "RESOURCE_EXHAUSTED"),
        (499, "CANCELLED"),
        (500, "INTERNAL"),
        (502, "INTERNAL"),
        (503, "UNAVAILABLE"),
        (504, "DEADLINE_EXCEEDED"),
    ],
)
def test_a_failure_has_the_name_of_its_status(status: int, name: str) -> None:
    failure = Failure(kind=Kind.INTERNAL, message="m", status=status)
    assert _rendered(failure) == {"code": status, "message": "m", "status": name}


def test_the_faulty_field_is_named() -> None:
    failure = Failure(kind=Kind.INVALID_REQUEST, message="m", status=400, param="contents[0].role")
    (detail,) = _rendered(failure)["details"]
    assert detail["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    assert detail["fieldViolations"] == [{"field": "contents[0].role", "description": "m"}]


def test_when_to_come_back_is_said() -> None:
    failure = Failure(kind=Kind.RATE_LIMITED, message="m", status=429, retry_after_s=7)
    assert _rendered(failure)["details"] == [{"@type": RETRY, "retryDelay": "7s"}]


@pytest.mark.parametrize(
    "native",
    [
        pytest.param(Native("openai-chat", b'{"error": 1}'), id="foreign"),
        pytest.param(Native("gemini", b"data: {}\n\n", framed=True), id="framed"),
    ],
)
def test_an_error_of_another_form_is_rendered_anew(native: Native) -> None:
    failure = Failure(kind=Kind.NOT_FOUND, message="m", status=404, native=native)
    assert _rendered(failure)["message"] == "m"


@pytest.mark.parametrize(
    ("status", "follows"),
    [
        (400, Next.SURFACE),
        (401, Next.CREDENTIAL),
        (403, Next.SURFACE),
        (404, Next.SURFACE),
        (408, Next.CANDIDATE),
        (429, Next.CREDENTIAL),
        (500, Next.CANDIDATE),
        (503, Next.CANDIDATE),
    ],
)
def test_a_status_says_what_may_follow(status: int, follows: Next) -> None:
    error = _error(status, _google(status, "X"), server="g")
    assert (error.next, error.status, error.headers) == (follows, status, {"server": "g"})


def test_an_error_of_this_dialect_passes_as_it_came() -> None:
    body = b'{"error": {"code": 404,  "message": "m", "status": "NOT_FOUND"}}'
    error = _error(404, body)
    assert CODEC.render_error(error.failure) == body
    assert (error.failure.kind, error.failure.code) == (Kind.NOT_FOUND, "NOT_FOUND")
    assert error.failure.message == "up: m"


def test_an_error_in_a_list_passes_without_the_list() -> None:
    body = b' [{"error": {"code": 404, "message": "m", "status": "NOT_FOUND"}}\n]'
    failure = _error(404, body).failure
    assert failure.message == "up: m"
    assert CODEC.render_error(failure) == (
        b'{"error": {"code": 404, "message": "m", "status": "NOT_FOUND"}}'
    )


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"no"', b'{"error": "no"}', b"null"])
def test_an_error_of_any_other_shape_is_rendered_anew(body: bytes) -> None:
    failure = _error(400, body).failure
    assert failure.native is None
    assert _rendered(failure)["code"] == 400


def test_words_of_a_broken_upstream_are_not_repeated() -> None:
    failure = _error(503, _google(503, "UNAVAILABLE")).failure
    assert (failure.status, failure.native) == (502, None)
    assert "words" not in failure.message


def test_a_key_that_is_no_key_is_a_401() -> None:
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
    error = _error(400, _google(400, "INVALID_ARGUMENT", info))
    assert (error.status, error.next) == (401, Next.CREDENTIAL)
    assert (error.failure.status, error.failure.kind) == (401, Kind.AUTHENTICATION)
    assert error.failure.native is None


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [
        ("125s", 125),
        ("1.5s", 2),
        ("1500ms", 2),
        ("200ms", 1),
        ("1m5s", 65),
        ("1h", 3600),
        (" 48s ", 48),
        ("0s", None),
        ("-5s", None),
        ("", None),
        ("soon", None),
        ("5", None),
        (5, None),
        (None, None),
    ],
)
def test_a_delay_is_whole_seconds_and_at_least_one(delay: object, seconds: int | None) -> None:
    info = {"@type": RETRY, "retryDelay": delay}
    assert _error(429, _google(429, "X", info)).retry_after_s == seconds


def test_the_first_delay_that_says_something_counts() -> None:
    infos = [{"@type": RETRY, "retryDelay": delay} for delay in ("0s", "x", "3s", "9s")]
    other = {"@type": "type.googleapis.com/google.rpc.Help", "retryDelay": "1s"}
    assert _error(429, _google(429, "X", "odd", other, *infos)).retry_after_s == 3


@pytest.mark.parametrize(
    ("error", "status", "follows"),
    [
        ({"code": 503, "status": "UNAVAILABLE", "message": "m"}, 503, Next.CANDIDATE),
        ({"code": 429, "message": "m"}, 429, Next.CREDENTIAL),
        ({"status": "RESOURCE_EXHAUSTED"}, 429, Next.CREDENTIAL),
        ({"code": 400, "status": "INVALID_ARGUMENT"}, 400, Next.CANDIDATE),
        ({"code": 400, "details": [{"reason": "API_KEY_INVALID"}]}, 401, Next.CREDENTIAL),
        ({"code": 7}, 502, Next.CANDIDATE),
        ("broken", 502, Next.CANDIDATE),
    ],
    ids=str,
)
def test_an_error_within_an_answer_says_its_status(
    error: object, status: int, follows: Next
) -> None:
    raised = parse_error_chunk(instance="up", wire={"error": error})
    assert (raised.status, raised.next, raised.failure.native) == (status, follows, None)
