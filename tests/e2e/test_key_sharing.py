"""What one worker process learns of a key, every other one knows at once, and after a restart."""

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from redis import Redis
from rq.worker import Worker

from tests.support import answers
from tests.support.fake_upstream import Answer, FakeUpstream, Received, by_key, in_order
from tests.support.gateway import Gateway
from tests.support.polling import wait_for
from tests.support.redis_server import RedisServer

ONE, TWO, THREE = KEYS = ("shared-key-one", "shared-key-two", "shared-key-three")
REST_S = 5
CAP_S = 40.0
MODEL = "shared:m"


@pytest.fixture(scope="module")
def shared_pair(
    concurrency: str, private_redis: RedisServer, shared_upstream: FakeUpstream
) -> Iterator[Gateway]:
    """A gateway with two worker processes and three keys."""
    row = {"id": "shared", "kind": "openai-legacy", "base_url": f"{shared_upstream.url}/v1"}
    gateway = Gateway(
        redis_url=private_redis.url,
        concurrency=concurrency,
        settings={"credentials": {"max_cooldown_s": CAP_S}},
        backends=[{**row, "api_keys": list(KEYS)}],
        workers=2,
    )
    try:
        gateway.start()
        yield gateway
    finally:
        gateway.close()


@pytest.fixture
def pair(shared_pair: Gateway, upstream: FakeUpstream) -> Gateway:
    """The gateway, with every key usable."""
    shared_pair.reset_keys()
    return shared_pair


def served(gateway: Gateway, redis: Redis) -> dict[str, int]:
    """RQ's count of good calls for each running worker process of a gateway."""
    running = {process.pid for process in gateway.workers}
    return {
        worker.name: worker.successful_job_count
        for worker in Worker.all(connection=redis)
        if worker.pid in running
    }


@pytest.fixture
def redis(private_redis: RedisServer) -> Iterator[Redis]:
    """A client of the gateway's Redis."""
    client = private_redis.client()
    yield client
    client.close()


def queueway(gateway: Gateway, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command beside the gateway."""
    return subprocess.run(
        gateway.command(*arguments),
        cwd=gateway.folder,
        env=gateway.environment,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def states(gateway: Gateway) -> dict[str, Any]:
    """The keys as `queueway keys --json` shows them, by id."""
    rows = json.loads(queueway(gateway, "keys", "--json").stdout)
    return {row["id"]: row for row in rows}


def refused_once(answer: Answer) -> dict[str | None, Answer | Any]:
    """A script by key: the first request with key one is refused, everything else is answered."""
    return {
        ONE: in_order(answer, *[answers.whole()] * 1000),
        TWO: answers.whole(),
        THREE: answers.whole(),
    }


def test_both_workers_take_calls(pair: Gateway, upstream: FakeUpstream, redis: Redis) -> None:
    upstream.script = lambda request: answers.whole()
    wait_for(
        lambda: pair.chat(MODEL).status == 200 and all(served(pair, redis).values()),
        what="a call for each worker",
    )
    assert len(served(pair, redis)) == 2


def test_a_rate_limited_key_rests_in_every_worker_and_is_used_again_after(
    pair: Gateway, upstream: FakeUpstream, redis: Redis
) -> None:
    upstream.script = by_key(refused_once(answers.rate_limited(str(REST_S))))
    before = served(pair, redis)
    wait_for(
        lambda: pair.chat(MODEL).status == 200 and upstream.keys.count(ONE) == 2,
        what="a second request with the key",
        limit_s=2 * REST_S,
    )
    refused, used_again = (request.at for request in upstream.requests if request.key == ONE)
    assert used_again - refused >= REST_S
    after = served(pair, redis)
    assert all(after[worker] > before[worker] for worker in before)


def test_an_invalid_key_is_never_used_again_whatever_restarts_but_redis(
    pair: Gateway, upstream: FakeUpstream
) -> None:
    upstream.script = by_key({ONE: answers.error(401), TWO: answers.whole()})
    assert pair.chat(MODEL).status == 200
    pair.kill()
    pair.start()
    assert [pair.chat(MODEL).status for _ in range(4)] == [200] * 4
    assert upstream.keys == [ONE, *[TWO] * 5]


def test_a_later_and_shorter_cooldown_does_not_shorten_the_first(
    pair: Gateway, upstream: FakeUpstream
) -> None:
    second_may_go = threading.Event()
    long, short = answers.rate_limited("30"), answers.rate_limited("1")
    held = Answer(short.status, short.headers, short.body, hold=second_may_go)
    upstream.script = by_key({ONE: in_order(held, long), TWO: answers.whole()})
    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(pair.chat, MODEL)
        wait_for(lambda: upstream.keys == [ONE], what="a first request with the key")
        assert pair.chat(MODEL).status == 200
        second_may_go.set()
        assert waiting.result().status == 200
    assert upstream.keys == [ONE, ONE, TWO, TWO]
    assert 20 < states(pair)["c0"]["until"] - time.time() <= 30


@pytest.mark.parametrize("asked", ["41", "99999999", "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_no_header_makes_a_key_rest_longer_than_the_cap(
    pair: Gateway, upstream: FakeUpstream, asked: str
) -> None:
    upstream.script = lambda request: answers.rate_limited(asked)
    assert CAP_S - 5 < int(pair.chat(MODEL).headers["Retry-After"]) <= CAP_S


def test_without_a_usable_key_the_client_is_told_when_the_soonest_one_is(
    pair: Gateway, upstream: FakeUpstream
) -> None:
    rests = {ONE: "30", TWO: "10", THREE: "20"}
    upstream.script = by_key({key: answers.rate_limited(s) for key, s in rests.items()})
    reply = pair.chat(MODEL)
    assert reply.status == 429
    assert 9 <= int(reply.headers["Retry-After"]) <= 10
    assert reply.error["type"] == "rate_limit_error"


def test_while_no_key_is_usable_the_upstream_is_left_alone(
    pair: Gateway, upstream: FakeUpstream
) -> None:
    upstream.script = lambda request: answers.rate_limited("30")
    replies = [pair.chat(MODEL) for _ in range(4)]
    assert [reply.status for reply in replies] == [429] * 4
    assert upstream.keys == list(KEYS)
    assert all(int(reply.headers["Retry-After"]) <= 30 for reply in replies)


def test_a_resting_key_among_invalid_ones_says_when_to_come_back(
    pair: Gateway, upstream: FakeUpstream
) -> None:
    invalid = answers.error(401)
    upstream.script = by_key({ONE: invalid, TWO: answers.rate_limited("15"), THREE: invalid})
    reply = pair.chat(MODEL)
    assert reply.status == 429
    assert 14 <= int(reply.headers["Retry-After"]) <= 15


@pytest.mark.parametrize("stream", [False, True])
def test_with_every_key_invalid_the_client_hears_that_its_own_is_fine(
    pair: Gateway, upstream: FakeUpstream, stream: bool
) -> None:
    upstream.script = lambda request: answers.error(401)
    replies = [pair.chat(MODEL, stream=stream) for _ in range(2)]
    assert upstream.keys == list(KEYS)
    for reply in replies:
        assert reply.status == 502
        assert reply.error["code"] == "upstream_credentials_exhausted"
        assert "your own key is fine" in reply.error["message"]
        assert "Retry-After" not in reply.headers


@pytest.fixture
def marked(pair: Gateway, upstream: FakeUpstream) -> Gateway:
    """The gateway with one key invalid, one resting and one usable."""
    upstream.script = by_key(
        {ONE: answers.error(401, f"bad {ONE}"), TWO: answers.rate_limited("30"), THREE: WHOLE}
    )
    assert pair.chat(MODEL).status == 200
    return pair


WHOLE = answers.whole()


def test_queueway_keys_shows_what_is_known_of_each_key(marked: Gateway) -> None:
    shown = states(marked)
    assert [shown[id]["state"] for id in ("c0", "c1", "c2")] == ["dead", "cooling", "usable"]
    assert (shown["c0"]["status"], shown["c1"]["status"]) == ("401", "429")
    assert 20 < shown["c1"]["until"] - time.time() <= 30


@pytest.mark.parametrize("arguments", [("keys",), ("keys", "--json")])
def test_queueway_keys_shows_no_secret(marked: Gateway, arguments: tuple[str, ...]) -> None:
    done = queueway(marked, *arguments)
    assert done.returncode == 0
    assert "dead" in done.stdout
    assert not any(key in done.stdout + done.stderr for key in KEYS)


def test_queueway_keys_reset_revives_all_keys_of_an_instance(
    marked: Gateway, upstream: FakeUpstream
) -> None:
    assert queueway(marked, "keys", "reset", "shared").stdout == "2 keys of shared reset\n"
    upstream.script = lambda request: answers.whole()
    marked.chat(MODEL)
    assert upstream.keys[-1] == ONE


def test_queueway_keys_reset_revives_one_key_alone(marked: Gateway, upstream: FakeUpstream) -> None:
    assert queueway(marked, "keys", "reset", "shared", "c1").stdout == "1 key of shared reset\n"
    upstream.script = lambda request: answers.whole()
    marked.chat(MODEL)
    assert upstream.keys[-1] == TWO
    assert states(marked)["c0"]["state"] == "dead"


@pytest.mark.parametrize("target", [("nope",), ("shared", "c9")])
def test_queueway_keys_reset_refuses_what_is_not_there(
    marked: Gateway, target: tuple[str, ...]
) -> None:
    done = queueway(marked, "keys", "reset", *target)
    assert done.returncode == 1
    assert target[-1] in done.stderr


def test_a_burst_uses_a_refused_key_only_while_nobody_had_heard_of_the_refusal(
    pair: Gateway, upstream: FakeUpstream
) -> None:
    refused_at: list[float] = []

    def script(request: Received) -> Answer:
        if request.key != ONE:
            return WHOLE
        refused_at.append(time.monotonic())
        return answers.rate_limited("30")

    upstream.script = script
    with ThreadPoolExecutor(20) as clients:
        replies = list(clients.map(lambda _: pair.chat(MODEL), range(100)))
    assert {reply.status for reply in replies} == {200}
    # A worker that had leased the key before the first refusal was reported may still use it.
    late = [request for request in upstream.requests if request.key == ONE]
    assert late[-1].at - refused_at[0] < 2
