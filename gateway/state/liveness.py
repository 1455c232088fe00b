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

    def start(self, *, also: Callable[[], None] | None = None) -> None:
        """Beat once now, and from then on in the background.

        Args:
            also: called after each beat.
        Raises:
            redis.RedisError: Redis did not take the first beat.
        """
        self._beat()
        thread = threading.Thread(target=self._run, args=(also,), name="liveness", daemon=True)
        thread.start()

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
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.set(self._alive_key, b"1", px=int(DEAD_AFTER_S * 1000))
        pipeline.zadd(self._processes_key, {self._process_id: int(time.time() * 1000)})
        pipeline.execute()

    def _run(self, also: Callable[[], None] | None) -> None:
        while not self._stop.wait(BEAT_S):
            try:
                self._beat()
                if also:
                    also()
            except RedisError as error:
                log.warning("no beat: %s", error)


def living(redis: Redis, processes_key: str) -> list[str]:
    """List the processes heard from within `DEAD_AFTER_S`.

    Raises:
        redis.RedisError: Redis did not answer.
    """
    since_ms = (time.time() - DEAD_AFTER_S) * 1000
    return [text(id) for id in redis.zrangebyscore(processes_key, since_ms, "+inf")]
