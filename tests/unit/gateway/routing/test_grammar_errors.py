"""What is no selector is refused at its column, in words that say what belongs there."""

import pytest

from gateway.routing.grammar import (
    MAX_BRACKET_DEPTH,
    MAX_LEAVES,
    MAX_SELECTOR_BYTES,
    parse_selector,
)
from gateway.routing.selector_error import SelectorError

A_LEAF = "instance:model or a model"
MANY = "m|" * (MAX_LEAVES - 1)
OVER_ZERO = "<a whole number over 0>"
CONTEXT = "<a whole number over 0, like 200000, 200k or 1m>"
LEG_NAMES = "one of weight, first, handicap, ttft_timeout, min_context, max_context"
NOT_BOTH = "as before: an arm is drawn from by weight (^) or is a race (!), not both"
NOT_IN_A_RACE = "only in an arm without '!': a:m^b:m"
IN_A_RACE = "[handicap] only in a race: a:m!b:m"
AT_THE_BEGINNING = "a setting of the whole call only at the beginning of the selector"
NO_CONTROL = "no control character in a name"
ESCAPE = "two hexadecimal digits after '%', or %25 for a '%'"
LAST_TIMEOUT = "<a whole number up to 9223372036>"
LAST_NUMBER = "<a whole number up to 9223372036854775807>"

LEAVES = [
    pytest.param("", 1, A_LEAF, id="empty"),
    pytest.param("   ", 4, A_LEAF, id="blank"),
    pytest.param("openai:", 8, "a model after ':'", id="no-model"),
    pytest.param(" openai : ", 10, "a model after ':'", id="no-model-with-space"),
    pytest.param(":", 2, "a model after ':'", id="colon-alone"),
    pytest.param("?x=1", 1, "a model before '?'", id="query-alone"),
    pytest.param("a:?x=1", 3, "a model after ':'", id="no-model-before-a-query"),
    pytest.param("a:m|", 5, f"{A_LEAF} after '|'", id="empty-last-arm"),
    pytest.param("|a:m", 1, f"{A_LEAF} before '|'", id="empty-first-arm"),
    pytest.param("a:m||b:m", 5, f"{A_LEAF} after '|'", id="empty-middle-arm"),
    pytest.param("a:m| |b:m", 6, f"{A_LEAF} after '|'", id="blank-middle-arm"),
    pytest.param("a:m|b:|c:m", 7, "a model after ':'", id="no-model-in-second-arm"),
    pytest.param("a:b!!c:d", 5, f"{A_LEAF} after '!'", id="empty-leg"),
    pytest.param("a:m!", 5, f"{A_LEAF} after '!'", id="empty-last-leg"),
    pytest.param("a:m^^b:m", 5, f"{A_LEAF} after '^'", id="empty-branch"),
    pytest.param("^a:m", 1, f"{A_LEAF} before '^'", id="empty-first-branch"),
    pytest.param("[weight=2]", 11, A_LEAF, id="annotation-alone"),
    pytest.param("[weight=2]|a:m", 11, f"{A_LEAF} before '|'", id="annotation-before-nothing"),
    pytest.param("é:m| :", 7, "a model after ':'", id="columns-count-characters"),
    pytest.param("a:m\x00b", 4, NO_CONTROL, id="nul-in-model"),
    pytest.param("a:m|b\nc:m", 6, NO_CONTROL, id="line-feed-in-instance"),
    pytest.param("a: mm\u2028m", 6, NO_CONTROL, id="line-separator-in-model"),
    pytest.param("a:m\ud800", 4, "Unicode text, not half a surrogate pair", id="surrogate"),
    pytest.param("a:m]|b:m", 4, "'[' before this ']'", id="bracket-not-opened"),
    pytest.param("a:m[|b:m", 4, "']' for this '['", id="bracket-not-closed"),
    pytest.param("a:m[?x=]", 4, "']' for this '['", id="bracket-closed-in-the-query"),
    pytest.param("a:m[b|c]", 6, "no '|' in brackets", id="bar-in-brackets"),
]
ANNOTATIONS = [
    pytest.param("[first]a:b^[first]c:d", 13, "one [first] in an arm, not two", id="two-firsts"),
    pytest.param("a:m^b:m!c:m", 8, f"'^' {NOT_BOTH}", id="race-after-weighted"),
    pytest.param("a:m!b:m^c:m", 8, f"'!' {NOT_BOTH}", id="weighted-after-race"),
    pytest.param("[weight=2]a:m!b:m", 2, f"[weight] {NOT_IN_A_RACE}", id="weight-in-a-race"),
    pytest.param("a:m![weight=2]b:m", 6, f"[weight] {NOT_IN_A_RACE}", id="weight-in-a-later-leg"),
    pytest.param("[first]a:m!b:m", 2, f"[first] {NOT_IN_A_RACE}", id="first-in-a-race"),
    pytest.param("[handicap=1]a:b", 2, IN_A_RACE, id="handicap-alone"),
    pytest.param("[handicap=1]a:b|c:d", 2, IN_A_RACE, id="handicap-before-another-arm"),
    pytest.param("[handicap=1]a:b^c:d", 2, IN_A_RACE, id="handicap-with-weights"),
    pytest.param("a:b!c:d|[ handicap=1]a:b", 11, IN_A_RACE, id="handicap-after-a-race"),
    pytest.param("[handicap=0]a:b!c:d", 11, f"handicap={OVER_ZERO}, not '0'", id="zero"),
    pytest.param("[handicap]a:b!c:d", 10, f"handicap={OVER_ZERO}", id="no-number"),
    pytest.param("[handicap=]a:b!c:d", 11, f"handicap={OVER_ZERO}", id="empty-number"),
    pytest.param("[handicap=abc]a:b!c:d", 11, f"handicap={OVER_ZERO}, not 'abc'", id="a-word"),
    pytest.param("[weight=0]a:m", 9, f"weight={OVER_ZERO}, not '0'", id="weight-zero"),
    pytest.param("[weight=-1]a:m", 9, f"weight={OVER_ZERO}, not '-1'", id="weight-negative"),
    pytest.param("[weight]a:m", 8, f"weight={OVER_ZERO}", id="weight-without-number"),
    pytest.param("[weight=1.5]a:m", 9, f"weight={OVER_ZERO}, not '1.5'", id="weight-fraction"),
    pytest.param("[weight= 1k]a:m", 10, f"weight={OVER_ZERO}, not '1k'", id="weight-with-unit"),
    pytest.param("[weight=1_0]a:m", 9, f"weight={OVER_ZERO}, not '1_0'", id="underscore"),
    pytest.param("[weight=٣]a:m", 9, f"weight={OVER_ZERO}, not '٣'", id="digits-of-another-script"),
    pytest.param(
        "[weight=9223372036854775808]a:m",
        9,
        f"weight={LAST_NUMBER}, not '9223372036854775808'",
        id="weight-over-the-bound",
    ),
    pytest.param(
        f"[weight={'9' * 5000}]a:m",
        9,
        f"weight={LAST_NUMBER}, not '{'9' * 40}...'",
        id="weight-of-thousands-of-digits",
    ),
    pytest.param(
        "[ttft_timeout=9223372037]a:m",
        15,
        f"ttft_timeout={LAST_TIMEOUT}, not '9223372037'",
        id="timeout-over-the-bound",
    ),
    pytest.param(
        "[max_context=10][max_context=20]a:b", 18, "max_context once, not again", id="twice"
    ),
    pytest.param("[first,FIRST]a:b", 8, "first once, not again", id="twice-in-other-case"),
    pytest.param(
        "[min_context=10,max_context=10]a:b",
        17,
        "min_context to be less than max_context",
        id="no-request-fits",
    ),
    pytest.param("[max_context=K]a:b", 14, f"max_context={CONTEXT}, not 'K'", id="unit-alone"),
    pytest.param("[max_context=1.5K]a:b", 14, f"max_context={CONTEXT}, not '1.5K'", id="1.5K"),
    pytest.param(
        "[max_context=9223372036854775M]a:b",
        14,
        "max_context=<a whole number up to 9223372036854775807, like 200000, 200k or 1m>, "
        "not '9223372036854775M'",
        id="over-the-bound-by-its-unit",
    ),
    pytest.param("[unknown=1]a:b", 2, f"{LEG_NAMES}, not 'unknown'", id="unknown"),
    pytest.param("[session_sticky]a:m", 2, f"{LEG_NAMES}, not 'session_sticky'", id="a-global"),
    pytest.param("[temperature=1]a:m", 2, f"{LEG_NAMES}, not 'temperature'", id="a-parameter"),
    pytest.param("[first=true]a:m", 8, "'first' without a value", id="first-with-a-value"),
    pytest.param("[]a:b", 2, "an entry like weight=2", id="empty-list"),
    pytest.param("[weight=1,]a:b", 11, "an entry like weight=2", id="comma-at-the-end"),
    pytest.param("[=1]a:b", 2, "an entry like weight=2", id="value-alone"),
    pytest.param("[weight=2 a:m", 1, "']' for this '['", id="not-closed"),
    pytest.param("a:m|[weight=2 a:m^[first]b:m", 5, "']' for this '['", id="closed-too-late"),
]
GLOBALS = [
    pytest.param("{}a:b", 2, "an entry like ttft_timeout=60", id="empty"),
    pytest.param("{ttft_timeout=1,}a:b", 17, "an entry like ttft_timeout=60", id="comma"),
    pytest.param("{ttft_timeout=60a:b", 1, "'}' for this '{'", id="not-closed"),
    pytest.param(
        "{ttft_timeout=1}{affinity=client}a:b",
        17,
        f"one {{...}} at the beginning, then {A_LEAF}",
        id="two-blocks",
    ),
    pytest.param(
        "{ttft_timeout=1,ttft_timeout=2}a:b", 17, "ttft_timeout once, not again", id="twice"
    ),
    pytest.param(
        "{session_sticky,client_sticky}a:m", 17, "an affinity once, not again", id="two-stickies"
    ),
    pytest.param(
        "{affinity=session,affinity=client}a:m",
        19,
        "an affinity once, not again",
        id="two-affinities",
    ),
    pytest.param("{affinity}a:m", 10, "affinity=session or affinity=client", id="no-affinity"),
    pytest.param(
        "{affinity=tenant}a:m", 11, "affinity=session or affinity=client", id="other-affinity"
    ),
    pytest.param(
        "{session_sticky=true}a:m", 2, "'session_sticky' without a value", id="sticky-with-value"
    ),
    pytest.param(
        "{session_sticky=}a:m", 2, "'session_sticky' without a value", id="sticky-with-equals"
    ),
    pytest.param("{weight=1}a:m", 2, "ttft_timeout or affinity, not 'weight'", id="annotation"),
    pytest.param("{ttft_timeout=0}a:m", 15, f"ttft_timeout={OVER_ZERO}, not '0'", id="zero"),
    pytest.param("a:b{ttft_timeout=1}", 4, AT_THE_BEGINNING, id="behind-a-leaf"),
    pytest.param("a:b{ TTFT_TIMEOUT=1}", 4, AT_THE_BEGINNING, id="behind-a-leaf-in-other-case"),
    pytest.param("a:m|{session_sticky}b:m", 5, AT_THE_BEGINNING, id="before-a-later-leaf"),
    pytest.param("[first]{affinity=client}a:m", 8, AT_THE_BEGINNING, id="behind-an-annotation"),
    pytest.param("{affinity=session}", 19, A_LEAF, id="without-a-leaf"),
]
QUERIES = [
    pytest.param("a:m?x=%zz", 7, ESCAPE, id="no-hexadecimal"),
    pytest.param("a:m?x=1%", 8, ESCAPE, id="escape-cut-off"),
    pytest.param("a:m?%4=1", 5, ESCAPE, id="escape-in-a-name"),
    pytest.param("a:m?x=1;y=2", 8, "'&', or %3B for a ';' in a value", id="semicolon"),
    pytest.param("a:m?y=2&x=%ff", 11, "escapes that are UTF-8", id="not-utf-8"),
    pytest.param(
        "a:m?temperature=0&temperature=1", 19, "temperature once, not again", id="setting-twice"
    ),
    pytest.param("a:m?top_p=1&topP=1", 13, "top_p once, not again", id="by-two-names"),
    pytest.param(
        "a:m|b:m? temperature = hot",
        24,
        "a number from 0 to 2 for temperature, not 'hot'",
        id="setting-of-a-wrong-value",
    ),
]
BOUNDS = [
    pytest.param(
        "m" * (MAX_SELECTOR_BYTES + 1),
        MAX_SELECTOR_BYTES + 1,
        f"the end: {MAX_SELECTOR_BYTES} bytes are the most",
        id="bytes",
    ),
    pytest.param(
        "é" * (MAX_SELECTOR_BYTES // 2) + "m",
        MAX_SELECTOR_BYTES // 2 + 1,
        f"the end: {MAX_SELECTOR_BYTES} bytes are the most",
        id="bytes-of-other-scripts",
    ),
    pytest.param("!".join("m" * 17), 32, "at most 16 candidates in a race", id="race"),
    pytest.param(
        f"{MANY}m^m", 2 * MAX_LEAVES + 1, f"the end: {MAX_LEAVES} candidates are the most", id="^"
    ),
    pytest.param(
        f"{MANY}m|m", 2 * MAX_LEAVES + 1, f"the end: {MAX_LEAVES} candidates are the most", id="|"
    ),
    pytest.param(
        f"m{'[' * (MAX_BRACKET_DEPTH + 1)}",
        MAX_BRACKET_DEPTH + 2,
        f"at most {MAX_BRACKET_DEPTH} brackets in one another",
        id="brackets",
    ),
]
BAD = [*LEAVES, *ANNOTATIONS, *GLOBALS, *QUERIES, *BOUNDS]

FAR = "a:" + "m" * 100 + "||" + "b" * 100
EXCERPTS = [
    pytest.param("a:m||b:m", "a:m||b:m\n    ^", id="whole"),
    pytest.param("a:m|", "a:m|\n    ^", id="at-the-end"),
    pytest.param("", "\n^", id="empty"),
    pytest.param("日本:", "日本:\n     ^", id="wide-characters"),
    pytest.param("e\u0301:", "e\u0301:\n  ^", id="combining-characters"),
    pytest.param("\ta\x00b", " a\ufffdb\n  ^", id="control-characters"),
    pytest.param(FAR, f"...{'m' * 29}||{'b' * 29}...\n{' ' * 33}^", id="around-the-column"),
]


def _refusal(text: str) -> SelectorError:
    with pytest.raises(SelectorError) as caught:
        parse_selector(text)
    return caught.value


@pytest.mark.parametrize(("text", "column", "expected"), BAD)
def test_a_bad_selector_is_refused_at_its_column(text: str, column: int, expected: str) -> None:
    refusal = _refusal(text)
    assert (refusal.column, refusal.expected) == (column, expected)


def test_a_refusal_says_its_column_and_what_was_expected() -> None:
    assert str(_refusal("a:m|")) == "column 5: expected instance:model or a model after '|'"


@pytest.mark.parametrize(("text", "excerpt"), EXCERPTS)
def test_a_refusal_points_at_its_column(text: str, excerpt: str) -> None:
    assert _refusal(text).excerpt == excerpt


def test_what_was_written_is_quoted_on_one_line() -> None:
    assert _refusal("[weight=a\nb\x1b]a:m").expected.endswith("not 'a b\ufffd'")
