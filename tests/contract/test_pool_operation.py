"""What an operator sees and does, what lies in Redis, and how the pool outlives its loss."""

import re

import pytest
import redis

from gateway.credentials.credential import Credential
from gateway.credentials.policy import Policy
from gateway.credentials.pool import CredentialPool
from tests.contract.pools import (
    INSTANCE,
    PREFIX,
    everything,
    make_pool,
    now_ms,
    pick,
    refusal,
    refuse,
    secret_of,
    state_of,
    unavailable,
)
from tests.support.polling import wait_for
from tests.support.redis_server import RedisServer

HOUR_S = 3600.0
DAY_MS = 24 * 3600 * 1000
MARKS = f"{PREFIX}:keys:{INSTANCE}:marks"


class TestFirstUsable:
    """The key that a question beside a call is asked with."""

    @pytest.mark.parametrize(
        ("refused", "expected"),
        [
            pytest.param({}, "a", id="all-usable"),
            pytest.param({"a": 429}, "b", id="first-cooling"),
            pytest.param({"a": 401, "b": 429}, "c", id="only-the-last"),
            pytest.param({"a": 401, "b": 401, "c": 429}, "a", id="none"),
        ],
    )
    def test_is_the_first_that_is_not_put_aside(
        self, redis_client: redis.Redis, refused: dict[str, int], expected: str
    ) -> None:
        pool = make_pool(redis_client, ["a", "b", "c"])
        for id, status in refused.items():
            refuse(pool, id, status)
        assert pool.first_usable(INSTANCE).id == expected

    def test_of_an_instance_without_keys_has_no_secret(self, redis_client: redis.Redis) -> None:
        assert make_pool(redis_client, []).first_usable(INSTANCE).secret == ""

    def test_marks_nothing(self, redis_client: redis.Redis) -> None:
        pool = make_pool(redis_client, ["a"])
        before = everything(redis_client)
        pool.first_usable(INSTANCE)
        assert everything(redis_client) == before


class TestSnapshot:
    def test_lists_every_key_in_order_of_configuration(self, redis_client: redis.Redis) -> None:
        states = make_pool(redis_client, ["b", "c", "a"]).snapshot()
        assert [(state.instance, state.id) for state in states] == [
            (INSTANCE, "b"),
            (INSTANCE, "c"),
            (INSTANCE, "a"),
        ]

    @pytest.mark.parametrize(
        ("status", "state"), [(None, "usable"), (429, "cooling"), (401, "dead")]
    )
    def test_tells_the_state(
        self, redis_client: redis.Redis, status: int | None, state: str
    ) -> None:
        pool = make_pool(redis_client, ["a", "b"])
        refuse(pool, "a", status)
        assert state_of(pool, "a").state == state

    def test_tells_of_other_keys_that_they_are_usable(self, redis_client: redis.Redis) -> None:
        pool = make_pool(redis_client, ["a", "b"])
        refuse(pool, "a", 401)
        assert state_of(pool, "b").state == "usable"

    def test_tells_until_when_a_key_rests(self, redis_client: redis.Redis) -> None:
        pool = make_pool(redis_client, ["a"])
        refuse(pool, "a", 429, retry_after_s=100)
        assert state_of(pool, "a").until == unavailable(pool).retry_at

    def test_tells_no_end_of_a_dead_key(self, redis_client: redis.Redis) -> None:
        pool = make_pool(redis_client, ["a"])
        refuse(pool, "a", 401)
        assert state_of(pool, "a").until is None

    def test_tells_since_when(self, redis_client: redis.Redis) -> None:
        pool = make_pool(redis_client, ["a"])
        before_ms = now_ms(redis_client)
        refuse(pool, "a", 401)
        after_ms = now_ms(redis_client)
        since = state_of(pool, "a").since
        assert since is not None
        assert before_ms <= since * 1000 <= after_ms

    @pytest.mark.parametrize(
        "message",
        [
            pytest.param("slow down", id="plain"),
            pytest.param("a|b||c|", id="with-the-separator"),
            pytest.param("zu schnell, é語\N{PILE OF POO}", id="unicode"),
            pytest.param("%s %d %", id="format-directives"),
            pytest.param("two\nlines", id="lines"),
            pytest.param("", id="empty"),
        ],
    )
    def test_tells_the_upstreams_words(self, redis_client: redis.Redis, message: str) -> None:
        pool = make_pool(redis_client, ["a"])
        error = refusal(401, message=message)
        pool.report(INSTANCE, Credential("a", secret_of("a")), error=error)
        assert (state_of(pool, "a").status, state_of(pool, "a").reason) == ("401", message or None)

    def test_bounds_the_upstreams_words(self, redis_client: redis.Redis) -> None:
        pool = make_pool(redis_client, ["a"])
        error = refusal(401, message="x" * 100_000)
        pool.report(INSTANCE, Credential("a", secret_of("a")), error=error)
        assert state_of(pool, "a").reason == "x" * 512

    def test_tells_that_a_key_is_usable_once_its_cooldown_is_over(
        self, redis_client: redis.Redis
    ) -> None:
        pool = make_pool(redis_client, ["a"])
        refuse(pool, "a", 429, retry_after_s=0.001)
        over_ms = now_ms(redis_client) + 1
        wait_for(lambda: now_ms(redis_client) >= over_ms, what="the cooldown's end")
        assert state_of(pool, "a").state == "usable"

    def test_leaves_keyless_instances_out(self, redis_client: redis.Redis) -> None:
        assert make_pool(redis_client, []).snapshot() == []

    def test_writes_no_layout(self, redis_client: redis.Redis) -> None:
        make_pool(redis_client, ["a"]).snapshot()
        assert redis_client.dbsize() == 0


class TestReset:
    @pytest.mark.parametrize("status", [401, 429])
    def test_revives_a_key(self, redis_client: redis.Redis, status: int) -> None:
        pool = make_pool(redis_client, ["a", "b"])
        refuse(pool, "a", status, retry_after_s=HOUR_S)
        pool.reset(INSTANCE, "a")
        assert pick(pool) == "a"

    def test_of_one_key_leaves_the_others(self, redis_client: redis.Redis) -> None:
        pool = make_pool(redis_client, ["a", "b"])
        refuse(pool, "a", 401)
        refuse(pool, "b", 401)
        pool.reset(INSTANCE, "b")
        assert pick(pool) == "b"

    def test_without_a_key_revives_all(self, redis_client: redis.Redis) -> None:
        pool = make_pool(redis_client, ["a", "b"])
        refuse(pool, "a", 401)
        refuse(pool, "b", 429, retry_after_s=HOUR_S)
        pool.reset(INSTANCE)
        assert [state.state for state in pool.snapshot()] == ["usable", "usable"]

    def test_tells_how_many_marks_there_were(self, redis_client: redis.Redis) -> None:
        pool = make_pool(redis_client, ["a", "b", "c"])
        refuse(pool, "a", 401)
        refuse(pool, "c", 429, retry_after_s=HOUR_S)
        assert pool.reset(INSTANCE) == 2

    def test_by_another_process_is_seen(self, redis_client: redis.Redis) -> None:
        pool = make_pool(redis_client, ["a", "b"])
        refuse(pool, "a", 401)
        make_pool(redis_client, ["a", "b"]).reset(INSTANCE, "a")
        assert pick(pool) == "a"

    @pytest.mark.parametrize(
        ("instance", "id"), [("nobody", None), (INSTANCE, "z")], ids=["instance", "key"]
    )
    def test_of_what_is_not_configured_raises(
        self, redis_client: redis.Redis, instance: str, id: str | None
    ) -> None:
        with pytest.raises(KeyError):
            make_pool(redis_client, ["a"]).reset(instance, id)

    def test_does_not_lift_a_later_mark(self, redis_client: redis.Redis) -> None:
        pool = make_pool(redis_client, ["a", "b"])
        refuse(pool, "a", 401)
        pool.reset(INSTANCE, "a")
        refuse(pool, "a", 401)
        assert pick(pool) == "b"


class TestWhatLiesInRedis:
    def test_no_secret_is_there(self, redis_client: redis.Redis) -> None:
        pool = make_pool(redis_client, ["a", "b", "c"], secret="the-digest-key")
        refuse(pool, "a", 401)
        refuse(pool, "b", 429, retry_after_s=HOUR_S)
        pick(pool)
        found = everything(redis_client)
        assert MARKS in found
        assert [text for text in ("sk-secret-of", "the-digest-key") if text in found] == []

    def test_no_digest_can_be_made_without_its_key(self, redis_client: redis.Redis) -> None:
        """The same secret has another digest in another installation."""
        found = []
        for key in ("one-installation", "another-installation"):
            redis_client.flushall()
            pick(make_pool(redis_client, ["a"], secret=key))
            found.append(set(re.findall(r"[0-9a-f]{32}", everything(redis_client))))
        assert found[0].isdisjoint(found[1])

    def test_every_key_but_those_that_are_kept_expires_within_a_day(
        self, redis_client: redis.Redis
    ) -> None:
        """Also a set that ran empty on the way, which loses the expiry that it had."""
        pool = make_pool(redis_client, ["a"], secret=None)
        for _ in range(2):
            refuse(pool, "a", 429, retry_after_s=0.001)
            wait_for(lambda: state_of(pool, "a").state == "usable", what="the cooldown's end")
            pick(pool)
        refuse(pool, "a", 429, retry_after_s=HOUR_S)
        kept = {f"{PREFIX}:installation", MARKS, f"{PREFIX}:keys:{INSTANCE}:generations"}
        lives_ms = {
            key.decode(): redis_client.pttl(key)
            for key in redis_client.scan_iter()
            if key.decode() not in kept
        }
        assert lives_ms
        assert [key for key, ms in lives_ms.items() if not 0 < ms <= DAY_MS] == []

    def test_free_set_that_ran_empty_expires_too(self, redis_client: redis.Redis) -> None:
        pool = make_pool(redis_client, ["a"])
        pick(pool)
        refuse(pool, "a", 429, retry_after_s=0.001)
        wait_for(lambda: state_of(pool, "a").state == "usable", what="the cooldown's end")
        pick(pool)
        (free,) = redis_client.keys(f"{PREFIX}:keys:{INSTANCE}:*:free")
        assert 0 < redis_client.pttl(free) <= DAY_MS

    def test_report_without_a_layout_leaves_nothing_that_stays_for_ever(
        self, redis_client: redis.Redis
    ) -> None:
        refuse(make_pool(redis_client, ["a"]), "a", 429, retry_after_s=HOUR_S)
        (cooling,) = redis_client.keys(f"{PREFIX}:keys:{INSTANCE}:*:cooling")
        assert 0 < redis_client.pttl(cooling) <= DAY_MS


class TestLoss:
    def test_layout_that_expired_is_made_again(self, redis_client: redis.Redis) -> None:
        pool = make_pool(redis_client, ["a", "b", "c"])
        refuse(pool, "a", 401)
        refuse(pool, "b", 429, retry_after_s=HOUR_S)
        redis_client.delete(*redis_client.keys(f"{PREFIX}:keys:{INSTANCE}:*:*"))
        assert pick(pool) == "c"

    def test_report_after_the_layout_expired_holds(self, redis_client: redis.Redis) -> None:
        pool = make_pool(redis_client, ["a", "b"])
        pick(pool)
        redis_client.delete(*redis_client.keys(f"{PREFIX}:keys:{INSTANCE}:*:*"))
        refuse(pool, "a", 401)
        assert pick(pool) == "b"

    def test_flushed_redis_is_filled_again(self, redis_client: redis.Redis) -> None:
        pool = make_pool(redis_client, ["a", "b"], secret=None)
        pick(pool)
        redis_client.flushall()
        assert pick(pool) == "a"

    def test_redis_that_forgot_its_scripts_is_sent_them(self, redis_client: redis.Redis) -> None:
        pool = make_pool(redis_client, ["a", "b"])
        pick(pool)
        redis_client.script_flush()
        refuse(pool, "a", 401)
        assert pick(pool) == "b"

    def test_marks_reported_after_a_flush_are_seen_by_processes_that_start_later(
        self, redis_client: redis.Redis
    ) -> None:
        """With no configured secret they must agree on the installation's id again."""
        old = make_pool(redis_client, ["a", "b"], secret=None)
        pick(old)
        redis_client.flushall()
        refuse(old, "a", 401)
        assert pick(make_pool(redis_client, ["a", "b"], secret=None)) == "b"

    def test_marks_are_shared_with_a_process_that_was_first_after_a_flush(
        self, redis_client: redis.Redis
    ) -> None:
        old = make_pool(redis_client, ["a", "b"], secret=None)
        pick(old)
        redis_client.flushall()
        new = make_pool(redis_client, ["a", "b"], secret=None)
        pick(new)
        refuse(old, "a", 401)
        assert pick(new) == "b"

    def test_dead_redis_raises(self) -> None:
        server = RedisServer()
        server.start()
        try:
            pool = make_pool(server.client(), ["a"])
            pick(pool)
            server.kill()
            with pytest.raises(redis.RedisError):
                pick(pool)
        finally:
            server.close()

    def test_marks_survive_a_restart_of_redis(self) -> None:
        server = RedisServer()
        server.start()
        try:
            refuse(make_pool(server.client(), ["a", "b"]), "a", 401)
            # What was acknowledged is on disk within a second; a clean stop need not wait for it.
            server.client().shutdown(nosave=False)
            server.kill()
            server.start()
            assert pick(make_pool(server.client(), ["a", "b"])) == "b"
        finally:
            server.close()


@pytest.mark.parametrize("count", [1, 1000])
def test_pool_without_a_secret_agrees_with_others_on_one(
    redis_client: redis.Redis, count: int
) -> None:
    ids = [f"k{number}" for number in range(count)]
    credentials = {INSTANCE: [Credential(id, secret_of(id)) for id in ids]}
    here, there = (
        CredentialPool(redis_client, prefix=PREFIX, credentials=credentials, policy=Policy())
        for _ in range(2)
    )
    refuse(here, "k0", 401)
    assert state_of(there, "k0").state == "dead"
