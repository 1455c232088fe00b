"""A web process's end of the transport: opens calls, follows them, cancels them, drains.

Starts its threads with the first call, so that an application can be made without Redis.
"""

import atexit
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from secrets import token_hex

from redis import Redis, RedisError
from redis.exceptions import OutOfMemoryError
from redis.exceptions import TimeoutError as RedisTimeout

from config.schema import Config
from gateway import queueing
from gateway.canonical.call import Call
from gateway.canonical.errors import Failure, GatewayError, Kind
from gateway.canonical.request import Dialect, Operation
from gateway.routing.router import Route
from gateway.state.connection import connect
from gateway.state.liveness import Liveness
from gateway.transport.calls import CallStore, Job, Notice, QueueKeys, Submitter
from gateway.transport.keys import CallKeys
from gateway.transport.replies import Follower, Replies

CALL_MARGIN_S = 60
"""How much longer a call's keys live than the call may."""
ANSWER_TIMEOUT_S = 1.5
"""A client waits for these answers, and is told within 2 s that there is none."""
_FIRST_CALL_WAITS_S = 0.5
"""Whoever comes while another call makes the line; it tries by itself after that."""
_RETRY_S = 1.0
_SILENT_S = 3.0
"""A call that nothing came for so long is looked for in Redis."""
_DRAINED_EVERY_S = 0.25

log = logging.getLogger(__name__)


@dataclass
class _Line:
    """What answers come in by: a name, a reply list under it, and its beat."""

    id: str
    replies: Replies
    liveness: Liveness
    missing: set[str] = field(default_factory=set)
    """The silent calls that were not in Redis at the last look."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a client asks, before it is a call."""

    dialect: Dialect
    model: str
    """The client's own `model` string."""
    stream: bool
    operation: Operation = Operation.GENERATE
    headers: Mapping[str, str] = field(default_factory=dict)
    """The client's headers that a backend may use; names in lower case."""


class Web:
    """Opens calls for one web process, and follows and cancels them."""

    def __init__(
        self,
        config: Config,
        *,
        redis_url: str,
        keys: CallKeys,
        interactive: QueueKeys,
        reap: Callable[[], None],
    ) -> None:
        """
        Args:
            reap: looks for dead processes; called every beat.
        """
        self._config = config
        self._keys = keys
        self._interactive = interactive
        self._reap = reap
        self._redis_url = redis_url
        self._redis: Redis = connect(redis_url, answer_timeout_s=ANSWER_TIMEOUT_S)
        self._calls = CallStore(self._redis, keys)
        self._cancels: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._line: _Line | None = None
        self._draining = threading.Event()

    def new_call(self, asked: Asked, *, owner: str, route: Route) -> Call:
        """Make a call that is not submitted yet."""
        return Call(
            # RQ takes letters, digits, `-` and `_` in the id of a job.
            id=f"{self._keys.prefix}-{token_hex(16)}",
            owner=owner,
            dialect=asked.dialect,
            operation=asked.operation,
            model=asked.model,
            stream=asked.stream,
            candidates=route.candidates,
            deadline_at=time.time() + self._config.timeouts.total_s,
            headers=dict(asked.headers),
        )

    def open(self, call: Call, body: bytes) -> Follower:
        """Submit a call and follow it.

        Raises:
            GatewayError: 429 when the queue is over a bound, 503 when Redis cannot take the call.
        """
        follower = None
        try:
            line = self._started()
            follower = line.replies.expect(call.id)
            self._submit(call, body, line=line)
        except OutOfMemoryError:
            raise GatewayError(_unavailable("the gateway's Redis is out of memory")) from None
        except RedisError as error:
            # It may have been taken before the answer was lost.
            self.cancel_soon(call.id)
            log.error("could not submit %s: %s", call.id, error)
            raise GatewayError(_unavailable("the gateway cannot reach its Redis")) from None
        else:
            submitted, follower = follower, None
            return submitted
        finally:
            if follower:
                follower.close()

    def cancel_soon(self, call_id: str) -> None:
        """End a call that nobody waits for any more, also when Redis is away for a while.

        Does not wait.
        """
        self._cancels.put(call_id)

    def withdraw(self, call_id: str) -> bool:
        """End a call if no worker has it yet, and tell whether that was so."""
        try:
            return self._calls.withdraw(
                call_id, queue=self._interactive, job_key=queueing.job_key(call_id)
            )
        except RedisError as error:
            log.warning("could not withdraw %s: %s", call_id, error)
            return False

    def cancel_for_owner(self, call_id: str, *, owner: str) -> bool:
        """End a call at its owner's request and tell its reader; False when the owner has no such.

        Raises:
            GatewayError: 503, Redis does not answer.
        """
        try:
            known = self._calls.find(call_id)
            if known is None or known.owner != owner:
                return False
            self._cancel(call_id, Notice(known.web_id, _cancelled_by_owner()))
        except RedisError:
            raise GatewayError(_unavailable("the gateway cannot reach its Redis")) from None
        return True

    def drain(self) -> None:
        """Let open calls go on for `server.drain_s`, then end them with an error.

        Does not wait, so it may be called from a signal handler.
        """
        self._draining.set()

    def _cancel(self, call_id: str, notice: Notice | None) -> None:
        worker = self._calls.cancel(
            call_id, queue=self._interactive, job_key=queueing.job_key(call_id), notice=notice
        )
        if worker:
            queueing.stop_call(self._redis, worker=worker, call_id=call_id)

    def _submit(self, call: Call, body: bytes, *, line: "_Line") -> None:
        total_s = int(self._config.timeouts.total_s)
        fields = queueing.job_fields(
            call, queueing.interactive(self._keys.prefix), timeout_s=total_s
        )
        self._calls.submit(
            call,
            body,
            queue=self._interactive,
            job=Job(queueing.job_key(call.id), fields),
            submitter=Submitter(
                web_id=line.id,
                gives_up_at=time.time() + line.liveness.clock_ahead_s + ANSWER_TIMEOUT_S,
                lifetime_s=total_s + CALL_MARGIN_S,
            ),
        )

    def _started(self) -> "_Line":
        """This process's line, made at its first call: not before it forks.

        Raises:
            redis.RedisError: Redis did not take the first beat.
        """
        if self._line:
            return self._line
        if not self._lock.acquire(timeout=_FIRST_CALL_WAITS_S):
            raise RedisTimeout("another call of this process still tries to reach Redis")
        try:
            if self._line is None:
                line = self._new_line()
                line.liveness.start(also=partial(self._look_around, line))
                line.replies.start()
                threading.Thread(target=self._cancel_all, name="cancels", daemon=True).start()
                threading.Thread(
                    target=self._drain, args=(line,), name="drain", daemon=True
                ).start()
                atexit.register(line.liveness.stop)
                self._line = line
            return self._line
        finally:
            self._lock.release()

    def _new_line(self) -> "_Line":
        id = f"web-{os.getpid()}-{token_hex(4)}"
        replies = Replies(
            connect(self._redis_url),
            blobs=connect(self._redis_url),
            key=self._keys.replies(id),
            cancel=self.cancel_soon,
        )
        liveness = Liveness(
            connect(self._redis_url, answer_timeout_s=ANSWER_TIMEOUT_S),
            process_id=id,
            alive_key=self._keys.alive(id),
            processes_key=self._keys.processes("web"),
        )
        return _Line(id, replies, liveness)

    def _look_around(self, line: "_Line") -> None:
        """Look for dead processes, and for own calls that ended without a word.

        Those are gone because this process stood still for so long that it counted as dead, or
        because Redis lost them. A call that has just ended is missing as well until its last frame
        is read, hence the second look.
        """
        self._reap()
        silent = line.replies.silent_for(_SILENT_S)
        missing = self._calls.missing(list(silent))
        for call_id in missing & line.missing:
            silent[call_id].fail(_vanished())
        line.missing = missing

    def _drain(self, line: "_Line") -> None:
        """Once this process is told to stop, end what is open when the time for it is over."""
        self._draining.wait()
        time.sleep(self._config.server.drain_s)
        while True:
            for call_id in line.replies.fail_all(_shutting_down()):
                self.cancel_soon(call_id)
            time.sleep(_DRAINED_EVERY_S)

    def _cancel_all(self) -> None:
        """Cancel what `cancel_soon` was given, one after the other."""
        while True:
            call_id = self._cancels.get()
            while True:
                try:
                    self._cancel(call_id, None)
                    break
                except RedisError as error:
                    log.warning("could not cancel %s yet: %s", call_id, error)
                    time.sleep(_RETRY_S)


def _unavailable(reason: str) -> Failure:
    return Failure(
        kind=Kind.UNAVAILABLE,
        message=f"{reason}; send the request again in some seconds",
        status=503,
        retry_after_s=5,
    )


def _vanished() -> Failure:
    return _unavailable("the gateway lost this call")


def _cancelled_by_owner() -> Failure:
    return Failure(kind=Kind.CANCELLED, message="the call was cancelled by its owner", status=499)


def _shutting_down() -> Failure:
    return Failure(
        kind=Kind.UNAVAILABLE,
        message="the gateway is shutting down; send the request again",
        status=503,
        retry_after_s=5,
    )
