"""Errors of the chat dialect: every shape that upstreams answer with, and the one that we do."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.canonical.errors import MAX_REASON, Failure, Kind, Native, Next, UpstreamError
from gateway.canonical.request import Dialect
from gateway.wire.codec import ErrorResponse
from gateway.wire.openai_chat.errors import parse_error, parse_error_chunk, render_error
from tests.unit.gateway.wire.json_texts import values


def _parse(status: int, body: bytes) -> UpstreamError:
    headers = {"retry-after": "5"}
    return parse_error(ErrorResponse(instance="up", status=status, headers=headers, body=body))


def _nested(depth: int) -> bytes:
    return b'{"error":' * depth + b'"too deep"' + b"}" * depth


SHAPES = [
    pytest.param(
        b'{"error":{"message":"no such tool","type":"invalid_request_error","param":"tools",'
        b'"code":"bad_tool"}}',
        "no such tool",
        "bad_tool",
        "tools",
        id="openai",
    ),
    pytest.param(b'{"error":{"message":"m","code":400}}', "m", "400", None, id="integer-code"),
    pytest.param(b'{"error":{"message":"m","code":true}}', "m", None, None, id="boolean-code"),
    pytest.param(b'{"error":{"message":"m","code":""}}', "m", None, None, id="empty-code"),
    pytest.param(b'{"error":{"message":"m","param":null}}', "m", None, None, id="null-param"),
    pytest.param(b'{"error":"out of credit"}', "out of credit", None, None, id="error-text"),
    pytest.param(b'"just words"', "just words", None, None, id="bare-string"),
    pytest.param(b'{"detail":"not multimodal"}', "not multimodal", None, None, id="detail-text"),
    pytest.param(
        b'{"detail":[{"loc":["body"],"msg":"wrong"},{"msg":"missing"},{"x":1}]}',
        "wrong; missing",
        None,
        None,
        id="detail-list",
    ),
    pytest.param(
        b'{"code":400,"reason":"INVALID","message":"no vision","metadata":{}}',
        "no vision",
        "400",
        None,
        id="message-and-reason",
    ),
    pytest.param(b'{"reason":"INVALID"}', "INVALID", None, None, id="reason-alone"),
    pytest.param(
        b'{"status":404,"title":"Not Found","detail":"no function"}',
        "no function",
        None,
        None,
        id="rfc7807",
    ),
    pytest.param(b'{"status":404,"title":"Not Found"}', "Not Found", None, None, id="title-alone"),
    pytest.param(b'{"error":{"error":{"message":"m"}}}', "m", None, None, id="nested"),
    pytest.param(b'{"error":{"message":{"detail":"m"}}}', "m", None, None, id="nested-message"),
    pytest.param(b'{"error":null,"message":"m"}', "m", None, None, id="null-error"),
    pytest.param(b'{"error":{},"message":"m"}', "m", None, None, id="empty-error"),
    pytest.param(b'{"error":true,"message":"m"}', "m", None, None, id="error-is-a-flag"),
    pytest.param(b'[{"error":{"message":"m"}}]', "m", None, None, id="list"),
    pytest.param(b'{"errors":["m"]}', "no reason given", None, None, id="unknown-shape"),
    pytest.param(b"<html><h1>Bad Gateway</h1>", "no reason given", None, None, id="html"),
    pytest.param(b"Bad Request", "no reason given", None, None, id="plain-text"),
    pytest.param(b"", "no reason given", None, None, id="empty"),
    pytest.param(b"{}", "no reason given", None, None, id="empty-object"),
    pytest.param(b"null", "no reason given", None, None, id="null"),
    pytest.param(b'{"error":{"message":"cut', "no reason given", None, None, id="cut"),
    pytest.param(b'{"error":"\xff"}', "no reason given", None, None, id="not-utf-8"),
    pytest.param(b'{"error":{"message":"  "}}', "no reason given", None, None, id="blank"),
    pytest.param(_nested(600), "no reason given", None, None, id="deep"),
    pytest.param(b"[" * 600 + b"]" * 600, "no reason given", None, None, id="deep-lists"),
    pytest.param(_nested(100_000), "no reason given", None, None, id="beyond-the-decoder"),
]


@pytest.mark.parametrize(("body", "words", "code", "param"), SHAPES)
def test_an_error_of_any_shape_is_read(
    body: bytes, words: str, code: str | None, param: str | None
) -> None:
    failure = _parse(400, body).failure
    assert failure.message == f"up: {words}"
    assert (failure.code, failure.param) == (code, param)


@pytest.mark.parametrize(
    ("status", "kind", "follows"),
    [
        (400, Kind.INVALID_REQUEST, Next.SURFACE),
        (401, Kind.AUTHENTICATION, Next.CREDENTIAL),
        (402, Kind.INVALID_REQUEST, Next.SURFACE),
        (403, Kind.PERMISSION, Next.SURFACE),
        (404, Kind.NOT_FOUND, Next.SURFACE),
        (408, Kind.TIMEOUT, Next.CANDIDATE),
        (413, Kind.TOO_LARGE, Next.SURFACE),
        (422, Kind.INVALID_REQUEST, Next.SURFACE),
        (429, Kind.RATE_LIMITED, Next.CREDENTIAL),
    ],
)
def test_a_4xx_keeps_its_status(status: int, kind: Kind, follows: Next) -> None:
    error = _parse(status, b'{"error":{"message":"m"}}')
    assert (error.failure.status, error.failure.kind) == (status, kind)
    assert (error.status, error.next) == (status, follows)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 529, 599])
def test_a_5xx_is_a_502_without_the_words_of_the_upstream(status: int) -> None:
    error = _parse(status, b'{"error":{"message":"our database is at 10.0.0.7"}}')
    assert (error.failure.status, error.failure.kind) == (502, Kind.UPSTREAM)
    assert error.failure.message == (
        f"up answered with status {status}; nothing was wrong with the request"
    )
    assert error.failure.native is None
    assert (error.status, error.next) == (status, Next.CANDIDATE)


def test_an_error_keeps_the_headers_for_the_key_policy() -> None:
    assert _parse(429, b"").headers == {"retry-after": "5"}


def test_the_words_of_an_upstream_are_cut() -> None:
    body = json.dumps({"error": {"message": "x" * (MAX_REASON + 1)}}).encode()
    assert _parse(400, body).failure.message == "up: " + "x" * MAX_REASON


@pytest.mark.parametrize(
    ("body", "native"),
    [
        pytest.param(b'{"error": {"message":"m", "x":1.0}}', True, id="shape-of-the-dialect"),
        pytest.param(b'{"error":{"message":""}}', True, id="empty-message"),
        pytest.param(b'{"error":"m"}', False, id="error-text"),
        pytest.param(b'{"error":{"message":null}}', False, id="no-message"),
        pytest.param(b'{"message":"m"}', False, id="no-error"),
        pytest.param(b'[{"error":{"message":"m"}}]', False, id="list"),
        pytest.param(b"<html>", False, id="html"),
        pytest.param(b"", False, id="empty"),
    ],
)
def test_a_body_is_passed_on_only_in_the_shape_of_the_dialect(body: bytes, native: bool) -> None:
    expected = Native(Dialect.OPENAI_CHAT, body) if native else None
    assert _parse(400, body).failure.native == expected


@given(status=st.integers(400, 599), body=st.binary() | values().map(str.encode))
def test_any_error_body_is_read(status: int, body: bytes) -> None:
    failure = _parse(status, body).failure
    assert failure.status == (status if status < 500 else 502)
    assert failure.message


CHUNKS = [
    pytest.param({"error": {"message": "m", "code": 400}}, 400, Next.CANDIDATE, "up: m", id="400"),
    pytest.param({"error": {"message": "m", "code": 404}}, 404, Next.CANDIDATE, "up: m", id="404"),
    pytest.param({"error": {"message": "m", "code": 401}}, 401, Next.CREDENTIAL, "up: m", id="401"),
    pytest.param({"error": {"message": "m", "code": 429}}, 429, Next.CREDENTIAL, "up: m", id="429"),
    pytest.param({"error": {"message": "m", "code": "429"}}, 429, Next.CREDENTIAL, "up: m", id="s"),
    pytest.param(
        {"error": {"message": "m", "status_code": 422, "code": 500}},
        422,
        Next.CANDIDATE,
        "up: m",
        id="status-code-first",
    ),
    pytest.param({"error": {"message": "m", "code": 503}}, 502, Next.CANDIDATE, None, id="503"),
    pytest.param({"error": {"message": "m"}}, 502, Next.CANDIDATE, None, id="no-code"),
    pytest.param({"error": {"code": 1302}}, 502, Next.CANDIDATE, None, id="a-code-of-their-own"),
    pytest.param({"error": {"code": "server_error"}}, 502, Next.CANDIDATE, None, id="code-text"),
    pytest.param({"error": {"code": "²²²"}}, 502, Next.CANDIDATE, None, id="digits-of-a-kind"),
    pytest.param({"error": {"code": "4" * 5000}}, 502, Next.CANDIDATE, None, id="many-digits"),
    pytest.param({"error": {"code": True}}, 502, Next.CANDIDATE, None, id="code-is-a-flag"),
    pytest.param({"error": "words"}, 502, Next.CANDIDATE, None, id="error-text"),
    pytest.param({"error": ["words"]}, 502, Next.CANDIDATE, None, id="error-list"),
]


@pytest.mark.parametrize(("wire", "status", "follows", "message"), CHUNKS)
def test_an_error_within_a_stream_has_the_status_that_it_names(
    wire: dict[str, Any], status: int, follows: Next, message: str | None
) -> None:
    error = parse_error_chunk(instance="up", wire=wire, frame=b"data: x\n\n")
    assert (error.failure.status, error.next) == (status, follows)
    if message:
        assert error.failure.message == message
    else:
        assert "nothing was wrong with the request" in error.failure.message


def test_an_error_within_a_stream_keeps_its_frame() -> None:
    error = parse_error_chunk(instance="up", wire={"error": "x"}, frame=b"data: x\n\n")
    assert error.failure.native == Native(Dialect.OPENAI_CHAT, b"data: x\n\n", framed=True)


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        pytest.param(
            Failure(kind=Kind.INVALID_REQUEST, message="m", status=400, param="stop"),
            ["m", "invalid_request_error", "stop", "invalid_request"],
            id="param",
        ),
        pytest.param(
            Failure(kind=Kind.RATE_LIMITED, message="m", status=429, code="rate_limit_exceeded"),
            ["m", "rate_limit_error", None, "rate_limit_exceeded"],
            id="code",
        ),
        pytest.param(
            Failure(kind=Kind.CREDENTIALS_EXHAUSTED, message='"é\n', status=502),
            ['"é\n', "api_error", None, "upstream_credentials_exhausted"],
            id="kind-without-a-type-of-its-own",
        ),
        pytest.param(
            Failure(
                kind=Kind.UPSTREAM, message="m", status=502, native=Native("other", b'{"x":1}')
            ),
            ["m", "api_error", None, "upstream_error"],
            id="native-of-another-dialect",
        ),
        pytest.param(
            Failure(
                kind=Kind.UPSTREAM,
                message="m",
                status=502,
                native=Native(Dialect.OPENAI_CHAT, b"data: {}\n\n", framed=True),
            ),
            ["m", "api_error", None, "upstream_error"],
            id="native-frame",
        ),
    ],
)
def test_a_failure_is_rendered_as_the_dialect_has_it(
    failure: Failure, error: list[str | None]
) -> None:
    names = ["message", "type", "param", "code"]
    assert json.loads(render_error(failure)) == {"error": dict(zip(names, error, strict=True))}


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_a_type_and_a_code(kind: Kind) -> None:
    error = json.loads(render_error(Failure(kind=kind, message="m", status=500)))["error"]
    assert error["type"].endswith("_error")
    assert error["code"] == kind.value


def test_an_error_of_the_dialect_is_passed_on_as_it_came() -> None:
    body = b'{"error": {"message":"m",  "x":1.50}}'
    failure = Failure(
        kind=Kind.UPSTREAM, message="ours", status=400, native=Native(Dialect.OPENAI_CHAT, body)
    )
    assert render_error(failure) == body
