"""Taking calls from workers that died or drain: exactly one terminal event, whatever dies."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
import redis

from gateway import queueing
from gateway.canonical.events import Event, Failed, Finished, Started, TextDelta, is_terminal
from gateway.transport.calls import Popped
from gateway.transport.reaper import Reaper
from tests.contract.desk import DIED, OTHER_WORKER, WEB, WORKER, Desk, make_queue


def popped_call(desk: Desk) -> Popped:
    desk.submit("t-1")
    return desk.pop()[0]


def running_call(desk: Desk) -> Popped:
    return desk.run("t-1")


def call_with_preamble(desk: Desk) -> Popped:
    popped = desk.run("t-1")
    desk.append(popped, Started("acme:m"))
    return popped


@pytest.mark.parametrize("begin", [popped_call, running_call, call_with_preamble])
class TestBeforeOutput:
    def test_call_is_queued_again(self, desk: Desk, begin: Callable[[Desk], Popped]) -> None:
        assert (desk.take_over(begin(desk)), desk.waiting()) == ("requeued", ["t-1"])

    def test_call_is_the_next_to_be_popped(
        self, desk: Desk, begin: Callable[[Desk], Popped]
    ) -> None:
        popped = begin(desk)
        desk.submit("t-2")
        desk.take_over(popped)
        assert desk.waiting() == ["t-1", "t-2"]

    def test_somebody_is_woken(self, desk: Desk, begin: Callable[[Desk], Popped]) -> None:
        popped = begin(desk)
        desk.redis.delete(desk.keys.wake)
        desk.take_over(popped)
        assert desk.tokens() == 1

    def test_its_bytes_wait_again(self, desk: Desk, begin: Callable[[Desk], Popped]) -> None:
        desk.take_over(begin(desk))
        assert desk.counted() == (2, {b"t-1": b"2"})

    def test_claim_is_gone(self, desk: Desk, begin: Callable[[Desk], Popped]) -> None:
        desk.take_over(begin(desk))
        assert desk.store.claims(WORKER) == {}

    def test_rqs_intermediate_list_is_empty(
        self, desk: Desk, begin: Callable[[Desk], Popped]
    ) -> None:
        desk.take_over(begin(desk))
        assert desk.redis.lrange(desk.queue.intermediate_key, 0, -1) == []

    def test_other_worker_can_answer_it(self, desk: Desk, begin: Callable[[Desk], Popped]) -> None:
        desk.take_over(begin(desk))
        (popped,) = desk.pop(worker=OTHER_WORKER)
        assert desk.start(popped, worker=OTHER_WORKER) is not None
        desk.append(popped, Finished("stop"))
        assert desk.events("t-1")[-1] == Finished("stop")

    def test_late_frames_of_the_first_worker_are_dropped(
        self, desk: Desk, begin: Callable[[Desk], Popped]
    ) -> None:
        stale = begin(desk)
        before = desk.events("t-1")
        desk.take_over(stale)
        lost = desk.append(stale, TextDelta("late"), Finished("stop"))
        assert (desk.events("t-1"), lost.times) == (before, 2)

    def test_second_take_over_changes_nothing(
        self, desk: Desk, begin: Callable[[Desk], Popped]
    ) -> None:
        popped = begin(desk)
        desk.take_over(popped)
        assert (desk.take_over(popped), desk.waiting()) == ("gone", ["t-1"])


class TestAfterOutput:
    @pytest.fixture
    def answering(self, desk: Desk) -> Popped:
        popped = desk.run("t-1")
        desk.append(popped, Started("acme:m"), TextDelta("a"))
        return popped

    def test_call_ends(self, desk: Desk, answering: Popped) -> None:
        assert desk.take_over(answering) == "failed"

    def test_reader_is_told_once(self, desk: Desk, answering: Popped) -> None:
        desk.take_over(answering)
        desk.take_over(answering)
        assert desk.events("t-1") == [Started("acme:m"), TextDelta("a"), Failed(DIED)]

    def test_call_is_not_queued_again(self, desk: Desk, answering: Popped) -> None:
        desk.take_over(answering)
        assert (desk.waiting(), desk.counted()) == ([], (0, {}))

    def test_nothing_of_the_call_is_left(self, desk: Desk, answering: Popped) -> None:
        desk.take_over(answering)
        assert [key for key in desk.all_keys() if "t-1" in key] == []

    def test_late_end_of_the_first_worker_is_dropped(self, desk: Desk, answering: Popped) -> None:
        desk.take_over(answering)
        desk.append(answering, TextDelta("late"), Finished("stop"))
        assert desk.events("t-1")[-1] == Failed(DIED)

    def test_output_of_an_earlier_run_is_not_forgotten(self, desk: Desk) -> None:
        """A write may hold a preamble and output together."""
        popped = desk.run("t-1")
        sink = desk.sink(popped).sink
        with desk.appending() as appender:
            appender.append(sink, TextDelta("a"))
            appender.append(sink, TextDelta(""))
        assert desk.take_over(popped) == "failed"


class TestRuns:
    def run_again(self, desk: Desk, popped: Popped, *, by_itself: bool = False) -> Popped:
        assert desk.take_over(popped, by_itself=by_itself) == "requeued"
        (again,) = desk.pop()
        assert desk.start(again) is not None
        return again

    def test_third_is_the_last(self, desk: Desk) -> None:
        popped = desk.run("t-1")
        for _ in range(2):
            popped = self.run_again(desk, popped)
        assert (desk.take_over(popped), desk.events("t-1")) == ("failed", [Failed(DIED)])

    def test_that_a_worker_gave_back_by_itself_do_not_count(self, desk: Desk) -> None:
        popped = desk.run("t-1")
        for _ in range(5):
            popped = self.run_again(desk, popped, by_itself=True)
        for _ in range(2):
            popped = self.run_again(desk, popped)
        assert desk.take_over(popped) == "failed"

    def test_that_were_never_begun_do_not_count(self, desk: Desk) -> None:
        desk.submit("t-1")
        for _ in range(5):
            (popped,) = desk.pop()
            assert desk.take_over(popped) == "requeued"

    def test_given_back_after_output_end_the_call(self, desk: Desk) -> None:
        popped = desk.run("t-1")
        desk.append(popped, TextDelta("a"))
        assert desk.take_over(popped, by_itself=True) == "failed"


class TestGone:
    def test_call_that_another_worker_has_is_left_to_it(self, desk: Desk) -> None:
        stale = desk.run("t-1")
        desk.take_over(stale)
        (fresh,) = desk.pop(worker=OTHER_WORKER)
        desk.start(fresh, worker=OTHER_WORKER)
        outcome = desk.take_over(stale)
        desk.append(fresh, Finished("stop"))
        assert (outcome, desk.events("t-1")) == ("gone", [Finished("stop")])

    def test_stale_epoch_of_a_worker_that_has_the_call_again_is_none(self, desk: Desk) -> None:
        stale = desk.run("t-1")
        desk.take_over(stale)
        (fresh,) = desk.pop()
        desk.start(fresh)
        outcome = desk.take_over(stale)
        desk.append(fresh, Finished("stop"))
        assert (outcome, desk.events("t-1")) == ("gone", [Finished("stop")])

    def test_claim_of_a_call_that_ended_is_removed(self, desk: Desk) -> None:
        popped = desk.run("t-1")
        desk.append(popped, Finished("stop"))
        assert (desk.take_over(popped), desk.store.claims(WORKER)) == ("gone", {})

    def test_call_that_ended_is_not_told_of_again(self, desk: Desk) -> None:
        popped = desk.run("t-1")
        desk.append(popped, Finished("stop"))
        desk.take_over(popped)
        assert desk.events("t-1") == [Finished("stop")]

    @pytest.mark.parametrize("begin", [popped_call, running_call])
    def test_call_whose_reader_is_dead_is_not_run_again(
        self, desk: Desk, begin: Callable[[Desk], Popped]
    ) -> None:
        popped = begin(desk)
        desk.redis.delete(desk.keys.alive(WEB))
        desk.take_over(popped)
        assert desk.waiting() == []

    def test_nothing_is_left_of_a_call_whose_reader_is_dead(self, desk: Desk) -> None:
        popped = desk.run("t-1")
        desk.redis.delete(desk.keys.alive(WEB))
        desk.take_over(popped)
        assert ([key for key in desk.all_keys() if "t-1" in key], desk.frames()) == ([], [])


@dataclass
class Reaping:
    """A reaper, and the workers that it had forgotten."""

    desk: Desk
    forgotten: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reaper = Reaper(
            self.desk.redis,
            self.desk.keys,
            queues={queue.name: queue for queue in (self.desk.queue, make_queue("batch"))},
            job_key=queueing.job_key,
            forget_worker=self.forgotten.append,
        )

    def listed(self, role: str, id: str, *, alive: bool) -> None:
        """Have a process that signed on."""
        self.desk.redis.zadd(self.desk.keys.processes(role), {id: 1})
        if alive:
            self.desk.redis.set(self.desk.keys.alive(id), "1", px=6000)
        else:
            self.desk.redis.delete(self.desk.keys.alive(id))


class TestReaper:
    @pytest.fixture
    def reaping(self, desk: Desk) -> Reaping:
        return Reaping(desk)

    def test_takes_over_all_calls_of_a_dead_worker(self, desk: Desk, reaping: Reaping) -> None:
        for id in ("t-1", "t-2"):
            desk.run(id)
        reaping.listed("worker", WORKER, alive=False)
        reaping.reaper.reap()
        assert sorted(desk.waiting()) == ["t-1", "t-2"]

    def test_leaves_the_calls_of_a_living_worker(self, desk: Desk, reaping: Reaping) -> None:
        desk.run("t-1")
        reaping.listed("worker", WORKER, alive=True)
        reaping.reaper.reap()
        assert (desk.waiting(), list(desk.store.claims(WORKER))) == ([], ["t-1"])

    def test_takes_a_call_back_to_its_own_queue(self, desk: Desk, reaping: Reaping) -> None:
        batch = make_queue("batch")
        desk.submit("t-1", queue=batch)
        desk.pop(queues=[desk.queue, batch])
        reaping.listed("worker", WORKER, alive=False)
        reaping.reaper.reap()
        assert (desk.waiting(), desk.waiting(batch)) == ([], ["t-1"])

    def test_forgets_a_dead_worker(self, desk: Desk, reaping: Reaping) -> None:
        reaping.listed("worker", WORKER, alive=False)
        reaping.reaper.reap()
        reaping.reaper.reap()
        assert reaping.forgotten == [WORKER]

    def test_drops_the_replies_of_a_dead_web_process(self, desk: Desk, reaping: Reaping) -> None:
        desk.append(desk.run("t-1"), TextDelta("a"))
        reaping.listed("web", WEB, alive=False)
        reaping.reaper.reap()
        assert (desk.frames(), desk.redis.zcard(desk.keys.processes("web"))) == ([], 0)

    def test_leaves_the_replies_of_a_living_web_process(self, desk: Desk, reaping: Reaping) -> None:
        desk.append(desk.run("t-1"), TextDelta("a"))
        reaping.listed("web", WEB, alive=True)
        reaping.reaper.reap()
        assert desk.events("t-1") == [TextDelta("a")]

    def test_may_run_in_many_processes_at_once(self, desk: Desk) -> None:
        ids = [f"t-{number}" for number in range(30)]
        for id in ids:
            desk.run(id)
        several = [Reaping(desk) for _ in range(4)]
        several[0].listed("worker", WORKER, alive=False)
        with ThreadPoolExecutor(4) as executor:
            list(executor.map(lambda reaping: reaping.reaper.reap(), several))
        assert sorted(desk.waiting()) == sorted(ids)


def test_one_terminal_event_however_end_and_take_over_meet(redis_client: redis.Redis) -> None:
    """The worker's last frames and the take-over of its call race, many times."""
    terminals: list[list[Event]] = []
    for number in range(100):
        desk = Desk(redis_client)
        popped = desk.run(f"t-{number}")
        desk.append(popped, TextDelta("a"))
        with ThreadPoolExecutor(2) as executor:
            executor.submit(desk.append, popped, Finished("stop"))
            executor.submit(desk.take_over, popped)
        terminals.append([event for event in desk.events(f"t-{number}") if is_terminal(event)])
    assert {len(found) for found in terminals} == {1}
