"""Writes a tree as text, in one form for all that mean the same. Pure.

Reading what was written gives the same tree again.
"""

from collections.abc import Mapping
from urllib.parse import urlencode

from gateway.routing.tree import Arm, Branch, Leaf, Leg, Race, Selector, Single, Weighted


def render_selector(selector: Selector) -> str:
    """Write a selector without white space, without what is so by default, entries in order."""
    settings = {
        "ttft_timeout": selector.ttft_timeout_s,
        "affinity": selector.affinity.value if selector.affinity else None,
    }
    arms = "|".join(_arm(arm) for arm in selector.arms)
    written = _entries(settings)
    return f"{{{written}}}{arms}" if written else arms


def _arm(arm: Arm) -> str:
    match arm:
        case Single(leaf):
            return _leaf(leaf)
        case Weighted((branch,)) if not branch.first:
            return _leaf(branch.leaf, f"weight={branch.weight}")
        case Weighted(branches):
            return "^".join(_branch(branch) for branch in branches)
        case Race(legs):
            return "!".join(_leg(leg) for leg in legs)


def _branch(branch: Branch) -> str:
    weight = f"weight={branch.weight}" if branch.weight != 1 else ""
    first = "first" if branch.first else ""
    return _leaf(branch.leaf, weight, first)


def _leg(leg: Leg) -> str:
    return _leaf(leg.leaf, f"handicap={leg.handicap_s}" if leg.handicap_s else "")


def _leaf(leaf: Leaf, *annotations: str) -> str:
    limits = {
        "ttft_timeout": leaf.ttft_timeout_s,
        "min_context": leaf.min_context,
        "max_context": leaf.max_context,
    }
    written = ",".join(filter(None, (*annotations, _entries(limits))))
    query = f"?{urlencode(leaf.parameters)}" if leaf.parameters else ""
    return f"{f'[{written}]' if written else ''}{_path(leaf)}{query}"


def _path(leaf: Leaf) -> str:
    """Write a model alone with a `:` before it where it would be read as something else."""
    plain = not leaf.instance and ":" not in leaf.model and not leaf.model.startswith(("[", "{"))
    return leaf.model if plain else f"{leaf.instance}:{leaf.model}"


def _entries(values: Mapping[str, object]) -> str:
    return ",".join(f"{name}={value}" for name, value in values.items() if value is not None)
