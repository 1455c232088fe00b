"""Decides how a request thinks: what its model takes, and what goes with what.

Owns the table of models. A model that is not in it is taken for one with thinking budgets.

Sources:
    https://platform.claude.com/docs/en/build-with-claude/extended-thinking
    https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking
    https://platform.claude.com/docs/en/build-with-claude/effort
    https://platform.claude.com/docs/en/about-claude/models/overview
"""

import re
from enum import StrEnum
from typing import Any

from msgspec import Struct

from gateway.canonical.content import Reasoning
from gateway.canonical.request import (
    Choice,
    Dialect,
    Message,
    ReasoningOptions,
    Request,
    Role,
)

_MIN_BUDGET = 1024
_DEFAULT_EFFORT = "medium"

# Numbers that other clients use too, so that an effort means the same through them.
_BUDGETS = {
    "minimal": 1024,
    "low": 1024,
    "medium": 4096,
    "high": 16384,
    "xhigh": 20000,
    "max": 20000,
}
_EFFORTS = {effort: effort for effort in _BUDGETS} | {"minimal": "low"}
_EFFORT_OF_BUDGET = ((2048, "low"), (8192, "medium"))
"""Up to so many tokens, for models without budgets; above it is `high`."""


class SamplingRule(StrEnum):
    """Which of temperature, top_p and top_k a model takes."""

    ALL = "all"
    NO_PAIR = "no_pair"
    """temperature or top_p, not both."""
    NONE = "none"


class Profile(Struct, frozen=True, kw_only=True):
    """What a family of models takes; the defaults are those of the middle ones."""

    thinks: bool = True
    budgets: bool = True
    """Whether it takes `enabled` with a budget."""
    adaptive: bool = False
    """Whether it takes `adaptive` and an effort."""
    xhigh: bool = False
    """Whether it knows the effort `xhigh`."""
    sampling: SamplingRule = SamplingRule.ALL
    answer_tokens: int = 8192
    """`max_tokens` is required. Who did not say gets an answer of this length, which every model
    allows and which is longer than nearly all; thinking comes on top."""
    most_tokens: int = 64000
    """The most that `max_tokens` may be where it is ours to choose."""


_PROFILES = (
    (
        re.compile(r"(?:opus|sonnet|haiku|fable|mythos)-(?:[5-9]\b|4[-.][7-9]\b|preview)"),
        Profile(budgets=False, adaptive=True, xhigh=True, sampling=SamplingRule.NONE),
    ),
    (
        re.compile(r"(?:opus|sonnet|haiku)-4[-.]6\b"),
        Profile(adaptive=True, sampling=SamplingRule.NO_PAIR),
    ),
    (re.compile(r"opus-4[-.]1\b"), Profile(sampling=SamplingRule.NO_PAIR, most_tokens=32000)),
    (re.compile(r"opus-4[-.](?:0|2025)"), Profile(most_tokens=32000)),
    (re.compile(r"(?:opus|sonnet|haiku)-4[-.]5\b"), Profile(sampling=SamplingRule.NO_PAIR)),
    (re.compile(r"claude-3[-.]5"), Profile(thinks=False)),
    (
        re.compile(r"claude-(?:instant|v?[12]|3-(?:opus|sonnet|haiku))"),
        Profile(thinks=False, answer_tokens=4096),
    ),
)
_UNKNOWN = Profile()


def profile_of(model: str) -> Profile:
    """Find what a model takes by its id, which may have a provider's words around it."""
    return next((profile for name, profile in _PROFILES if name.search(model)), _UNKNOWN)


class Plan(Struct, frozen=True):
    """What a request says about thinking, with the bound that it must stay under."""

    max_tokens: int
    thinking: dict[str, Any] | None = None
    effort: str | None = None

    @property
    def thinks(self) -> bool:
        """Whether thinking was asked for."""
        return self.thinking is not None and self.thinking["type"] != "disabled"


def plan(request: Request, profile: Profile) -> Plan:
    """Decide how a request thinks.

    A forced tool call goes before thinking: the API refuses both together, and thinking changes
    how good an answer is where the tool changes what it is.
    """
    options = request.reasoning
    if options is None or not profile.thinks:
        return Plan(_max_tokens(request, profile))
    if options.effort == "none" or options.budget_tokens == 0:
        return Plan(_max_tokens(request, profile), {"type": "disabled"})
    if not _wanted(options):
        return Plan(_max_tokens(request, profile))
    if profile.adaptive and (options.budget_tokens is None or not profile.budgets):
        return _adaptive(request, options, profile=profile)
    return _budget(request, options, profile=profile)


def _wanted(options: ReasoningOptions) -> bool:
    """Whether any option asks for thinking; who wants to see it wants it."""
    return bool(
        options.effort
        or options.budget_tokens is not None
        or options.adaptive
        or options.visible
        or options.summary
    )


def _adaptive(request: Request, options: ReasoningOptions, *, profile: Profile) -> Plan:
    effort = _effort(options, profile)
    # Without a word about it, these models think with high effort.
    allowance = _BUDGETS[effort or "high"]
    max_tokens = _max_tokens(request, profile, thinking=allowance)
    if _forces_tool(request):
        return Plan(max_tokens, None, effort)
    return Plan(max_tokens, {"type": "adaptive", **_display(options, profile)}, effort)


def _budget(request: Request, options: ReasoningOptions, *, profile: Profile) -> Plan:
    budget = options.budget_tokens or _BUDGETS.get(options.effort or "", _BUDGETS[_DEFAULT_EFFORT])
    max_tokens = _max_tokens(request, profile, thinking=max(budget, _MIN_BUDGET))
    # The budget has to be below max_tokens, and what the client bounded stays bounded.
    budget = min(max(budget, _MIN_BUDGET), max_tokens - 1)
    if budget < _MIN_BUDGET or _forces_tool(request) or _lacks_thinking(request.messages):
        return Plan(_max_tokens(request, profile))
    effort = _effort(options, profile) if profile.adaptive and options.effort else None
    thinking = {"type": "enabled", "budget_tokens": budget, **_display(options, profile)}
    return Plan(max_tokens, thinking, effort)


def _max_tokens(request: Request, profile: Profile, *, thinking: int = 0) -> int:
    if request.max_output_tokens is not None:
        return request.max_output_tokens
    return min(profile.answer_tokens + thinking, profile.most_tokens)


def _effort(options: ReasoningOptions, profile: Profile) -> str | None:
    if options.effort is None and options.budget_tokens is not None:
        budget = options.budget_tokens
        return next((name for most, name in _EFFORT_OF_BUDGET if budget <= most), "high")
    effort = _EFFORTS.get(options.effort or "")
    # Downwards, as nobody asked to pay for more.
    return "high" if effort == "xhigh" and not profile.xhigh else effort


def _display(options: ReasoningOptions, profile: Profile) -> dict[str, str]:
    if options.visible is False:
        return {"display": "omitted"}
    # Models with budgets show a summary anyway, and older upstreams do not know the field.
    if (options.visible or options.summary) and profile.adaptive:
        return {"display": "summarized"}
    return {}


def _forces_tool(request: Request) -> bool:
    choice = request.tool_choice
    return bool(request.tools and choice and choice.mode in (Choice.REQUIRED, Choice.NAMED))


def _lacks_thinking(messages: tuple[Message, ...]) -> bool:
    """Whether the turn that the model is to go on with does not begin with its own thinking.

    With a budget, the API demands that a turn which called tools, or was begun by the client,
    begins with a signed thinking block. A turn of another dialect's model has none.
    """
    since: set[Role] = set()
    for message in reversed(messages):
        if message.role is Role.ASSISTANT:
            return (not since or Role.TOOL in since) and not _begins_with_thinking(message)
        if message.role is not Role.SYSTEM:
            since.add(message.role)
    return False


def _begins_with_thinking(message: Message) -> bool:
    first = message.parts[0] if message.parts else None
    return (
        isinstance(first, Reasoning)
        and first.signature is not None
        and first.signature.origin == Dialect.ANTHROPIC_MESSAGES
    )
