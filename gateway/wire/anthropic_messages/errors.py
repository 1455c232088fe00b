"""Errors of the Messages dialect: an upstream's words -> Failure, and Failure -> JSON.

Source: https://platform.claude.com/docs/en/api/errors
"""

from typing import Any

import msgspec

from gateway.canonical.errors import Failure, Kind, UpstreamError
from gateway.canonical.request import Dialect
from gateway.wire.codec import ErrorResponse
from gateway.wire.upstream_errors import inner_refusal, inner_status, refusal

_TYPES = {
    Kind.INVALID_REQUEST: "invalid_request_error",
    Kind.AUTHENTICATION: "authentication_error",
    Kind.PERMISSION: "permission_error",
    Kind.NOT_FOUND: "not_found_error",
    Kind.METHOD_NOT_ALLOWED: "invalid_request_error",
    Kind.TOO_LARGE: "request_too_large",
    Kind.RATE_LIMITED: "rate_limit_error",
    Kind.OVERLOADED: "overloaded_error",
    Kind.TIMEOUT: "timeout_error",
}
_DEFAULT_TYPE = "api_error"

_STATUSES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


def render_error(failure: Failure) -> bytes:
    """Render a failure as the JSON body that clients of this dialect read.

    An upstream's own error object of this dialect is passed on as it came, redacted.
    """
    native = failure.native
    if native and native.dialect == Dialect.ANTHROPIC_MESSAGES and not native.framed:
        return native.data
    type = "rate_limit_error" if failure.status == 429 else _DEFAULT_TYPE
    error = {"type": _TYPES.get(failure.kind, type), "message": _message(failure)}
    return msgspec.json.encode({"type": "error", "error": error, "request_id": None})


def render_error_frame(failure: Failure) -> bytes:
    """Render the last frame of a stream that broke; no `message_stop` may follow it."""
    native = failure.native
    if native and native.framed and native.dialect == Dialect.ANTHROPIC_MESSAGES:
        return native.data
    return b"event: error\ndata: " + render_error(failure) + b"\n\n"


def parse_error(response: ErrorResponse) -> UpstreamError:
    """Read an upstream's error response."""
    return refusal(response, dialect=Dialect.ANTHROPIC_MESSAGES, is_native=_is_native)


def parse_inner_error(instance: str, *, wire: object, frame: bytes | None = None) -> UpstreamError:
    """Read an error that came inside an answer that had begun with 200.

    Its status is what its type stands for, else what the error itself says, else 502.

    Args:
        wire: the decoded frame or body, of whatever type.
        frame: the frame's bytes, for a client of this dialect.
    """
    error: Any = (wire.get("error") or wire) if isinstance(wire, dict) else wire
    type = error.get("type") if isinstance(error, dict) else None
    status = _STATUSES.get(type) if isinstance(type, str) else None
    status = status or inner_status(error)
    return inner_refusal(
        instance, error=error, status=status, dialect=Dialect.ANTHROPIC_MESSAGES, frame=frame
    )


def _message(failure: Failure) -> str:
    """The failure's words, which alone can name the field: there is no other place for it."""
    if failure.param and failure.param not in failure.message:
        return f"{failure.param}: {failure.message}"
    return failure.message


def _is_native(wire: object) -> bool:
    error = wire.get("error") if isinstance(wire, dict) else None
    return (
        isinstance(error, dict)
        and isinstance(error.get("message"), str)
        and isinstance(error.get("type"), str)
        and isinstance(wire, dict)
        and wire.get("type") == "error"
    )
