"""The selector grammar, form by form: what a text means."""

from typing import Any

import msgspec
import pytest

from gateway.routing.grammar import (
    MAX_BRACKET_DEPTH,
    MAX_LEAVES,
    MAX_RACE_LEGS,
    MAX_SELECTOR_BYTES,
    parse_selector,
)
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
    leaves,
    map_leaves,
)


def leaf(name: str, **options: Any) -> Leaf:
    instance, colon, model = name.partition(":")
    return Leaf(instance=instance if colon else "", model=model if colon else instance, **options)


def single(name: str, **options: Any) -> Single:
    return Single(leaf(name, **options))


def asked(name: str, *parameters: tuple[str, str]) -> Single:
    return single(name, parameters=parameters)


def race(*names: str) -> Race:
    return Race(tuple(Leg(leaf(name)) for name in names))


A, B = Branch(leaf("a:m")), Branch(leaf("b:m"))
WEIGHTED = Weighted((A, B))
FIRST = Weighted((Branch(leaf("a:m"), first=True), B))

ARMS = [
    pytest.param("gpt-4o", [single("gpt-4o")], id="model-alone"),
    pytest.param("openai:gpt-4o", [single("openai:gpt-4o")], id="instance-and-model"),
    pytest.param("openai.azure:gpt-4o", [single("openai.azure:gpt-4o")], id="dot-in-instance"),
    pytest.param("  openai : gpt-4o  ", [single("openai:gpt-4o")], id="white-space"),
    pytest.param("a:b:c", [single("a:b:c")], id="colon-in-model"),
    pytest.param(
        "huggingface:openai/gpt-oss-120b:fastest",
        [single("huggingface:openai/gpt-oss-120b:fastest")],
        id="slash-and-colon-in-model",
    ),
    pytest.param("meta/llama", [single("meta/llama")], id="slash-in-model-alone"),
    pytest.param(":gpt-4o", [single("gpt-4o")], id="blank-instance"),
    pytest.param(" : gpt-4o", [single("gpt-4o")], id="blank-instance-and-white-space"),
    pytest.param(":a:b", [Single(Leaf(model="a:b"))], id="blank-instance-and-colon-in-model"),
    pytest.param("modèle:日本語", [single("modèle:日本語")], id="not-ascii"),
    pytest.param(
        "openai:gpt-4o?temperature=0.2",
        [asked("openai:gpt-4o", ("temperature", "0.2"))],
        id="query",
    ),
    pytest.param(
        "openai:gpt-4o?reasoning_effort=high&top_p=0.9",
        [asked("openai:gpt-4o", ("reasoning_effort", "high"), ("top_p", "0.9"))],
        id="two-parameters",
    ),
    pytest.param("a:m?x", [asked("a:m", ("x", ""))], id="parameter-without-value"),
    pytest.param("a:m?", [single("a:m")], id="empty-query"),
    pytest.param("a:m?x=1?y", [asked("a:m", ("x", "1?y"))], id="question-mark-in-a-query"),
    pytest.param("a?x=1:b", [asked("a", ("x", "1:b"))], id="colon-in-a-query-alone"),
    pytest.param("a:m ? x = 1 ", [asked("a:m", ("x", "1"))], id="white-space-in-a-query"),
    pytest.param(
        "a|b:c|anthropic:opus",
        [single("a"), single("b:c"), single("anthropic:opus")],
        id="three-arms",
    ),
    pytest.param("\ta:m |\n b:m ", [single("a:m"), single("b:m")], id="white-space-around-arms"),
    pytest.param("a:m|a:m", [single("a:m"), single("a:m")], id="the-same-arm-twice"),
    pytest.param("nosuch:m", [single("nosuch:m")], id="any-instance"),
    pytest.param(
        "[weight=3]openai:gpt-4^[weight=1]anthropic:opus",
        [Weighted((Branch(leaf("openai:gpt-4"), 3), Branch(leaf("anthropic:opus"))))],
        id="weights",
    ),
    pytest.param("a:m^b:m", [WEIGHTED], id="equal-weights"),
    pytest.param("[weight=2]a:m", [Weighted((Branch(leaf("a:m"), 2),))], id="one-branch"),
    pytest.param("[weight=1]a:m", [Weighted((A,))], id="one-branch-of-weight-one"),
    pytest.param(
        "[first]cheap:fast",
        [Weighted((Branch(leaf("cheap:fast"), first=True),))],
        id="one-first-branch",
    ),
    pytest.param("[first=]a:m^b:m", [FIRST], id="first-with-an-equals-sign"),
    pytest.param(" [ first ] a:m ^ b:m ", [FIRST], id="white-space-around-branches"),
    pytest.param(
        "[WEIGHT=2,ttft_timeout=20]a:m^b:m",
        [Weighted((Branch(leaf("a:m", ttft_timeout_s=20), 2), B))],
        id="two-annotations-in-any-case",
    ),
    pytest.param(
        "[weight=2] [ttft_timeout=20]a:m^b:m",
        [Weighted((Branch(leaf("a:m", ttft_timeout_s=20), 2), B))],
        id="two-blocks",
    ),
    pytest.param(
        "[ttft_timeout=20][weight=2]a:m",
        [Weighted((Branch(leaf("a:m", ttft_timeout_s=20), 2),))],
        id="weight-in-the-second-block",
    ),
    pytest.param(
        "[weight=2][max_context=4096]a:m^[weight=1][min_context=4096]b:m",
        [
            Weighted(
                (
                    Branch(leaf("a:m", max_context=4096), 2),
                    Branch(leaf("b:m", min_context=4096)),
                )
            )
        ],
        id="gated-branches",
    ),
    pytest.param("[max_context=200K]o:m", [single("o:m", max_context=200_000)], id="thousands"),
    pytest.param("[max_context=200k]o:m", [single("o:m", max_context=200_000)], id="thousands-k"),
    pytest.param("[min_context=1M]o:m", [single("o:m", min_context=1_000_000)], id="millions"),
    pytest.param("[min_context=1m]o:m", [single("o:m", min_context=1_000_000)], id="millions-m"),
    pytest.param(
        "[min_context=9,max_context=10]a:b",
        [single("a:b", min_context=9, max_context=10)],
        id="both-contexts",
    ),
    pytest.param("[ttft_timeout=+07]a:m", [single("a:m", ttft_timeout_s=7)], id="sign-and-zeros"),
    pytest.param(
        "[ttft_timeout=9223372036]a:m",
        [single("a:m", ttft_timeout_s=9_223_372_036)],
        id="the-longest-timeout",
    ),
    pytest.param(
        "[weight=9223372036854775807]a:m",
        [Weighted((Branch(leaf("a:m"), 2**63 - 1),))],
        id="the-highest-weight",
    ),
    pytest.param("nvidia:k2!nvidia:m3", [race("nvidia:k2", "nvidia:m3")], id="race"),
    pytest.param(
        "[handicap=10,ttft_timeout=10]a:m1![handicap=5]b:m2!c:m3",
        [
            Race(
                (
                    Leg(leaf("a:m1", ttft_timeout_s=10), 10),
                    Leg(leaf("b:m2"), 5),
                    Leg(leaf("c:m3")),
                )
            )
        ],
        id="handicaps",
    ),
    pytest.param(
        "a:m1!b:m2|c:m3!d:m4", [race("a:m1", "b:m2"), race("c:m3", "d:m4")], id="two-races"
    ),
    pytest.param(
        "a:m?note=hello%21world!b:m",
        [Race((Leg(leaf("a:m", parameters=(("note", "hello!world"),))), Leg(leaf("b:m"))))],
        id="encoded-separator-in-a-query",
    ),
    pytest.param("a:m^b:m|c:m", [WEIGHTED, single("c:m")], id="weighted-then-single"),
    pytest.param("a:m!b:m|[first]a:m^b:m", [race("a:m", "b:m"), FIRST], id="race-then-weighted"),
    pytest.param("[first]a:m^b:m|[first]a:m^b:m", [FIRST, FIRST], id="one-first-an-arm"),
    pytest.param("a:m{foo}", [single("a:m{foo}")], id="braces-are-model-text"),
    pytest.param("a:m|{foo}", [single("a:m"), single("{foo}")], id="braces-in-a-later-arm"),
    pytest.param("a:${ttft_timeout}", [single("a:${ttft_timeout}")], id="dollar-and-braces"),
    pytest.param("a:m{ttft_timeout", [single("a:m{ttft_timeout")], id="brace-that-is-not-closed"),
    pytest.param("a:m{affinity_x=1}", [single("a:m{affinity_x=1}")], id="braces-like-a-setting"),
    pytest.param("a:m[weight=2]", [single("a:m[weight=2]")], id="brackets-behind-a-model"),
    pytest.param("a:[weight=2]", [single("a:[weight=2]")], id="brackets-behind-the-colon"),
    pytest.param("a:m[x^y!z]^b:m", [Weighted((Branch(leaf("a:m[x^y!z]")), B))], id="in-brackets"),
]
GLOBALS = [
    pytest.param("a:m", None, None, id="none"),
    pytest.param("{ttft_timeout=60}a:m", 60, None, id="ttft-timeout"),
    pytest.param(" { TTFT_timeout = 60 } a:m", 60, None, id="case-and-white-space"),
    pytest.param("{affinity=session}a:m", None, Affinity.SESSION, id="session"),
    pytest.param("{affinity=client}a:m", None, Affinity.CLIENT, id="client"),
    pytest.param("{session_sticky}a:m", None, Affinity.SESSION, id="session-sticky"),
    pytest.param("{client_sticky}a:m", None, Affinity.CLIENT, id="client-sticky"),
    pytest.param("{ttft_timeout=60,affinity=CLIENT}a:m", 60, Affinity.CLIENT, id="both"),
    pytest.param("{session_sticky,ttft_timeout=60}a:m", 60, Affinity.SESSION, id="other-order"),
]
KEYS = [
    pytest.param("a:m", "a:m", id="plain"),
    pytest.param(" a : m ?", "a:m", id="no-white-space-and-no-empty-query"),
    pytest.param("[weight=2,ttft_timeout=3,max_context=1k]a:m", "a:m", id="no-annotations"),
    pytest.param("a:m?z=1&b=2", "a:m?b=2&z=1", id="sorted-query"),
    pytest.param("a:m?x=2&x=1", "a:m?x=2&x=1", id="values-of-a-name-as-written"),
    pytest.param("a:m?x=a%20b%7c", "a:m?x=a+b%7C", id="one-way-of-escaping"),
    pytest.param("a:m?x", "a:m?x=", id="no-value-is-an-empty-one"),
]


@pytest.mark.parametrize(("text", "arms"), ARMS)
def test_arms_are_read_as_written(text: str, arms: list[Arm]) -> None:
    assert parse_selector(text) == Selector(tuple(arms))


@pytest.mark.parametrize(("text", "ttft_timeout_s", "affinity"), GLOBALS)
def test_settings_of_the_whole_call_come_first(
    text: str, ttft_timeout_s: int | None, affinity: Affinity | None
) -> None:
    assert parse_selector(text) == Selector((single("a:m"),), ttft_timeout_s, affinity)


def test_settings_of_the_call_and_of_candidates_stand_beside_each_other() -> None:
    text = "{ttft_timeout=60}[ttft_timeout=30]openai:a^[weight=2,ttft_timeout=20]gemini:b"
    branches = (
        Branch(leaf("openai:a", ttft_timeout_s=30)),
        Branch(leaf("gemini:b", ttft_timeout_s=20), 2),
    )
    assert parse_selector(text) == Selector((Weighted(branches),), ttft_timeout_s=60)


@pytest.mark.parametrize(("text", "key"), KEYS)
def test_a_candidate_is_known_by_what_is_asked_of_whom(text: str, key: str) -> None:
    assert [one.key for one in leaves(parse_selector(text))] == [key]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        pytest.param("m" * MAX_SELECTOR_BYTES, 1, id="bytes"),
        pytest.param("!".join("m" * MAX_RACE_LEGS), MAX_RACE_LEGS, id="race"),
        pytest.param("|".join("m" * MAX_LEAVES), MAX_LEAVES, id="candidates-of-arms"),
        pytest.param("^".join("m" * MAX_LEAVES), MAX_LEAVES, id="candidates-of-one-arm"),
        pytest.param("m" + "[" * MAX_BRACKET_DEPTH + "]" * MAX_BRACKET_DEPTH, 1, id="brackets"),
    ],
)
def test_a_selector_may_be_as_large_as_a_bound(text: str, count: int) -> None:
    assert len(list(leaves(parse_selector(text)))) == count


def test_leaves_come_in_the_order_of_the_text() -> None:
    found = leaves(parse_selector("a:m|b:m^c:m|d:m!e:m"))
    assert [one.instance for one in found] == ["a", "b", "c", "d", "e"]


def test_every_leaf_can_be_changed_and_nothing_else_is() -> None:
    named = "{affinity=client}[ttft_timeout=3]x|[first]y^[weight=2]z|[handicap=3]v!w"
    changed = map_leaves(
        parse_selector(named), lambda one: msgspec.structs.replace(one, instance="a")
    )
    expected = "{affinity=client}[ttft_timeout=3]a:x|[first]a:y^[weight=2]a:z|[handicap=3]a:v!a:w"
    assert changed == parse_selector(expected)


def test_a_tree_can_be_stored() -> None:
    text = "{ttft_timeout=9}[max_context=1k]a:m?x=1|[first]b:m^c:m|[handicap=2]d:m!e:m"
    tree = parse_selector(text)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(tree), type=Selector) == tree
