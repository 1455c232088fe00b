"""What an answer says, in no dialect's words, and what each dialect calls the ends of answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.replay.exchange import Family


@dataclass(frozen=True)
class Tokens:
    """All tokens of an answer, and those of them that were cached or thought."""

    input: int = 0
    output: int = 0
    cached: int = 0
    reasoning: int = 0


@dataclass(frozen=True)
class Said:
    """An answer as far as every dialect can say it."""

    text: str
    """With the words of a refusal."""
    calls: list[tuple[str, Any]] = field(default_factory=list)
    """Name and decoded arguments of each call of the client's tools."""
    finish: str | None = None
    """In the words of the dialect that it was read from."""
    tokens: Tokens = Tokens()


MEANINGS: Mapping[Family, Mapping[str | None, str]] = {
    Family.CHAT: {
        "stop": "stop",
        "length": "length",
        "tool_calls": "calls",
        "function_call": "calls",
        "content_filter": "filtered",
    },
    Family.RESPONSES: {
        "completed": "stop",
        "max_output_tokens": "length",
        "content_filter": "filtered",
    },
    Family.MESSAGES: {
        "end_turn": "stop",
        "stop_sequence": "sequence",
        "max_tokens": "length",
        "tool_use": "calls",
        "refusal": "filtered",
        "pause_turn": "pause",
    },
    Family.GEMINI: {
        "STOP": "stop",
        "MAX_TOKENS": "length",
        "SAFETY": "filtered",
        "RECITATION": "filtered",
        "MALFORMED_FUNCTION_CALL": "unknown",
    },
}
"""A recording's own word for why its answer ended -> what it means."""

WORDS: Mapping[Family, Mapping[str, str]] = {
    Family.CHAT: {
        "stop": "stop",
        "sequence": "stop",
        "pause": "stop",
        "unknown": "stop",
        "length": "length",
        "calls": "tool_calls",
        "filtered": "content_filter",
    },
    Family.RESPONSES: {
        "stop": "completed",
        "sequence": "completed",
        "pause": "completed",
        "unknown": "completed",
        "calls": "completed",
        "length": "max_output_tokens",
        "filtered": "content_filter",
    },
    Family.MESSAGES: {
        "stop": "end_turn",
        "sequence": "stop_sequence",
        "pause": "pause_turn",
        "unknown": "end_turn",
        "calls": "tool_use",
        "length": "max_tokens",
        "filtered": "refusal",
    },
    Family.GEMINI: {
        "stop": "STOP",
        "sequence": "STOP",
        "pause": "STOP",
        "unknown": "STOP",
        "calls": "STOP",
        "length": "MAX_TOKENS",
        "filtered": "SAFETY",
    },
}
"""What an ending means -> the word for it that a client of each dialect reads."""

_SAY_NO_CALLS = (Family.RESPONSES, Family.GEMINI)
"""Dialects whose word for an answer that calls tools is that of any other whole answer."""


def translated_finish(said: Said, source: Family, target: Family) -> str | None:
    """The word for the end of an answer in another dialect, or its own word in its own."""
    if source is target:
        return said.finish
    meaning = MEANINGS[source][said.finish]
    if meaning == "stop" and said.calls and source in _SAY_NO_CALLS:
        meaning = "calls"
    return WORDS[target][meaning]
