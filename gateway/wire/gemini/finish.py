"""Why an answer ended: Gemini's names <-> canonical.

Source: https://ai.google.dev/api/generate-content#FinishReason
"""

_NUMBERS = {
    0: "FINISH_REASON_UNSPECIFIED",
    1: "STOP",
    2: "MAX_TOKENS",
    3: "SAFETY",
    4: "RECITATION",
    5: "OTHER",
    6: "LANGUAGE",
    7: "BLOCKLIST",
    8: "PROHIBITED_CONTENT",
    9: "SPII",
    10: "MALFORMED_FUNCTION_CALL",
    11: "IMAGE_SAFETY",
}
"""What answers say to a client that asked for `$alt=json;enum-encoding=int`.

Source: google/ai/generativelanguage/v1beta/generative_service.proto
"""

# MALFORMED_FUNCTION_CALL, UNEXPECTED_TOOL_CALL, OTHER and their like say that the model failed,
# not how an answer ended: no canonical reason is true of them, so they are unknown.
_CANONICAL = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
}
_WIRE = {"length": "MAX_TOKENS", "content_filter": "SAFETY"}


def parse_finish_reason(reason: object) -> str | None:
    """Read a candidate's `finishReason`; None while it has not finished, empty = unknown."""
    if isinstance(reason, int):
        reason = _NUMBERS.get(reason, "OTHER")
    if not isinstance(reason, str) or reason in ("", "FINISH_REASON_UNSPECIFIED"):
        return None
    return _CANONICAL.get(reason, "")


def render_finish_reason(reason: str) -> str:
    """Write why an answer ended; Gemini has no words of its own for tool calls and for pauses."""
    return _WIRE.get(reason, "STOP")
