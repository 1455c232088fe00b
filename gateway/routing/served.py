"""What of the selector grammar calls are routed by today, and the order in which arms are tried.

Owns the refusal of the rest: a selector that would be half obeyed is not obeyed at all.
"""

from collections.abc import Callable, Iterator

from gateway.canonical.errors import Failure, GatewayError, Kind
from gateway.routing.tree import Arm, Branch, Leaf, Race, Selector, Single, Weighted, leaves

Roll = Callable[[int], int]
"""Gives a number from 0 to one less than it is given."""


def require_served(selector: Selector, *, param: str | None) -> None:
    """Refuse a selector that asks for something that calls are not routed by.

    Raises:
        GatewayError: 400, naming all of it.
    """
    if names := sorted(set(_unserved(selector))):
        raise GatewayError(
            Failure(
                kind=Kind.INVALID_REQUEST,
                message=f"the selector asks for what is not served: {', '.join(names)}; "
                "'|', '^' and [weight=] are",
                status=400,
                code="unsupported_selector",
                param=param,
            )
        )


def in_order(selector: Selector, *, roll: Roll) -> Iterator[Leaf]:
    """Give the candidates in the order in which they are tried; weighted ones are drawn.

    Args:
        selector: one that `require_served` let pass.
    """
    for arm in selector.arms:
        match arm:
            case Single(leaf):
                yield leaf
            case Weighted(branches):
                yield from _drawn(list(branches), roll)
            case Race():
                return


def _drawn(branches: list[Branch], roll: Roll) -> Iterator[Leaf]:
    """Draw all, one after the other, each by its weight among those that are left."""
    while branches:
        ticket = roll(sum(branch.weight for branch in branches))
        for index, branch in enumerate(branches):
            ticket -= branch.weight
            if ticket < 0:
                yield branches.pop(index).leaf
                break


def _unserved(selector: Selector) -> Iterator[str]:
    if selector.ttft_timeout_s is not None:
        yield "{ttft_timeout=}"
    if selector.affinity is not None:
        yield "{affinity=}"
    for arm in selector.arms:
        yield from _unserved_of(arm)
    for leaf in leaves(selector):
        if leaf.ttft_timeout_s is not None:
            yield "[ttft_timeout=]"
        if leaf.min_context is not None or leaf.max_context is not None:
            yield "[min_context=] and [max_context=]"
        if leaf.parameters:
            yield "?parameters"


def _unserved_of(arm: Arm) -> Iterator[str]:
    if isinstance(arm, Race):
        yield "'!'"
    if isinstance(arm, Weighted) and any(branch.first for branch in arm.branches):
        yield "[first]"
