"""Errors of the chat completions dialect: an upstream's words -> Failure, and Failure -> JSON.

Reads also the shapes that compatible providers answer with: a bare string, `detail`, `message`,
RFC 7807 `title`, a page of HTML, nothing at all.

Source: https://platform.openai.com/docs/guides/error-codes
"""

import re
from typing import Any

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


def parse_error(
    *, instance: str, status: int, headers: dict[str, str], body: bytes
) -> UpstreamError:
    """Read an upstream's error response.

    Args:
        instance: named in the message, so that an operator knows whose words these are.
        body: already redacted of the key.
    """
    wire = _decode(body)
    failure = _failure(instance, status=status, wire=wire)
    if status < 500 and _is_native(wire):
        native = Native(Dialect.OPENAI_CHAT, body)
        failure = msgspec.structs.replace(failure, native=native)
    return UpstreamError(failure, next=next_after(status), status=status, headers=headers)


def parse_error_chunk(*, instance: str, wire: dict[str, Any], frame: bytes) -> UpstreamError:
    """Read an error that came inside a stream that had begun with 200.

    Its status is what the error itself says, when that is an HTTP error status; else 502. Another
    candidate may do better whatever it says: the upstream took the request before it failed.
    """
    error = wire.get("error") or wire
    status = _inner_status(error)
    failure = _failure(instance, status=status, wire={"error": error})
    native = Native(Dialect.OPENAI_CHAT, frame, framed=True)
    failure = msgspec.structs.replace(failure, native=native)
    follows = next_after(status)
    if follows is Next.SURFACE:
        follows = Next.CANDIDATE
    return UpstreamError(failure, next=follows, status=status)


def _failure(instance: str, *, status: int, wire: object) -> Failure:
    if status >= 500:
        return Failure(
            kind=Kind.UPSTREAM,
            message=f"{instance} answered with status {status}; nothing was wrong with the request",
            status=502,
        )
    error = (wire.get("error") or wire) if isinstance(wire, dict) else wire
    message = _message(error) or _message(wire) or "no reason given"
    fields = error if isinstance(error, dict) else {}
    return Failure(
        kind=_STATUS_KINDS.get(status, Kind.INVALID_REQUEST),
        message=f"{instance}: {message[:MAX_REASON]}",
        status=status,
        code=_string(fields.get("code")),
        param=_string(fields.get("param")),
    )


def _message(error: object, nesting: int = _MAX_NESTING) -> str:
    """Find the sentence in an error of whatever shape."""
    if isinstance(error, str):
        return error.strip()
    if nesting and isinstance(error, list):
        return "; ".join(filter(None, (_message(part, nesting - 1) for part in error)))
    if nesting and isinstance(error, dict):
        for name in ("message", "detail", "msg", "error", "title", "reason"):
            if text := _message(error.get(name), nesting - 1):
                return text
    return ""


def _inner_status(error: object) -> int:
    if isinstance(error, dict):
        for name in ("status_code", "status", "code"):
            value = error.get(name)
            if isinstance(value, str) and _STATUS.fullmatch(value):
                value = int(value)
            if isinstance(value, int) and 400 <= value <= 599:
                return value
    return 502


def _decode(body: bytes) -> object:
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None


def _is_native(wire: object) -> bool:
    error = wire.get("error") if isinstance(wire, dict) else None
    return isinstance(error, dict) and isinstance(error.get("message"), str)


def _string(value: object) -> str | None:
    if isinstance(value, str) and value:
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None
