"""What becomes of one attempt, noted while it runs."""

from gateway.canonical.attempt import AttemptRecord, Outcome
from gateway.canonical.call import Call, Candidate
from gateway.canonical.errors import MAX_REASON, Failure, Kind, Next, UpstreamError
from gateway.canonical.events import Event, Failed, Usage


class Trace:
    """One attempt at one candidate, with however many keys."""

    def __init__(self, call: Call, candidate: Candidate, *, seq: int, started_at: float) -> None:
        self.credential_id = ""
        self.first_output_at: float | None = None
        self.usage: Usage | None = None
        self.failure: Failure | None = None
        """Why an answer that had begun broke off."""
        self.finished = False
        """Whether the answer is whole."""
        self._call = call
        self._candidate = candidate
        self._seq = seq
        self._started_at = started_at

    def end(self, terminal: Event) -> None:
        """Note the answer's terminal event."""
        if isinstance(terminal, Failed):
            self.failure = terminal.failure
        else:
            self.finished = True

    def record(self, error: UpstreamError | None, *, finished_at: float) -> AttemptRecord:
        """Say how the attempt ended.

        Args:
            error: what kept an answer from beginning; None = it began.
        """
        usage = self.usage or Usage(0, 0)
        failure = error.failure if error else self.failure
        return AttemptRecord(
            call_id=self._call.id,
            seq=self._seq,
            owner=self._call.owner,
            dialect=self._call.dialect.value,
            asked_model=self._call.model,
            instance=self._candidate.instance,
            model=self._candidate.model,
            credential_id=self.credential_id,
            started_at=self._started_at,
            finished_at=finished_at,
            outcome=self._outcome(error),
            first_output_at=self.first_output_at,
            reason=failure.message[:MAX_REASON] if failure else "",
            status=error.status if error else None,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cached_tokens=usage.cached_tokens,
            reasoning_tokens=usage.reasoning_tokens,
        )

    def _outcome(self, error: UpstreamError | None) -> Outcome:
        if self.finished:
            return Outcome.SUCCESS
        failure = error.failure if error else self.failure
        if failure is None or failure.kind is Kind.CANCELLED:
            # Without a failure its reader left it.
            return Outcome.CANCELLED
        surfaced = error is None or error.next is Next.SURFACE
        return Outcome.SURFACED if surfaced else Outcome.SWALLOWED
