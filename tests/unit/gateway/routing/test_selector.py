"""The selector grammar as far as it is served: leaves and `|`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.routing.selector import (
    MAX_SELECTOR_CHARS,
    Failover,
    Leaf,
    SelectorError,
    parse_selector,
)

GOOD = [
    pytest.param("gpt-4o", [("", "gpt-4o")], id="model-alone"),
    pytest.param("openai:gpt-4o", [("openai", "gpt-4o")], id="instance-and-model"),
    pytest.param("openai.azure:gpt-4o", [("openai.azure", "gpt-4o")], id="dot-in-instance"),
    pytest.param("  openai : gpt-4o  ", [("openai", "gpt-4o")], id="white-space"),
    pytest.param("a:b:c", [("a", "b:c")], id="colon-in-model"),
    pytest.param(
        "huggingface:openai/gpt-oss-120b:fastest",
        [("huggingface", "openai/gpt-oss-120b:fastest")],
        id="slash-and-colon-in-model",
    ),
    pytest.param("meta/llama", [("", "meta/llama")], id="slash-in-model-alone"),
    pytest.param(
        "a|b:c|anthropic:opus", [("", "a"), ("b", "c"), ("anthropic", "opus")], id="three-arms"
    ),
    pytest.param("\ta:m |\n b:m ", [("a", "m"), ("b", "m")], id="white-space-around-arms"),
    pytest.param("a:m{foo}", [("a", "m{foo}")], id="braces-are-model-text"),
    pytest.param("a:m[weight=2]", [("a", "m[weight=2]")], id="brackets-after-a-model-are-text"),
    pytest.param("a:m|a:m", [("a", "m"), ("a", "m")], id="the-same-arm-twice"),
    pytest.param("modèle:日本語", [("modèle", "日本語")], id="not-ascii"),
]
BAD = [
    pytest.param("", 1, "instance:model or a model", id="empty"),
    pytest.param("   ", 4, "instance:model or a model", id="blank"),
    pytest.param(":gpt-4o", 1, "an instance before ':'", id="no-instance"),
    pytest.param("  :gpt-4o", 3, "an instance before ':'", id="no-instance-after-space"),
    pytest.param("openai:", 8, "a model after ':'", id="no-model"),
    pytest.param(" openai : ", 10, "a model after ':'", id="no-model-with-space"),
    pytest.param(":", 1, "an instance before ':'", id="colon-alone"),
    pytest.param("a:m|", 5, "instance:model or a model", id="empty-last-arm"),
    pytest.param("|a:m", 1, "instance:model or a model", id="empty-first-arm"),
    pytest.param("a:m||b:m", 5, "instance:model or a model", id="empty-middle-arm"),
    pytest.param("a:m| |b:m", 6, "instance:model or a model", id="blank-middle-arm"),
    pytest.param("a:m|b:|c:m", 7, "a model after ':'", id="no-model-in-second-arm"),
    pytest.param("é:m| :m", 6, "an instance before ':'", id="columns-count-characters"),
]


@pytest.mark.parametrize(("text", "arms"), GOOD)
def test_a_selector_is_read_as_written(text: str, arms: list[tuple[str, str]]) -> None:
    assert parse_selector(text) == Failover(tuple(Leaf(*arm) for arm in arms))


@pytest.mark.parametrize(("text", "column", "expected"), BAD)
def test_a_bad_selector_is_refused_at_its_column(text: str, column: int, expected: str) -> None:
    with pytest.raises(SelectorError) as caught:
        parse_selector(text)
    assert str(caught.value) == f"column {column}: expected {expected}"


def test_a_selector_may_be_as_long_as_the_bound() -> None:
    assert len(parse_selector("m" * MAX_SELECTOR_CHARS).arms) == 1


def test_a_longer_selector_is_refused() -> None:
    with pytest.raises(SelectorError, match=f"longer than {MAX_SELECTOR_CHARS} characters"):
        parse_selector("m" * (MAX_SELECTOR_CHARS + 1))


@given(text=st.text(st.characters() | st.sampled_from(":| \t")))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    try:
        models = [leaf.model for leaf in parse_selector(text).arms]
    except SelectorError as error:
        models, refusal = [], str(error)
    else:
        refusal = ""
    assert bool(models) is not refusal.startswith("column ")
    assert len(models) in (0, text.count("|") + 1)
    assert all(models)
