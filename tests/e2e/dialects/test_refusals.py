"""A request that cannot be served is refused in the client's own shape, with the right status."""

import json

import pytest

from gateway.canonical.request import Dialect
from tests.e2e.dialects.conftest import MAX_BODY_BYTES, MAX_DEPTH
from tests.support.client import Reply
from tests.support.gateway import Gateway
from tests.support.speakers import ANTHROPIC, GEMINI, SPEAKERS, Speaker, error_of

STUB = "local-stub:echo"

INVALID = {
    Dialect.OPENAI_CHAT: "invalid_request_error",
    Dialect.OPENAI_RESPONSES: "invalid_request_error",
    Dialect.ANTHROPIC_MESSAGES: "invalid_request_error",
    Dialect.GEMINI: "INVALID_ARGUMENT",
}
NOT_FOUND = INVALID | {Dialect.ANTHROPIC_MESSAGES: "not_found_error", Dialect.GEMINI: "NOT_FOUND"}
TOO_LARGE = INVALID | {Dialect.ANTHROPIC_MESSAGES: "request_too_large", Dialect.GEMINI: "UNKNOWN"}
NOT_ALLOWED = INVALID | {Dialect.GEMINI: "UNKNOWN"}


def refused(reply: Reply, dialect: Dialect, *, status: int) -> tuple[str, str]:
    """Check an error's status and shape; return its type and its message."""
    assert reply.status == status
    assert reply.headers["Content-Type"] == "application/json"
    return error_of(dialect, reply.json)


WRONG_TYPE = {
    Dialect.OPENAI_CHAT: ("messages", "hi"),
    Dialect.OPENAI_RESPONSES: ("input", 5),
    Dialect.ANTHROPIC_MESSAGES: ("messages", "hi"),
    Dialect.GEMINI: ("contents", "hi"),
}
NOTHING_ASKED = {
    Dialect.OPENAI_CHAT: ("messages", []),
    Dialect.OPENAI_RESPONSES: ("input", None),
    Dialect.ANTHROPIC_MESSAGES: ("messages", []),
    Dialect.GEMINI: ("contents", []),
}
UNREADABLE = {
    "empty": b"",
    "blank": b" \r\n",
    "not-json": b"hello",
    "cut-short": b'{"model": "local-stub:echo", ',
    "array": b"[]",
    "not-utf-8": b'{"x": "\xff"}',
    "far-too-deep": b'{"x": ' + b"[" * 40_000 + b"]" * 40_000 + b"}",
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_an_unreadable_body_is_a_400(polyglot: Gateway, speaker: Speaker, body: bytes) -> None:
    reply = polyglot.client.send("POST", speaker.path(STUB, False), body)
    assert refused(reply, speaker.dialect, status=400)[0] == INVALID[speaker.dialect]


def test_a_body_that_is_too_deep_is_a_400(polyglot: Gateway, speaker: Speaker) -> None:
    nested = json.loads("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    reply = polyglot.client.send(
        "POST", speaker.path(STUB, False), speaker.body(STUB, unknown=nested)
    )
    assert "deep" in refused(reply, speaker.dialect, status=400)[1]


@pytest.mark.parametrize("wrong", [WRONG_TYPE, NOTHING_ASKED], ids=["wrong-type", "nothing"])
def test_a_fault_in_a_field_is_a_400_that_names_it(
    polyglot: Gateway, speaker: Speaker, wrong: dict[Dialect, tuple[str, object]]
) -> None:
    name, value = wrong[speaker.dialect]
    body = speaker.body(STUB, **{name: value})
    reply = polyglot.client.send("POST", speaker.path(STUB, False), body)
    type, message = refused(reply, speaker.dialect, status=400)
    assert type == INVALID[speaker.dialect]
    assert name in message


def test_a_body_over_the_bound_is_a_413(polyglot: Gateway, speaker: Speaker) -> None:
    body = speaker.body(STUB, unknown="x" * MAX_BODY_BYTES)
    reply = polyglot.client.send("POST", speaker.path(STUB, False), body)
    assert refused(reply, speaker.dialect, status=413)[0] == TOO_LARGE[speaker.dialect]


def test_an_instance_that_is_not_there_is_a_4xx_that_names_it(
    polyglot: Gateway, speaker: Speaker
) -> None:
    path = speaker.path("nobody:m", False)
    reply = polyglot.client.send("POST", path, speaker.body("nobody:m"))
    assert "nobody" in refused(reply, speaker.dialect, status=404)[1]


@pytest.mark.parametrize(
    ("path", "dialect"),
    [
        ("/v1/nothing", Dialect.OPENAI_CHAT),
        ("/nothing", Dialect.OPENAI_CHAT),
        ("/v1/messages/nothing", Dialect.ANTHROPIC_MESSAGES),
        ("/v1beta/nothing", Dialect.GEMINI),
        ("/v1beta/models/m:nothing", Dialect.GEMINI),
        ("/v1/models/m:nothing", Dialect.GEMINI),
    ],
)
def test_a_path_that_is_not_there_is_a_404(polyglot: Gateway, path: str, dialect: Dialect) -> None:
    reply = polyglot.client.send("POST", path, b"{}")
    assert refused(reply, dialect, status=404)[0] == NOT_FOUND[dialect]


@pytest.mark.parametrize(
    ("method", "path", "dialect"),
    [
        ("GET", "/v1/chat/completions", Dialect.OPENAI_CHAT),
        ("GET", "/v1/embeddings", Dialect.OPENAI_CHAT),
        ("GET", "/v1/responses", Dialect.OPENAI_RESPONSES),
        ("GET", "/v1/messages", Dialect.ANTHROPIC_MESSAGES),
        ("DELETE", "/v1/messages/count_tokens", Dialect.ANTHROPIC_MESSAGES),
        ("PUT", "/v1beta/models/m:generateContent", Dialect.GEMINI),
        ("POST", "/v1beta/models", Dialect.GEMINI),
        ("POST", "/v1/models", Dialect.OPENAI_CHAT),
    ],
)
def test_a_wrong_method_is_a_405(
    polyglot: Gateway, method: str, path: str, dialect: Dialect
) -> None:
    reply = polyglot.client.send(method, path)
    assert refused(reply, dialect, status=405)[0] == NOT_ALLOWED[dialect]
    assert reply.headers["Allow"]


@pytest.mark.parametrize("path", ["/v1beta/models/:generateContent", "/v1/models/%20:countTokens"])
def test_a_gemini_path_without_a_model_is_a_400(polyglot: Gateway, path: str) -> None:
    reply = polyglot.client.send("POST", path, GEMINI.body(""))
    assert "model" in refused(reply, Dialect.GEMINI, status=400)[1]


def test_a_message_may_not_lack_its_model(polyglot: Gateway) -> None:
    reply = polyglot.client.send("POST", "/v1/messages", ANTHROPIC.body(""))
    assert "model" in refused(reply, Dialect.ANTHROPIC_MESSAGES, status=400)[1]


def test_every_dialect_is_refused_here() -> None:
    assert set(SPEAKERS) == set(Dialect) == set(WRONG_TYPE) == set(NOTHING_ASKED)
