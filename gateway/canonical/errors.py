"""Failures, as values and as exceptions.

    Failure                   what a client is told: a kind, a status, a message
    GatewayError              raised before a call is accepted; carries a Failure
    UpstreamError             one attempt failed; carries a Failure and what may be done next
    CredentialsUnavailable    no key of an instance may be used now

A dialect's own error shape is made from a Failure in its `wire` package and nowhere else.
"""

from enum import StrEnum

from msgspec import Struct

MAX_REASON = 512
"""Characters of an upstream's own words that go into a message or a record."""


class Kind(StrEnum):
    """What went wrong; each dialect maps it to its own type names."""

    INVALID_REQUEST = "invalid_request"
    AUTHENTICATION = "authentication"
    PERMISSION = "permission"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    TOO_LARGE = "request_too_large"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "gateway_overloaded"
    CREDENTIALS_EXHAUSTED = "upstream_credentials_exhausted"
    UPSTREAM = "upstream_error"
    TRUNCATED = "stream_truncated"
    TIMEOUT = "upstream_timeout"
    UNAVAILABLE = "gateway_unavailable"
    CANCELLED = "call_cancelled"
    INTERNAL = "internal_error"


class Native(Struct, frozen=True):
    """An upstream's own error, redacted, for a client that speaks the same dialect."""

    dialect: str
    data: bytes
    """A JSON body, or a whole SSE frame when `framed`."""
    framed: bool = False


class Failure(Struct, frozen=True, kw_only=True):
    """One failure as a client may be told of it."""

    kind: Kind
    message: str
    status: int
    code: str | None = None
    param: str | None = None
    retry_after_s: int | None = None
    native: Native | None = None


class GatewayError(Exception):
    """A request that is refused before it becomes a call, or a call that cannot be delivered."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.call_id: str | None = None
        """Set once the request had become a call."""


class Next(StrEnum):
    """What an executor may do after a failed attempt that gave no output."""

    CREDENTIAL = "next_credential"
    CANDIDATE = "next_candidate"
    SURFACE = "surface"


class UpstreamError(Exception):
    """One attempt at one candidate with one credential failed.

    Attributes:
        failure: what the client is told if nothing else answers.
        next: what may be tried instead while there has been no output.
        headers: the upstream's response headers, names in lower case; read by the key policy.
        status: the upstream's own status, or None when there was no response.
        retry_after_s: how long to wait, where the response's body says so; it goes before headers.
    """

    def __init__(
        self,
        failure: Failure,
        *,
        next: Next,
        status: int | None = None,
        headers: dict[str, str] | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.next = next
        self.retry_after_s = retry_after_s
        self.status = status
        self.headers = headers or {}


class CredentialsUnavailable(Exception):
    """No key of an instance may be used now.

    Attributes:
        instance: the instance's id.
        retry_at: Unix seconds when the soonest key may be used again; None = every key is dead.
        now: Unix seconds by the same clock as `retry_at`.
    """

    def __init__(self, instance: str, *, retry_at: float | None, now: float) -> None:
        super().__init__(f"no key of {instance} may be used now")
        self.instance = instance
        self.retry_at = retry_at
        self.now = now


def next_after(status: int) -> Next:
    """Decide what may follow an upstream's error status.

    401 and 429 speak of the key, so another key may do. 408 and 5xx speak of the upstream, so
    another candidate may do. Everything else speaks of the request, which stays the same.
    """
    if status in (401, 429):
        return Next.CREDENTIAL
    if status == 408 or status >= 500:
        return Next.CANDIDATE
    return Next.SURFACE
