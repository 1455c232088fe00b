"""Errors of the chat completions dialect: an upstream's words -> Failure, and Failure -> JSON.

Source: https://platform.openai.com/docs/guides/error-codes
"""

from typing import Any

import msgspec

from gateway.canonical.errors import Failure, UpstreamError
from gateway.canonical.request import Dialect
from gateway.wire.codec import ErrorResponse
from gateway.wire.openai_errors import error_object, is_native
from gateway.wire.upstream_errors import inner_refusal, inner_status, refusal


def render_error(failure: Failure) -> bytes:
    """Render a failure as the JSON body that OpenAI clients read.

    An upstream's own error object of this dialect is passed on as it came, redacted.
    """
    native = failure.native
    if native and native.dialect == Dialect.OPENAI_CHAT and not native.framed:
        return native.data
    return msgspec.json.encode({"error": error_object(failure)})


def parse_error(response: ErrorResponse) -> UpstreamError:
    """Read an upstream's error response."""
    return refusal(response, dialect=Dialect.OPENAI_CHAT, is_native=is_native)


def parse_error_chunk(*, instance: str, wire: dict[str, Any], frame: bytes) -> UpstreamError:
    """Read an error that came inside a stream that had begun with 200.

    Its status is what the error itself says, when that is an HTTP error status; else 502.
    """
    error = wire.get("error") or wire
    return inner_refusal(
        instance,
        error=error,
        status=inner_status(error),
        dialect=Dialect.OPENAI_CHAT,
        frame=frame,
    )
