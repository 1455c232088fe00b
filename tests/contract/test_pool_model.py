"""The pool against a small model of it: any order of picks, refusals, resets and losses.

The model owns no clock: Redis is asked for its own before and after each step, so a cooldown ends
somewhere in a window. Outside of it the model knows the answer, and inside it says nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from gateway.canonical.errors import CredentialsUnavailable
from tests.contract.pools import INSTANCE, PREFIX, make_pool, now_ms, pick, refuse

ORDERS = (("a", "b", "c"), ("c", "a", "b"), ("a", "b", "c"))
"""Of three processes: the second has another generation."""

IDS = ORDERS[0]
DURATIONS_MS = (1, 4, 20, 3_600_000)

processes = st.integers(0, len(ORDERS) - 1)
ids = st.sampled_from(IDS)


@dataclass(frozen=True)
class Window:
    """The earliest and the latest that a key may come back, in ms by the clock of Redis."""

    earliest: float = 0
    latest: float = 0

    def extended(self, other: "Window") -> "Window":
        return Window(max(self.earliest, other.earliest), max(self.latest, other.latest))


FOR_GOOD = Window(inf, inf)


class PoolMachine(RuleBasedStateMachine):
    """Three processes with one Redis."""

    def __init__(self, client: redis.Redis) -> None:
        super().__init__()
        self.client = client
        client.flushall()
        self.pools = [make_pool(client, order) for order in ORDERS]
        self.rest = dict.fromkeys(IDS, Window())
        self.before = self.after = 0

    @contextmanager
    def timed(self) -> Iterator[None]:
        self.before = now_ms(self.client)
        yield
        self.after = now_ms(self.client)

    def certainly_rests(self, id: str) -> bool:
        return self.rest[id].earliest > self.after

    def certainly_usable(self, id: str) -> bool:
        return self.rest[id].latest <= self.before

    @rule(process=processes, excluded=st.sets(ids))
    def acquire(self, process: int, excluded: set[str]) -> None:
        with self.timed():
            try:
                picked = pick(self.pools[process], excluded=excluded)
            except CredentialsUnavailable as error:
                picked, none = None, error
        if picked is None:
            self.check_none(none, excluded)
        else:
            self.check_picked(picked, ORDERS[process], excluded)

    def check_picked(self, picked: str, order: tuple[str, ...], excluded: set[str]) -> None:
        assert picked not in excluded
        assert not self.certainly_rests(picked)
        earlier = order[: order.index(picked)]
        assert [id for id in earlier if id not in excluded and self.certainly_usable(id)] == []

    def check_none(self, error: CredentialsUnavailable, excluded: set[str]) -> None:
        assert [id for id in IDS if id not in excluded and self.certainly_usable(id)] == []
        assert self.before <= round(error.now * 1000) <= self.after
        if all(window == FOR_GOOD for window in self.rest.values()):
            assert error.retry_at is None
        elif all(self.certainly_rests(id) for id in IDS):
            assert error.retry_at is not None
            retry_ms = round(error.retry_at * 1000)
            assert min(window.earliest for window in self.rest.values()) <= retry_ms
            assert retry_ms <= min(window.latest for window in self.rest.values())

    @rule(process=processes, id=ids, duration_ms=st.sampled_from(DURATIONS_MS))
    def limit(self, process: int, id: str, duration_ms: int) -> None:
        with self.timed():
            refuse(self.pools[process], id, 429, retry_after_s=duration_ms / 1000)
        rest = Window(self.before + duration_ms, self.after + duration_ms)
        self.rest[id] = self.rest[id].extended(rest)

    @rule(process=processes, id=ids)
    def kill(self, process: int, id: str) -> None:
        refuse(self.pools[process], id, 401)
        self.rest[id] = FOR_GOOD

    @rule(process=processes, id=st.none() | ids)
    def reset(self, process: int, id: str | None) -> None:
        self.pools[process].reset(INSTANCE, id)
        for revived in [id] if id else IDS:
            self.rest[revived] = Window()

    @rule()
    def let_the_layouts_expire(self) -> None:
        layouts = self.client.keys(f"{PREFIX}:keys:{INSTANCE}:*:*")
        if layouts:
            self.client.delete(*layouts)

    @rule()
    def lose_everything(self) -> None:
        self.client.flushall()
        self.rest = dict.fromkeys(IDS, Window())

    @rule(process=processes)
    def restart_process(self, process: int) -> None:
        self.pools[process] = make_pool(self.client, ORDERS[process])

    @invariant()
    def every_process_tells_the_same(self) -> None:
        with self.timed():
            snapshots = [
                {state.id: state.state for state in pool.snapshot()} for pool in self.pools
            ]
        for id, window in self.rest.items():
            told = {snapshot[id] for snapshot in snapshots}
            if window == FOR_GOOD:
                assert told == {"dead"}
            elif self.certainly_rests(id):
                assert told == {"cooling"}
            elif self.certainly_usable(id):
                assert told == {"usable"}


@pytest.mark.timeout(400)  # A failure is shrunk before it is shown.
def test_pool_behaves_as_its_model(redis_client: redis.Redis) -> None:
    run_state_machine_as_test(
        lambda: PoolMachine(redis_client),
        settings=settings(
            max_examples=80,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
