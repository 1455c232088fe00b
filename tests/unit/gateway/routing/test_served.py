"""What of the grammar calls are routed by, and the order in which candidates are tried."""

from random import Random

import pytest

from gateway.canonical.errors import GatewayError
from gateway.routing.grammar import parse_selector
from gateway.routing.router import Router
from gateway.routing.served import in_order, require_served


def _order(selector: str, *rolls: int) -> list[str]:
    """The candidates in order; `rolls` are what is drawn, one after the other."""
    drawn = iter(rolls)
    return [leaf.key for leaf in in_order(parse_selector(selector), roll=lambda _: next(drawn))]


def test_arms_are_tried_from_left_to_right() -> None:
    assert _order("a:m|b:m|c:m") == ["a:m", "b:m", "c:m"]


@pytest.mark.parametrize(
    ("roll", "first"), [(0, "a:m"), (1, "b:m"), (3, "b:m"), (4, "c:m")], ids=str
)
def test_a_draw_gives_each_its_weight(roll: int, first: str) -> None:
    assert _order("a:m^[weight=3]b:m^c:m", roll, 0, 0)[0] == first


def test_those_that_were_not_drawn_follow_before_the_next_arm() -> None:
    assert _order("a:m^b:m|c:m", 1, 0) == ["b:m", "a:m", "c:m"]


def test_weights_hold_over_many_draws() -> None:
    random = Random(7)
    selector = parse_selector("[weight=3]a:m^b:m")
    firsts = [next(in_order(selector, roll=random.randrange)).key for _ in range(4000)]
    assert 2850 < firsts.count("a:m") < 3150


@pytest.mark.parametrize(
    ("selector", "name"),
    [
        ("a:m!b:m", "'!'"),
        ("[first]a:m^b:m", "[first]"),
        ("{ttft_timeout=5}a:m", "{ttft_timeout=}"),
        ("{affinity=session}a:m", "{affinity=}"),
        ("[ttft_timeout=5]a:m", "[ttft_timeout=]"),
        ("[max_context=1k]a:m", "[max_context=]"),
        ("a:m?temperature=0", "?parameters"),
    ],
)
def test_what_is_not_served_is_refused_by_name(selector: str, name: str) -> None:
    with pytest.raises(GatewayError) as caught:
        require_served(parse_selector(selector), param="model")
    assert name in caught.value.failure.message
    assert (caught.value.failure.status, caught.value.failure.param) == (400, "model")


def test_a_model_with_weights_is_a_selector() -> None:
    router = Router({"a": ["m"], "b": ["m"]}, None, roll=lambda _: 0)
    route = router.resolve("[weight=2]b:m^a:m")
    assert [str(candidate) for candidate in route.candidates] == ["b:m", "a:m"]


def test_a_default_route_that_asks_for_more_stops_the_start() -> None:
    with pytest.raises(GatewayError):
        Router({"a": ["m"], "b": ["m"]}, "a:m!b:m")
