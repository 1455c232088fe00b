"""What upstreams say when they refuse, in whatever shape they say it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.canonical.errors import MAX_REASON, Kind, Next
from gateway.wire.upstream_errors import (
    decode_error,
    failure_of,
    find_message,
    garbage,
    inner_status,
    truncated,
)
from tests.unit.gateway.wire.json_texts import values

NESTED: object = {"error": "deep"}
for _ in range(20):
    NESTED = {"error": NESTED}


@pytest.mark.parametrize(
    ("wire", "message"),
    [
        pytest.param("no", "no", id="bare-string"),
        pytest.param(" no\n", "no", id="white-space"),
        pytest.param({"error": "no"}, "no", id="error-as-a-string"),
        pytest.param({"error": {"message": "no"}}, "no", id="openai"),
        pytest.param({"type": "error", "error": {"type": "t", "message": "no"}}, "no", id="claude"),
        pytest.param({"error": {"code": 400, "message": "no", "status": "S"}}, "no", id="google"),
        pytest.param([{"error": {"message": "no"}}], "no", id="google-in-a-list"),
        pytest.param({"message": "no"}, "no", id="message"),
        pytest.param({"detail": "no"}, "no", id="detail"),
        pytest.param(
            {"detail": [{"msg": "a", "loc": ["x"]}, {"msg": "b"}]}, "a; b", id="list-of-details"
        ),
        pytest.param({"status": 429, "title": "no"}, "no", id="problem-title"),
        pytest.param({"title": "no", "detail": "because"}, "because", id="problem-detail"),
        pytest.param({"reason": "no"}, "no", id="reason"),
        pytest.param({"error": {"message": {"error": "no"}}}, "no", id="nested"),
        pytest.param({"error": {"message": ""}, "detail": "no"}, "no", id="empty-message"),
        pytest.param({"error": {"code": 5}}, "no reason given", id="no-words"),
        pytest.param(None, "no reason given", id="not-json"),
        pytest.param(5, "no reason given", id="number"),
        pytest.param({}, "no reason given", id="empty-object"),
        pytest.param(NESTED, "no reason given", id="too-deep-to-look"),
    ],
)
def test_the_sentence_is_found(wire: object, message: str) -> None:
    assert failure_of("up", status=400, wire=wire).message == f"up: {message}"


def test_a_long_sentence_is_cut() -> None:
    failure = failure_of("up", status=400, wire={"error": "x" * 10_000})
    assert len(failure.message) == len("up: ") + MAX_REASON


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Kind.INVALID_REQUEST),
        (401, Kind.AUTHENTICATION),
        (402, Kind.INVALID_REQUEST),
        (403, Kind.PERMISSION),
        (404, Kind.NOT_FOUND),
        (408, Kind.TIMEOUT),
        (413, Kind.TOO_LARGE),
        (422, Kind.INVALID_REQUEST),
        (429, Kind.RATE_LIMITED),
    ],
)
def test_a_4xx_is_told_with_its_status(status: int, kind: Kind) -> None:
    failure = failure_of("up", status=status, wire=None)
    assert (failure.status, failure.kind) == (status, kind)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 529])
def test_a_5xx_is_a_502_without_the_upstreams_words(status: int) -> None:
    failure = failure_of("up", status=status, wire={"error": {"message": "/srv/model.py:12"}})
    assert (failure.status, failure.kind) == (502, Kind.UPSTREAM)
    assert "model.py" not in failure.message


@pytest.mark.parametrize(
    ("code", "told"),
    [
        pytest.param("context_length", "context_length", id="text"),
        pytest.param(42, "42", id="number"),
        pytest.param("", None, id="empty"),
        pytest.param(True, None, id="boolean"),
        pytest.param(None, None, id="null"),
        pytest.param(["x"], None, id="list"),
    ],
)
def test_a_code_is_told_as_text(code: object, told: str | None) -> None:
    assert failure_of("up", status=400, wire={"error": {"message": "m", "code": code}}).code == told


def test_the_faulty_field_is_told() -> None:
    wire = {"error": {"message": "m", "param": "messages[0]"}}
    assert failure_of("up", status=400, wire=wire).param == "messages[0]"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        pytest.param({"code": 429}, 429, id="code"),
        pytest.param({"code": "429"}, 429, id="code-as-text"),
        pytest.param({"status": 503}, 503, id="status"),
        pytest.param({"status_code": 400, "code": 500}, 400, id="status-code-first"),
        pytest.param({"status": "UNAVAILABLE", "code": 503}, 503, id="status-as-a-name"),
        pytest.param({"code": 200}, 502, id="no-error-status"),
        pytest.param({"code": 1004}, 502, id="no-http-status"),
        pytest.param({"code": "4290"}, 502, id="longer-text"),
        pytest.param({"code": True}, 502, id="boolean"),
        pytest.param("no", 502, id="bare-string"),
        pytest.param(None, 502, id="nothing"),
    ],
)
def test_an_error_inside_an_answer_has_the_status_that_it_names(error: object, status: int) -> None:
    assert inner_status(error) == status


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_nothing(body: bytes) -> None:
    assert decode_error(body) is None


@given(text=values(), status=st.integers(400, 599))
def test_whatever_an_upstream_says_is_told(text: str, status: int) -> None:
    wire = decode_error(text.encode())
    assert failure_of("up", status=status, wire=wire).message.startswith("up")
    assert isinstance(find_message(wire), str)
    assert 400 <= inner_status(wire) <= 599


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        pytest.param(truncated("up"), Kind.TRUNCATED, id="cut"),
        pytest.param(garbage("up", "a page of HTML"), Kind.UPSTREAM, id="garbage"),
    ],
)
def test_an_answer_that_is_none_leads_to_the_next_candidate(error: object, kind: Kind) -> None:
    assert (error.failure.kind, error.failure.status) == (kind, 502)
    assert error.next is Next.CANDIDATE
