"""What is remembered of calls: by a running gateway, and shown to operators."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine

from gateway.store.database import open_database, sqlite_url
from tests.e2e.database import upgrade
from tests.support import answers
from tests.support.client import Client, chat_body
from tests.support.fake_upstream import FakeUpstream, by_key, by_path
from tests.support.gateway import CHAT, Gateway
from tests.support.polling import wait_for
from tests.support.postgres import PostgresServer
from tests.support.redis_server import RedisServer

ADMIN = "/admin/attempts"
WRITTEN_S = 10.0
CALL_ID = "X-Queueway-Call-Id"
ROUTE = "X-Queueway-Route-Taken"
CALLS = 20
CALLING_S = 3.0
"""So long that records are written meanwhile, or would be."""
QUICK_S = 2.0
"""A small call at most, on a busy machine; what it must not wait for takes five times as long."""


def attempts(client: Client, **wanted: object) -> list[dict[str, Any]]:
    """A page of attempts."""
    query = "&".join(f"{name}={value}" for name, value in wanted.items())
    return list(client.send("GET", f"{ADMIN}?{query}").json["data"])


def of(gateway: Gateway, call_id: str | None, count: int = 1) -> list[dict[str, Any]]:
    """The attempts of a call in their order, once they are written."""
    found = wait_for(
        lambda: len(rows := attempts(gateway.client, call_id=call_id)) >= count and rows,
        what=f"{count} attempts",
        limit_s=WRITTEN_S,
    )
    return list(reversed(found or []))


def outcomes(rows: list[dict[str, Any]]) -> list[str]:
    """The outcomes of attempts."""
    return [row["outcome"] for row in rows]


@pytest.fixture
def named(gateway: Gateway, upstream: FakeUpstream) -> list[str]:
    """The ids of three calls that were answered, one after the other, and are written."""
    upstream.script = lambda _: answers.whole()
    ids = [str(gateway.chat("a:m").headers[CALL_ID]) for _ in range(3)]
    for call_id in ids:
        of(gateway, call_id)
    return ids


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_an_answer_is_a_success_with_its_usage(
    gateway: Gateway, upstream: FakeUpstream, stream: bool
) -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    pieces = [answers.PREAMBLE, answers.text("hi"), answers.chunk({}, "stop", usage=usage)]
    streamed = answers.events([*pieces, answers.DONE])
    upstream.script = lambda _: streamed if stream else answers.whole()
    reply = gateway.chat("a:m", stream=stream)
    (row,) = of(gateway, reply.headers[CALL_ID])
    told = {name: row[name] for name in ("outcome", "instance", "model", "asked_model", "owner")}
    assert told == {
        "outcome": "success",
        "instance": "a",
        "model": "m",
        "asked_model": "a:m",
        "owner": "local",
    }
    assert (row["input_tokens"], row["output_tokens"], row["credential_id"]) == (1, 2, "c0")
    assert row["started_at"] <= row["first_output_at"] <= row["finished_at"] <= time.time()


def test_a_failure_before_output_is_swallowed_by_the_next_candidate(
    gateway: Gateway, upstream: FakeUpstream
) -> None:
    upstream.script = by_path({"a": answers.error(500, "broken"), "b": answers.whole()})
    rows = of(gateway, gateway.chat("a:m|b:m").headers[CALL_ID], 2)
    assert outcomes(rows) == ["swallowed_failure", "success"]
    assert [(row["seq"], row["instance"], row["status"]) for row in rows] == [
        (1, "a", 500),
        (2, "b", None),
    ]
    assert "status 500" in rows[0]["reason"]


def test_a_refusal_of_the_request_is_surfaced(gateway: Gateway, upstream: FakeUpstream) -> None:
    upstream.script = lambda _: answers.error(400, "not like this")
    (row,) = of(gateway, gateway.chat("a:m").headers[CALL_ID])
    assert (row["outcome"], row["status"]) == ("surfaced_failure", 400)


def test_an_answer_that_breaks_off_is_surfaced(gateway: Gateway, upstream: FakeUpstream) -> None:
    pieces = [answers.PREAMBLE, answers.text("one")]
    upstream.script = lambda _: answers.events(pieces)
    (row,) = of(gateway, gateway.chat("a:m", stream=True).headers[CALL_ID])
    assert (row["outcome"], row["first_output_at"] is None) == ("surfaced_failure", False)


def test_a_call_whose_client_leaves_is_cancelled(gateway: Gateway, upstream: FakeUpstream) -> None:
    pieces = [answers.PREAMBLE, answers.text("one"), answers.hold()]
    upstream.script = lambda _: answers.events(pieces)
    with gateway.open_chat("a:m", stream=True) as response:
        call_id = response.headers[CALL_ID]
        assert b"one" in response.read1()
    assert outcomes(of(gateway, call_id)) == ["cancelled"]


def test_an_attempt_with_several_keys_is_one(gateway: Gateway, upstream: FakeUpstream) -> None:
    upstream.script = by_key(
        {"key-of-a-one": answers.rate_limited("30"), "key-of-a-two": answers.whole()}
    )
    (row,) = of(gateway, gateway.chat("a:m").headers[CALL_ID])
    assert (row["outcome"], row["credential_id"]) == ("success", "c1")


def test_no_key_is_in_what_operators_see(gateway: Gateway, upstream: FakeUpstream) -> None:
    upstream.script = lambda _: answers.error(401, "bad key key-of-b-one")
    of(gateway, gateway.chat("b:m").headers[CALL_ID])
    assert b"key-of-" not in gateway.client.send("GET", ADMIN).body


def test_filters_find_those_that_fit(gateway: Gateway, named: list[str]) -> None:
    rows = attempts(gateway.client, call_id=named[1], instance="a", outcome="success")
    assert [row["call_id"] for row in rows] == [named[1]]
    assert attempts(gateway.client, call_id=named[1], instance="b") == []


def test_pages_follow_each_other(gateway: Gateway, named: list[str]) -> None:
    first = gateway.client.send("GET", f"{ADMIN}?limit=2").json
    last_id = first["data"][-1]["id"]
    second = gateway.client.send("GET", f"{ADMIN}?limit=1&before={last_id}").json
    seen = [row["call_id"] for row in (*first["data"], *second["data"])]
    assert (first["has_more"], seen) == (True, named[::-1])


def test_the_last_page_says_so(gateway: Gateway, named: list[str]) -> None:
    page = gateway.client.send("GET", f"{ADMIN}?call_id={named[0]}&limit=1").json
    assert (len(page["data"]), page["has_more"]) == (1, False)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "before=-1", "before=1e3", "outcome=fine"]
)
def test_a_wrong_parameter_is_named(gateway: Gateway, query: str) -> None:
    reply = gateway.client.send("GET", f"{ADMIN}?{query}")
    assert (reply.status, reply.error["param"]) == (400, query.partition("=")[0])


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://localhost"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"Host": "rebound.example.com"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_who_is_no_operator_is_refused(gateway: Gateway, headers: dict[str, str]) -> None:
    assert gateway.client.send("GET", ADMIN, headers=headers).status == 403


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1", "[::1]:8080"])
def test_an_operator_may_call_this_machine_by_any_of_its_names(gateway: Gateway, host: str) -> None:
    assert gateway.client.send("GET", ADMIN, headers={"Host": host}).status == 200


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("path", "model"),
    [
        (CHAT, {"model": "b:m"}),
        ("/v1/messages", {"model": "b:m", "max_tokens": 9}),
        ("/v1/responses", {"model": "b:m", "input": "hi"}),
    ],
    ids=["native", "anthropic", "responses"],
)
def test_an_answer_names_who_gave_it(
    gateway: Gateway, upstream: FakeUpstream, path: str, model: dict[str, Any], stream: bool
) -> None:
    upstream.script = lambda _: answers.stream("hi") if stream else answers.whole()
    body = chat_body(**model, stream=stream)
    assert gateway.client.send("POST", path, body).headers[ROUTE] == "b:m"


def test_an_answer_after_a_failover_names_who_gave_it(
    gateway: Gateway, upstream: FakeUpstream
) -> None:
    upstream.script = by_path({"a": answers.error(500), "b": answers.whole()})
    assert gateway.chat("a:m|b:other").headers[ROUTE] == "b:other"


def test_an_error_names_nobody(gateway: Gateway, upstream: FakeUpstream) -> None:
    upstream.script = lambda _: answers.error(400)
    assert ROUTE not in gateway.chat("a:m").headers


def test_a_name_that_no_header_can_carry_is_percent_encoded(
    gateway: Gateway, upstream: FakeUpstream
) -> None:
    upstream.script = lambda _: answers.whole()
    assert gateway.chat("b:\u043c m").headers[ROUTE] == "b:%D0%BC%20m"


@contextmanager
def _running(redis: RedisServer, upstream: FakeUpstream, **given: Any) -> Iterator[Gateway]:
    """A gateway that the test may stop."""
    row = {"id": "a", "kind": "openai-legacy", "base_url": f"{upstream.url}/a", "api_key": "key-a"}
    gateway = Gateway(redis_url=redis.url, backends=[row], **given)
    try:
        gateway.start()
        yield gateway
    finally:
        gateway.close()


@contextmanager
def _locked(engine: Engine) -> Iterator[None]:
    """Nobody can write to the database meanwhile."""
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield
        connection.rollback()


def _timed(gateway: Gateway) -> tuple[int, float]:
    """How many calls there were in a time, one after the other, and how long the slowest took."""
    took = []
    end = time.monotonic() + CALLING_S
    while time.monotonic() < end:
        began_at = time.monotonic()
        assert gateway.chat("a:m").status == 200
        took.append(time.monotonic() - began_at)
    return len(took), max(took)


def test_a_worker_that_is_told_to_stop_loses_nothing(
    concurrency: str, private_redis: RedisServer, upstream: FakeUpstream
) -> None:
    upstream.script = lambda _: answers.whole()
    with _running(private_redis, upstream, concurrency=concurrency) as gateway:
        ids = {gateway.chat("a:m").headers[CALL_ID] for _ in range(CALLS)}
        gateway.workers[0].signal(signal.SIGTERM)
        assert gateway.workers[0].wait() == 0
        assert {row["call_id"] for row in attempts(gateway.client)} == ids


def test_a_locked_file_slows_no_call_down_and_loses_nothing(
    concurrency: str, private_redis: RedisServer, upstream: FakeUpstream
) -> None:
    upstream.script = lambda _: answers.whole()
    with _running(private_redis, upstream, concurrency=concurrency) as gateway:
        engine = open_database(sqlite_url(gateway.folder / "var"))
        with _locked(engine):
            count, slowest_s = _timed(gateway)
        engine.dispose()
        assert slowest_s < QUICK_S
        wait_for(lambda: _written(gateway) == count, what="the attempts", limit_s=30)


def test_a_server_that_stands_still_slows_no_call_down(
    concurrency: str,
    private_redis: RedisServer,
    upstream: FakeUpstream,
    postgres_server: PostgresServer,
) -> None:
    upstream.script = lambda _: answers.whole()
    with _upgraded(private_redis, upstream, postgres_server, concurrency=concurrency) as gateway:
        of(gateway, gateway.chat("a:m").headers[CALL_ID])
        postgres_server.stall()
        try:
            count, slowest_s = _timed(gateway)
            away = gateway.client.send("GET", ADMIN)
        finally:
            postgres_server.resume()
        assert slowest_s < QUICK_S
        assert (away.status, away.error["message"]) == (503, "the database does not answer")
        wait_for(lambda: _written(gateway) == count + 1, what="the attempts", limit_s=60)


def _written(gateway: Gateway) -> int:
    """How many attempts there are; 0 while the database does not answer."""
    count, after = 0, ""
    while (page := gateway.client.send("GET", f"{ADMIN}?limit=1000{after}")).status == 200:
        count += len(page.json["data"])
        if not page.json["has_more"]:
            return count
        after = f"&before={page.json['data'][-1]['id']}"
    return 0


@contextmanager
def _upgraded(
    redis: RedisServer, upstream: FakeUpstream, postgres: PostgresServer, *, concurrency: str
) -> Iterator[Gateway]:
    """A gateway on PostgreSQL, whose release phase has run."""
    environment = {"DATABASE_URL": postgres.new_database()}
    assert upgrade(environment["DATABASE_URL"], postgres.folder).returncode == 0
    with _running(redis, upstream, concurrency=concurrency, environment=environment) as gateway:
        yield gateway
