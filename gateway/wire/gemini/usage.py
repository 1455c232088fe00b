"""Token counts: Gemini's `usageMetadata` <-> canonical.

Source: https://ai.google.dev/api/generate-content#UsageMetadata
"""

from typing import Any

from gateway.canonical.events import Usage


def parse_usage(usage: dict[str, Any]) -> Usage:
    """Read a usage object; a count that is not there is 0.

    What the provider's own tools added to the prompt is not in `promptTokenCount`, and what the
    model thought is not in `candidatesTokenCount`.
    """
    reasoning = _count(usage, "thoughtsTokenCount")
    return Usage(
        input_tokens=_count(usage, "promptTokenCount") + _count(usage, "toolUsePromptTokenCount"),
        output_tokens=_count(usage, "candidatesTokenCount") + reasoning,
        cached_tokens=_count(usage, "cachedContentTokenCount"),
        reasoning_tokens=reasoning,
    )


def render_usage(usage: Usage) -> dict[str, int]:
    """Write a usage object; the counts that most answers do not have are left out when 0."""
    wire = {
        "promptTokenCount": usage.input_tokens,
        "candidatesTokenCount": max(0, usage.output_tokens - usage.reasoning_tokens),
        "totalTokenCount": usage.input_tokens + usage.output_tokens,
    }
    if usage.cached_tokens:
        wire["cachedContentTokenCount"] = usage.cached_tokens
    if usage.reasoning_tokens:
        wire["thoughtsTokenCount"] = usage.reasoning_tokens
    return wire


def _count(usage: dict[str, Any], name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
