"""Walks candidates and credentials until one answers. Nothing else changes candidate.

Owns failover: before output the next credential or candidate is tried, after output never. Owns
the hold on what comes before output, so that a client never sees two preambles. Knows neither
Redis nor HTTP: see `ports`.
"""

import logging
import math
from collections.abc import Callable, Generator, Iterator, Mapping
from functools import partial

import msgspec

from gateway.canonical.call import Candidate
from gateway.canonical.errors import (
    CredentialsUnavailable,
    Failure,
    Kind,
    Next,
    UpstreamError,
)
from gateway.canonical.events import (
    Answering,
    Event,
    Failed,
    NativeFrame,
    Usage,
    is_output,
    is_terminal,
)
from gateway.execution.execution import Execution
from gateway.execution.ports import Backend, CredentialPool, Lineage
from gateway.execution.progress import Attempt, Progress
from gateway.execution.trace import Trace

MAX_HELD_EVENTS = 1000
MAX_HELD_BYTES = 1024 * 1024

log = logging.getLogger(__name__)


class Executor:
    """Executes calls against the backends of one process."""

    def __init__(
        self,
        *,
        pool: CredentialPool,
        backends: Mapping[str, Backend],
        now: Callable[[], float],
        lineage: Lineage | None = None,
    ) -> None:
        """
        Args:
            backends: instance id -> its backend.
            now: Unix seconds.
            lineage: is told of every attempt.
        """
        self._pool = pool
        self._lineage = lineage
        self._backends = backends
        self._now = now

    def execute(self, execution: Execution, progress: Progress) -> Iterator[Event]:
        """Yield the answer of the first candidate that gives one, ending with one terminal event.

        Closing the iterator ends the attempt under way and its upstream connection.
        """
        while candidate := progress.next_candidate():
            error = yield from self._traced(execution, candidate, progress=progress)
            if error is None:
                return
            if error.next is Next.SURFACE:
                yield Failed(error.failure)
                return
        yield Failed(no_candidate_left(progress))

    def _traced(
        self, execution: Execution, candidate: Candidate, *, progress: Progress
    ) -> Generator[Event, None, UpstreamError | None]:
        """Make one attempt and tell the lineage what became of it, also when its reader leaves."""
        seq = len(progress.attempts) + 1
        trace = Trace(execution.call, candidate, seq=seq, started_at=self._now())
        error: UpstreamError | None = None
        try:
            error = yield from self._attempt(execution, candidate, progress=progress, trace=trace)
        finally:
            if self._lineage:
                self._lineage.add(trace.record(error, finished_at=self._now()))
        return error

    def _attempt(
        self, execution: Execution, candidate: Candidate, *, progress: Progress, trace: Trace
    ) -> Generator[Event, None, UpstreamError | None]:
        """Try one candidate with one key after the other.

        Returns:
            None when the answer's terminal event was yielded, else what kept it from coming.
        """
        backend = self._backends.get(candidate.instance)
        if backend is None:
            error = _unknown_instance(candidate)
            progress.record(Attempt(candidate=candidate, failure=error.failure))
            return error
        while True:
            if stopped := self._stopped(execution):
                return UpstreamError(stopped, next=Next.SURFACE)
            tried = progress.tried_credentials.get(candidate.instance, ())
            try:
                lease = self._pool.acquire(candidate, excluded=tried)
            except CredentialsUnavailable as unavailable:
                last_words = progress.refusals.get(candidate.instance)
                failure = _no_credential(unavailable, last_words)
                progress.record(Attempt(candidate=candidate, failure=failure, exhausted=True))
                return UpstreamError(failure, next=Next.CANDIDATE)
            refusal: UpstreamError | None = None
            trace.credential_id = lease.credential.id
            try:
                call = partial(backend.stream, execution, candidate, credential=lease.credential)
                refusal = yield from self._run(execution, candidate, call=call, trace=trace)
            finally:
                lease.report(refusal)
            if refusal is None:
                return None
            if refusal.next is not Next.CREDENTIAL:
                progress.record(Attempt(candidate=candidate, failure=refusal.failure))
                return refusal
            progress.refused(candidate, lease.credential.id, words=refusal.failure.message)

    def _run(
        self,
        execution: Execution,
        candidate: Candidate,
        *,
        call: Callable[[], Iterator[Event]],
        trace: Trace,
    ) -> Generator[Event, None, UpstreamError | None]:
        """Run one attempt with one key.

        Returns:
            None when a terminal event was yielded, else the error that came before output.
        """
        held = _Held()
        committed = False
        stream: Iterator[Event] = iter(())
        try:
            stream = call()
            for event in stream:
                if isinstance(event, Usage):
                    trace.usage = event
                if not committed:
                    if is_output(event):
                        trace.first_output_at = self._now()
                    elif not is_terminal(event):
                        held.add(event)
                        continue
                    committed = True
                    yield Answering(str(candidate))
                    yield from held.events
                if is_terminal(event):
                    trace.end(event)
                    yield event
                    _run_out(stream, candidate)
                    return None
                yield event
            error = _unfinished(candidate)
        except Exception as fault:  # noqa: BLE001 - a fault in one backend must not end the call
            error = _as_error(candidate, fault)
        finally:
            _close(stream)
        if stopped := execution.cancellation.failure:
            error = UpstreamError(stopped, next=Next.SURFACE)
        if not committed:
            return error
        trace.failure = error.failure
        yield Failed(error.failure)
        return None

    def _stopped(self, execution: Execution) -> Failure | None:
        """Say why nothing more may be tried; None while it may."""
        if self._now() >= execution.call.deadline_at:
            return execution.cancellation.failure or _deadline_passed()
        return execution.cancellation.failure


def _run_out(stream: Iterator[Event], candidate: Candidate) -> None:
    """Let a backend tidy up behind its terminal event; the answer is whole whatever it does."""
    try:
        next(stream, None)
    except Exception:  # noqa: BLE001 - a fault in one backend must not end the call
        log.exception("backend %s failed after its answer", candidate.instance)


class _Held:
    """What came before output, within bounds."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._bytes = 0

    def add(self, event: Event) -> None:
        """Hold an event.

        Raises:
            UpstreamError: the upstream talks on and on and says nothing.
        """
        self._bytes += len(event.data) if isinstance(event, NativeFrame) else 64
        if len(self.events) >= MAX_HELD_EVENTS or self._bytes > MAX_HELD_BYTES:
            failure = Failure(
                kind=Kind.UPSTREAM,
                message=f"the upstream sent {self._bytes} bytes of preamble and no output",
                status=502,
            )
            raise UpstreamError(failure, next=Next.CANDIDATE)
        self.events.append(event)


def no_candidate_left(progress: Progress) -> Failure:
    """Choose what the client is told when nothing answered.

    The last failure of an upstream comes first; without one every candidate lacked a key: 429 with
    the soonest time when one is only cooling, else 502.
    """
    real = [attempt.failure for attempt in progress.attempts if not attempt.exhausted]
    if real:
        failure = real[-1]
        if len(progress.attempts) == 1:
            return failure
        message = f"no candidate answered. {progress.summary()}"
        return msgspec.structs.replace(failure, message=message, native=None)
    if len(progress.attempts) == 1:
        return progress.attempts[0].failure
    times = [wait_s for a in progress.attempts if (wait_s := a.failure.retry_after_s)]
    if not times:
        return Failure(kind=Kind.CREDENTIALS_EXHAUSTED, message=progress.summary(), status=502)
    return Failure(
        kind=Kind.RATE_LIMITED,
        message=progress.summary(),
        status=429,
        code="rate_limit_exceeded",
        retry_after_s=min(times),
    )


def _no_credential(unavailable: CredentialsUnavailable, last_words: str | None) -> Failure:
    said = f" (last refusal: {last_words})" if last_words else ""
    if unavailable.retry_at is None:
        return Failure(
            kind=Kind.CREDENTIALS_EXHAUSTED,
            message=f"every upstream key of {unavailable.instance} has been refused as invalid"
            f"{said}; your own key is fine: the operator must replace the upstream key "
            "or run 'queueway keys reset'",
            status=502,
        )
    wait_s = max(1, math.ceil(unavailable.retry_at - unavailable.now))
    return Failure(
        kind=Kind.RATE_LIMITED,
        message=f"every key of {unavailable.instance} is rate limited; "
        f"the soonest is usable in {wait_s} s{said}",
        status=429,
        code="rate_limit_exceeded",
        retry_after_s=wait_s,
    )


def _deadline_passed() -> Failure:
    return Failure(kind=Kind.TIMEOUT, message="the call's total time is used up", status=504)


def _unknown_instance(candidate: Candidate) -> UpstreamError:
    failure = Failure(
        kind=Kind.UNAVAILABLE,
        message=f"this worker has no instance {candidate.instance}; "
        "its configuration is not the one of the web process",
        status=503,
    )
    return UpstreamError(failure, next=Next.CANDIDATE)


def _unfinished(candidate: Candidate) -> UpstreamError:
    failure = Failure(
        kind=Kind.TRUNCATED,
        message=f"{candidate.instance} ended its answer before it was complete",
        status=502,
    )
    return UpstreamError(failure, next=Next.CANDIDATE)


def _as_error(candidate: Candidate, fault: Exception) -> UpstreamError:
    """What a backend raised, as the error of an attempt; a fault of its own is logged."""
    if isinstance(fault, UpstreamError):
        return fault
    log.error("backend %s failed", candidate.instance, exc_info=fault)
    return _broken(candidate, fault)


def _broken(candidate: Candidate, error: Exception) -> UpstreamError:
    failure = Failure(
        kind=Kind.INTERNAL,
        message=f"the backend of {candidate.instance} failed: {type(error).__name__}",
        status=502,
    )
    return UpstreamError(failure, next=Next.CANDIDATE)


def _close(stream: Iterator[Event]) -> None:
    close = getattr(stream, "close", None)
    if close:
        close()
