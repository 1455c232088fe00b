"""Giving calls to workers: order, room, claims, wake tokens, and the begin of an execution."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.contract.desk import OTHER_WORKER, WEB, WORKER, Desk, make_queue


class TestPop:
    def test_gives_calls_in_their_order(self, desk: Desk) -> None:
        for id in ("t-1", "t-2", "t-3"):
            desk.submit(id)
        assert [popped.call_id for popped in desk.pop()] == ["t-1", "t-2", "t-3"]

    def test_gives_no_more_than_there_is_room(self, desk: Desk) -> None:
        for id in ("t-1", "t-2", "t-3"):
            desk.submit(id)
        assert [popped.call_id for popped in desk.pop(room=2)] == ["t-1", "t-2"]

    def test_leaves_the_others_waiting(self, desk: Desk) -> None:
        desk.submit("t-1")
        desk.submit("t-2")
        desk.pop(room=1)
        assert desk.waiting() == ["t-2"]

    def test_gives_nothing_of_empty_queues(self, desk: Desk) -> None:
        assert desk.pop() == []

    def test_gives_no_call_twice(self, desk: Desk) -> None:
        desk.submit("t-1")
        desk.pop()
        assert desk.pop(worker=OTHER_WORKER) == []

    def test_gives_calls_of_earlier_queues_first(self, desk: Desk) -> None:
        batch = make_queue("batch")
        desk.submit("t-batch", queue=batch)
        desk.submit("t-1")
        desk.submit("t-2")
        popped = desk.pop(queues=[desk.queue, batch])
        assert [call.call_id for call in popped] == ["t-1", "t-2", "t-batch"]

    def test_gives_later_queues_the_room_that_is_left(self, desk: Desk) -> None:
        batch = make_queue("batch")
        for number in range(3):
            desk.submit(f"t-batch{number}", queue=batch)
        desk.submit("t-1")
        popped = desk.pop(queues=[desk.queue, batch], room=2)
        assert [call.call_id for call in popped] == ["t-1", "t-batch0"]

    def test_tells_the_queue_of_each_call(self, desk: Desk) -> None:
        batch = make_queue("batch")
        desk.submit("t-batch", queue=batch)
        desk.submit("t-1")
        popped = desk.pop(queues=[desk.queue, batch])
        assert [call.queue for call in popped] == [desk.queue, batch]

    def test_draws_a_new_epoch_for_each_call(self, desk: Desk) -> None:
        desk.submit("t-1")
        desk.submit("t-2")
        first, second = desk.pop()
        assert first.epoch < second.epoch

    def test_claims_each_call_with_its_epoch(self, desk: Desk) -> None:
        desk.submit("t-1")
        (popped,) = desk.pop()
        assert desk.store.claims(WORKER) == {"t-1": popped.epoch}

    def test_shows_the_call_in_rqs_intermediate_list(self, desk: Desk) -> None:
        desk.submit("t-1")
        desk.pop()
        assert desk.redis.lrange(desk.queue.intermediate_key, 0, -1) == [b"t-1"]

    def test_takes_its_bytes_off_what_waits(self, desk: Desk) -> None:
        desk.submit("t-1", b"12345")
        desk.submit("t-2", b"123")
        desk.pop(room=1)
        assert desk.counted() == (3, {b"t-2": b"3"})

    def test_brings_the_counts_back_to_nothing(self, desk: Desk) -> None:
        for number in range(5):
            desk.submit(f"t-{number}", b"x" * number)
        desk.pop()
        assert desk.counted() == (0, {})

    def test_shows_that_the_worker_lives(self, desk: Desk) -> None:
        desk.pop()
        assert 0 < desk.redis.pttl(desk.keys.alive(WORKER)) <= 6000

    def test_takes_a_job_that_is_not_ours_without_an_error(self, desk: Desk) -> None:
        """Somebody may put one there with RQ itself; nothing was counted for it."""
        desk.redis.rpush(desk.queue.key, "not-ours")
        desk.submit("t-1", b"12345")
        desk.pop(room=1)
        assert desk.counted() == (5, {b"t-1": b"5"})

    def test_gives_each_call_to_one_of_many_workers(self, desk: Desk) -> None:
        ids = [f"t-{number}" for number in range(90)]
        for id in ids:
            desk.submit(id)

        def pop_all(worker: str) -> list[str]:
            calls = iter(lambda: desk.pop(room=2, worker=worker), [])
            return [popped.call_id for some in calls for popped in some]

        with ThreadPoolExecutor(4) as executor:
            given = executor.map(pop_all, ["w1", "w2", "w3", "w4"])
        assert sorted(id for some in given for id in some) == sorted(ids)


class TestTokens:
    """A worker that waits takes a token, then pops."""

    def woken(self, desk: Desk) -> Iterator[bool]:
        while desk.redis.lpop(desk.keys.wake):
            yield bool(desk.pop(room=1))

    def test_every_waiting_call_wakes_somebody(self, desk: Desk) -> None:
        for number in range(5):
            desk.submit(f"t-{number}")
        list(self.woken(desk))
        assert desk.waiting() == []

    def test_calls_that_are_left_leave_a_token(self, desk: Desk) -> None:
        desk.submit("t-1")
        desk.submit("t-2")
        desk.redis.delete(desk.keys.wake)
        desk.pop(room=1)
        assert desk.tokens() == 1

    def test_empty_queue_leaves_none(self, desk: Desk) -> None:
        desk.submit("t-1")
        desk.redis.delete(desk.keys.wake)
        desk.pop()
        assert desk.tokens() == 0

    def test_call_of_a_later_queue_leaves_one(self, desk: Desk) -> None:
        batch = make_queue("batch")
        desk.submit("t-1")
        desk.submit("t-batch", queue=batch)
        desk.redis.delete(desk.keys.wake)
        desk.pop(queues=[desk.queue, batch], room=1)
        assert desk.tokens() == 1

    def test_pop_without_room_leaves_one(self, desk: Desk) -> None:
        desk.submit("t-1")
        desk.redis.delete(desk.keys.wake)
        desk.pop(room=0)
        assert desk.tokens() == 1

    def test_there_is_never_more_than_one(self, desk: Desk) -> None:
        for number in range(10):
            desk.submit(f"t-{number}")
            desk.pop(room=number % 2)
            assert desk.tokens() <= 1


class TestStart:
    def test_gives_the_call_and_its_body(self, desk: Desk) -> None:
        call = desk.submit("t-1", b"\x00\xff")
        (popped,) = desk.pop()
        started = desk.start(popped)
        assert started
        assert (started.call, started.body, started.web_id) == (call, b"\x00\xff", WEB)

    def test_gives_the_job_as_rq_wrote_it(self, desk: Desk) -> None:
        desk.submit("t-1")
        (popped,) = desk.pop()
        started = desk.start(popped)
        assert started
        assert started.job_data == b'["workers.interactive.run_call", null, ["t-1", 1], {}]'

    def test_counts_the_runs(self, desk: Desk) -> None:
        popped = desk.run("t-1")
        runs = []
        for _ in range(2):
            desk.take_over(popped)
            (popped,) = desk.pop()
            started = desk.start(popped)
            assert started
            runs.append(started.runs)
        assert runs == [2, 3]

    def test_keeps_the_body_for_another_run(self, desk: Desk) -> None:
        desk.submit("t-1", b"the body")
        (popped,) = desk.pop()
        desk.start(popped)
        assert desk.redis.get(desk.keys.body("t-1")) == b"the body"

    @pytest.mark.parametrize("worker", [WORKER, OTHER_WORKER])
    def test_gives_nothing_to_a_worker_whose_claim_was_taken(self, desk: Desk, worker: str) -> None:
        desk.submit("t-1")
        (stale,) = desk.pop()
        desk.take_over(stale)
        desk.pop(worker=worker)
        assert desk.start(stale) is None

    def test_of_a_stale_claim_leaves_the_new_one_of_the_same_worker(self, desk: Desk) -> None:
        """It stood still, its call was taken over, and it took the call again itself."""
        desk.submit("t-1")
        (stale,) = desk.pop()
        desk.take_over(stale)
        (fresh,) = desk.pop()
        desk.start(stale)
        assert desk.start(fresh) is not None

    def test_of_a_cancelled_call_gives_nothing(self, desk: Desk) -> None:
        desk.submit("t-1")
        (popped,) = desk.pop()
        desk.cancel("t-1")
        assert desk.start(popped) is None

    def test_of_a_cancelled_call_drops_the_claim(self, desk: Desk) -> None:
        desk.submit("t-1")
        (popped,) = desk.pop()
        desk.cancel("t-1")
        desk.start(popped)
        assert desk.store.claims(WORKER) == {}

    def test_of_a_cancelled_call_writes_nothing_of_it(self, desk: Desk) -> None:
        desk.submit("t-1")
        (popped,) = desk.pop()
        desk.cancel("t-1")
        desk.start(popped)
        assert [key for key in desk.all_keys() if "t-1" in key] == []
