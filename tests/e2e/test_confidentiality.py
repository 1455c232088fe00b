"""Nobody gets a secret that is not theirs: upstreams, clients, logs, Redis."""

import json
from typing import Any

import pytest
from redis import Redis

from tests.support import answers
from tests.support.client import chat_body
from tests.support.fake_upstream import Answer, FakeUpstream, Received, by_path, in_order
from tests.support.gateway import Gateway
from tests.support.redis_server import RedisServer

UPSTREAM_KEY = "key-of-b-one"
CLIENT_SECRET = "a-secret-of-the-client"
PROMPT = "a-prompt-that-nobody-else-may-read"

CLIENT_HEADERS = {
    "Authorization": f"Bearer {CLIENT_SECRET}",
    "x-api-key": CLIENT_SECRET,
    "api-key": CLIENT_SECRET,
    "Cookie": f"session={CLIENT_SECRET}",
    "Proxy-Authorization": f"Basic {CLIENT_SECRET}",
    "X-Forwarded-For": "203.0.113.9",
    "Forwarded": "for=203.0.113.9",
    "X-Real-IP": "203.0.113.9",
    "Connection": "keep-alive, X-Hop",
    "X-Hop": "hop",
    "TE": "trailers",
    "Keep-Alive": "timeout=5",
    "Upgrade": "h2c",
    "X-Queueway-Route": "b:m",
    "X-LIP-Route": "b:m",
    "X-Stainless-Lang": "python",
    "User-Agent": "client/1",
    "OpenAI-Organization": "org-of-the-client",
    "Referer": "http://localhost/page",
}

FORWARDED = {
    "accept",
    "accept-encoding",
    "authorization",
    "content-length",
    "content-type",
    "host",
    "user-agent",
}
"""All that an upstream gets of a call that has no header of a provider's own."""


def header_names(request: Received) -> list[str]:
    return sorted(name.lower() for name, _ in request.headers)


@pytest.mark.parametrize("stream", [False, True])
def test_the_upstream_gets_only_headers_of_our_own(
    gateway: Gateway, upstream: FakeUpstream, stream: bool
) -> None:
    upstream.script = lambda request: answers.stream("x") if stream else answers.whole()
    assert gateway.chat("b:m", headers=CLIENT_HEADERS, stream=stream).status == 200
    (request,) = upstream.requests
    assert header_names(request) == sorted(FORWARDED)
    assert request.authorization == f"Bearer {UPSTREAM_KEY}"
    assert (request.header("User-Agent") or "").startswith("queueway/")
    assert CLIENT_SECRET not in repr(request.headers)


def test_each_candidate_gets_its_own_key(gateway: Gateway, upstream: FakeUpstream) -> None:
    upstream.script = by_path({"a": answers.error(500), "b": answers.whole()})
    gateway.chat("a:m|b:m")
    assert upstream.keys == ["key-of-a-one", UPSTREAM_KEY]


def test_a_redirect_is_not_followed(gateway: Gateway, upstream: FakeUpstream) -> None:
    elsewhere = [("Location", f"{upstream.url}/elsewhere")]
    upstream.script = in_order(Answer(307, elsewhere))
    assert gateway.chat("b:m").status == 502
    assert len(upstream.requests) == 1


def error_with_key(status: int) -> Answer:
    return answers.error(status, f"the key {UPSTREAM_KEY} is not allowed to do that")


ECHOES: dict[str, Answer] = {
    "400": error_with_key(400),
    "401": error_with_key(401),
    "403": error_with_key(403),
    "429": error_with_key(429),
    "500": error_with_key(500),
    "bare-string": Answer(
        400, [answers.JSON], [json.dumps({"error": f"no {UPSTREAM_KEY}"}).encode()]
    ),
    "not-json": Answer(400, [], [f"no {UPSTREAM_KEY}".encode()]),
    "with-status-200": Answer(200, [answers.JSON], error_with_key(400).body),
    "html": Answer(403, [("Content-Type", "text/html")], [f"<b>{UPSTREAM_KEY}</b>".encode()]),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES.keys())
def test_a_key_that_an_upstream_repeats_reaches_neither_client_nor_log(
    gateway: Gateway, upstream: FakeUpstream, echo: Answer, stream: bool
) -> None:
    upstream.script = lambda request: echo
    reply = gateway.chat("b:m", stream=stream)
    assert reply.status >= 400
    assert UPSTREAM_KEY.encode() not in reply.body
    assert UPSTREAM_KEY not in str(reply.headers)
    assert UPSTREAM_KEY not in gateway.logs()


@pytest.mark.parametrize("output", [False, True], ids=["before-output", "after-output"])
def test_a_key_in_an_error_inside_a_stream_does_not_reach_the_client(
    gateway: Gateway, upstream: FakeUpstream, output: bool
) -> None:
    error = answers.frame({"error": {"message": f"{UPSTREAM_KEY} is over its limit", "code": 400}})
    said = [answers.PREAMBLE, *([answers.text("x")] if output else [])]
    upstream.script = lambda request: answers.events([*said, error])
    body = gateway.chat("b:m", stream=True).body
    assert UPSTREAM_KEY.encode() not in body
    assert b"is over its limit" in body


@pytest.fixture
def redis(private_redis: RedisServer) -> Any:
    """A client of the gateway's Redis."""
    client = private_redis.client()
    yield client
    client.close()


def contents(redis: Redis, prefix: str) -> bytes:
    """Every key and value that belongs to a deployment, its RQ keys included."""
    readers = {
        b"string": redis.get,
        b"hash": redis.hgetall,
        b"list": lambda key: redis.lrange(key, 0, -1),
        b"set": redis.smembers,
        b"zset": lambda key: redis.zrange(key, 0, -1, withscores=True),
        b"stream": redis.xrange,
        b"none": lambda key: None,
    }
    keys = [key for key in redis.scan_iter(count=1000) if prefix.encode() in key]
    return repr([(key, readers[redis.type(key)](key)) for key in keys]).encode()


def test_redis_holds_no_secret_while_a_call_runs_and_no_prompt_after_it(
    gateway: Gateway, upstream: FakeUpstream, redis: Redis
) -> None:
    during: list[bytes] = []

    def script(request: Received) -> Answer:
        during.append(contents(redis, gateway.prefix))
        refused = request.path.startswith("/b")
        return error_with_key(429) if refused else answers.whole("an answer")

    upstream.script = script
    body = chat_body("b:m|a:m", user=PROMPT)
    headers = {"Authorization": f"Bearer {CLIENT_SECRET}"}
    assert gateway.post(body, headers=headers).status == 200
    after = contents(redis, gateway.prefix)
    assert PROMPT.encode() in during[-1], "the waiting call was looked for in the wrong place"
    for held in (*during, after):
        assert UPSTREAM_KEY.encode() not in held
        assert CLIENT_SECRET.encode() not in held
    assert PROMPT.encode() not in after
    assert b"an answer" not in after


def test_no_log_has_a_key_or_a_prompt(gateway: Gateway, upstream: FakeUpstream) -> None:
    upstream.script = lambda request: error_with_key(401)
    gateway.post(chat_body("b:m", user=PROMPT), headers=CLIENT_HEADERS)
    logs = "".join(process.output() for process in gateway.processes)
    assert "is dead" in logs, "the refusal was not logged, so this proves nothing"
    for secret in (UPSTREAM_KEY, CLIENT_SECRET, PROMPT):
        assert secret not in logs


@pytest.mark.parametrize("stream", [False, True])
def test_headers_of_the_upstreams_answer_stay_here(
    gateway: Gateway, upstream: FakeUpstream, stream: bool
) -> None:
    good = answers.stream("x") if stream else answers.whole()
    own = [("Set-Cookie", "session=1"), ("openai-organization", "org-1"), ("Server", "theirs")]
    upstream.script = lambda request: Answer(200, [*good.headers, *own], good.body, good.framing)
    headers = gateway.chat("b:m", stream=stream).headers
    assert headers["Set-Cookie"] is None
    assert headers["openai-organization"] is None
    assert headers["Server"] != "theirs"
    assert headers["X-Queueway-Call-Id"].startswith(gateway.prefix)


ATTRIBUTION = {
    "HTTP-Referer": "https://app.example",
    "X-Title": "App",
    "X-OpenRouter-Categories": "a,b",
    "OpenAI-Beta": "x=v1",
}


def test_headers_of_another_provider_are_not_passed_on(
    gateway: Gateway, upstream: FakeUpstream
) -> None:
    upstream.script = lambda request: answers.whole()
    gateway.chat("b:m", headers=ATTRIBUTION)
    (request,) = upstream.requests
    assert header_names(request) == sorted({*FORWARDED, "openai-beta"})
