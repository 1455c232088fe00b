"""What holds while many processes and threads use the same keys at once, and what a pick costs."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import redis

from tests.contract.hammer import Step, hammer
from tests.contract.pools import INSTANCE, make_pool, pick, refuse, state_of, unavailable
from tests.support.redis_server import RedisServer

IDS = [f"k{number}" for number in range(120)]
PROCESSES = 3
THREADS = 3


@pytest.fixture(scope="module")
def steps(redis_server: RedisServer) -> list[Step]:
    """Of three processes, one of them with another generation of the keys."""
    client = redis_server.client()
    client.flushall()
    client.close()
    return hammer(redis_server.url, [IDS, IDS, IDS[::-1]], threads=THREADS)


def test_no_process_picks_a_key_after_its_refusal_was_reported(steps: list[Step]) -> None:
    barred_ns: dict[str, int] = {}
    for step in steps:
        if step.what == "refuse":
            barred_ns[step.id] = min(step.ended_ns, barred_ns.get(step.id, step.ended_ns))
    late = [
        step
        for step in steps
        if step.what == "pick" and step.began_ns > barred_ns.get(step.id, step.began_ns)
    ]
    assert late == []


def test_every_key_was_refused_before_the_processes_found_none(steps: list[Step]) -> None:
    assert {step.id for step in steps if step.what == "refuse"} == set(IDS)


def test_processes_did_work_at_the_same_time(steps: list[Step]) -> None:
    """Else the two truths above would say nothing about concurrency."""
    first_ended_ns = min(
        max(step.ended_ns for step in steps if step.process == process)
        for process in range(PROCESSES)
    )
    began_before = {step.process for step in steps if step.began_ns < first_ended_ns}
    assert began_before == set(range(PROCESSES))


def test_resets_under_way_never_break_a_pick(redis_client: redis.Redis) -> None:
    """A reset removes the layout that a pick has just made."""
    pools = [make_pool(redis_client, ["a", "b"]) for _ in range(6)]
    with at_the_same_time([lambda pool=pool: pool.reset(INSTANCE) for pool in pools[:4]]):
        for _ in range(500):
            assert pick(pools[5]) == "a"


def test_resets_under_way_never_strand_a_key(redis_client: redis.Redis) -> None:
    """After the last reset every key is usable, whatever was reported and laid out meanwhile."""
    pools = [make_pool(redis_client, order) for order in (["a", "b"], ["b", "a"])]
    for _ in range(20):
        with at_the_same_time([lambda pool=pool: refuse(pool, "a", 401) for pool in pools]):
            for _ in range(10):
                pools[0].reset(INSTANCE)
        pools[1].reset(INSTANCE)
        assert [pick(pool) for pool in pools] == ["a", "b"]


@contextmanager
def at_the_same_time(acts: list[Callable[[], object]]) -> Iterator[None]:
    """Do each of these over and over in a thread of its own, within the block.

    Raises:
        ExceptionGroup: what they raised.
    """
    stop = threading.Event()
    raised: list[Exception] = []

    def go_on(act: Callable[[], object]) -> None:
        while not stop.is_set():
            try:
                act()
            except Exception as error:  # noqa: BLE001 - it is raised again where the block ends
                raised.append(error)
                return

    threads = [threading.Thread(target=go_on, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    if raised:
        raise ExceptionGroup("at the same time", raised)


class TestCost:
    """Counted by Redis itself: what a script calls is counted like what a client sends."""

    @staticmethod
    def commands(client: redis.Redis) -> dict[str, int]:
        stats = client.info("commandstats")
        ours = {name: row["calls"] for name, row in stats.items()}
        ours.pop("cmdstat_config|resetstat", None)
        ours.pop("cmdstat_config", None)
        ours.pop("cmdstat_info", None)
        return ours

    def pick_of(self, client: redis.Redis, count: int, *, refused: int) -> dict[str, int]:
        client.flushall()
        pool = make_pool(client, [f"k{number}" for number in range(count)])
        pick(pool)
        for number in range(refused):
            refuse(pool, f"k{number}", 401 if number % 2 else 429)
        client.config_resetstat()
        assert pick(pool) == f"k{refused}"
        return self.commands(client)

    @pytest.mark.parametrize("refused", [0, 5])
    def test_pick_of_a_thousand_keys_runs_the_same_commands_as_one_of_ten(
        self, redis_client: redis.Redis, refused: int
    ) -> None:
        ten = self.pick_of(redis_client, 10, refused=refused)
        thousand = self.pick_of(redis_client, 1000, refused=refused)
        assert thousand == ten

    def test_pick_behind_nine_hundred_refused_keys_runs_no_more_commands(
        self, redis_client: redis.Redis
    ) -> None:
        few = self.pick_of(redis_client, 1000, refused=5)
        many = self.pick_of(redis_client, 1000, refused=900)
        assert many == few

    def test_pick_reads_nothing_as_a_whole(self, redis_client: redis.Redis) -> None:
        whole = {"cmdstat_hgetall", "cmdstat_hkeys", "cmdstat_hvals", "cmdstat_smembers"}
        assert whole.isdisjoint(self.pick_of(redis_client, 1000, refused=900))

    def test_pick_is_one_round_trip(self, redis_client: redis.Redis) -> None:
        assert self.pick_of(redis_client, 10, refused=0)["cmdstat_evalsha"] == 1

    def test_pick_of_a_thousand_keys_keeps_redis_no_longer_busy(
        self, redis_client: redis.Redis
    ) -> None:
        """A pick that looked at every key would take some hundred times as long."""
        took_us = {}
        for count in (10, 1000):
            self.pick_of(redis_client, count, refused=0)
            pool = make_pool(redis_client, [f"k{number}" for number in range(count)])
            redis_client.config_resetstat()
            for _ in range(200):
                pick(pool)
            row = redis_client.info("commandstats")["cmdstat_evalsha"]
            took_us[count] = row["usec_per_call"]
        assert took_us[1000] < took_us[10] * 10

    def test_thousand_keys_can_all_be_refused(self, redis_client: redis.Redis) -> None:
        ids = [f"k{number}" for number in range(1000)]
        pool = make_pool(redis_client, ids)
        for id in ids:
            refuse(pool, id, 401)
        assert unavailable(pool).retry_at is None

    def test_thousandth_key_can_be_told_from_the_others(self, redis_client: redis.Redis) -> None:
        pool = make_pool(redis_client, [f"k{number}" for number in range(1000)])
        refuse(pool, "k999", 401)
        assert (state_of(pool, "k999").state, state_of(pool, "k998").state) == ("dead", "usable")
