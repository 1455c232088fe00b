"""What is written of a tree reads as that tree, and any text is read or refused in words."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.routing.annotations import MAX_NUMBER, MAX_TIMEOUT_S
from gateway.routing.grammar import MAX_RACE_LEGS, parse_selector
from gateway.routing.render import render_selector
from gateway.routing.selector_error import SelectorError
from gateway.routing.tree import (
    Affinity,
    Arm,
    Branch,
    Leaf,
    Leg,
    Race,
    Selector,
    Single,
    Weighted,
)

WRITTEN = [
    pytest.param(" a : m ", "a:m", id="no-white-space"),
    pytest.param(":m", "m", id="no-colon-without-need"),
    pytest.param(":a:b", ":a:b", id="colon-before-a-model-with-one"),
    pytest.param(":[weight=2]m", ":[weight=2]m", id="colon-before-brackets"),
    pytest.param(":{foo}", ":{foo}", id="colon-before-braces"),
    pytest.param(
        "{SESSION_STICKY, ttft_timeout=060}a:m",
        "{ttft_timeout=60,affinity=session}a:m",
        id="settings-in-one-order",
    ),
    pytest.param("[first=][WEIGHT=02]a:m^b:m", "[weight=2,first]a:m^b:m", id="one-block"),
    pytest.param("[weight=1]a:m^[weight=1]b:m", "a:m^b:m", id="no-weight-of-one"),
    pytest.param("[weight=1]a:m", "[weight=1]a:m", id="weight-of-one-alone"),
    pytest.param(
        "[max_context=1M,min_context=2k,ttft_timeout=3,handicap=4]a:m!b:m",
        "[handicap=4,ttft_timeout=3,min_context=2000,max_context=1000000]a:m!b:m",
        id="annotations-in-one-order",
    ),
    pytest.param("a:m?z=%7c&b=a%20b&c&", "a:m?b=a+b&c=&z=%7C", id="query"),
    pytest.param("a:m?", "a:m", id="no-empty-query"),
]

_CHARS = st.sampled_from("abm0/.-_ ${}[]^!é日'\"%&=;+,@")
_BOUND = st.none() | st.integers(1, MAX_NUMBER)


def _is_name(name: str) -> bool:
    """Whether a text may stand where a model does, wherever in a selector that is."""
    try:
        return parse_selector(f"a:{name}|b:m").arms[0] == Single(Leaf(instance="a", model=name))
    except SelectorError:
        return False


MODELS = st.builds(
    lambda name, rest: f"{name}{rest}",
    st.text(_CHARS, min_size=1, max_size=8),
    st.sampled_from(["", ":x", ":", "[x^y]", "{foo}", "${ttft_timeout}"]),
).filter(_is_name)
INSTANCES = st.text(st.sampled_from("abcé.-_"), min_size=1, max_size=4) | st.just("")
PARAMETERS = st.lists(
    st.tuples(st.text(max_size=4).filter(lambda name: name != "topP"), st.text(max_size=4)),
    max_size=3,
).map(lambda pairs: tuple(sorted(pairs, key=lambda pair: pair[0])))


@st.composite
def _leaves(draw: st.DrawFn) -> Leaf:
    low, high = draw(_BOUND), draw(_BOUND)
    if low is not None and high is not None:
        low, high = (min(low, high), max(low, high)) if low != high else (None, high)
    return Leaf(
        instance=draw(INSTANCES),
        model=draw(MODELS),
        parameters=draw(PARAMETERS),
        ttft_timeout_s=draw(st.none() | st.integers(1, MAX_TIMEOUT_S)),
        min_context=low,
        max_context=high,
    )


LEAVES = _leaves()


@st.composite
def _weighted(draw: st.DrawFn) -> Weighted:
    branches = draw(
        st.lists(st.builds(Branch, LEAVES, st.integers(1, MAX_NUMBER)), min_size=1, max_size=4)
    )
    if draw(st.booleans()):
        place = draw(st.integers(0, len(branches) - 1))
        branches[place] = Branch(branches[place].leaf, branches[place].weight, first=True)
    return Weighted(tuple(branches))


RACES = st.lists(
    st.builds(Leg, LEAVES, st.integers(0, MAX_TIMEOUT_S)), min_size=2, max_size=MAX_RACE_LEGS
).map(lambda legs: Race(tuple(legs)))
ARMS: st.SearchStrategy[Arm] = st.one_of(st.builds(Single, LEAVES), _weighted(), RACES)
TREES = st.builds(
    Selector,
    st.lists(ARMS, min_size=1, max_size=4).map(tuple),
    st.none() | st.integers(1, MAX_TIMEOUT_S),
    st.none() | st.sampled_from(Affinity),
)

WORDS = st.sampled_from(
    [*"|^![]{}?:=,;&%+ \t\n$", "a", "m", "a:m", "%41", "1", "20k"]
    + ["weight=2", "first", "handicap=1", "ttft_timeout=3", "min_context=1k", "max_context=2"]
    + ["affinity=session", "client_sticky", "[weight=1]", "{ttft_timeout=1}", "temperature=1"]
)
TEXTS = st.lists(WORDS, max_size=24).map("".join) | st.text(
    st.characters() | st.sampled_from("|^![]{}?:= \t\ud800")
)


@pytest.mark.parametrize(("text", "written"), WRITTEN)
def test_what_means_the_same_is_written_in_one_way(text: str, written: str) -> None:
    assert render_selector(parse_selector(text)) == written


@given(tree=TREES)
def test_a_tree_that_is_written_reads_as_that_tree(tree: Selector) -> None:
    assert parse_selector(render_selector(tree)) == tree


@given(text=TEXTS)
@example(text="a:m[?|b:m")
@example(text="a:m|:[first]m")
@example(text="{ttft_timeout=1}:{foo}^b:m")
@example(text="[ttft_timeout=1]{foo}b:m")
def test_text_that_is_read_is_written_as_what_it_means(text: str) -> None:
    try:
        tree = parse_selector(text)
    except SelectorError:
        return
    assert parse_selector(render_selector(tree)) == tree


@given(text=TEXTS)
def test_any_text_is_read_or_refused_at_a_column_of_it(text: str) -> None:
    try:
        parse_selector(text)
        column = 1
    except SelectorError as refusal:
        column = refusal.column
    assert 1 <= column <= len(text) + 1
