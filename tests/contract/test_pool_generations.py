"""Marks hold for a key, whatever list it stands in: lists change, and two can be in use at once."""

import pytest
import redis

from gateway.credentials.credential import Credential
from gateway.credentials.policy import Policy
from gateway.credentials.pool import CredentialPool
from tests.contract.pools import (
    CANDIDATE,
    INSTANCE,
    PREFIX,
    make_pool,
    pick,
    refuse,
    unavailable,
)

HOUR_S = 3600.0


@pytest.mark.parametrize("status", [401, 429])
@pytest.mark.parametrize(
    ("later", "picked"),
    [
        pytest.param(["b", "a"], "b", id="reordered"),
        pytest.param(["a", "b", "c"], "b", id="one-added-behind"),
        pytest.param(["c", "a", "b"], "c", id="one-added-in-front"),
        pytest.param(["a", "c"], "c", id="other-removed"),
    ],
)
def test_mark_stays_with_its_key_when_the_list_changes(
    redis_client: redis.Redis, status: int, later: list[str], picked: str
) -> None:
    refuse(make_pool(redis_client, ["a", "b"]), "a", status, retry_after_s=HOUR_S)
    assert pick(make_pool(redis_client, later)) == picked


@pytest.mark.parametrize("status", [401, 429])
def test_mark_survives_the_absence_of_its_key(redis_client: redis.Redis, status: int) -> None:
    refuse(make_pool(redis_client, ["a", "b"]), "a", status, retry_after_s=HOUR_S)
    pick(make_pool(redis_client, ["b"]))
    assert pick(make_pool(redis_client, ["a", "b"])) == "b"


def test_mark_goes_by_the_secret_and_not_by_the_id(redis_client: redis.Redis) -> None:
    refuse(make_pool(redis_client, ["c0", "c1"]), "c0", 401)
    renamed = [Credential("c0", "a-new-secret"), Credential("c1", "sk-secret-of-c0")]
    pool = CredentialPool(
        redis_client,
        prefix=PREFIX,
        credentials={INSTANCE: renamed},
        policy=Policy(),
        secret="key-of-the-digests",
    )
    assert [state.state for state in pool.snapshot()] == ["usable", "dead"]


def test_new_secret_under_an_old_id_is_usable(redis_client: redis.Redis) -> None:
    refuse(make_pool(redis_client, ["c0"]), "c0", 401)
    pool = CredentialPool(
        redis_client,
        prefix=PREFIX,
        credentials={INSTANCE: [Credential("c0", "a-new-secret")]},
        policy=Policy(),
        secret="key-of-the-digests",
    )
    assert pool.acquire(CANDIDATE, excluded=()).credential.secret == "a-new-secret"


class TestTwoGenerations:
    """A deploy that is under way: some processes have the old list of keys, some the new one."""

    @pytest.fixture
    def old(self, redis_client: redis.Redis) -> CredentialPool:
        pool = make_pool(redis_client, ["a", "b"])
        pick(pool)
        return pool

    @pytest.fixture
    def new(self, redis_client: redis.Redis, old: CredentialPool) -> CredentialPool:
        pool = make_pool(redis_client, ["b", "a", "c"])
        pick(pool)
        return pool

    @pytest.mark.parametrize("status", [401, 429])
    def test_old_processes_see_what_new_ones_report(
        self, old: CredentialPool, new: CredentialPool, status: int
    ) -> None:
        refuse(new, "a", status, retry_after_s=HOUR_S)
        assert pick(old) == "b"

    @pytest.mark.parametrize("status", [401, 429])
    def test_new_processes_see_what_old_ones_report(
        self, old: CredentialPool, new: CredentialPool, status: int
    ) -> None:
        refuse(old, "b", status, retry_after_s=HOUR_S)
        assert pick(new) == "a"

    def test_longer_cooldown_that_others_report_is_told_as_the_soonest(
        self, old: CredentialPool, new: CredentialPool
    ) -> None:
        for id in ("a", "b"):
            refuse(old, id, 429, retry_after_s=100)
            refuse(new, id, 429, retry_after_s=300)
        error = unavailable(old)
        assert error.retry_at == pytest.approx(error.now + 300, abs=5)

    def test_keys_that_others_found_dead_while_they_rested_here_are_not_waited_for(
        self, old: CredentialPool, new: CredentialPool
    ) -> None:
        for id in ("a", "b"):
            refuse(old, id, 429, retry_after_s=HOUR_S)
            refuse(new, id, 401)
        assert unavailable(old).retry_at is None

    def test_shorter_cooldown_that_others_report_changes_nothing(
        self, old: CredentialPool, new: CredentialPool
    ) -> None:
        for id in ("a", "b"):
            refuse(old, id, 429, retry_after_s=300)
            refuse(new, id, 429, retry_after_s=100)
        error = unavailable(new, excluded={"c"})
        assert error.retry_at == pytest.approx(error.now + 1, abs=0.001)
        refuse(new, "c", 401)
        error = unavailable(new)
        assert error.retry_at == pytest.approx(error.now + 300, abs=5)

    def test_reset_by_new_processes_holds_for_old_ones(
        self, old: CredentialPool, new: CredentialPool
    ) -> None:
        refuse(old, "a", 401)
        pick(old)
        new.reset(INSTANCE, "a")
        assert pick(old) == "a"

    def test_reset_by_old_processes_holds_for_new_ones(
        self, old: CredentialPool, new: CredentialPool
    ) -> None:
        refuse(new, "b", 429, retry_after_s=HOUR_S)
        pick(new)
        old.reset(INSTANCE)
        assert pick(new) == "b"
