"""The inventory in Redis: who is asked when, what stays, and what other processes read of it."""

from collections.abc import Mapping

import pytest
import redis

from gateway.canonical.errors import Failure, Kind, Next, UpstreamError
from gateway.canonical.listing import Listing, Model, Source
from gateway.state.inventory import (
    FIRST_RETRY_S,
    LIVES_S,
    InventoryCache,
    Known,
    LiveInventory,
    Refresh,
    Remote,
)
from gateway.state.inventory import Failure as Failed

HOUR_S = 3600.0
START = 1_700_000_000.0


class Provider:
    """A provider that lists what a test says, at the time that it says."""

    def __init__(self, id: str = "a", *, origin: str = "here") -> None:
        self.id = id
        self.origin = origin
        self.now = START
        self.model = "m"
        self.asked = 0
        self.down = False

    @property
    def listing(self) -> Listing:
        """What it lists now."""
        model = Model(canonical_id=f"v/{self.model}", native_id=self.model)
        return Listing(source=Source.REMOTE, models=(model,), loaded_at=self.now)

    def fetch(self) -> Listing:
        """Answer."""
        self.asked += 1
        if self.down:
            failure = Failure(kind=Kind.UPSTREAM, message="HTTP status 500", status=502)
            raise UpstreamError(failure, next=Next.CANDIDATE)
        return self.listing


@pytest.fixture
def cache(redis_client: redis.Redis) -> InventoryCache:
    """An empty inventory."""
    return InventoryCache(redis_client, "t")


def refresh(cache: InventoryCache, *providers: Provider) -> Refresh:
    """A refresh of instances whose clock is the first provider's."""
    remotes = {one.id: Remote(one.origin, one.fetch) for one in providers}
    return Refresh(cache, remotes, interval_s=HOUR_S, now=lambda: providers[0].now)


def origins(*providers: Provider) -> dict[str, str]:
    """Where they are listed, by id."""
    return {one.id: one.origin for one in providers}


def known(cache: InventoryCache, provider: Provider) -> Known | None:
    """What is known of a provider."""
    return cache.read(origins(provider)).get(provider.id)


class TestWhoIsAsked:
    def test_one_that_has_no_listing(self, cache: InventoryCache) -> None:
        provider = Provider()
        assert refresh(cache, provider).run() == {}
        assert known(cache, provider) == Known(origin="here", listing=provider.listing)

    @pytest.mark.parametrize(("age_s", "asked"), [(HOUR_S - 1, 1), (HOUR_S, 2)])
    def test_one_whose_listing_is_old(
        self, cache: InventoryCache, age_s: float, asked: int
    ) -> None:
        provider = Provider()
        subject = refresh(cache, provider)
        subject.run()
        provider.now += age_s
        subject.run()
        assert provider.asked == asked

    def test_everyone_on_demand(self, cache: InventoryCache) -> None:
        provider = Provider()
        subject = refresh(cache, provider)
        subject.run()
        subject.run(also_fresh=True)
        assert provider.asked == 2

    def test_one_that_is_listed_elsewhere_now(self, cache: InventoryCache) -> None:
        before, after = Provider(origin="here"), Provider(origin="there")
        refresh(cache, before).run()
        refresh(cache, after).run()
        assert after.asked == 1

    def test_nobody_once_the_work_is_another_processs(self, cache: InventoryCache) -> None:
        first, second = Provider("a"), Provider("b")
        answers = iter([True, False])
        refresh(cache, first, second).run(goes_on=lambda: next(answers))
        assert (first.asked, second.asked) == (1, 0)

    def test_a_listing_of_an_unknown_form_is_asked_for_anew(
        self, cache: InventoryCache, redis_client: redis.Redis
    ) -> None:
        redis_client.hset("t:inventory", "a", b"\xc1 of another version")
        provider = Provider()
        refresh(cache, provider).run()
        assert known(cache, provider) is not None


class TestAFailure:
    def test_keeps_the_last_good_listing_and_is_told(self, cache: InventoryCache) -> None:
        provider = Provider()
        subject = refresh(cache, provider)
        subject.run()
        good = provider.listing
        provider.now += HOUR_S
        provider.down = True
        failed = Failed(reason="HTTP status 500", at=provider.now, times=1)
        assert subject.run() == {"a": failed}
        assert known(cache, provider) == Known(origin="here", listing=good, failure=failed)

    def test_is_forgotten_with_the_next_good_listing(self, cache: InventoryCache) -> None:
        provider = Provider()
        provider.down = True
        subject = refresh(cache, provider)
        subject.run()
        provider.down = False
        subject.run(also_fresh=True)
        assert known(cache, provider) == Known(origin="here", listing=provider.listing)

    def test_keeps_nobody_else_from_being_asked(self, cache: InventoryCache) -> None:
        bad, good = Provider("bad"), Provider("good")
        bad.down = True
        assert list(refresh(cache, bad, good).run()) == ["bad"]
        assert good.asked == 1

    @pytest.mark.parametrize(
        ("failures", "pause_s"),
        [(1, FIRST_RETRY_S), (2, 2 * FIRST_RETRY_S), (4, 8 * FIRST_RETRY_S), (9, HOUR_S)],
    )
    def test_is_tried_again_later_and_later(
        self, cache: InventoryCache, failures: int, pause_s: float
    ) -> None:
        provider = Provider()
        provider.down = True
        subject = refresh(cache, provider)
        for _ in range(failures):
            subject.run(also_fresh=True)
        provider.now += pause_s - 1
        subject.run()
        assert provider.asked == failures
        provider.now += 1
        subject.run()
        assert provider.asked == failures + 1


class TestRedis:
    def test_what_is_gone_from_the_configuration_is_removed(
        self, cache: InventoryCache, redis_client: redis.Redis
    ) -> None:
        refresh(cache, Provider("a"), Provider("b")).run()
        refresh(cache, Provider("b")).run()
        assert redis_client.hkeys("t:inventory") == [b"b"]

    def test_every_key_expires(self, cache: InventoryCache, redis_client: redis.Redis) -> None:
        refresh(cache, Provider()).run()
        keys = sorted(redis_client.keys())
        assert keys == [b"t:inventory", b"t:inventory:revision"]
        assert all(LIVES_S - 60 < redis_client.ttl(key) <= LIVES_S for key in keys)

    def test_what_was_listed_elsewhere_is_not_read(self, cache: InventoryCache) -> None:
        refresh(cache, Provider(origin="here")).run()
        assert cache.read({"a": "there"}) == {}

    def test_nothing_that_is_written_when_nothing_is_due(self, cache: InventoryCache) -> None:
        subject = refresh(cache, Provider())
        subject.run()
        before = cache.revision()
        subject.run()
        assert cache.revision() == before


class TestAnotherProcess:
    def live(self, cache: InventoryCache, *providers: Provider) -> LiveInventory[list[str]]:
        """What a web process knows: `instance:model` of each."""

        def make(listings: Mapping[str, Listing]) -> list[str]:
            return [f"{id}:{m.native_id}" for id, one in listings.items() for m in one.models]

        return LiveInventory(cache, origins(*providers), make=make, first_read_s=10.0)

    def test_reads_at_its_first_question_what_is_there(self, cache: InventoryCache) -> None:
        provider = Provider()
        refresh(cache, provider).run()
        assert self.live(cache, provider).current() == ["a:m"]

    def test_reads_again_what_has_changed(self, cache: InventoryCache) -> None:
        provider = Provider()
        live = self.live(cache, provider)
        assert live.current() == []
        refresh(cache, provider).run()
        live.reread()
        assert live.current() == ["a:m"]

    def test_makes_nothing_anew_while_nothing_has_changed(self, cache: InventoryCache) -> None:
        provider = Provider()
        refresh(cache, provider).run()
        live = self.live(cache, provider)
        before = live.current()
        live.reread()
        assert live.current() is before

    def test_keeps_what_it_has_when_redis_has_lost_it(
        self, cache: InventoryCache, redis_client: redis.Redis
    ) -> None:
        provider = Provider()
        refresh(cache, provider).run()
        live = self.live(cache, provider)
        assert live.current() == ["a:m"]
        redis_client.flushall()
        live.reread()
        assert live.current() == ["a:m"]

    def test_keeps_the_last_good_listing_of_one_that_fails(self, cache: InventoryCache) -> None:
        provider = Provider()
        subject = refresh(cache, provider)
        subject.run()
        provider.down = True
        subject.run(also_fresh=True)
        assert self.live(cache, provider).current() == ["a:m"]

    def test_without_redis_knows_nothing_and_says_nothing(self) -> None:
        gone = redis.Redis.from_url("unix:///nowhere/redis.sock")
        assert self.live(InventoryCache(gone, "t"), Provider()).current() == []

    def test_without_remote_instances_asks_redis_nothing(self) -> None:
        gone = redis.Redis.from_url("unix:///nowhere/redis.sock")
        assert self.live(InventoryCache(gone, "t")).current() == []
