"""Aliases rewrite a selector before it is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.routing.aliases import MAX_ALIASED_CHARS, Alias, AliasError, Aliases
from gateway.routing.grammar import MAX_SELECTOR_BYTES
from gateway.routing.selector_error import SelectorError

REWRITTEN = [
    pytest.param("fast", "a:m", "fast", "a:m", id="whole"),
    pytest.param("fast", "a:m", "slow", "slow", id="not-found"),
    pytest.param("fast", "a:m", "Fast", "Fast", id="case-counts"),
    pytest.param("(?i)fast", "a:m", "Fast", "a:m", id="case-does-not-count"),
    pytest.param("fast", "b:m", "a:m|fast-1", "a:m|b:m-1", id="anywhere"),
    pytest.param("^gpt", "a:gpt", "my-gpt", "my-gpt", id="at-the-beginning-alone"),
    pytest.param("x", "y", "x|x^x", "y|y^y", id="all-that-is-found"),
    pytest.param("x", "xx", "xx", "xxxx", id="what-comes-out-is-not-looked-at"),
    pytest.param("fast", "a:m", "  fast ", "a:m", id="without-white-space-around"),
    pytest.param("^gpt-(.*)$", "a:gpt-$1", "gpt-4", "a:gpt-4", id="group"),
    pytest.param("^gpt-(.*)$", "a:${1}x", "gpt-4", "a:4x", id="group-in-braces"),
    pytest.param("(?P<v>4|5)", "a:m$v", "5", "a:m5", id="group-by-name"),
    pytest.param("(?P<v_1>4|5)", "a:${v_1}m", "5", "a:5m", id="group-by-name-in-braces"),
    pytest.param("m", "a:$0$0", "m", "a:mm", id="group-zero-is-all"),
    pytest.param("(x)?m", "a:m$1", "m", "a:m", id="group-that-found-nothing"),
    pytest.param("m", "a:$$1", "m", "a:$1", id="dollar"),
    pytest.param("m", "a:$-$", "m", "a:$-$", id="dollar-before-no-name"),
    pytest.param("m", r"a:\1", "m", r"a:\1", id="backslash-is-text"),
    pytest.param(".*", "a:m", "gpt", "a:m", id="everything-once"),
    pytest.param("x*", "-", "axxb", "-a-b-", id="nothing-right-behind-something-does-not-count"),
]
BAD = [
    pytest.param(" ", "a:m", "the pattern is blank", id="blank-pattern"),
    pytest.param("(", "a:m", "the pattern is no regular expression: ", id="no-pattern"),
    pytest.param("m", "", "the replacement is no selector: column 1: ", id="blank-replacement"),
    pytest.param("m", "a:", "the replacement is no selector: column 3: ", id="no-selector"),
    pytest.param("(m)", "a:$1x", "names the group '1x'", id="group-that-runs-on"),
    pytest.param("(m)", "a:$2", "names the group '2'", id="group-that-is-not-there"),
    pytest.param("(m)", "a:${99999999}", "names the group '99999999'", id="group-of-many-digits"),
]


@pytest.mark.parametrize(("pattern", "replacement", "text", "rewritten"), REWRITTEN)
def test_an_alias_rewrites_what_it_finds(
    pattern: str, replacement: str, text: str, rewritten: str
) -> None:
    assert Aliases([Alias(pattern, replacement)]).apply(text) == rewritten


def test_the_first_rule_that_fits_is_the_only_one() -> None:
    rules = Aliases([Alias("z", "b:z"), Alias("x", "a:y"), Alias("y", "a:z")])
    assert rules.apply("x") == "a:y"


@pytest.mark.parametrize(("pattern", "replacement", "words"), BAD)
def test_a_rule_that_makes_no_sense_is_refused(pattern: str, replacement: str, words: str) -> None:
    with pytest.raises(AliasError) as caught:
        Alias(pattern, replacement)
    assert words in str(caught.value)


@pytest.mark.filterwarnings("ignore::FutureWarning:re")
@given(pattern=st.text(max_size=12), replacement=st.text(max_size=12), text=st.text(max_size=12))
def test_any_rule_is_refused_or_rewrites(pattern: str, replacement: str, text: str) -> None:
    try:
        alias = Alias(pattern, replacement)
    except AliasError:
        return
    assert isinstance(Aliases([alias]).apply(text), str)


def test_a_selector_that_is_too_long_to_be_looked_at_is_refused() -> None:
    rules = Aliases([Alias("fast", "a:m")])
    with pytest.raises(SelectorError, match=f"column {MAX_ALIASED_CHARS + 1}: "):
        rules.apply("m" * (MAX_ALIASED_CHARS + 1))


def test_without_rules_a_long_selector_is_nothing_to_an_alias() -> None:
    text = "m" * (MAX_ALIASED_CHARS + 1)
    assert Aliases().apply(text) == text


def test_a_selector_that_becomes_too_long_is_refused() -> None:
    rules = Aliases([Alias("m", "a" * 200)])
    with pytest.raises(SelectorError, match=f"at most {MAX_SELECTOR_BYTES} bytes"):
        rules.apply("m" * 500)
