"""Errors of the chat completions dialect: an upstream's words -> Failure, and Failure -> JSON.

Source: https://platform.openai.com/docs/guides/error-codes
"""

from typing import Any

import msgspec

from gateway.canonical.errors import (
    Failure,
    Kind,
    Native,
    Next,
    UpstreamError,
    next_after,
)
from gateway.canonical.request import Dialect
from gateway.wire.codec import ErrorResponse
from gateway.wire.upstream_errors import decode_error, failure_of, inner_status

_TYPES = {
    Kind.INVALID_REQUEST: "invalid_request_error",
    Kind.AUTHENTICATION: "authentication_error",
    Kind.PERMISSION: "permission_error",
    Kind.NOT_FOUND: "invalid_request_error",
    Kind.METHOD_NOT_ALLOWED: "invalid_request_error",
    Kind.TOO_LARGE: "invalid_request_error",
    Kind.RATE_LIMITED: "rate_limit_error",
    Kind.OVERLOADED: "rate_limit_error",
}
_DEFAULT_TYPE = "api_error"


def render_error(failure: Failure) -> bytes:
    """Render a failure as the JSON body that OpenAI clients read.

    An upstream's own error object of this dialect is passed on as it came, redacted.
    """
    native = failure.native
    if native and native.dialect == Dialect.OPENAI_CHAT and not native.framed:
        return native.data
    error = {
        "message": failure.message,
        "type": _TYPES.get(failure.kind, _DEFAULT_TYPE),
        "param": failure.param,
        "code": failure.code or failure.kind.value,
    }
    return msgspec.json.encode({"error": error})


def parse_error(response: ErrorResponse) -> UpstreamError:
    """Read an upstream's error response."""
    wire = decode_error(response.body)
    failure = failure_of(response.instance, status=response.status, wire=wire)
    if response.status < 500 and _is_native(wire):
        native = Native(Dialect.OPENAI_CHAT, response.body)
        failure = msgspec.structs.replace(failure, native=native)
    return UpstreamError(
        failure,
        next=next_after(response.status),
        status=response.status,
        headers=dict(response.headers),
    )


def parse_error_chunk(*, instance: str, wire: dict[str, Any], frame: bytes) -> UpstreamError:
    """Read an error that came inside a stream that had begun with 200.

    Its status is what the error itself says, when that is an HTTP error status; else 502. Another
    candidate may do better whatever it says: the upstream took the request before it failed.
    """
    error = wire.get("error") or wire
    status = inner_status(error)
    failure = failure_of(instance, status=status, wire={"error": error})
    native = Native(Dialect.OPENAI_CHAT, frame, framed=True)
    failure = msgspec.structs.replace(failure, native=native)
    follows = next_after(status)
    if follows is Next.SURFACE:
        follows = Next.CANDIDATE
    return UpstreamError(failure, next=follows, status=status)


def _is_native(wire: object) -> bool:
    error = wire.get("error") if isinstance(wire, dict) else None
    return isinstance(error, dict) and isinstance(error.get("message"), str)
