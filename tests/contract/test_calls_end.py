"""How calls end: cancelled at any moment, withdrawn, answered; and what is left of them."""

import pytest

from gateway import queueing
from gateway.canonical.errors import Failure, Kind
from gateway.canonical.events import Failed, Finished, Started, TextDelta
from gateway.transport.calls import Notice
from tests.contract.desk import PREFIX, WEB, WORKER, Desk
from workers.bookkeeping import JobExecution

STOPPED = Failure(kind=Kind.CANCELLED, message="stopped by its owner", status=499)

STATISTICS = {
    "rq:queues",
    f"{PREFIX}:epoch",
    f"{PREFIX}:queue:{PREFIX}.interactive:bytes",
}
"""What is kept: the list of queues, the counter of epochs, the sum of what waits."""


def kept(desk: Desk) -> set[str]:
    """The keys that stay for ever."""
    return {key for key in desk.all_keys() if desk.redis.pttl(key) == -1}


class TestCancelWhileWaiting:
    def test_tells_that_no_worker_had_it(self, desk: Desk) -> None:
        desk.submit("t-1")
        assert desk.cancel("t-1") == ""

    def test_leaves_nothing_of_the_call(self, desk: Desk) -> None:
        desk.submit("t-1")
        desk.cancel("t-1")
        assert kept(desk) <= STATISTICS | {desk.keys.wake}
        assert [key for key in desk.all_keys() if "t-1" in key] == []

    def test_takes_it_from_the_queue_alone(self, desk: Desk) -> None:
        for id in ("t-1", "t-2", "t-3"):
            desk.submit(id)
        desk.cancel("t-2")
        assert desk.waiting() == ["t-1", "t-3"]

    def test_takes_its_bytes_off_what_waits(self, desk: Desk) -> None:
        desk.submit("t-1", b"12345")
        desk.submit("t-2", b"123")
        desk.cancel("t-1")
        assert desk.counted() == (3, {b"t-2": b"3"})

    def test_keeps_it_from_every_worker(self, desk: Desk) -> None:
        desk.submit("t-1")
        desk.cancel("t-1")
        assert desk.pop() == []

    def test_is_the_same_after_a_take_over(self, desk: Desk) -> None:
        desk.take_over(desk.run("t-1"))
        assert (desk.cancel("t-1"), desk.waiting(), desk.counted()) == ("", [], (0, {}))


class TestCancelWhilePopped:
    def test_tells_that_no_worker_runs_it(self, desk: Desk) -> None:
        desk.submit("t-1")
        desk.pop()
        assert desk.cancel("t-1") == ""

    def test_does_not_count_its_bytes_twice(self, desk: Desk) -> None:
        desk.submit("t-1")
        desk.pop()
        desk.cancel("t-1")
        assert desk.counted() == (0, {})


class TestCancelWhileRunning:
    def test_tells_the_worker(self, desk: Desk) -> None:
        desk.run("t-1")
        assert desk.cancel("t-1") == WORKER

    def test_drops_later_frames(self, desk: Desk) -> None:
        popped = desk.run("t-1")
        desk.cancel("t-1")
        desk.append(popped, TextDelta("late"))
        assert desk.events("t-1") == []

    def test_lets_the_worker_know_with_its_next_frame(self, desk: Desk) -> None:
        popped = desk.run("t-1")
        desk.cancel("t-1")
        assert desk.append(popped, TextDelta("late")).times == 1

    def test_keeps_it_from_being_run_again(self, desk: Desk) -> None:
        popped = desk.run("t-1")
        desk.cancel("t-1")
        assert (desk.take_over(popped), desk.waiting()) == ("gone", [])


class TestCancelAfterTheEnd:
    def test_finds_no_call(self, desk: Desk) -> None:
        desk.append(desk.run("t-1"), Finished("stop"))
        assert desk.cancel("t-1") is None

    def test_finds_no_call_a_second_time(self, desk: Desk) -> None:
        desk.submit("t-1")
        desk.cancel("t-1")
        assert desk.cancel("t-1") is None

    def test_finds_no_call_that_never_was(self, desk: Desk) -> None:
        assert desk.cancel("t-1") is None


class TestNotice:
    """Somebody else cancels, and the reader is told."""

    @staticmethod
    def cancel(desk: Desk) -> str | None:
        return desk.store.cancel(
            "t-1",
            queue=desk.queue,
            job_key=queueing.job_key("t-1"),
            notice=Notice(WEB, STOPPED),
        )

    def test_of_a_waiting_call_reaches_the_reader(self, desk: Desk) -> None:
        desk.submit("t-1")
        self.cancel(desk)
        assert desk.events("t-1") == [Failed(STOPPED)]

    def test_of_a_running_call_is_its_last_event(self, desk: Desk) -> None:
        popped = desk.run("t-1")
        desk.append(popped, TextDelta("a"))
        self.cancel(desk)
        desk.append(popped, TextDelta("b"), Finished("stop"))
        assert desk.events("t-1") == [TextDelta("a"), Failed(STOPPED)]

    def test_of_an_ended_call_is_not_given(self, desk: Desk) -> None:
        desk.append(desk.run("t-1"), Finished("stop"))
        self.cancel(desk)
        assert desk.events("t-1") == [Finished("stop")]

    def test_to_a_dead_reader_is_not_given(self, desk: Desk) -> None:
        desk.submit("t-1")
        desk.redis.delete(desk.keys.alive(WEB))
        self.cancel(desk)
        assert desk.frames() == []


class TestWithdraw:
    """What a web process does whose call has waited too long."""

    @staticmethod
    def withdraw(desk: Desk) -> bool:
        return desk.store.withdraw("t-1", queue=desk.queue, job_key=queueing.job_key("t-1"))

    def test_ends_a_waiting_call(self, desk: Desk) -> None:
        desk.submit("t-1")
        assert (self.withdraw(desk), desk.waiting(), desk.counted()) == (True, [], (0, {}))

    def test_leaves_nothing_of_the_call(self, desk: Desk) -> None:
        desk.submit("t-1")
        self.withdraw(desk)
        assert [key for key in desk.all_keys() if "t-1" in key] == []

    def test_leaves_a_popped_call(self, desk: Desk) -> None:
        desk.submit("t-1")
        (popped,) = desk.pop()
        assert (self.withdraw(desk), desk.start(popped) is not None) == (False, True)

    def test_leaves_a_running_call(self, desk: Desk) -> None:
        popped = desk.run("t-1")
        withdrawn = self.withdraw(desk)
        desk.append(popped, Finished("stop"))
        assert (withdrawn, desk.events("t-1")) == (False, [Finished("stop")])

    def test_finds_no_call_that_has_ended(self, desk: Desk) -> None:
        assert self.withdraw(desk) is False


class TestWhatIsLeft:
    """Of a call whose every step was done, bookkeeping included."""

    @pytest.fixture
    def ended(self, desk: Desk) -> Desk:
        desk.submit("t-1", b"the prompt of a client")
        desk.redis.blpop([desk.keys.wake], timeout=1)
        (popped,) = desk.pop()
        desk.start(popped)
        job = JobExecution.begin(popped, worker=WORKER)
        sink = desk.sink(popped).sink
        with desk.appending() as appender:
            appender.call(job.started())
            appender.call(job.heartbeat())
            for event in (Started("acme:m"), TextDelta("hi"), Finished("stop")):
                appender.append(sink, event)
            appender.call(job.finished(well=True))
        return desk

    def test_only_counters_stay_for_ever(self, ended: Desk) -> None:
        assert kept(ended) == STATISTICS | {f"rq:worker:{WORKER}"}

    def test_everything_else_expires_within_a_minute(self, ended: Desk) -> None:
        lives_ms = {
            key: ended.redis.pttl(key)
            for key in ended.all_keys() - STATISTICS - {f"rq:worker:{WORKER}"}
        }
        assert {key for key, ms in lives_ms.items() if not 0 < ms <= 60_000} == set()

    def test_no_key_names_the_call(self, ended: Desk) -> None:
        assert [key for key in ended.all_keys() if "t-1" in key] == []

    def test_the_prompt_is_nowhere(self, ended: Desk) -> None:
        dumped = [ended.redis.dump(key) for key in ended.redis.scan_iter()]
        assert [data for data in dumped if data and b"prompt" in data] == []

    def test_counts_are_back_at_nothing(self, ended: Desk) -> None:
        assert ended.counted() == (0, {})

    def test_no_claim_is_left(self, ended: Desk) -> None:
        assert ended.store.claims(WORKER) == {}

    def test_rq_counts_a_good_job(self, ended: Desk) -> None:
        assert ended.redis.hget(f"rq:worker:{WORKER}", "successful_job_count") == b"1"


def test_late_end_of_a_stale_execution_leaves_the_new_claim_of_its_worker(desk: Desk) -> None:
    """Else nobody would take the call over if the worker died now."""
    stale = desk.run("t-1")
    desk.take_over(stale)
    (fresh,) = desk.pop()
    desk.start(fresh)
    job = JobExecution.begin(stale, worker=WORKER)
    desk.append(stale, Finished("stop"))
    with desk.appending() as appender:
        appender.call(job.finished(well=False))
    assert desk.store.claims(WORKER) == {"t-1": fresh.epoch}


def test_running_call_leaves_keys_that_expire_if_all_processes_die(desk: Desk) -> None:
    """The claims are for the reaper of whichever process comes next."""
    popped = desk.run("t-1")
    job = JobExecution.begin(popped, worker=WORKER)
    with desk.appending() as appender:
        appender.call(job.started())
    desk.append(popped, TextDelta("a"))
    for_the_reaper = {
        desk.keys.wake,
        desk.keys.claims(WORKER),
        f"rq:wip:{desk.queue.name}",
        f"rq:worker:{WORKER}:executions",
    }
    assert kept(desk) == STATISTICS | for_the_reaper
