"""Finds processes that died and takes over what they had.

Runs in every worker and web process. Each call is taken over by one script, so any number of
reapers may look at the same dead worker.
"""

import logging
from collections.abc import Callable, Mapping

from redis import Redis

from gateway.canonical.errors import Failure, Kind
from gateway.state.liveness import Role
from gateway.state.reply import text
from gateway.transport.calls import CallStore, Popped, QueueKeys
from gateway.transport.keys import CallKeys

log = logging.getLogger(__name__)


class Reaper:
    """Takes over the calls of dead workers and drops the replies of dead web processes."""

    def __init__(
        self,
        redis: Redis,
        keys: CallKeys,
        *,
        queues: Mapping[str, QueueKeys],
        job_key: Callable[[str], str],
        forget_worker: Callable[[str], None],
    ) -> None:
        """
        Args:
            queues: the queues whose calls are taken over, by name; the first is the one of a call
                whose record is gone.
            job_key: call id -> the key of its RQ job.
            forget_worker: removes what RQ keeps of a worker.
        """
        self._redis = redis
        self._keys = keys
        self._calls = CallStore(redis, keys)
        self._queues = queues
        self._job_key = job_key
        self._forget_worker = forget_worker

    def reap(self) -> None:
        """Look once.

        Raises:
            redis.RedisError: Redis did not answer; the next look goes on.
        """
        for worker_id in self._dead("worker"):
            self._reap_worker(worker_id)
        for web_id in self._dead("web"):
            self._redis.delete(self._keys.replies(web_id))
            self._redis.zrem(self._keys.processes("web"), web_id)

    def take_over(
        self, claims: Mapping[str, int], *, worker_id: str, by_itself: bool, failure: Failure
    ) -> None:
        """Take calls from a worker; see `CallStore.take_over`.

        Args:
            claims: call id -> epoch.
        Raises:
            redis.RedisError: Redis did not answer; some may have been taken over.
        """
        for call_id, epoch in claims.items():
            outcome = self._calls.take_over(
                Popped(self._queue(call_id), call_id, epoch),
                worker_id=worker_id,
                job_key=self._job_key(call_id),
                by_itself=by_itself,
                failure=failure,
            )
            log.warning("took %s from %s: %s", call_id, worker_id, outcome)

    def _dead(self, role: Role) -> list[str]:
        ids = [text(id) for id in self._redis.zrange(self._keys.processes(role), 0, -1)]
        if not ids:
            return []
        pipeline = self._redis.pipeline(transaction=False)
        for id in ids:
            pipeline.exists(self._keys.alive(id))
        return [id for id, alive in zip(ids, pipeline.execute(), strict=True) if not alive]

    def _reap_worker(self, worker_id: str) -> None:
        claims = self._calls.claims(worker_id)
        log.warning("worker %s died with %d calls", worker_id, len(claims))
        self.take_over(claims, worker_id=worker_id, by_itself=False, failure=_worker_died())
        self._forget_worker(worker_id)
        self._redis.zrem(self._keys.processes("worker"), worker_id)

    def _queue(self, call_id: str) -> QueueKeys:
        known = self._calls.find(call_id)
        first = next(iter(self._queues.values()))
        return self._queues.get(known.queue, first) if known else first


def _worker_died() -> Failure:
    return Failure(
        kind=Kind.UNAVAILABLE,
        message="the worker that ran this call died; send the request again",
        status=502,
    )
