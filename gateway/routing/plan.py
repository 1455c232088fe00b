"""What to try next: a tree and what is known now -> one candidate, a race, or nothing. Pure.

A plan is made anew before every attempt. Arms are taken from left to right; the first that has a
candidate that may be tried is tried: of a weighted arm one candidate by weight, so that the others
come before the next arm; of a race all. Neither a clock nor a source of chance is in here.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from enum import StrEnum

from msgspec import Struct

from gateway.routing.tree import (
    Arm,
    Branch,
    Leaf,
    Leg,
    Race,
    Selector,
    Single,
    Weighted,
    leaves,
    leaves_of,
)

BYTES_PER_TOKEN = 4


class Reason(StrEnum):
    """Why a candidate is not tried."""

    TRIED = "tried"
    UNKNOWN_INSTANCE = "unknown_instance"
    CAPABILITY = "capability"
    COOLING = "cooling"
    DEAD = "dead"
    CIRCUIT_OPEN = "circuit_open"
    CONTEXT = "context"
    ATTEMPTS = "attempts"


class Bar(Struct, frozen=True):
    """What keeps a candidate from being tried."""

    reason: Reason
    detail: str
    """For people: until when, which capability."""


class Facts(Struct, frozen=True, kw_only=True):
    """What is known when a plan is made; candidates are named by `Leaf.key`."""

    attempts_left: int
    tried: Collection[str] = frozenset()
    """Candidates that this call has tried without an answer."""
    barred: Mapping[str, Bar] = {}
    """Candidates that may not be tried now, by their health, keys or capabilities."""
    request_tokens: int | None = None
    """None = not known: bounds on the context then hold nobody back."""
    first_used: bool = False
    """Whether the session has had its `[first]`."""
    bound_instance: str | None = None
    """The instance that the call's session or client stays with."""


class Skipped(Struct, frozen=True):
    """A candidate that is not tried, and why."""

    key: str
    bar: Bar


class ChosenBy(StrEnum):
    """Why a candidate is the one to try."""

    ORDER = "order"
    WEIGHT = "weight"
    FIRST = "first"
    AFFINITY = "affinity"


class Try(Struct, frozen=True):
    """Try one candidate."""

    leaf: Leaf
    arm: int
    """Its place among the selector's arms, from 0."""
    chosen_by: ChosenBy


class Start(Struct, frozen=True):
    """One candidate of a race."""

    leaf: Leaf
    delay_s: int
    """After the beginning of the race; when a candidate with a handicap fails, at once."""
    has_handicap: bool


class Run(Struct, frozen=True):
    """Let candidates race; the first to start comes first, and starts at once."""

    starts: tuple[Start, ...]
    arm: int


class Plan(Struct, frozen=True, kw_only=True):
    """What to try next, and what was passed over on the way to it."""

    step: Try | Run | None
    """None when nothing may be tried; `skipped` then has every candidate."""
    skipped: tuple[Skipped, ...] = ()
    """Each key once, in the order of the selector."""
    unbind: bool = False
    """Whether the bound instance has no candidate left: the binding no longer holds."""


class Verdict(Struct, frozen=True):
    """What is known of one candidate of a selector."""

    leaf: Leaf
    arm: int
    bar: Bar | None


def plan(selector: Selector, facts: Facts, *, roll: Callable[[int], int]) -> Plan:
    """Choose what to try next.

    Args:
        selector: every leaf names its instance.
        roll: gives a number from 0 to one less than it is given, each as likely as the others, as
            `random.Random.randrange` does. It is asked only where there is something to draw.
    """
    if bound := _bound(selector, facts):
        return bound
    unbind = facts.bound_instance is not None and selector.affinity is not None
    skipped: dict[str, Bar] = {}
    for index, arm in enumerate(selector.arms):
        for leaf in leaves_of(arm):
            if bar := judge(leaf, facts):
                skipped.setdefault(leaf.key, bar)
        step = _step(arm, facts, index=index, roll=roll)
        if isinstance(step, Run):
            for start in step.starts[facts.attempts_left :]:
                skipped.setdefault(start.leaf.key, _NO_ATTEMPT_LEFT)
            step = Run(step.starts[: facts.attempts_left], step.arm)
        if step:
            return Plan(step=step, skipped=_listed(skipped), unbind=unbind)
    return Plan(step=None, skipped=_listed(skipped), unbind=unbind)


def survey(selector: Selector, facts: Facts) -> tuple[Verdict, ...]:
    """Judge every candidate in the order of the selector, without choosing one."""
    return tuple(
        Verdict(leaf, index, judge(leaf, facts))
        for index, arm in enumerate(selector.arms)
        for leaf in leaves_of(arm)
    )


def judge(leaf: Leaf, facts: Facts) -> Bar | None:
    """Say why a candidate may not be tried; None when it may."""
    if leaf.key in facts.tried:
        return Bar(Reason.TRIED, "this call has tried it")
    if bar := facts.barred.get(leaf.key):
        return bar
    if bar := _context_bar(leaf, facts.request_tokens):
        return bar
    return None if facts.attempts_left > 0 else _NO_ATTEMPT_LEFT


def needs_request_tokens(selector: Selector) -> bool:
    """Whether a plan depends on how long the request is."""
    return any(leaf.min_context or leaf.max_context for leaf in leaves(selector))


def estimate_tokens(size_bytes: int) -> int:
    """Estimate how many tokens a request is from the size of its body."""
    return -(-size_bytes // BYTES_PER_TOKEN)


_NO_ATTEMPT_LEFT = Bar(Reason.ATTEMPTS, "the call's attempts are used up")


def _listed(skipped: Mapping[str, Bar]) -> tuple[Skipped, ...]:
    return tuple(Skipped(key, bar) for key, bar in skipped.items())


def _context_bar(leaf: Leaf, tokens: int | None) -> Bar | None:
    if tokens is None:
        return None
    if leaf.max_context is not None and tokens > leaf.max_context:
        detail = f"the request has about {tokens} tokens, max_context is {leaf.max_context}"
        return Bar(Reason.CONTEXT, detail)
    if leaf.min_context is not None and tokens <= leaf.min_context:
        detail = f"the request has about {tokens} tokens, min_context is {leaf.min_context}"
        return Bar(Reason.CONTEXT, detail)
    return None


def _bound(selector: Selector, facts: Facts) -> Plan | None:
    """Take the bound instance's first candidate, ahead of everything else."""
    if selector.affinity is None or facts.bound_instance is None:
        return None
    skipped: dict[str, Bar] = {}
    for verdict in survey(selector, facts):
        if verdict.leaf.instance != facts.bound_instance:
            continue
        if verdict.bar is None:
            step = Try(verdict.leaf, verdict.arm, ChosenBy.AFFINITY)
            return Plan(step=step, skipped=_listed(skipped))
        skipped.setdefault(verdict.leaf.key, verdict.bar)
    return None


def _step(arm: Arm, facts: Facts, *, index: int, roll: Callable[[int], int]) -> Try | Run | None:
    """Choose within an arm; None when nothing of it may be tried."""
    match arm:
        case Single(leaf):
            return None if judge(leaf, facts) else Try(leaf, index, ChosenBy.ORDER)
        case Weighted(branches):
            left = [branch for branch in branches if not judge(branch.leaf, facts)]
            if not left:
                return None
            branch, chosen_by = _draw(left, facts, roll=roll)
            return Try(branch.leaf, index, chosen_by)
        case Race(legs):
            starts = tuple(_starts([leg for leg in legs if not judge(leg.leaf, facts)]))
            return Run(starts, index) if starts else None


def _draw(
    branches: list[Branch], facts: Facts, *, roll: Callable[[int], int]
) -> tuple[Branch, ChosenBy]:
    for branch in branches:
        if branch.first and not facts.first_used:
            return branch, ChosenBy.FIRST
    if len(branches) == 1:
        return branches[0], ChosenBy.WEIGHT
    drawn = roll(sum(branch.weight for branch in branches))
    for branch in branches:
        drawn -= branch.weight
        if drawn < 0:
            return branch, ChosenBy.WEIGHT
    raise ValueError("the roll is over its bound")


def _starts(legs: list[Leg]) -> Iterator[Start]:
    """Order a race: the higher a leg's handicap, the earlier it starts."""
    most = max((leg.handicap_s for leg in legs), default=0)
    for leg in sorted(legs, key=lambda leg: -leg.handicap_s):
        yield Start(leg.leaf, delay_s=most - leg.handicap_s, has_handicap=leg.handicap_s > 0)
