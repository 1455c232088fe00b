"""What an execution knows of its call: a value that can be stored and taken up elsewhere."""

from msgspec import Struct, msgpack

from gateway.canonical.call import Candidate
from gateway.canonical.errors import MAX_REASON, Failure


class Attempt(Struct, frozen=True, kw_only=True):
    """One candidate that was tried and gave no answer."""

    candidate: Candidate
    failure: Failure
    exhausted: bool = False
    """Whether no key of the candidate was usable; the failure says when one will be, if ever."""


class Progress(Struct, kw_only=True):
    """The candidates left to try, in order, and what became of the others."""

    candidates: tuple[Candidate, ...]
    max_attempts: int
    attempts: list[Attempt] = []
    tried_credentials: dict[str, list[str]] = {}
    """Instance -> ids of the keys that this call has been refused with."""
    refusals: dict[str, str] = {}
    """Instance -> what was said when its last key was refused."""

    def next_candidate(self) -> Candidate | None:
        """The candidate to try now; None when none is left or the attempts are used up."""
        tried = len(self.attempts)
        if tried >= min(self.max_attempts, len(self.candidates)):
            return None
        return self.candidates[tried]

    def record(self, attempt: Attempt) -> None:
        """Note that a candidate gave no answer; it is not tried again."""
        self.attempts.append(attempt)

    def refused(self, candidate: Candidate, credential_id: str, *, words: str) -> None:
        """Note that a key was refused, so that this call does not lease it again."""
        self.tried_credentials.setdefault(candidate.instance, []).append(credential_id)
        self.refusals[candidate.instance] = words[:MAX_REASON]

    def summary(self) -> str:
        """Say in one line what was tried and why it gave no answer."""
        lines = (f"{a.candidate}: {a.failure.message[:MAX_REASON]}" for a in self.attempts)
        return "; ".join(lines)


def encode_progress(progress: Progress) -> bytes:
    """Serialise an execution's progress."""
    return msgpack.encode(progress)


def decode_progress(data: bytes) -> Progress:
    """Read an execution's progress back.

    Raises:
        msgspec.DecodeError: `data` is not a progress of this version.
    """
    return msgpack.decode(data, type=Progress)
