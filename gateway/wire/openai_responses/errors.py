"""Errors of the responses dialect: an upstream's words -> Failure, and Failure -> JSON and frames.

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
from gateway.wire.openai_responses.reading import mapping
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

_STATUSES = {
    "invalid_api_key": 401,
    "insufficient_quota": 429,
    "rate_limit_exceeded": 429,
    "context_length_exceeded": 400,
    "invalid_prompt": 400,
    "invalid_image": 400,
    "invalid_image_url": 400,
    "image_content_policy_violation": 400,
}
"""The status that a code stands for where an error comes within an answer and so has none."""


def render_error(failure: Failure) -> bytes:
    """Render a failure as the JSON body that OpenAI clients read.

    An upstream's own error object of this dialect is passed on as it came, redacted.
    """
    native = failure.native
    if native and native.dialect == Dialect.OPENAI_RESPONSES and not native.framed:
        return native.data
    return msgspec.json.encode({"error": error_object(failure)})


def error_object(failure: Failure) -> dict[str, Any]:
    """The members of an error."""
    return {
        "message": failure.message,
        "type": _TYPES.get(failure.kind, _DEFAULT_TYPE),
        "param": failure.param,
        "code": failure.code or failure.kind.value,
    }


def render_error_frame(failure: Failure, *, sequence_number: int) -> bytes:
    """Render the last frame of a stream that broke.

    The specification has the members in the event itself. The API sends them in `error`, without
    which the SDKs raise nothing.
    """
    native = failure.native
    if native and native.dialect == Dialect.OPENAI_RESPONSES and native.framed:
        return native.data
    error = error_object(failure)
    event = {
        "type": "error",
        "sequence_number": sequence_number,
        "code": error["code"],
        "message": error["message"],
        "param": error["param"],
        "error": error,
    }
    return b"event: error\ndata: " + msgspec.json.encode(event) + b"\n\n"


def parse_error(response: ErrorResponse) -> UpstreamError:
    """Read an upstream's error response."""
    wire = decode_error(response.body)
    failure = failure_of(response.instance, status=response.status, wire=wire)
    if response.status < 500 and _is_native(wire):
        native = Native(Dialect.OPENAI_RESPONSES, response.body)
        failure = msgspec.structs.replace(failure, native=native)
    return UpstreamError(
        failure,
        next=next_after(response.status),
        status=response.status,
        headers=dict(response.headers),
    )


def parse_answer_error(
    wire: dict[str, Any], *, instance: str, frame: bytes | None = None
) -> UpstreamError:
    """Read an error that came within an answer that had begun with 200.

    Its status is what the error says, when that is an HTTP error status or a code that stands for
    one; else 502. Another candidate may do better whatever it says: the upstream took the request
    before it failed.

    Args:
        wire: an `error` event, or a response or event that holds one.
        frame: the whole frame, where its bytes may go to the client.
    """
    error = mapping(wire.get("response")).get("error") or wire.get("error") or wire
    status = inner_status(error)
    if status == 502 and isinstance(error, dict) and isinstance(error.get("code"), str):
        status = _STATUSES.get(error["code"], status)
    failure = failure_of(instance, status=status, wire={"error": error})
    if frame is not None:
        native = Native(Dialect.OPENAI_RESPONSES, frame, framed=True)
        failure = msgspec.structs.replace(failure, native=native)
    follows = next_after(status)
    if follows is Next.SURFACE:
        follows = Next.CANDIDATE
    return UpstreamError(failure, next=follows, status=status)


def _is_native(wire: object) -> bool:
    error = wire.get("error") if isinstance(wire, dict) else None
    return isinstance(error, dict) and isinstance(error.get("message"), str)
