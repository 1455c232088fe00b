"""Token counts and finish reasons of the chat dialect, in every provider's spelling."""

from typing import Any

from gateway.canonical.events import Usage

_MAX_TOKENS = 2**53
"""More than this is no count of tokens, and too large for the transport's integers."""

_FINISH_REASONS = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "tool_call": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "safety": "content_filter",
    "sensitive": "content_filter",
    "refusal": "content_filter",
}

BROKEN_OFF = frozenset({"error", "network_error", "insufficient_system_resource"})
"""Finish reasons of answers that their upstream could not finish."""


def parse_finish_reason(reason: object) -> str:
    """Read a finish reason; empty when it is not known."""
    return _FINISH_REASONS.get(reason.lower(), "") if isinstance(reason, str) else ""


def parse_usage(usage: dict[str, Any]) -> Usage:
    """Read a usage object; a count that is not there is 0."""
    prompt = _object(usage.get("prompt_tokens_details"))
    completion = _object(usage.get("completion_tokens_details"))
    input_tokens = _count(usage.get("prompt_tokens"))
    output_tokens = _count(usage.get("completion_tokens"))
    reasoning = _first(completion.get("reasoning_tokens"), usage.get("reasoning_tokens"))
    # xAI counts reasoning beside the completion instead of in it.
    if reasoning and usage.get("total_tokens") == input_tokens + output_tokens + reasoning:
        output_tokens += reasoning
    return Usage(
        input_tokens,
        output_tokens,
        cached_tokens=_first(
            prompt.get("cached_tokens"),
            usage.get("cached_tokens"),
            usage.get("prompt_cache_hit_tokens"),
        ),
        cache_write_tokens=_count(prompt.get("cache_write_tokens")),
        # OpenRouter's own count of these may exceed what it counts in all.
        reasoning_tokens=min(reasoning, output_tokens),
    )


def render_usage(usage: Usage) -> dict[str, Any]:
    """Write a usage object."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
            "audio_tokens": 0,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _first(*values: object) -> int:
    """The first count that says anything."""
    return next((count for value in values if (count := _count(value))), 0)


def _count(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_TOKENS:
        return value
    return 0
