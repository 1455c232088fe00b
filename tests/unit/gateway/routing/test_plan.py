"""What is tried next: laws of the plan, without a clock and with a scripted roll."""

import random
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.routing.grammar import parse_selector
from gateway.routing.plan import (
    Bar,
    ChosenBy,
    Facts,
    Plan,
    Reason,
    Run,
    Try,
    estimate_tokens,
    needs_request_tokens,
    plan,
    survey,
)

COOLING = Bar(Reason.COOLING, "until 12:00:07")


def _never(bound: int) -> int:
    raise AssertionError(f"a roll of {bound} where there is nothing to draw")


def _plan(text: str, *, roll: Callable[[int], int] = _never, **facts: object) -> Plan:
    given_facts = Facts(**{"attempts_left": 3, **facts})  # type: ignore[arg-type]
    return plan(parse_selector(text), given_facts, roll=roll)


def _chosen(found: Plan) -> str:
    """The keys that are tried: one, or those of a race in their order."""
    match found.step:
        case Try(leaf):
            return leaf.key
        case Run(starts):
            return " ".join(start.leaf.key for start in starts)
        case None:
            return ""


def _skipped(found: Plan) -> list[tuple[str, Reason]]:
    return [(skipped.key, skipped.bar.reason) for skipped in found.skipped]


@pytest.mark.parametrize(
    ("text", "tried", "chosen"),
    [
        pytest.param("a:m|b:m|c:m", [], "a:m", id="first-arm"),
        pytest.param("a:m|b:m|c:m", ["a:m"], "b:m", id="second-arm"),
        pytest.param("a:m|b:m|c:m", ["b:m"], "a:m", id="later-arm-was-tried"),
        pytest.param("a:m|b:m", ["a:m", "b:m"], "", id="none-left"),
        pytest.param("a:m|a:m", ["a:m"], "", id="the-same-candidate-twice"),
        pytest.param("[ttft_timeout=3]a:m|a:m", ["a:m"], "", id="annotations-make-no-other"),
        pytest.param("a:m?x=1|a:m?x=2", ["a:m?x=1"], "a:m?x=2", id="a-query-makes-another"),
        pytest.param("a:m^b:m|c:m", ["a:m"], "b:m", id="the-other-branch-before-the-next-arm"),
        pytest.param("a:m^b:m|c:m", ["a:m", "b:m"], "c:m", id="no-branch-left"),
        pytest.param("a:m!b:m|c:m", [], "a:m b:m", id="all-legs"),
        pytest.param("a:m!b:m|c:m", ["a:m"], "b:m", id="the-legs-that-are-left"),
        pytest.param("a:m!b:m|c:m", ["a:m", "b:m"], "c:m", id="no-leg-left"),
        pytest.param("a:m!a:m", [], "a:m a:m", id="a-candidate-may-race-itself"),
    ],
)
def test_the_first_arm_with_a_candidate_left_is_tried(
    text: str, tried: list[str], chosen: str
) -> None:
    assert _chosen(_plan(text, tried=tried)) == chosen


@given(weights=st.lists(st.integers(1, 6), min_size=2, max_size=5))
def test_a_branch_is_drawn_by_as_many_rolls_as_it_weighs(weights: list[int]) -> None:
    names = [f"i{place}:m" for place in range(len(weights))]
    arm = "^".join(f"[weight={w}]{n}" for n, w in zip(names, weights, strict=True))
    drawn = Counter(
        _chosen(_plan(arm, roll=lambda bound, at=at: at))  # type: ignore[misc]
        for at in range(sum(weights))
    )
    assert drawn == dict(zip(names, weights, strict=True))


def test_a_roll_is_over_the_weights_of_what_may_be_tried() -> None:
    bounds = []

    def roll(bound: int) -> int:
        bounds.append(bound)
        return 0

    _plan("[weight=5]a:m^[weight=2]b:m^c:m", roll=roll, tried=["a:m"])
    assert bounds == [3]


def test_draws_of_many_seeds_follow_the_weights() -> None:
    draws = Counter(
        _chosen(_plan("[weight=3]a:m^b:m", roll=random.Random(seed).randrange))
        for seed in range(2_000)
    )
    assert draws["a:m"] == pytest.approx(1_500, abs=120)


def test_a_roll_over_its_bound_is_a_fault() -> None:
    with pytest.raises(ValueError, match="over its bound"):
        _plan("a:m^b:m", roll=lambda bound: bound)


@pytest.mark.parametrize(
    ("text", "facts", "chosen", "chosen_by"),
    [
        pytest.param("a:m|b:m", {}, "a:m", ChosenBy.ORDER, id="order"),
        pytest.param("[weight=2]a:m", {}, "a:m", ChosenBy.WEIGHT, id="one-branch"),
        pytest.param("a:m^[first]b:m", {}, "b:m", ChosenBy.FIRST, id="first"),
        pytest.param(
            "a:m^[first]b:m", {"first_used": True}, "a:m", ChosenBy.WEIGHT, id="first-is-used"
        ),
        pytest.param(
            "a:m^[first]b:m", {"tried": ["b:m"]}, "a:m", ChosenBy.WEIGHT, id="first-was-tried"
        ),
        pytest.param(
            "a:m|[first]b:m^c:m", {"tried": ["a:m"]}, "b:m", ChosenBy.FIRST, id="first-of-a-later"
        ),
        pytest.param(
            "{affinity=client}a:m|b:m",
            {"bound_instance": "b"},
            "b:m",
            ChosenBy.AFFINITY,
            id="affinity",
        ),
        pytest.param(
            "{affinity=client}[first]a:m^b:m",
            {"bound_instance": "b"},
            "b:m",
            ChosenBy.AFFINITY,
            id="affinity-before-first",
        ),
        pytest.param(
            "{affinity=client}a:m!b:m",
            {"bound_instance": "b"},
            "b:m",
            ChosenBy.AFFINITY,
            id="affinity-races-nobody",
        ),
        pytest.param(
            "a:m|b:m", {"bound_instance": "b"}, "a:m", ChosenBy.ORDER, id="affinity-not-asked-for"
        ),
    ],
)
def test_a_candidate_is_chosen_for_a_reason(
    text: str, facts: dict[str, object], chosen: str, chosen_by: ChosenBy
) -> None:
    step = _plan(text, roll=lambda bound: 0, **facts).step
    assert isinstance(step, Try)
    assert (step.leaf.key, step.chosen_by) == (chosen, chosen_by)


@pytest.mark.parametrize(
    ("facts", "unbind"),
    [
        pytest.param({}, False, id="not-bound"),
        pytest.param({"bound_instance": "b"}, False, id="bound"),
        pytest.param({"bound_instance": "b", "barred": {"b:m": COOLING}}, True, id="barred"),
        pytest.param({"bound_instance": "b", "tried": ["b:m"]}, True, id="tried"),
        pytest.param({"bound_instance": "z"}, True, id="not-in-the-selector"),
    ],
)
def test_a_binding_holds_while_its_instance_has_a_candidate(
    facts: dict[str, object], unbind: bool
) -> None:
    assert _plan("{affinity=session}a:m|b:m", **facts).unbind is unbind


def test_a_binding_that_no_longer_holds_leaves_the_order() -> None:
    found = _plan("{affinity=session}a:m|b:m", bound_instance="b", tried=["b:m"])
    assert _chosen(found) == "a:m"


def test_the_bound_instance_answers_with_its_first_candidate_that_may_be_tried() -> None:
    found = _plan("{affinity=session}a:m|b:m|b:n", bound_instance="b", barred={"b:m": COOLING})
    assert (_chosen(found), _skipped(found)) == ("b:n", [("b:m", Reason.COOLING)])


@pytest.mark.parametrize(
    ("text", "tokens", "chosen"),
    [
        pytest.param("[max_context=100]a:m|b:m", 100, "a:m", id="as-much-as-may-be"),
        pytest.param("[max_context=100]a:m|b:m", 101, "b:m", id="too-much"),
        pytest.param("[min_context=100]a:m|b:m", 101, "a:m", id="more-than-must-be"),
        pytest.param("[min_context=100]a:m|b:m", 100, "b:m", id="not-more"),
        pytest.param("[min_context=9,max_context=10]a:m|b:m", 10, "a:m", id="between"),
        pytest.param("[max_context=100]a:m|b:m", None, "a:m", id="not-known-and-a-maximum"),
        pytest.param("[min_context=100]a:m|b:m", None, "a:m", id="not-known-and-a-minimum"),
        pytest.param("[max_context=9]a:m^[min_context=9]b:m", 9, "a:m", id="short-branch"),
        pytest.param("[max_context=9]a:m^[min_context=9]b:m", 10, "b:m", id="long-branch"),
        pytest.param("[max_context=9]a:m!b:m!c:m", 10, "b:m c:m", id="legs"),
    ],
)
def test_a_bound_on_the_context_holds_back_who_cannot_take_it(
    text: str, tokens: int | None, chosen: str
) -> None:
    assert _chosen(_plan(text, request_tokens=tokens)) == chosen


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        pytest.param("[max_context=9]a:m|b:m", "max_context is 9", id="maximum"),
        pytest.param("[min_context=20]a:m|b:m", "min_context is 20", id="minimum"),
    ],
)
def test_who_is_held_back_by_the_context_says_by_which_number(text: str, detail: str) -> None:
    (skipped,) = _plan(text, request_tokens=12).skipped
    assert skipped.bar == Bar(Reason.CONTEXT, f"the request has about 12 tokens, {detail}")


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        pytest.param("a:m|b:m^c:m", False, id="no-bound"),
        pytest.param("a:m|[max_context=1]b:m^c:m", True, id="maximum"),
        pytest.param("a:m![min_context=1]b:m", True, id="minimum"),
    ],
)
def test_the_length_of_a_request_is_needed_where_there_is_a_bound(text: str, needed: bool) -> None:
    assert needs_request_tokens(parse_selector(text)) is needed


@pytest.mark.parametrize(("size_bytes", "tokens"), [(0, 0), (1, 1), (4, 1), (5, 2), (4000, 1000)])
def test_four_bytes_are_about_a_token(size_bytes: int, tokens: int) -> None:
    assert estimate_tokens(size_bytes) == tokens


@pytest.mark.parametrize(
    ("text", "delays"),
    [
        pytest.param("a:m!b:m", [("a:m", 0), ("b:m", 0)], id="no-handicap"),
        pytest.param(
            "a:m![handicap=5]b:m![handicap=10]c:m",
            [("c:m", 0), ("b:m", 5), ("a:m", 10)],
            id="the-higher-the-earlier",
        ),
        pytest.param(
            "[handicap=3]a:m![handicap=3]b:m!c:m",
            [("a:m", 0), ("b:m", 0), ("c:m", 3)],
            id="equals-as-written",
        ),
        pytest.param("[handicap=3]a:m![handicap=3]b:m", [("a:m", 0), ("b:m", 0)], id="all-equal"),
    ],
)
def test_a_handicap_is_a_head_start(text: str, delays: list[tuple[str, int]]) -> None:
    step = _plan(text).step
    assert isinstance(step, Run)
    assert [(start.leaf.key, start.delay_s) for start in step.starts] == delays


def test_a_race_starts_at_once_without_its_earliest() -> None:
    step = _plan("[handicap=9]a:m![handicap=4]b:m!c:m", tried=["a:m"]).step
    assert isinstance(step, Run)
    assert [start.delay_s for start in step.starts] == [0, 4]


def test_a_race_says_who_has_a_handicap() -> None:
    step = _plan("a:m![handicap=1]b:m").step
    assert isinstance(step, Run)
    assert [start.has_handicap for start in step.starts] == [True, False]


def test_attempts_go_to_those_of_a_race_who_start_first() -> None:
    found = _plan("a:m![handicap=4]b:m![handicap=2]c:m", attempts_left=2)
    assert (_chosen(found), _skipped(found)) == ("b:m c:m", [("a:m", Reason.ATTEMPTS)])


def test_the_last_attempt_is_made() -> None:
    assert _chosen(_plan("a:m|b:m", attempts_left=1)) == "a:m"


@pytest.mark.parametrize("text", ["a:m|b:m", "a:m^b:m", "a:m!b:m"])
def test_without_attempts_nothing_is_tried(text: str) -> None:
    found = _plan(text, attempts_left=0)
    assert (_chosen(found), _skipped(found)) == (
        "",
        [("a:m", Reason.ATTEMPTS), ("b:m", Reason.ATTEMPTS)],
    )


def test_who_is_barred_is_passed_over_with_the_reason() -> None:
    dead = Bar(Reason.DEAD, "all keys")
    found = _plan("a:m|b:m^c:m", barred={"a:m": COOLING, "b:m": dead})
    assert (_chosen(found), [s.bar for s in found.skipped]) == ("c:m", [COOLING, dead])


def test_what_comes_behind_the_choice_is_not_passed_over() -> None:
    found = _plan("a:m|b:m|c:m", barred={"a:m": COOLING, "c:m": COOLING})
    assert [skipped.key for skipped in found.skipped] == ["a:m"]


def test_a_candidate_is_passed_over_once() -> None:
    assert _skipped(_plan("a:m|a:m^b:m", tried=["a:m"])) == [("a:m", Reason.TRIED)]


def test_a_step_says_its_arm() -> None:
    step = _plan("a:m|b:m!c:m", tried=["a:m"]).step
    assert isinstance(step, Run)
    assert step.arm == 1


def test_a_survey_judges_every_candidate_in_order() -> None:
    facts = Facts(attempts_left=3, tried=["a:m"], barred={"c:m": COOLING}, request_tokens=7)
    verdicts = survey(parse_selector("a:m|b:m^c:m|[max_context=5]d:m!e:m"), facts)
    reasons = [(v.leaf.instance, v.arm, v.bar.reason if v.bar else None) for v in verdicts]
    assert reasons == [
        ("a", 0, Reason.TRIED),
        ("b", 1, None),
        ("c", 1, Reason.COOLING),
        ("d", 2, Reason.CONTEXT),
        ("e", 2, None),
    ]


SELECTORS = st.recursive(
    st.sampled_from(["a:m", "b:m", "[max_context=5]c:m", "[weight=3]d:m^e:m", "f:m!g:m"]),
    lambda arms: st.lists(arms, min_size=1, max_size=3).map("|".join),
    max_leaves=6,
)
KEYS = ["a:m", "b:m", "c:m", "d:m", "e:m", "f:m", "g:m"]


@given(
    text=SELECTORS,
    tried=st.sets(st.sampled_from(KEYS)),
    barred=st.sets(st.sampled_from(KEYS)),
    seed=st.integers(0, 2**32),
)
def test_nothing_is_chosen_that_may_not_be_tried(
    text: str, tried: set[str], barred: set[str], seed: int
) -> None:
    found = _plan(
        text,
        roll=random.Random(seed).randrange,
        tried=tried,
        barred=dict.fromkeys(barred, COOLING),
    )
    assert not set(_chosen(found).split()) & (tried | barred)


@given(text=SELECTORS, seed=st.integers(0, 2**32))
def test_planning_on_tries_every_candidate_once(text: str, seed: int) -> None:
    roll = random.Random(seed).randrange
    tried: list[str] = []
    while keys := _chosen(_plan(text, roll=roll, attempts_left=99, tried=tried)).split():
        tried += keys
    listed = [verdict.leaf.key for verdict in survey(parse_selector(text), Facts(attempts_left=1))]
    assert sorted(tried) == sorted(set(listed))
