"""Which key a call gets, and what a refusal does to it, on a real Redis."""

import time

import pytest
import redis

from gateway.canonical.call import Candidate
from gateway.canonical.errors import CredentialsUnavailable
from gateway.credentials.credential import Credential
from gateway.credentials.policy import Policy
from gateway.credentials.pool import CredentialPool
from tests.contract.pools import (
    CANDIDATE,
    PREFIX,
    make_pool,
    now_ms,
    pick,
    refusal,
    refuse,
    secret_of,
    unavailable,
)
from tests.support.polling import wait_for

HOUR_S = 3600.0


def test_first_key_in_order_is_picked(redis_client: redis.Redis) -> None:
    assert pick(make_pool(redis_client, ["b", "a", "c"])) == "b"


def test_first_key_is_picked_again_while_nothing_speaks_against_it(
    redis_client: redis.Redis,
) -> None:
    pool = make_pool(redis_client, ["a", "b"])
    assert [pick(pool) for _ in range(5)] == ["a"] * 5


def test_lease_holds_the_secret_that_was_configured(redis_client: redis.Redis) -> None:
    lease = make_pool(redis_client, ["a"]).acquire(CANDIDATE, excluded=())
    assert lease.credential == Credential("a", secret_of("a"))


def test_excluded_keys_are_passed_over_in_order(redis_client: redis.Redis) -> None:
    assert pick(make_pool(redis_client, ["a", "b", "c"]), excluded={"a", "b"}) == "c"


def test_exclusion_holds_for_its_call_alone(redis_client: redis.Redis) -> None:
    pool = make_pool(redis_client, ["a", "b"])
    pick(pool, excluded={"a"})
    assert pick(pool) == "a"


def test_exclusion_of_an_unknown_key_is_ignored(redis_client: redis.Redis) -> None:
    assert pick(make_pool(redis_client, ["a"]), excluded={"of another instance"}) == "a"


def test_call_that_tried_every_usable_key_may_come_again_in_a_second(
    redis_client: redis.Redis,
) -> None:
    error = unavailable(make_pool(redis_client, ["a", "b"]), excluded={"a", "b"})
    assert error.retry_at == pytest.approx(error.now + 1, abs=0.001)


@pytest.mark.parametrize("status", [401, 429])
def test_refused_key_is_passed_over_by_every_process(
    redis_client: redis.Redis, status: int
) -> None:
    here, there = (make_pool(redis_client, ["a", "b"]) for _ in range(2))
    assert pick(there) == "a"
    refuse(here, "a", status, retry_after_s=HOUR_S)
    assert pick(there) == "b"


@pytest.mark.parametrize("status", [None, 200, 400, 402, 403, 404, 408, 413, 500, 503, 529])
def test_failure_that_does_not_speak_of_the_key_leaves_it_usable(
    redis_client: redis.Redis, status: int | None
) -> None:
    pool = make_pool(redis_client, ["a", "b"])
    refuse(pool, "a", status, retry_after_s=HOUR_S)
    assert pick(pool) == "a"


def test_lease_that_ended_well_leaves_the_key_usable(redis_client: redis.Redis) -> None:
    pool = make_pool(redis_client, ["a", "b"])
    pool.acquire(CANDIDATE, excluded=()).report(None)
    assert pick(pool) == "a"


def test_lease_reports_for_its_own_key(redis_client: redis.Redis) -> None:
    pool = make_pool(redis_client, ["a", "b", "c"])
    pool.acquire(CANDIDATE, excluded={"a"}).report(refusal(401))
    assert pick(pool, excluded={"a"}) == "c"


@pytest.mark.parametrize(
    ("header_s", "rests_s"),
    [
        pytest.param(None, 60, id="default"),
        pytest.param(0.25, 0.25, id="part-of-a-second"),
        pytest.param(7, 7, id="seconds"),
        pytest.param(10 * 24 * HOUR_S, 24 * HOUR_S, id="capped"),
    ],
)
def test_limited_key_rests_as_long_as_the_upstream_asks(
    redis_client: redis.Redis, header_s: float | None, rests_s: float
) -> None:
    pool = make_pool(redis_client, ["a"])
    before_ms = now_ms(redis_client)
    refuse(pool, "a", 429, retry_after_s=header_s)
    after_ms = now_ms(redis_client)
    retry_at = unavailable(pool).retry_at
    assert retry_at is not None
    assert before_ms + rests_s * 1000 <= retry_at * 1000 <= after_ms + rests_s * 1000


def test_soonest_of_the_resting_keys_is_told(redis_client: redis.Redis) -> None:
    pool = make_pool(redis_client, ["a", "b", "c"])
    refuse(pool, "a", 429, retry_after_s=300)
    refuse(pool, "b", 429, retry_after_s=100)
    refuse(pool, "c", 401)
    error = unavailable(pool)
    assert error.retry_at == pytest.approx(error.now + 100, abs=5)


def test_no_time_is_told_when_all_keys_are_dead(redis_client: redis.Redis) -> None:
    pool = make_pool(redis_client, ["a", "b"])
    refuse(pool, "a", 401)
    refuse(pool, "b", 401)
    assert unavailable(pool).retry_at is None


def test_error_names_the_instance(redis_client: redis.Redis) -> None:
    pool = make_pool(redis_client, ["a"])
    refuse(pool, "a", 401)
    assert unavailable(pool).instance == CANDIDATE.instance


def test_key_that_rests_is_used_again_as_soon_as_its_time_is_over(
    redis_client: redis.Redis,
) -> None:
    """Polled through many short cooldowns, so that a refusal at the very end of one is caught."""
    pool = make_pool(redis_client, ["a"])
    refusals: list[CredentialsUnavailable] = []
    for _ in range(40):
        refuse(pool, "a", 429, retry_after_s=0.003)
        refusals += _refusals_until_usable(pool)
    assert refusals
    assert [error for error in refusals if not error.now < (error.retry_at or 0)] == []


def _refusals_until_usable(pool: CredentialPool) -> list[CredentialsUnavailable]:
    """Poll, for at most 5 s."""
    refusals = []
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            pick(pool)
        except CredentialsUnavailable as error:
            refusals.append(error)
        else:
            return refusals
    raise AssertionError("the key stayed away")


def test_key_rests_for_the_whole_of_its_cooldown(redis_client: redis.Redis) -> None:
    pool = make_pool(redis_client, ["a"])
    refuse(pool, "a", 429, retry_after_s=0.1)
    reported_by_ms = now_ms(redis_client)
    _refusals_until_usable(pool)
    assert now_ms(redis_client) >= reported_by_ms + 100 - 5


def test_first_key_in_order_is_picked_again_after_its_cooldown(redis_client: redis.Redis) -> None:
    pool = make_pool(redis_client, ["a", "b"])
    refuse(pool, "a", 429, retry_after_s=0.001)
    wait_for(lambda: pick(pool) == "a", what="the first key")


def test_order_holds_when_many_cooldowns_end_at_once(redis_client: redis.Redis) -> None:
    ids = [f"k{number}" for number in range(300)]
    pool = make_pool(redis_client, ids)
    pick(pool)
    for id in reversed(ids):
        refuse(pool, id, 429, retry_after_s=0.001)
    last_until_ms = now_ms(redis_client) + 1
    wait_for(lambda: now_ms(redis_client) > last_until_ms, what="the last cooldown's end")
    assert pick(pool) == "k0"


@pytest.mark.parametrize(
    ("first_s", "second_s"),
    [
        pytest.param(300, 100, id="shorter-later"),
        pytest.param(100, 300, id="longer-later"),
        pytest.param(300, None, id="default-later"),
    ],
)
def test_cooldown_is_never_shortened(
    redis_client: redis.Redis, first_s: float, second_s: float | None
) -> None:
    pool = make_pool(redis_client, ["a"])
    refuse(pool, "a", 429, retry_after_s=first_s)
    refuse(pool, "a", 429, retry_after_s=second_s)
    error = unavailable(pool)
    assert error.retry_at == pytest.approx(error.now + 300, abs=5)


def test_dead_key_stays_dead_after_a_later_cooldown(redis_client: redis.Redis) -> None:
    pool = make_pool(redis_client, ["a"])
    refuse(pool, "a", 401)
    refuse(pool, "a", 429, retry_after_s=0.001)
    assert unavailable(pool).retry_at is None


def test_resting_key_can_die(redis_client: redis.Redis) -> None:
    pool = make_pool(redis_client, ["a"])
    refuse(pool, "a", 429, retry_after_s=HOUR_S)
    refuse(pool, "a", 401)
    assert unavailable(pool).retry_at is None


def test_instances_do_not_share_marks(redis_client: redis.Redis) -> None:
    credentials = [Credential("a", secret_of("a"))]
    pool = CredentialPool(
        redis_client,
        prefix=PREFIX,
        credentials={"one": credentials, "two": credentials},
        policy=Policy(),
    )
    pool.report("one", credentials[0], error=refusal(401))
    assert pool.acquire(Candidate("two", "m"), excluded=()).credential.id == "a"


def test_deployments_with_other_prefixes_do_not_share_marks(redis_client: redis.Redis) -> None:
    credentials = {CANDIDATE.instance: [Credential("a", secret_of("a"))]}
    here, there = (
        CredentialPool(redis_client, prefix=prefix, credentials=credentials, policy=Policy())
        for prefix in ("one", "two")
    )
    refuse(here, "a", 401)
    assert pick(there) == "a"


class TestKeyless:
    """An instance whose upstream needs no key."""

    def test_gets_an_empty_secret(self, redis_client: redis.Redis) -> None:
        lease = make_pool(redis_client, []).acquire(CANDIDATE, excluded=())
        assert lease.credential.secret == ""

    def test_writes_nothing(self, redis_client: redis.Redis) -> None:
        make_pool(redis_client, []).acquire(CANDIDATE, excluded=()).report(refusal(401))
        assert redis_client.dbsize() == 0

    def test_is_not_barred_for_later_calls_by_a_refusal(self, redis_client: redis.Redis) -> None:
        pool = make_pool(redis_client, [])
        pool.acquire(CANDIDATE, excluded=()).report(refusal(429))
        assert pool.acquire(CANDIDATE, excluded=()).credential.secret == ""

    def test_is_not_asked_twice_by_one_call(self, redis_client: redis.Redis) -> None:
        pool = make_pool(redis_client, [])
        id = pick(pool)
        error = unavailable(pool, excluded={id})
        assert error.retry_at == pytest.approx(error.now + 60)
