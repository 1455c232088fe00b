"""Work that one process of all does now and then: whoever holds the lease.

Owns the lease and the thread. Knows nothing of the work, which must tell itself what is due.
"""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from redis import Redis, RedisError

from gateway.state.script import Script

TICK_S = 10.0

_SCRIPTS = Path(__file__).parent / "scripts"
_HOLD = Script(_SCRIPTS / "hold.lua")
_RELEASE = Script(_SCRIPTS / "release.lua")

log = logging.getLogger(__name__)


class Lease:
    """A right that one process of all has, for as long as it renews it.

    Redis: {p}:lease:{name}   string, the id of the process that has it; expires by itself, and is
    deleted by that process when it stops.
    """

    def __init__(self, redis: Redis, key: str, *, holder: str, lasts_s: float) -> None:
        """
        Args:
            holder: names this process and no other.
        """
        self._redis = redis
        self._key = key
        self._holder = holder
        self._lasts_ms = int(lasts_s * 1000)

    def hold(self) -> bool:
        """Take the lease if nobody has it, renew it if this process has, and tell whether it has.

        Raises:
            redis.RedisError: Redis did not answer.
        """
        args = (self._holder, self._lasts_ms)
        return bool(_HOLD.call(self._redis, keys=(self._key,), args=args))

    def release(self) -> None:
        """Let another have it at once.

        Raises:
            redis.RedisError: Redis did not answer.
        """
        _RELEASE.call(self._redis, keys=(self._key,), args=(self._holder,))


class Ticker:
    """Does some work every few seconds in the process that holds the lease."""

    def __init__(self, lease: Lease, work: Callable[[Callable[[], bool]], None]) -> None:
        """
        Args:
            work: does what is due. It is given the lease's `hold`, to be called before each step
                that takes long.
        """
        self._lease = lease
        self._work = work
        self._stop = threading.Event()

    def start(self) -> None:
        """Begin in the background, at once."""
        threading.Thread(target=self._run, name="leased-ticker", daemon=True).start()

    def stop(self) -> None:
        """Stop, and let another process go on; does not wait for work that is being done."""
        self._stop.set()
        try:
            self._lease.release()
        except RedisError as error:
            log.warning("a lease could not be given back, so it has to expire: %s", error)

    def tick(self) -> bool:
        """Do what is due if this process holds the lease, and tell whether it does.

        Raises:
            redis.RedisError: Redis did not answer.
        """
        if not self._goes_on():
            return False
        self._work(self._goes_on)
        return True

    def _goes_on(self) -> bool:
        return not self._stop.is_set() and self._lease.hold()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.tick()
            except RedisError as error:
                log.warning("leased ticker: %s", error)
            except Exception:  # noqa: BLE001 - the top of a thread that runs as long as the process
                log.exception("leased ticker failed")
            self._stop.wait(TICK_S)
