"""A lease: one process of all has it, and another when that one is gone."""

import threading
from collections.abc import Callable

import pytest
import redis

from gateway.state.ticker import Lease, Ticker
from tests.support.polling import wait_for

KEY = "t:lease:work"
LASTS_S = 60.0


def lease(client: redis.Redis, holder: str) -> Lease:
    """The lease, as one process sees it."""
    return Lease(client, KEY, holder=holder, lasts_s=LASTS_S)


class Work:
    """Work that counts how often it was done."""

    def __init__(self) -> None:
        self.done = 0

    def __call__(self, goes_on: Callable[[], bool]) -> None:
        assert goes_on()
        self.done += 1


def test_the_first_has_it_and_the_second_has_not(redis_client: redis.Redis) -> None:
    assert lease(redis_client, "one").hold()
    assert not lease(redis_client, "two").hold()


def test_whoever_has_it_renews_it(redis_client: redis.Redis) -> None:
    one = lease(redis_client, "one")
    one.hold()
    redis_client.pexpire(KEY, 500)
    assert one.hold()
    assert redis_client.pttl(KEY) > 500


def test_it_expires_by_itself(redis_client: redis.Redis) -> None:
    lease(redis_client, "one").hold()
    assert 0 < redis_client.pttl(KEY) <= LASTS_S * 1000


def test_another_has_it_when_it_has_expired(redis_client: redis.Redis) -> None:
    one, two = lease(redis_client, "one"), lease(redis_client, "two")
    one.hold()
    redis_client.delete(KEY)
    assert two.hold()
    assert not one.hold()


def test_another_has_it_at_once_when_it_is_given_back(redis_client: redis.Redis) -> None:
    one, two = lease(redis_client, "one"), lease(redis_client, "two")
    one.hold()
    one.release()
    assert two.hold()


def test_nobody_gives_back_what_is_anothers(redis_client: redis.Redis) -> None:
    lease(redis_client, "one").hold()
    lease(redis_client, "two").release()
    assert redis_client.get(KEY) == b"one"


def test_of_many_at_once_one_has_it(redis_client: redis.Redis) -> None:
    held: list[str] = []
    barrier = threading.Barrier(8)

    def try_it(name: str) -> None:
        barrier.wait()
        if lease(redis_client, name).hold():
            held.append(name)

    threads = [threading.Thread(target=try_it, args=(f"p{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(held) == 1


class TestTheTicker:
    def test_works_where_the_lease_is(self, redis_client: redis.Redis) -> None:
        one, two = Work(), Work()
        tickers = [
            Ticker(lease(redis_client, name), work) for name, work in (("1", one), ("2", two))
        ]
        assert [ticker.tick() for ticker in tickers] == [True, False]
        assert (one.done, two.done) == (1, 0)

    def test_works_elsewhere_once_it_has_stopped(self, redis_client: redis.Redis) -> None:
        one, two = Work(), Work()
        first, second = Ticker(lease(redis_client, "1"), one), Ticker(lease(redis_client, "2"), two)
        first.tick()
        first.stop()
        assert second.tick()
        assert not first.tick()
        assert (one.done, two.done) == (1, 1)

    def test_tells_the_work_when_the_lease_is_anothers(self, redis_client: redis.Redis) -> None:
        told: list[bool] = []

        def work(goes_on: Callable[[], bool]) -> None:
            told.append(goes_on())
            redis_client.set(KEY, "2")
            told.append(goes_on())

        Ticker(lease(redis_client, "1"), work).tick()
        assert told == [True, False]

    def test_begins_at_once(self, redis_client: redis.Redis) -> None:
        work = Work()
        ticker = Ticker(lease(redis_client, "1"), work)
        ticker.start()
        wait_for(lambda: work.done, what="the first work")
        ticker.stop()

    def test_stops_without_redis(self) -> None:
        gone = redis.Redis.from_url("unix:///nowhere/redis.sock")
        Ticker(lease(gone, "1"), Work()).stop()

    def test_says_when_redis_is_away(self) -> None:
        gone = redis.Redis.from_url("unix:///nowhere/redis.sock")
        with pytest.raises(redis.RedisError):
            Ticker(lease(gone, "1"), Work()).tick()
