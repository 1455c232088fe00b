"""The life of a call in Redis: submit, pop, start, cancel, take over.

Owns every write to a call's record. Frames are appended in `appender` and read in `replies`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from redis import Redis
from redis.exceptions import TimeoutError as RedisTimeout

from gateway.canonical.call import Call, decode_call, encode_call
from gateway.canonical.errors import Failure, GatewayError, Kind
from gateway.canonical.events import Failed
from gateway.state.liveness import DEAD_AFTER_S
from gateway.state.pipe import Pipe
from gateway.state.reply import text
from gateway.state.script import Argument, Script
from gateway.transport.frame import single_event_frame
from gateway.transport.keys import CallKeys

MAX_RUNS = 3
"""A call that killed this many workers is not given to another."""

MAX_SHARED_BYTES = 256 * 1024
"""A larger body is submitted over a connection that no other call uses meanwhile."""

BEAT_COUNTS_MS = int(DEAD_AFTER_S * 1000)

_SCRIPTS = Path(__file__).parent / "scripts"
_SUBMIT = Script(_SCRIPTS / "submit.lua")
_POP = Script(_SCRIPTS / "pop.lua")
_START = Script(_SCRIPTS / "start.lua")
_CANCEL = Script(_SCRIPTS / "cancel.lua")
_TAKE_OVER = Script(_SCRIPTS / "take_over.lua")


@dataclass(frozen=True)
class QueueKeys:
    """A queue as the transport sees it: RQ's lists, and the most that may wait in it."""

    name: str
    key: str
    intermediate_key: str
    names_key: str
    max_calls: int
    max_bytes: int


@dataclass(frozen=True)
class Job:
    """A call as RQ sees it."""

    key: str
    fields: dict[str, str]


@dataclass(frozen=True)
class Submitter:
    """The web process that a call comes from."""

    web_id: str
    gives_up_at: float
    """When it tells the client that the call was not taken, in Unix seconds by Redis' clock: a
    Redis that stands still and goes on later does not take it any more."""
    lifetime_s: int
    """How long the call's keys live if nothing ends it."""


@dataclass(frozen=True)
class Popped:
    """A call that this worker was given."""

    queue: QueueKeys
    call_id: str
    epoch: int


@dataclass(frozen=True)
class StartedCall:
    """A call whose execution has begun."""

    call: Call
    body: bytes
    job_data: bytes
    """What RQ calls a job's data: its function and arguments."""
    web_id: str
    runs: int


@dataclass(frozen=True)
class Known:
    """What a record says of a call to those who do not run it."""

    owner: str
    web_id: str
    queue: str


@dataclass(frozen=True)
class Notice:
    """What the reader of a cancelled call is told, and which web process it is."""

    web_id: str
    failure: Failure


class CallStore:
    """Moves calls through Redis; see `CallKeys` for what is kept where."""

    def __init__(self, redis: Redis, keys: CallKeys) -> None:
        self._redis = redis
        self._pipe = Pipe(redis)
        self._waiting_pipe = Pipe(redis)
        self._keys = keys

    def submit(
        self, call: Call, body: bytes, *, queue: QueueKeys, job: Job, submitter: Submitter
    ) -> None:
        """Queue a call.

        Raises:
            GatewayError: 429 with Retry-After, the queue is over a bound.
            redis.RedisError: Redis did not take it, or not in time.
        """
        web_id, lifetime_s = submitter.web_id, submitter.lifetime_s
        keys = self._keys
        fields = _flat({"call": encode_call(call), "queue": queue.name, "web": web_id})
        job_fields = _flat(job.fields)
        # A large body would hold up whoever shares the pipe.
        redis = self._redis if len(body) > MAX_SHARED_BYTES else self._pipe
        answer = _SUBMIT.call(
            redis,
            keys=[
                queue.key,
                keys.record(call.id),
                keys.body(call.id),
                job.key,
                keys.wake,
                keys.sizes(queue.name),
                keys.waiting_bytes(queue.name),
                queue.names_key,
                keys.rate(queue.name),
                keys.alive(web_id),
            ],
            args=[
                call.id,
                body,
                lifetime_s,
                queue.max_calls,
                queue.max_bytes,
                queue.key,
                BEAT_COUNTS_MS,
                submitter.gives_up_at * 1000,
                len(fields),
                *fields,
                *job_fields,
            ],
        )
        if answer[0] == b"full":
            length, started, seconds = answer[1:]
            raise _overloaded(length, started=started, seconds=seconds)
        if answer[0] == b"late":
            raise RedisTimeout("Redis took the call later than it was waited for")

    def pop(
        self, queues: Sequence[QueueKeys], *, worker_id: str, room: int, wait_s: int = 0
    ) -> list[Popped]:
        """Take up to `room` calls, earlier queues first, and claim them for a worker.

        Args:
            wait_s: how long to wait for a call to come; 0 = not at all. One thread waits at a time.
        Raises:
            redis.RedisError: Redis did not answer.
        """
        keys = self._keys
        script_keys = [keys.claims(worker_id), keys.epoch, keys.wake, keys.alive(worker_id)]
        for queue in queues:
            script_keys += (
                queue.key,
                queue.intermediate_key,
                keys.sizes(queue.name),
                keys.waiting_bytes(queue.name),
                keys.rate(queue.name),
            )
        if wait_s:
            # Not sent together with the script: Redis would give calls to a worker that waited
            # and then stopped.
            self._waiting_pipe.execute([("BLPOP", keys.wake, wait_s)])
        answer = _POP.call(self._pipe, keys=script_keys, args=[room, BEAT_COUNTS_MS])
        return [Popped(queues[position], id.decode(), epoch) for position, id, epoch in answer]

    def start(
        self, popped: Popped, *, worker_id: str, job_key: str, started_at: str
    ) -> StartedCall | None:
        """Begin an execution; None when the call was cancelled or taken over meanwhile.

        Args:
            started_at: the time as RQ writes it.
        Raises:
            redis.RedisError: Redis did not answer.
        """
        id = popped.call_id
        keys = self._keys
        answer = _START.call(
            self._pipe,
            keys=[
                keys.record(id),
                keys.body(id),
                keys.claims(worker_id),
                job_key,
                popped.queue.intermediate_key,
            ],
            args=[id, popped.epoch, worker_id, started_at],
        )
        if answer is None:
            return None
        call, job_data, web_id, runs, body = answer
        return StartedCall(decode_call(call), body, job_data, web_id.decode(), runs)

    def find(self, call_id: str) -> Known | None:
        """Look a call up; None when there is no such call, or it has ended.

        Raises:
            redis.RedisError: Redis did not answer.
        """
        record = self._redis.hmget(self._keys.record(call_id), ["call", "web", "queue"])
        call, web_id, queue = record
        if not isinstance(call, bytes):
            return None
        return Known(decode_call(call).owner, text(web_id), text(queue))

    def missing(self, call_ids: Sequence[str]) -> set[str]:
        """The calls among these that have ended, or that Redis lost.

        Raises:
            redis.RedisError: Redis did not answer.
        """
        pipeline = self._redis.pipeline(transaction=False)
        for id in call_ids:
            pipeline.exists(self._keys.record(id))
        known = pipeline.execute() if call_ids else []
        return {id for id, exists in zip(call_ids, known, strict=True) if not exists}

    def cancel(
        self, call_id: str, *, queue: QueueKeys, job_key: str, notice: Notice | None = None
    ) -> str | None:
        """End a call without an answer.

        Args:
            notice: tells the call's reader; None when the reader itself cancels.
        Returns:
            The worker that has the call, '' when none had, None when there is no such call.
        Raises:
            redis.RedisError: Redis did not take it.
        """
        return self._cancel(call_id, queue=queue, job_key=job_key, notice=notice, waiting=False)

    def withdraw(self, call_id: str, *, queue: QueueKeys, job_key: str) -> bool:
        """End a call if no worker has it yet, and tell whether that was so.

        Raises:
            redis.RedisError: Redis did not take it.
        """
        worker = self._cancel(call_id, queue=queue, job_key=job_key, notice=None, waiting=True)
        return worker is not None

    def claims(self, worker_id: str) -> dict[str, int]:
        """The calls that a worker has, with their epochs.

        Raises:
            redis.RedisError: Redis did not answer.
        """
        claims = self._redis.hgetall(self._keys.claims(worker_id))
        return {text(id): int(epoch) for id, epoch in claims.items()}

    def take_over(
        self, popped: Popped, *, worker_id: str, job_key: str, by_itself: bool, failure: Failure
    ) -> str:
        """Take a call from a worker: requeue it, or end it when it gave output already.

        Args:
            by_itself: the worker gives the call back in order, so its run does not count.
            failure: what the client is told when the call cannot be run again.
        Returns:
            requeued, failed or gone.
        Raises:
            redis.RedisError: Redis did not answer.
        """
        keys = self._keys
        id, queue = popped.call_id, popped.queue
        known = self.find(id)
        web_id = known.web_id if known else ""
        answer = _TAKE_OVER.call(
            self._redis,
            keys=[
                keys.record(id),
                keys.body(id),
                keys.claims(worker_id),
                queue.key,
                queue.intermediate_key,
                keys.replies(web_id),
                keys.alive(web_id),
                keys.wake,
                keys.sizes(queue.name),
                keys.waiting_bytes(queue.name),
                keys.epoch,
                job_key,
            ],
            args=[
                id,
                popped.epoch,
                MAX_RUNS,
                single_event_frame(id, Failed(failure)),
                int(by_itself),
            ],
        )
        return text(answer)

    def _cancel(
        self,
        call_id: str,
        *,
        queue: QueueKeys,
        job_key: str,
        notice: Notice | None,
        waiting: bool,
    ) -> str | None:
        keys = self._keys
        web_id = notice.web_id if notice else ""
        payload = single_event_frame(call_id, Failed(notice.failure)) if notice else b""
        worker = _CANCEL.call(
            self._redis,
            keys=[
                keys.record(call_id),
                keys.body(call_id),
                queue.key,
                keys.sizes(queue.name),
                keys.waiting_bytes(queue.name),
                job_key,
                keys.replies(web_id),
                keys.alive(web_id),
            ],
            args=[call_id, payload, int(waiting)],
        )
        return None if worker is None else text(worker)


def _flat(fields: Mapping[str, Argument]) -> list[Argument]:
    return [part for pair in fields.items() for part in pair]


def _overloaded(length: int, *, started: int, seconds: int) -> GatewayError:
    rate = started / seconds
    wait_s = min(60, max(1, math.ceil(length / rate))) if rate else 60
    return GatewayError(
        Failure(
            kind=Kind.OVERLOADED,
            message=f"{length} calls are waiting, which is all that may; try again in {wait_s} s",
            status=429,
            retry_after_s=wait_s,
        )
    )
