"""A selector as a tree: arms that are tried in order, and the candidates in them. Pure.

    Selector    arms, and what holds for the whole call
    Single      an arm of one candidate
    Weighted    an arm that is drawn from by weight         a^b
    Race        an arm whose candidates run side by side    a!b
    Leaf        one candidate as written

`grammar` makes trees from text, `render` text from trees. A tree can be stored with msgspec.
"""

from collections.abc import Callable, Iterator
from enum import StrEnum
from urllib.parse import urlencode

import msgspec
from msgspec import Struct


class Affinity(StrEnum):
    """Whose calls stay with the instance that answered them last."""

    SESSION = "session"
    CLIENT = "client"


class Leaf(Struct, frozen=True, kw_only=True):
    """One candidate as written."""

    instance: str = ""
    """Empty for a model alone."""
    model: str
    parameters: tuple[tuple[str, str], ...] = ()
    """Names and values of the query, decoded; sorted by name, the values of a name as written."""
    ttft_timeout_s: int | None = None
    min_context: int | None = None
    """Only a request of more tokens may come here."""
    max_context: int | None = None
    """Only a request of at most so many tokens may come here."""

    @property
    def key(self) -> str:
        """What a candidate is known by: leaves that differ in annotations alone share it."""
        name = f"{self.instance}:{self.model}"
        return f"{name}?{urlencode(self.parameters)}" if self.parameters else name


class Branch(Struct, frozen=True):
    """A candidate of a weighted arm."""

    leaf: Leaf
    weight: int = 1
    first: bool = False
    """Whether it takes a session's first draw."""


class Leg(Struct, frozen=True):
    """A candidate of a race."""

    leaf: Leaf
    handicap_s: int = 0
    """How much earlier than a leg without a handicap it starts."""


class Single(Struct, frozen=True, tag="single"):
    """An arm of one candidate."""

    leaf: Leaf


class Weighted(Struct, frozen=True, tag="weighted"):
    """An arm that one candidate is drawn from, by weight."""

    branches: tuple[Branch, ...]


class Race(Struct, frozen=True, tag="race"):
    """An arm whose candidates run side by side until one gives output."""

    legs: tuple[Leg, ...]


Arm = Single | Weighted | Race


class Selector(Struct, frozen=True):
    """Arms that are tried in order."""

    arms: tuple[Arm, ...]
    ttft_timeout_s: int | None = None
    """For the first output of the call, whatever is tried for it."""
    affinity: Affinity | None = None


def leaves_of(arm: Arm) -> tuple[Leaf, ...]:
    """List an arm's candidates as written."""
    match arm:
        case Single(leaf):
            return (leaf,)
        case Weighted(branches):
            return tuple(branch.leaf for branch in branches)
        case Race(legs):
            return tuple(leg.leaf for leg in legs)


def leaves(selector: Selector) -> Iterator[Leaf]:
    """Walk all candidates of a selector as written."""
    return (leaf for arm in selector.arms for leaf in leaves_of(arm))


def map_leaves(selector: Selector, change: Callable[[Leaf], Leaf]) -> Selector:
    """Change every candidate, as by giving an instance to those that name none."""
    return msgspec.structs.replace(
        selector, arms=tuple(_map_arm(arm, change) for arm in selector.arms)
    )


def _map_arm(arm: Arm, change: Callable[[Leaf], Leaf]) -> Arm:
    match arm:
        case Single(leaf):
            return Single(change(leaf))
        case Weighted(branches):
            return Weighted(tuple(Branch(change(b.leaf), b.weight, b.first) for b in branches))
        case Race(legs):
            return Race(tuple(Leg(change(leg.leaf), leg.handicap_s) for leg in legs))
