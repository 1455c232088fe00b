"""Reads what upstreams say when they refuse, in whatever shape they say it.

Compatible providers do not keep to their dialect's error object: they answer with a bare string,
`detail`, `message`, RFC 7807 `title`, a page of HTML, nothing at all.
"""

import re
from collections.abc import Callable

import msgspec

from gateway.canonical.errors import (
    MAX_REASON,
    Failure,
    Kind,
    Native,
    Next,
    UpstreamError,
    next_after,
)
from gateway.canonical.request import Dialect
from gateway.wire.codec import ErrorResponse

_MAX_NESTING = 8
"""How deep in an upstream's error its sentence is looked for."""

_STATUS = re.compile(r"[45][0-9]{2}")

_STATUS_KINDS = {
    401: Kind.AUTHENTICATION,
    403: Kind.PERMISSION,
    404: Kind.NOT_FOUND,
    408: Kind.TIMEOUT,
    413: Kind.TOO_LARGE,
    429: Kind.RATE_LIMITED,
}


def decode_error(body: bytes) -> object:
    """Decode an error's body; None when it is not JSON."""
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None


def failure_of(instance: str, *, status: int, wire: object) -> Failure:
    """Say what an upstream's error means for the client.

    A 5xx becomes 502 and none of its words: they speak of the upstream's insides.

    Args:
        instance: named in the message, so that an operator knows whose words these are.
        status: the upstream's own.
        wire: the decoded body, of whatever type.
    """
    if status >= 500:
        return Failure(
            kind=Kind.UPSTREAM,
            message=f"{instance} answered with status {status}; nothing was wrong with the request",
            status=502,
        )
    error = (wire.get("error") or wire) if isinstance(wire, dict) else wire
    message = find_message(error) or find_message(wire) or "no reason given"
    fields = error if isinstance(error, dict) else {}
    return Failure(
        kind=_STATUS_KINDS.get(status, Kind.INVALID_REQUEST),
        message=f"{instance}: {message[:MAX_REASON]}",
        status=status,
        code=_string(fields.get("code")),
        param=_string(fields.get("param")),
    )


def refusal(
    response: ErrorResponse, *, dialect: Dialect, is_native: Callable[[object], bool]
) -> UpstreamError:
    """Read an upstream's error response.

    Args:
        is_native: whether the decoded body is an error object as the dialect's clients read it.
    """
    wire = decode_error(response.body)
    failure = failure_of(response.instance, status=response.status, wire=wire)
    if response.status < 500 and is_native(wire):
        native = Native(dialect, response.body)
        failure = msgspec.structs.replace(failure, native=native)
    return UpstreamError(
        failure,
        next=next_after(response.status),
        status=response.status,
        headers=dict(response.headers),
    )


def inner_refusal(
    instance: str, *, error: object, status: int, dialect: Dialect, frame: bytes | None
) -> UpstreamError:
    """Read an error that came inside an answer that had begun with 200.

    Another candidate may do better whatever it says: the upstream took the request before it
    failed.

    Args:
        status: what the error stands for.
        frame: the whole frame, for a client of the same dialect.
    """
    failure = failure_of(instance, status=status, wire={"error": error})
    if frame is not None:
        failure = msgspec.structs.replace(failure, native=Native(dialect, frame, framed=True))
    follows = next_after(status)
    if follows is Next.SURFACE:
        follows = Next.CANDIDATE
    return UpstreamError(failure, next=follows, status=status)


def find_message(error: object, nesting: int = _MAX_NESTING) -> str:
    """Find the sentence in an error of whatever shape; empty when there is none."""
    if isinstance(error, str):
        return error.strip()
    if nesting and isinstance(error, list):
        return "; ".join(filter(None, (find_message(part, nesting - 1) for part in error)))
    if nesting and isinstance(error, dict):
        for name in ("message", "detail", "msg", "error", "title", "reason"):
            if text := find_message(error.get(name), nesting - 1):
                return text
    return ""


def inner_status(error: object) -> int:
    """The HTTP error status that an error inside an answer of status 200 names; else 502."""
    if isinstance(error, dict):
        for name in ("status_code", "status", "code"):
            value = error.get(name)
            if isinstance(value, str) and _STATUS.fullmatch(value):
                value = int(value)
            if isinstance(value, int) and 400 <= value <= 599:
                return value
    return 502


def truncated(instance: str) -> UpstreamError:
    """Make the error for an answer that stopped before its end."""
    failure = Failure(
        kind=Kind.TRUNCATED,
        message=f"{instance} closed the connection before the answer was complete",
        status=502,
    )
    return UpstreamError(failure, next=Next.CANDIDATE)


def garbage(instance: str, what: str) -> UpstreamError:
    """Make the error for an answer that cannot be read.

    Args:
        what: completes "the upstream answered with ...".
    """
    failure = Failure(kind=Kind.UPSTREAM, message=f"{instance} answered with {what}", status=502)
    return UpstreamError(failure, next=Next.CANDIDATE)


def _string(value: object) -> str | None:
    if isinstance(value, str) and value:
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None
