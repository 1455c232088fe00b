"""Errors of the Gemini dialect: an upstream's words -> Failure, and Failure -> JSON.

Source: https://ai.google.dev/gemini-api/docs/troubleshooting and
https://cloud.google.com/apis/design/errors
"""

import math
import re
from typing import Any

import msgspec
from msgspec import Raw

from gateway.canonical.errors import (
    Failure,
    Native,
    Next,
    UpstreamError,
    next_after,
)
from gateway.canonical.request import Dialect
from gateway.wire.codec import ErrorResponse
from gateway.wire.upstream_errors import decode_error, failure_of, inner_status

_STATUS_NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_STATUSES = {name: status for status, name in _STATUS_NAMES.items()}
_INTERNAL = "INTERNAL"
_UNKNOWN = "UNKNOWN"

_DETAIL = "type.googleapis.com/google.rpc."
_BAD_KEY = "API_KEY_INVALID"
"""What Google says with a 400 of a key that it does not know, or that has expired."""

_DURATION = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:h|m|s|ms|us|µs|ns))+")
_DURATION_PART = re.compile(r"([0-9.]+)(h|ms|m|s|us|µs|ns)")
_SECONDS = {"h": 3600, "m": 60, "s": 1, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}

_lists = msgspec.json.Decoder(list[Raw])


def render_error(failure: Failure) -> bytes:
    """Render a failure as the JSON body that Gemini clients read.

    An upstream's own error object of this dialect is passed on as it came, redacted.
    """
    native = failure.native
    if native and native.dialect == Dialect.GEMINI and not native.framed:
        return native.data
    default = _INTERNAL if failure.status >= 500 else _UNKNOWN
    error: dict[str, Any] = {
        "code": failure.status,
        "message": failure.message,
        "status": _STATUS_NAMES.get(failure.status, default),
    }
    if details := _render_details(failure):
        error["details"] = details
    return msgspec.json.encode({"error": error})


def parse_error(response: ErrorResponse) -> UpstreamError:
    """Read an upstream's error response."""
    wire = first_of(decode_error(response.body))
    is_bad_key = response.status == 400 and _names_bad_key(wire)
    status = 401 if is_bad_key else response.status
    failure = _failure(response.instance, status=status, wire=wire)
    # The body of a bad key says 400 of a request that had no fault.
    if status < 500 and not is_bad_key and _is_native(wire):
        native = Native(Dialect.GEMINI, _object_of(response.body))
        failure = msgspec.structs.replace(failure, native=native)
    return UpstreamError(
        failure,
        next=next_after(status),
        status=status,
        headers=dict(response.headers),
        retry_after_s=_retry_after_s(wire),
    )


def parse_error_chunk(
    *, instance: str, wire: dict[str, Any], frame: bytes | None = None
) -> UpstreamError:
    """Read an error that came inside an answer that had begun with 200.

    Its status is what the error itself says, when that is an HTTP error status; else 502. Another
    candidate may do better whatever it says: the upstream took the request before it failed.

    Args:
        frame: the whole frame, where it may go to a client of the same dialect.
    """
    error = wire.get("error") or wire
    name = error.get("status") if isinstance(error, dict) else None
    status = inner_status(error)
    if status == 502 and isinstance(name, str):
        status = _STATUSES.get(name, status)
    if status == 400 and _names_bad_key(wire):
        status = 401
    failure = _failure(instance, status=status, wire={"error": error})
    if frame is not None:
        native = Native(Dialect.GEMINI, frame, framed=True)
        failure = msgspec.structs.replace(failure, native=native)
    follows = next_after(status)
    if follows is Next.SURFACE:
        follows = Next.CANDIDATE
    return UpstreamError(failure, next=follows, status=status, retry_after_s=_retry_after_s(wire))


def first_of(wire: object) -> object:
    """Take an error out of the list that a stream without `alt=sse` puts it into."""
    return wire[0] if isinstance(wire, list) and wire else wire


def _failure(instance: str, *, status: int, wire: object) -> Failure:
    """Say what an error means; its code is the name of its status, not the number again."""
    failure = failure_of(instance, status=status, wire=wire)
    error = wire.get("error") if isinstance(wire, dict) else None
    name = error.get("status") if isinstance(error, dict) else None
    if failure.code is None or not isinstance(name, str):
        return failure
    return msgspec.structs.replace(failure, code=name)


def _object_of(body: bytes) -> bytes:
    """The error object of a body, which may be in a list, as it came."""
    return bytes(_lists.decode(body)[0]) if body.lstrip()[:1] == b"[" else body


def _render_details(failure: Failure) -> list[dict[str, Any]]:
    details: list[dict[str, Any]] = []
    if failure.param:
        violation = {"field": failure.param, "description": failure.message}
        details.append({"@type": _DETAIL + "BadRequest", "fieldViolations": [violation]})
    if failure.retry_after_s is not None:
        delay = f"{failure.retry_after_s}s"
        details.append({"@type": _DETAIL + "RetryInfo", "retryDelay": delay})
    return details


def _is_native(wire: object) -> bool:
    error = wire.get("error") if isinstance(wire, dict) else None
    return isinstance(error, dict) and isinstance(error.get("message"), str)


def _names_bad_key(wire: object) -> bool:
    return any(detail.get("reason") == _BAD_KEY for detail in _details(wire))


def _retry_after_s(wire: object) -> float | None:
    """Find how long to wait, in whole seconds; entries that say nothing usable are passed over."""
    for detail in _details(wire):
        if "RetryInfo" in str(detail.get("@type")):
            seconds = _duration_s(detail.get("retryDelay"))
            if seconds > 0:
                return float(max(1, math.ceil(seconds)))
    return None


def _duration_s(text: object) -> float:
    """Read a duration such as `125s`, `1.5s`, `1500ms` or `1m5s`; 0 when it is not one."""
    if not isinstance(text, str) or not _DURATION.fullmatch(text.strip()):
        return 0
    parts = _DURATION_PART.findall(text)
    return sum(float(amount) * _SECONDS[unit] for amount, unit in parts)


def _details(wire: object) -> list[dict[str, Any]]:
    error = wire.get("error") if isinstance(wire, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    if not isinstance(details, list):
        return []
    return [detail for detail in details if isinstance(detail, dict)]
