"""What providers list, kept in Redis for all processes, and how it is kept up to date.

Owns the keys, when an instance is asked again, and what stays when it does not answer. Knows
neither how a provider is asked nor what the models are for.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from secrets import token_hex
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct
from redis import Redis, RedisError
from redis.client import Pipeline

from gateway.canonical.errors import UpstreamError
from gateway.canonical.listing import Listing
from gateway.state.reply import text

LIVES_S = 30 * 24 * 3600
FIRST_RETRY_S = 60.0
"""After a failure; doubled with each further one, up to the interval."""
REREAD_S = 5.0
FIRST_READ_S = 0.3
"""The first questions wait so long for the first reading; then they go on with what is built in."""

T = TypeVar("T")

log = logging.getLogger(__name__)


class Failure(Struct, frozen=True, kw_only=True):
    """That an instance could not be listed since its last good listing."""

    reason: str
    at: float
    """Unix seconds of the last attempt."""
    times: int


class Known(Struct, frozen=True, kw_only=True):
    """What is known of an instance's models."""

    origin: str
    """Of the instance when it was asked; what is known of another origin is of no use."""
    listing: Listing | None = None
    """The last good one."""
    failure: Failure | None = None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Known)


class InventoryCache:
    """The last good listing of each instance.

    Redis, with `{p}` the deployment's prefix:
        {p}:inventory            hash instance id -> Known (msgpack); expires 30 days after the last
                                 write; the refresh removes instances that are gone
        {p}:inventory:revision   string, another with each write; expires likewise
    """

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._key = f"{prefix}:inventory"
        self._revision_key = f"{prefix}:inventory:revision"

    def revision(self) -> bytes | str | None:
        """A value that each write makes another; None = nothing was written.

        Raises:
            redis.RedisError: Redis did not answer.
        """
        return self._redis.get(self._revision_key)

    def read(self, origins: Mapping[str, str]) -> dict[str, Known]:
        """Read what is known of instances.

        Args:
            origins: instance id -> its origin now; what was read of another one is left out.
        Raises:
            redis.RedisError: Redis did not answer.
        """
        found = {}
        for id, data in self._redis.hgetall(self._key).items():
            known = _decode(data)
            if known and origins.get(text(id)) == known.origin:
                found[text(id)] = known
        return found

    def write(self, instance: str, known: Known) -> None:
        """Write what is known of an instance.

        Raises:
            redis.RedisError: Redis did not take it.
        """
        pipeline = self._redis.pipeline()
        pipeline.hset(self._key, instance, _encoder.encode(known))
        self._changed(pipeline)

    def forget_others(self, instances: Mapping[str, str]) -> None:
        """Remove what is known of all other instances.

        Raises:
            redis.RedisError: Redis did not answer.
        """
        others = {text(id) for id in self._redis.hkeys(self._key)} - instances.keys()
        if others:
            pipeline = self._redis.pipeline()
            pipeline.hdel(self._key, *others)
            self._changed(pipeline)

    def _changed(self, pipeline: Pipeline) -> None:
        pipeline.expire(self._key, LIVES_S)
        # Not a count: that of a Redis that lost everything could come to the same number.
        pipeline.set(self._revision_key, token_hex(8), ex=LIVES_S)
        pipeline.execute()


@dataclass(frozen=True)
class Remote:
    """An instance whose provider is asked."""

    origin: str
    fetch: Callable[[], Listing]
    """Asks. Raises UpstreamError: the provider did not answer with a listing."""


class Refresh:
    """Asks the providers whose listing is old or missing."""

    def __init__(
        self,
        cache: InventoryCache,
        remotes: Mapping[str, Remote],
        *,
        interval_s: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        """
        Args:
            remotes: by instance id.
        """
        self._cache = cache
        self._remotes = remotes
        self._origins = {id: remote.origin for id, remote in remotes.items()}
        self._interval_s = interval_s
        self._now = now

    def run(
        self, *, also_fresh: bool = False, goes_on: Callable[[], bool] = lambda: True
    ) -> dict[str, Failure]:
        """Ask one provider after the other; what was good stays when one does not answer.

        Args:
            also_fresh: ask also those whose listing is not old.
            goes_on: asked before each of them whether to go on.
        Returns:
            The failures, by instance.
        Raises:
            redis.RedisError: Redis did not answer.
        """
        self._cache.forget_others(self._origins)
        known = self._cache.read(self._origins)
        failures = {}
        for id, remote in self._remotes.items():
            earlier = known.get(id) or Known(origin=remote.origin)
            if not also_fresh and not self._is_due(earlier):
                continue
            if not goes_on():
                break
            now_known = self._ask(id, remote, earlier=earlier)
            self._cache.write(id, now_known)
            if now_known.failure:
                failures[id] = now_known.failure
        return failures

    def _is_due(self, known: Known) -> bool:
        if known.failure:
            pause_s = FIRST_RETRY_S * 2.0 ** min(known.failure.times - 1, 32)
            return self._now() >= known.failure.at + min(pause_s, self._interval_s)
        return known.listing is None or self._now() >= known.listing.loaded_at + self._interval_s

    def _ask(self, id: str, remote: Remote, *, earlier: Known) -> Known:
        try:
            listing = remote.fetch()
        except UpstreamError as error:
            times = earlier.failure.times + 1 if earlier.failure else 1
            reason = error.failure.message
            kept = "its last listing stays" if earlier.listing else "it has none yet"
            log.warning("the models of %s could not be listed, %s: %s", id, kept, reason)
            failure = Failure(reason=reason, at=self._now(), times=times)
            return Known(origin=remote.origin, listing=earlier.listing, failure=failure)
        log.info("%s lists %d models", id, len(listing.models))
        for warning in listing.warnings:
            log.warning("the models of %s: %s", id, warning)
        return Known(origin=remote.origin, listing=listing)


class LiveInventory(Generic[T]):
    """What is known now, as a value made of it, read again in the background when it changes.

    Starts its thread with the first use, so that an application can be made without Redis. What
    was read once stays when Redis is away or has lost it.
    """

    def __init__(
        self,
        cache: InventoryCache,
        origins: Mapping[str, str],
        *,
        make: Callable[[Mapping[str, Listing]], T],
        first_read_s: float = FIRST_READ_S,
    ) -> None:
        """
        Args:
            origins: of the instances whose provider is asked, by id.
            make: from the last good listings.
            first_read_s: how long `current` waits at most, until something was read once.
        """
        self._cache = cache
        self._origins = origins
        self._make = make
        self._listings: dict[str, Listing] = {}
        self._revision: bytes | str | None = None
        self._value = make({})
        self._first_read_s = first_read_s
        self._lock = threading.Lock()
        self._started = not origins
        self._tried = threading.Event()
        if self._started:
            self._tried.set()

    def current(self) -> T:
        """The value as of some seconds ago."""
        if not self._tried.is_set():
            self._start()
            self._tried.wait(self._first_read_s)
        return self._value

    def reread(self) -> None:
        """Read again what has changed.

        Raises:
            redis.RedisError: Redis did not answer.
        """
        revision = self._cache.revision()
        if revision == self._revision:
            return
        known = self._cache.read(self._origins)
        self._listings |= {id: one.listing for id, one in known.items() if one.listing}
        self._value = self._make(self._listings)
        self._revision = revision

    def _start(self) -> None:
        with self._lock:
            if not self._started:
                self._started = True
                threading.Thread(target=self._follow, name="inventory", daemon=True).start()

    def _follow(self) -> None:
        away = False
        while True:
            try:
                self.reread()
                away = False
            except RedisError as error:
                if not away:
                    log.warning("the model inventory could not be read: %s", error)
                away = True
            except Exception:  # noqa: BLE001 - the top of a thread; without it the models grow old
                log.exception("the model inventory could not be read")
            self._tried.set()
            time.sleep(REREAD_S)


def _decode(data: bytes | str) -> Known | None:
    assert isinstance(data, bytes)
    try:
        return _decoder.decode(data)
    except msgspec.DecodeError:
        # Another version wrote it; it is read anew when it is due.
        return None
