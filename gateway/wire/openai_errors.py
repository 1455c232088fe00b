"""The error object that OpenAI's dialects share.

Source: https://platform.openai.com/docs/guides/error-codes
"""

from typing import Any

from gateway.canonical.errors import Failure, Kind

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


def error_object(failure: Failure) -> dict[str, Any]:
    """The members of an error."""
    return {
        "message": failure.message,
        "type": _TYPES.get(failure.kind, _DEFAULT_TYPE),
        "param": failure.param,
        "code": failure.code or failure.kind.value,
    }


def is_native(wire: object) -> bool:
    """Whether a decoded body is an error as OpenAI's clients read it."""
    error = wire.get("error") if isinstance(wire, dict) else None
    return isinstance(error, dict) and isinstance(error.get("message"), str)
