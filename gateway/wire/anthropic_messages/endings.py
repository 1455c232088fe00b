"""How an answer ends in this dialect: its stop reason and its token counts, both ways.

Source: https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons
"""

from collections.abc import Mapping
from typing import Any

from gateway.canonical.events import Usage

_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
    "pause_turn": "pause",
}
_STOP_REASONS = {
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "pause": "pause_turn",
}


def parse_stop_reason(value: object) -> str:
    """The canonical word for a stop reason; empty when it is not known."""
    return _REASONS.get(value, "") if isinstance(value, str) else ""


def render_stop_reason(reason: str, *, stop_sequence: str | None, tools: bool) -> str:
    """The stop reason of an answer.

    Args:
        reason: the canonical word.
        stop_sequence: which of the request's stop sequences ended the answer.
        tools: whether the answer calls a tool. Clients of this dialect run tools only when they
            are told `tool_use`, and some upstreams say no more than that they stopped.
    """
    if reason in _STOP_REASONS:
        return _STOP_REASONS[reason]
    if stop_sequence is not None:
        return "stop_sequence"
    return "tool_use" if tools else "end_turn"


class UsageReader:
    """Adds up the usage objects of one answer: a later count replaces an earlier one."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def read(self, wire: object) -> Usage | None:
        """Take the next usage object; None when it tells nothing."""
        if not isinstance(wire, Mapping):
            return None
        details = wire.get("output_tokens_details")
        thinking = details.get("thinking_tokens") if isinstance(details, Mapping) else None
        for name in ("input", "cache_read_input", "cache_creation_input", "output"):
            self._take(name, wire.get(f"{name}_tokens"))
        self._take("thinking", thinking)
        return self.usage

    @property
    def usage(self) -> Usage | None:
        """The counts so far; None when there were none."""
        if not self._counts:
            return None
        counts = self._counts.get
        cached, written = counts("cache_read_input", 0), counts("cache_creation_input", 0)
        return Usage(
            # Here the input is what neither came from a cache nor went into one.
            input_tokens=counts("input", 0) + cached + written,
            output_tokens=counts("output", 0),
            cached_tokens=cached,
            cache_write_tokens=written,
            reasoning_tokens=counts("thinking", 0),
        )

    def _take(self, name: str, value: object) -> None:
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            self._counts[name] = value


def render_usage(usage: Usage | None) -> dict[str, Any]:
    """Write a usage object; unknown counts are 0."""
    usage = usage or Usage(0, 0)
    cached, written = usage.cached_tokens, usage.cache_write_tokens
    wire: dict[str, Any] = {
        "input_tokens": max(0, usage.input_tokens - cached - written),
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": cached,
        "output_tokens": usage.output_tokens,
    }
    if usage.reasoning_tokens:
        wire["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return wire
