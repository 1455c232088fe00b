"""The worker: an RQ worker that runs many calls at once in one process.

Owns the loop from a popped call to its end, the tickers, and the drain. RQ's own loop, its forks,
its death penalties and its clean-up of registries are replaced; its registration, its command
channel and its keys are kept.
"""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from secrets import token_hex
from typing import Any

from redis import Redis, RedisError
from rq.command import parse_payload
from rq.serializers import JSONSerializer
from rq.timeouts import BaseDeathPenalty
from rq.worker import SimpleWorker

from gateway import queueing
from gateway.canonical.errors import Failure, Kind
from gateway.canonical.events import Failed
from gateway.execution.execution import Execution
from gateway.execution.executor import Executor
from gateway.execution.ports import Backend, Lineage
from gateway.runtime import Runtime
from gateway.state.connection import connect
from gateway.state.liveness import Liveness
from gateway.transport.appender import Appender, Sink
from gateway.transport.calls import Popped, StartedCall
from workers.bookkeeping import JobExecution
from workers.interactive import run_call
from workers.running import RunningCall, set_current_call
from workers.slots import Slots

JOBS: Mapping[str, Callable[[str, int], None]] = {queueing.RUN_CALL: run_call}
"""What a job may name; nothing else is imported or called."""

DEFAULT_SLOTS = {"gevent": 1000, "threads": 128}

_WAIT_S = 1
_TICK_S = 1.0
_ORPHANS_EVERY = 2
_HEARTBEAT_EVERY = 5
_ABORT_S = 3.0
_RETRY_S = 0.5

log = logging.getLogger(__name__)


class _NoDeathPenalty(BaseDeathPenalty):
    """A call is ended by its deadline and its upstream's time limits, not by a signal."""

    def setup_death_penalty(self) -> None:
        """Do nothing."""

    def cancel_death_penalty(self) -> None:
        """Do nothing."""


class CallWorker(SimpleWorker):
    """Pops calls of its queues in their order and runs each in a slot."""

    death_penalty_class = _NoDeathPenalty

    def __init__(
        self, runtime: Runtime, backends: Mapping[str, Backend], *, lineage: Lineage
    ) -> None:
        self._runtime = runtime
        self._queues = [runtime.interactive]
        super().__init__(
            [queue.name for queue in self._queues],
            name=f"{socket.gethostname().replace(':', '-')}.{os.getpid()}.{token_hex(3)}",
            connection=connect(runtime.redis_url),
            serializer=JSONSerializer,
        )
        config = runtime.config
        self._slots = Slots(config.worker.slots or DEFAULT_SLOTS[config.concurrency])
        self._appender = Appender(connect(runtime.redis_url), runtime.keys)
        self._executor = Executor(
            pool=runtime.pool, backends=backends, now=time.time, lineage=lineage
        )
        self._liveness = Liveness(
            connect(runtime.redis_url),
            process_id=self.name,
            alive_key=runtime.keys.alive(self.name),
            processes_key=runtime.keys.processes("worker"),
        )
        self._running: dict[int, RunningCall] = {}
        """By epoch: a call may be given back to the worker that it was taken from."""
        self._taken: dict[int, Popped | Sink] = {}
        """Likewise, from the pop until nothing is appended any more."""
        self._lost_claims: set[tuple[str, int]] = set()
        self._stopping = threading.Event()
        self._hurry = threading.Event()
        self._living_webs: set[str] = set()

    def work(self, *_args: Any, **_options: Any) -> bool:
        """Run calls until SIGTERM or SIGINT, then drain. Returns whether it ended in order."""
        self.bootstrap(logging_level=None)
        signal.signal(signal.SIGTERM, self.request_stop)
        signal.signal(signal.SIGINT, self.request_stop)
        self._appender.start()
        self._liveness.start(also=self._runtime.reaper.reap)
        threading.Thread(target=self._tick, name="ticker", daemon=True).start()
        log.info("worker %s listens on %s", self.name, ", ".join(self.queue_names()))
        while not self._stopping.is_set():
            try:
                self._take_calls()
            except RedisError as error:
                log.error("worker %s cannot reach Redis: %s", self.name, error)
                time.sleep(_RETRY_S)
        return self._drain()

    def request_stop(self, signum: Any, frame: Any) -> None:
        """Stop taking calls; a second signal gives back at once those that run."""
        if self._stopping.is_set():
            self._hurry.set()
        self._stopping.set()

    def handle_payload(self, message: dict[str, Any]) -> None:
        """Handle a command of RQ's channel; `stop-job` ends one call."""
        payload = parse_payload(message)
        if payload.get("command") != "stop-job":
            super().handle_payload(message)  # type: ignore[no-untyped-call]
            return
        for running in list(self._running.values()):
            if running.sink.call_id == payload.get("job_id"):
                running.execution.cancellation.cancel(_cancelled())

    def run_maintenance_tasks(self) -> None:
        """Do nothing: RQ would fail a dead worker's jobs, which are taken over instead."""

    def _set_connection(self, connection: Redis) -> Redis:
        """Leave the time limit of answers as it is: RQ waits for none as long as it would set."""
        return connection

    def _pubsub_exception_handler(self, exc: Exception, *_: Any) -> None:
        """Go on listening whatever happened; redis-py subscribes anew when it connects anew."""
        log.warning("worker %s: command channel: %r", self.name, exc)
        time.sleep(_RETRY_S)

    def _take_calls(self) -> None:
        """Start what is queued, as far as there is room, or wait for it."""
        room = self._slots.wait_free(timeout_s=_WAIT_S)
        if not room:
            return
        popped = self._runtime.calls.pop(
            self._queues, worker_id=self.name, room=room, wait_s=_WAIT_S
        )
        for call in popped:
            self._taken[call.epoch] = call
            self._slots.run(partial(self._run, call))

    def _run(self, popped: Popped) -> None:
        """Run one call in this thread; whatever happens, it ends."""
        try:
            started = self._start(popped)
        except RedisError as error:
            # The claim stays, and by it the call is given back.
            log.error("could not start %s: %s", popped.call_id, error)
            started = None
        if started is None:
            del self._taken[popped.epoch]
            return
        running = self._running_call(popped, started)
        self._taken[popped.epoch] = running.sink
        self._running[popped.epoch] = running
        self._appender.call(running.job.started())
        try:
            set_current_call(running)
            self._call_function(started)
        except Exception as error:  # noqa: BLE001 - the edge of a job: the client is told
            log.exception("call %s failed", popped.call_id)
            running.append(Failed(_crashed(error)))
        finally:
            del self._running[popped.epoch]
            self._appender.call(running.job.finished(well=not running.failed))

    def _start(self, popped: Popped) -> StartedCall | None:
        """Begin the execution, unless nobody waits for the call any more."""
        job_key = queueing.job_key(popped.call_id)
        started = self._runtime.calls.start(
            popped, worker_id=self.name, job_key=job_key, started_at=queueing.rq_time()
        )
        if started is None or self._lives(started.web_id):
            return started
        self._take_over({popped.call_id: popped.epoch}, _cancelled())
        return None

    def _take_over(self, claims: Mapping[str, int], failure: Failure) -> None:
        """Give back or end calls of this worker's own.

        Raises:
            redis.RedisError: Redis did not answer.
        """
        self._runtime.reaper.take_over(claims, worker_id=self.name, by_itself=True, failure=failure)

    def _lives(self, web_id: str) -> bool:
        """Whether a web process lives, as of the last look at it."""
        if web_id not in self._living_webs:
            if not self._runtime.redis.exists(self._runtime.keys.alive(web_id)):
                return False
            self._living_webs.add(web_id)
        return True

    def _running_call(self, popped: Popped, started: StartedCall) -> RunningCall:
        execution = Execution(started.call, started.body)
        sink = Sink(
            call_id=popped.call_id,
            epoch=popped.epoch,
            web_id=started.web_id,
            worker_id=self.name,
            job_key=queueing.job_key(popped.call_id),
            stop=execution.cancellation.cancel,
        )
        return RunningCall(
            execution=execution,
            job=JobExecution.begin(popped, worker=self.name),
            executor=self._executor,
            appender=self._appender,
            sink=sink,
            web_id=started.web_id,
            max_attempts=self._runtime.config.routing.max_attempts,
        )

    def _call_function(self, started: StartedCall) -> None:
        function, call_id, version = queueing.parse_job(started.job_data)
        if not queueing.SCHEMA_VERSION - 1 <= version <= queueing.SCHEMA_VERSION:
            raise ValueError(f"schema version {version} is not known to this worker")
        JOBS[function](call_id, version)

    def _tick(self) -> None:
        """Once a second: end calls that are over their time or that nobody follows any more."""
        ticks = 0
        while not self._stopping.wait(_TICK_S) or self._slots.busy:
            ticks += 1
            running = list(self._running.values())
            self._end_late(running)
            try:
                if ticks % _ORPHANS_EVERY == 0:
                    self._end_orphans(running)
                    self._give_back_lost()
                if ticks % _HEARTBEAT_EVERY == 0:
                    self._beat(running)
            except RedisError as error:
                log.warning("tick: %s", error)
            except Exception:  # noqa: BLE001 - the top of the thread that keeps all deadlines
                log.exception("tick failed")
            if self._stopping.is_set():
                time.sleep(_TICK_S)

    def _end_late(self, running: list[RunningCall]) -> None:
        now = time.time()
        for call in running:
            if now >= call.execution.call.deadline_at:
                call.execution.cancellation.cancel(_too_late())

    def _end_orphans(self, running: list[RunningCall]) -> None:
        """End calls that are not this worker's any more, or whose web process died.

        Their next frame would say so, but a call may have none for long.
        """
        keys = self._runtime.keys
        webs = sorted(self._living_webs.union(call.web_id for call in running))
        pipeline = self._runtime.redis.pipeline(transaction=False)
        for web_id in webs:
            pipeline.exists(keys.alive(web_id))
        for call in running:
            pipeline.hget(keys.record(call.sink.call_id), "epoch")
        answers = pipeline.execute()
        dead = {
            web_id for web_id, alive in zip(webs, answers[: len(webs)], strict=True) if not alive
        }
        self._living_webs -= dead
        for call, epoch in zip(running, answers[len(webs) :], strict=True):
            if call.web_id in dead or epoch != b"%d" % call.sink.epoch:
                call.execution.cancellation.cancel(_cancelled())

    def _give_back_lost(self) -> None:
        """Give back calls that Redis counts as this worker's and that it does not run.

        It never heard of them, or Redis never heard of their end: an answer was lost on its way.
        A claim is looked at twice, as the answer to a pop may still be on its way.
        """
        taken = list(self._taken.items())
        for epoch, at in taken:
            if isinstance(at, Sink) and at.closed:
                del self._taken[epoch]
        claims = self._runtime.calls.claims(self.name).items()
        lost = {claim for claim in claims if claim[1] not in self._taken}
        self._take_over(dict(lost & self._lost_claims), _lost_redis())
        self._lost_claims = lost

    def _beat(self, running: list[RunningCall]) -> None:
        """Keep what RQ has of this worker and its jobs, or write it anew if some was lost."""
        if self._appender.lost_bookkeeping or not self.connection.hexists(self.key, "birth"):
            self._appender.lost_bookkeeping = False
            queueing.forget_worker(self.connection, self.name, queues=self.queue_names())
            self.register_birth()  # type: ignore[no-untyped-call]
            for call in running:
                self._appender.call(call.job.started())
        self.set_state("busy" if running else "idle")
        self.heartbeat()
        for call in running:
            self._appender.call(call.job.heartbeat())

    def _drain(self) -> bool:
        """Let open calls end, give back or end those that do not, and sign off."""
        log.info("worker %s drains %d calls", self.name, self._slots.busy)
        end = time.monotonic() + self._runtime.config.server.drain_s
        while time.monotonic() < end and not self._hurry.is_set():
            if self._slots.wait_idle(timeout_s=_WAIT_S):
                break
        idle = self._slots.wait_idle(timeout_s=0)
        if not idle:
            self._give_back()
            self._slots.wait_idle(timeout_s=_ABORT_S)
        self._appender.stop()
        try:
            self._take_over(self._runtime.calls.claims(self.name), _shutting_down())
            self._liveness.stop()
            self.teardown()  # type: ignore[no-untyped-call]
        except RedisError as error:
            log.error(
                "worker %s could not sign off, so it will count as dead: %s", self.name, error
            )
        return idle

    def _give_back(self) -> None:
        """Hand open calls to other workers; one that gave output ends with an error."""
        running = list(self._running.values())
        try:
            self._take_over(
                {call.sink.call_id: call.sink.epoch for call in running}, _shutting_down()
            )
        except RedisError as error:
            log.error("could not give back %d calls: %s", len(running), error)
        for call in running:
            call.execution.cancellation.cancel(_shutting_down())


def _cancelled() -> Failure:
    return Failure(kind=Kind.CANCELLED, message="the call was cancelled", status=499)


def _too_late() -> Failure:
    return Failure(kind=Kind.TIMEOUT, message="the call's total time is used up", status=504)


def _shutting_down() -> Failure:
    message = "the gateway is shutting down; send the request again"
    return Failure(kind=Kind.UNAVAILABLE, message=message, status=503, retry_after_s=5)


def _crashed(error: Exception) -> Failure:
    if isinstance(error, RedisError):
        return _lost_redis()
    message = f"the worker failed on this call ({type(error).__name__}); its log says why"
    return Failure(kind=Kind.INTERNAL, message=message, status=500)


def _lost_redis() -> Failure:
    message = "the gateway lost its Redis while this call ran; send the request again"
    return Failure(kind=Kind.UNAVAILABLE, message=message, status=503, retry_after_s=5)
