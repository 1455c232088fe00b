"""One candidate that was tried for a call, as it is remembered."""

from enum import StrEnum

from msgspec import Struct


class Outcome(StrEnum):
    SUCCESS = "success"
    SWALLOWED = "swallowed_failure"
    """It failed before output, and another candidate was tried or could have been."""
    SURFACED = "surfaced_failure"
    CANCELLED = "cancelled"


class AttemptRecord(Struct, frozen=True, kw_only=True):
    """One attempt. Times are Unix seconds. Holds no secret: a key is known by its id."""

    call_id: str
    seq: int
    """Counts the attempts of a call from 1."""
    owner: str
    dialect: str
    asked_model: str
    """The client's own `model`."""
    instance: str
    model: str
    credential_id: str
    """The last key that was used; empty when none was usable."""
    started_at: float
    finished_at: float
    outcome: Outcome
    first_output_at: float | None = None
    reason: str = ""
    status: int | None = None
    """The upstream's own status, when it answered with an error."""
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
