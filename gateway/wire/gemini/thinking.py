"""How much a Gemini model is to think, in the words that its generation knows.

Models of generation 3 take a level; those of 2.5 a budget in tokens; older ones do not think.

Sources: https://ai.google.dev/gemini-api/docs/thinking and, for what an effort is worth,
https://ai.google.dev/gemini-api/docs/openai#thinking
"""

import re
from typing import Any

from gateway.canonical.request import ReasoningOptions

_VERSION = re.compile(r"gemini-(\d+)(?:\.(\d+))?")

_BUDGETS = {
    "minimal": 1024,
    "low": 1024,
    "medium": 8192,
    "high": 24576,
    "xhigh": 24576,
    "max": 24576,
}
_LEVELS = {
    "none": "minimal",
    "minimal": "minimal",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}
_PRO_LEVELS = _LEVELS | {"none": "low", "minimal": "low"}
"""A Pro model cannot think less than this."""

_FIRST_PRO_LEVELS = _PRO_LEVELS | {"medium": "high"}
"""gemini-3-pro knows two levels only."""


def is_generation_3(model: str) -> bool:
    """Whether a model is of generation 3 or later: strict about signatures, fond of levels."""
    return _version(model) >= (3, 0)


def render_thinking(options: ReasoningOptions, model: str) -> dict[str, Any]:
    """Write a `thinkingConfig`; empty where the model cannot be told, or nothing is to be told."""
    version = _version(model)
    if version < (2, 5):
        return {}
    config = _level(options, model) if version >= (3, 0) else _budget(options, model)
    if _is_visible(options):
        config["includeThoughts"] = True
    return config


def _version(model: str) -> tuple[int, int]:
    """The generation of a model; that of an alias such as gemini-flash-latest is the newest."""
    name = model.rpartition("/")[2]
    if name.startswith("gemini-") and name.endswith("-latest") and not _VERSION.match(name):
        return 3, 0
    match = _VERSION.match(name)
    return (int(match[1]), int(match[2] or 0)) if match else (0, 0)


def _level(options: ReasoningOptions, model: str) -> dict[str, Any]:
    if options.effort in _LEVELS:
        levels = _LEVELS
        if "-pro" in model:
            levels = _FIRST_PRO_LEVELS if _version(model) == (3, 0) else _PRO_LEVELS
        return {"thinkingLevel": levels[options.effort]}
    if options.budget_tokens is not None:
        return {"thinkingBudget": options.budget_tokens}
    return {"thinkingBudget": -1} if options.adaptive else {}


def _budget(options: ReasoningOptions, model: str) -> dict[str, Any]:
    if options.effort == "none":
        # Pro cannot stop thinking; this is the least that it takes.
        return {"thinkingBudget": 128 if "-pro" in model else 0}
    budget = options.budget_tokens
    if budget is None:
        budget = _BUDGETS.get(options.effort or "")
    if budget is None:
        return {"thinkingBudget": -1} if options.adaptive else {}
    least, most = _bounds(model)
    return {"thinkingBudget": min(max(budget, least), most)}


def _bounds(model: str) -> tuple[int, int]:
    """What a 2.5 model takes as a budget: outside of it, it refuses the request."""
    if "-pro" in model:
        return 128, 32768
    return (512, 24576) if "-lite" in model else (1, 24576)


def _is_visible(options: ReasoningOptions) -> bool:
    if options.visible is not None:
        return options.visible
    return options.summary is not None or options.effort not in (None, "none")
