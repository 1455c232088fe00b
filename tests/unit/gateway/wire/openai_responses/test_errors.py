"""Errors of the dialect: what upstreams answer with, and what clients are told."""

import json

import pytest

from gateway.canonical.errors import Failure, Kind, Native, Next
from gateway.wire.codec import ErrorResponse
from gateway.wire.openai_responses.errors import parse_error, render_error


def _parse(status: int, body: bytes) -> tuple[Failure, Next]:
    error = parse_error(
        ErrorResponse(instance="up", status=status, headers={"retry-after": "5"}, body=body)
    )
    assert (error.status, error.headers) == (status, {"retry-after": "5"})
    return error.failure, error.next


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
def test_what_may_follow_a_status(status: int, follows: Next) -> None:
    assert _parse(status, b"{}")[1] is follows


def test_an_upstreams_own_error_object_goes_through() -> None:
    body = b'{ "error": {"message": "no", "type": "t", "param": "p", "code": "c", "x": 1} }'
    failure, _ = _parse(400, body)
    assert render_error(failure) == body
    assert (failure.message, failure.param, failure.code) == ("up: no", "p", "c")


@pytest.mark.parametrize(
    "body",
    [b'"words"', b'{"error":"words"}', b'{"detail":"words"}', b'{"status":400,"title":"words"}'],
)
def test_other_shapes_of_errors_are_told_in_the_dialects_own(body: bytes) -> None:
    failure, _ = _parse(400, body)
    error = json.loads(render_error(failure))["error"]
    assert (error["message"], error["type"]) == ("up: words", "invalid_request_error")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[" * 100_000, b"\xff"])
def test_what_is_no_json_is_an_error_all_the_same(body: bytes) -> None:
    assert _parse(400, body)[0].status == 400


def test_words_of_a_server_error_are_not_told() -> None:
    failure, _ = _parse(500, b'{"error":{"message":"secret insides"}}')
    assert b"secret" not in render_error(failure)
    assert failure.status == 502


def test_an_error_of_another_dialect_is_told_anew() -> None:
    native = Native("anthropic-messages", b'{"type":"error"}')
    failure = Failure(kind=Kind.RATE_LIMITED, message="slow down", status=429, native=native)
    assert json.loads(render_error(failure)) == {
        "error": {
            "message": "slow down",
            "type": "rate_limit_error",
            "param": None,
            "code": "rate_limited",
        }
    }
