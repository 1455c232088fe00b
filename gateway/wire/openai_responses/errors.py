"""Errors of the responses dialect: an upstream's words -> Failure, and Failure -> JSON and frames.

Source: https://platform.openai.com/docs/guides/error-codes
"""

from typing import Any

import msgspec

from gateway.canonical.errors import Failure, UpstreamError
from gateway.canonical.request import Dialect
from gateway.wire.codec import ErrorResponse
from gateway.wire.openai_errors import error_object, is_native
from gateway.wire.openai_responses.reading import mapping
from gateway.wire.upstream_errors import inner_refusal, inner_status, refusal

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
    return refusal(response, dialect=Dialect.OPENAI_RESPONSES, is_native=is_native)


def parse_answer_error(
    wire: dict[str, Any], *, instance: str, frame: bytes | None = None
) -> UpstreamError:
    """Read an error that came within an answer that had begun with 200.

    Its status is what the error says, when that is an HTTP error status or a code that stands for
    one; else 502.

    Args:
        wire: an `error` event, or a response or event that holds one.
        frame: the whole frame, where its bytes may go to the client.
    """
    error = mapping(wire.get("response")).get("error") or wire.get("error") or wire
    status = inner_status(error)
    if status == 502 and isinstance(error, dict) and isinstance(error.get("code"), str):
        status = _STATUSES.get(error["code"], status)
    return inner_refusal(
        instance, error=error, status=status, dialect=Dialect.OPENAI_RESPONSES, frame=frame
    )
