"""Who lives: every process beats every two seconds, and one silent for six is dead."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Literal

from redis import Redis, RedisError

from gateway.state.reply import text

BEAT_S = 2.0
DEAD_AFTER_S = 6.0

_QUICK_S = 0.5
"""A beat that took longer says too little of Redis' clock."""

Role = Literal["web", "worker"]

log = logging.getLogger(__name__)


class Liveness:
    """Beats for one process, and tells which others do.

    Redis: the keys are given by the caller; `alive` is a string that expires after
    `DEAD_AFTER_S`, `processes` a zset of process id -> last beat in Unix ms.
    """

    def __init__(
        self, redis: Redis, *, process_id: str, alive_key: str, processes_key: str
    ) -> None:
        self._redis = redis
        self._process_id = process_id
        self._alive_key = alive_key
        self._processes_key = processes_key
        self._stop = threading.Event()
        self.clock_ahead_s = 0.0
        """How far Redis' clock is ahead of this machine's, as of the last quick beat."""

    def start(self, *, also: Callable[[], None]) -> None:
        """Beat once now, and from then on in the background.

        Args:
            also: called as often, on a thread of its own: however long it takes, the beat goes on.
        Raises:
            redis.RedisError: Redis did not take the first beat.
        """
        self._beat()
        for name, step in (("liveness", self._beat), ("reaper", also)):
            threading.Thread(target=self._repeat, args=(name, step), name=name, daemon=True).start()

    def stop(self) -> None:
        """Stop beating and say so, so that nobody has to wait for the silence."""
        self._stop.set()
        try:
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.delete(self._alive_key)
            pipeline.zrem(self._processes_key, self._process_id)
            pipeline.execute()
        except RedisError as error:
            log.warning("could not sign off: %s", error)

    def _beat(self) -> None:
        sent_at = time.time()
        lives_ms = int(DEAD_AFTER_S * 1000)
        pipeline = self._redis.pipeline(transaction=False)
        # A full Redis takes this one alone.
        pipeline.pexpire(self._alive_key, lives_ms)
        pipeline.time()
        pipeline.set(self._alive_key, b"1", px=lives_ms)
        pipeline.zadd(self._processes_key, {self._process_id: int(sent_at * 1000)})
        seconds, microseconds = pipeline.execute()[1]
        took_s = time.time() - sent_at
        if took_s < _QUICK_S:
            self.clock_ahead_s = seconds + microseconds / 1e6 - (sent_at + took_s / 2)

    def _repeat(self, name: str, step: Callable[[], None]) -> None:
        while not self._stop.wait(BEAT_S):
            try:
                step()
            except RedisError as error:
                log.warning("%s: %s", name, error)
            except Exception:  # noqa: BLE001 - the top of a thread; without it the process is dead
                log.exception("%s failed", name)


def living(redis: Redis, processes_key: str) -> list[str]:
    """List the processes heard from within `DEAD_AFTER_S`.

    Raises:
        redis.RedisError: Redis did not answer.
    """
    since_ms = (time.time() - DEAD_AFTER_S) * 1000
    return [text(id) for id in redis.zrangebyscore(processes_key, since_ms, "+inf")]
