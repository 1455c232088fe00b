"""Whatever a client sends, it gets its own 4xx in OpenAI's shape, which names the field."""

import json
from typing import Any

import pytest

from tests.e2e.conftest import MAX_BODY_BYTES, MAX_DEPTH
from tests.support.client import Reply, chat_body, send_raw
from tests.support.gateway import CHAT, Gateway

MEMBERS = b'"model":"local-stub:echo","messages":[{"role":"user","content":"hi"}]'
GOOD = b"{" + MEMBERS + b"}"


def with_member(member: bytes) -> bytes:
    """A good request with one member more."""
    return b"{" + MEMBERS + b"," + member + b"}"


def padded(size: int) -> bytes:
    """A good request of exactly this size."""
    body = with_member(b'"x":""')
    return body[:-2] + b"x" * (size - len(body)) + body[-2:]


def assert_refused(reply: Reply, status: int, *, param: str | None = None) -> None:
    """Check the shape that OpenAI's clients read."""
    assert reply.status == status
    assert reply.headers["Content-Type"] == "application/json"
    assert set(reply.json) == {"error"}
    error = reply.error
    assert set(error) == {"message", "type", "param", "code"}
    assert isinstance(error["message"], str)
    assert error["message"]
    assert isinstance(error["code"], str)
    assert error["param"] == param


UNREADABLE = {
    "empty": b"",
    "blank": b" \r\n\t ",
    "not-json": b"hello",
    "cut-short": b'{"model":',
    "trailing-garbage": GOOD + b" x",
    "two-documents": GOOD + GOOD,
    "single-quotes": GOOD.replace(b'"', b"'"),
    "array": b"[]",
    "null": b"null",
    "string": b'"hello"',
    "not-a-number": with_member(b'"temperature":NaN'),
    "not-utf-8": with_member(b'"x":"\xff"'),
    "utf-16": GOOD.decode().encode("utf-16"),
    "byte-order-mark": b"\xef\xbb\xbf" + GOOD,
    "overlong-utf-8": with_member(b'"x":"\xc0\xaf"'),
    "surrogate-in-utf-8": with_member(b'"x":"\xed\xa0\x80"'),
    "control-character": with_member(b'"x":"\x00"'),
    "lone-surrogate": with_member(b'"x":"\\ud800"'),
    "lone-low-surrogate": with_member(b'"x":"\\udfff"'),
    "lone-surrogate-in-key": with_member(b'"\\ud800":1'),
    "surrogates-in-wrong-order": with_member(b'"x":"\\udc00\\ud800"'),
    "too-deep": with_member(b'"x":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH),
    "too-deep-mixed": with_member(b'"x":' + b'{"y":[' * 40 + b"]}" * 40),
    "far-too-deep": with_member(b'"x":' + b"[" * 90_000 + b"]" * 90_000),
    "unclosed-and-too-deep": b"[" * 100_000,
}

FIELDS = {
    "model-missing": (b'{"messages":[{"role":"user","content":"x"}]}', "model"),
    "model-null": (b'{"model":null,"messages":[{"role":"user","content":"x"}]}', "model"),
    "model-number": (b'{"model":5,"messages":[{"role":"user","content":"x"}]}', "model"),
    "model-blank": (b'{"model":" ","messages":[{"role":"user","content":"x"}]}', "model"),
    "messages-missing": (b'{"model":"local-stub:echo"}', "messages"),
    "messages-empty": (b'{"model":"local-stub:echo","messages":[]}', "messages"),
    "messages-string": (b'{"model":"local-stub:echo","messages":"hi"}', "messages"),
    "message-number": (b'{"model":"local-stub:echo","messages":[5]}', "messages[0]"),
    "role-missing": (
        b'{"model":"local-stub:echo","messages":[{"content":"x"}]}',
        "messages[0].role",
    ),
    "role-number": (b'{"model":"local-stub:echo","messages":[{"role":5}]}', "messages[0].role"),
    "selector": (chat_body("local-stub:echo|"), "model"),
}

WRONG_TYPES: dict[str, tuple[str, Any]] = {
    "stream": ("stream", "yes"),
    "stream_options": ("stream_options", 5),
    "stream_options.include_usage": ("stream_options", {"include_usage": "yes"}),
    "temperature": ("temperature", "hot"),
    "top_p": ("top_p", []),
    "n": ("n", 1.5),
    "max_tokens": ("max_tokens", "3"),
    "max_completion_tokens": ("max_completion_tokens", True),
    "presence_penalty": ("presence_penalty", {}),
    "frequency_penalty": ("frequency_penalty", "x"),
    "stop": ("stop", 5),
    "stop[1]": ("stop", ["a", 5]),
    "seed": ("seed", "x"),
    "user": ("user", 5),
    "logprobs": ("logprobs", 1),
    "top_logprobs": ("top_logprobs", "1"),
    "logit_bias": ("logit_bias", []),
    "tools": ("tools", {}),
    "tools[0]": ("tools", [5]),
    "parallel_tool_calls": ("parallel_tool_calls", "no"),
    "response_format": ("response_format", "json"),
    "reasoning_effort": ("reasoning_effort", 3),
}
"""Expected `param` -> member with a value of a wrong type."""


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_body_that_is_no_json_object_is_a_400(gateway: Gateway, body: bytes) -> None:
    assert_refused(gateway.post(body), 400)


@pytest.mark.parametrize(("body", "param"), FIELDS.values(), ids=FIELDS.keys())
def test_a_faulty_model_or_message_is_a_400_that_names_it(
    gateway: Gateway, body: bytes, param: str
) -> None:
    assert_refused(gateway.post(body), 400, param=param)


@pytest.mark.parametrize(
    ("param", "member"), WRONG_TYPES.items(), ids=[f"{param}" for param in WRONG_TYPES]
)
def test_a_wrong_type_is_a_400_that_names_the_field(
    gateway: Gateway, param: str, member: tuple[str, Any]
) -> None:
    name, value = member
    assert_refused(gateway.chat("local-stub:echo", **{name: value}), 400, param=param)


@pytest.mark.parametrize("name", sorted({name for name, _ in WRONG_TYPES.values()}))
def test_null_is_as_good_as_absent(gateway: Gateway, name: str) -> None:
    assert gateway.chat("local-stub:echo", **{name: None}).status == 200


def test_nesting_up_to_the_limit_is_let_through(gateway: Gateway) -> None:
    levels = MAX_DEPTH - 1
    body = with_member(b'"x":' + b"[" * levels + b"]" * levels)
    assert gateway.post(body).status == 200


def test_brackets_in_a_text_are_not_nesting(gateway: Gateway) -> None:
    assert gateway.chat("local-stub:echo", user="[{" * 500 + '\\"[').status == 200


@pytest.mark.parametrize("chunked", [False, True], ids=["content-length", "chunked"])
@pytest.mark.parametrize("excess", [1, 100_000])
def test_a_body_over_the_limit_is_a_413(gateway: Gateway, chunked: bool, excess: int) -> None:
    body = padded(MAX_BODY_BYTES + excess)
    assert_refused(gateway.post(iter([body]) if chunked else body), 413)


@pytest.mark.parametrize("chunked", [False, True], ids=["content-length", "chunked"])
def test_a_body_of_exactly_the_limit_is_served(gateway: Gateway, chunked: bool) -> None:
    body = padded(MAX_BODY_BYTES)
    assert gateway.post(iter([body]) if chunked else body).status == 200


@pytest.mark.parametrize("model", ["nope:m", "nope", "local-stub", "a/b", "é:m", "x" * 100_000])
def test_an_unknown_model_is_a_404_that_names_it(gateway: Gateway, model: str) -> None:
    reply = gateway.chat(model)
    assert_refused(reply, 404, param="model")
    assert reply.error["code"] == "model_not_found"
    assert model[:100] in reply.error["message"]
    assert len(reply.body) < 2000


def test_a_misspelt_model_is_answered_with_the_nearest_one(gateway: Gateway) -> None:
    assert "local-stub:echo" in gateway.chat("local-stb:ecko").error["message"]


def test_a_model_that_the_upstream_lacks_is_a_404_of_a_call(gateway: Gateway) -> None:
    reply = gateway.chat("local-stub:nope")
    assert_refused(reply, 404, param="model")
    assert reply.headers["X-Queueway-Call-Id"].startswith(gateway.prefix)


def test_a_refusal_before_there_is_a_call_names_none(gateway: Gateway) -> None:
    assert "X-Queueway-Call-Id" not in gateway.post(b"{}").headers


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", CHAT, "POST"),
        ("PUT", CHAT, "POST"),
        ("DELETE", CHAT, "POST"),
        ("PATCH", CHAT, "POST"),
        ("BREW", CHAT, "POST"),
        ("POST", "/v1/models", "GET"),
        ("DELETE", "/healthz", "GET"),
    ],
)
def test_a_wrong_method_is_a_405_that_names_the_right_one(
    gateway: Gateway, method: str, path: str, allowed: str
) -> None:
    reply = gateway.client.send(method, path)
    assert_refused(reply, 405)
    assert allowed in reply.headers["Allow"].replace(" ", "").split(",")


@pytest.mark.parametrize(
    "path", ["/", "/nope", "/v1", "/v1/chat", CHAT + "/", "/v1/chat/completions/x", "/%ff", "/a%00"]
)
def test_an_unknown_path_is_a_404(gateway: Gateway, path: str) -> None:
    assert_refused(gateway.client.send("POST", path, GOOD), 404)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_legacy_completions_are_a_404_that_says_what_to_use(
    gateway: Gateway, method: str
) -> None:
    reply = gateway.client.send(method, "/v1/completions", GOOD)
    assert_refused(reply, 404)
    assert CHAT in reply.error["message"]


HARMLESS_HEADERS = {
    "content-type-text": {"Content-Type": "text/plain"},
    "content-type-form": {"Content-Type": "application/x-www-form-urlencoded"},
    "content-type-charset": {"Content-Type": "application/json; charset=ebcdic"},
    "expect-continue": {"Expect": "100-continue"},
    "forwarded-for": {"X-Forwarded-For": "203.0.113.9"},
    "method-override": {"X-HTTP-Method-Override": "DELETE"},
    "latin-1-key": {"Authorization": "Bearer \xff\xfe"},
    "empty-key": {"Authorization": "Bearer "},
    "empty-route": {"X-Queueway-Route": " "},
    "long-title": {"X-Title": "t" * 7000},
    "range": {"Range": "bytes=0-1"},
    "etag": {"If-None-Match": "*"},
}


@pytest.mark.parametrize("headers", HARMLESS_HEADERS.values(), ids=HARMLESS_HEADERS.keys())
def test_headers_that_mean_nothing_here_change_nothing(
    gateway: Gateway, headers: dict[str, str]
) -> None:
    reply = gateway.post(GOOD, headers=headers)
    assert reply.status == 200
    assert reply.json["choices"][0]["message"]["content"] == "hi"


ROUTE_HEADERS = {
    "empty-arm": ("local-stub:echo||", 400, None),
    "no-model": ("local-stub:", 400, None),
    "unknown": ("nope:m", 404, "model"),
    "latin-1": ("\xff\xfe", 404, "model"),
}


@pytest.mark.parametrize(
    ("route", "status", "param"), ROUTE_HEADERS.values(), ids=ROUTE_HEADERS.keys()
)
def test_a_faulty_route_header_is_the_clients_error(
    gateway: Gateway, route: str, status: int, param: str | None
) -> None:
    assert_refused(gateway.post(GOOD, headers={"X-Queueway-Route": route}), status, param=param)


HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"

BROKEN_HTTP = {
    "negative-length": HEAD + b"Content-Length: -1\r\n\r\n",
    "length-is-a-word": HEAD + b"Content-Length: many\r\n\r\n",
    "two-lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "length-and-chunks": HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "unknown-transfer-coding": HEAD + b"Transfer-Encoding: br\r\n\r\n",
    "header-without-colon": HEAD + b"Nonsense\r\n\r\n",
    "header-with-space": HEAD + b"Bad Name: x\r\n\r\n",
    "header-with-nul": HEAD + b"X: a\x00b\r\n\r\n",
    "folded-header": HEAD + b"X: a\r\n b\r\n\r\n",
    "huge-header": HEAD + b"X: " + b"a" * 20_000 + b"\r\n\r\n",
    "many-headers": HEAD + b"".join(b"X-%d: a\r\n" % n for n in range(200)) + b"\r\n",
    "long-path": b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "not-http": b"hello\r\n\r\n",
}


@pytest.mark.parametrize("request_bytes", BROKEN_HTTP.values(), ids=BROKEN_HTTP.keys())
def test_what_is_not_http_is_refused_before_the_application(
    gateway: Gateway, request_bytes: bytes
) -> None:
    reply = send_raw(gateway.port, request_bytes)
    assert 400 <= reply.status < 500 or reply.status == 501


CHUNKED_HEAD = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

BROKEN_CHUNKS = {
    "size-is-a-word": b"many\r\n{}\r\n0\r\n\r\n",
    "negative-size": b"-1\r\n{}\r\n0\r\n\r\n",
    "chunk-longer-than-its-size": b"1\r\n{}\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("chunks", BROKEN_CHUNKS.values(), ids=BROKEN_CHUNKS.keys())
def test_a_body_in_broken_chunks_is_a_400(gateway: Gateway, chunks: bytes) -> None:
    assert send_raw(gateway.port, CHUNKED_HEAD + chunks).status == 400


def test_the_gateway_still_serves_after_all_of_it(gateway: Gateway) -> None:
    for body in (*UNREADABLE.values(), json.dumps([]).encode()):
        gateway.post(body)
    assert gateway.post(GOOD).status == 200
