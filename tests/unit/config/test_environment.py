"""Numbered keys, references and deployment variables."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.environment import FAMILIES, expand, family_keys, family_variable, root_keys
from config.errors import ReferenceProblem

ONE = "NVIDIA_API_KEY"  # numbered from 1
TWO = "OPENAI_API_KEY"  # numbered from 2


@pytest.mark.parametrize(
    ("family", "environ", "keys"),
    [
        pytest.param("openai", {}, (), id="nothing"),
        pytest.param("openai", {TWO: "a"}, ("a",), id="base"),
        pytest.param("openai", {TWO: " a\n"}, ("a",), id="trimmed"),
        pytest.param("openai", {TWO: " \t"}, (), id="blank-is-missing"),
        pytest.param(
            "openai", {TWO: "a", f"{TWO}_2": "b", f"{TWO}_3": "c"}, tuple("abc"), id="row"
        ),
        pytest.param("openai", {f"{TWO}_2": "b"}, ("b",), id="2-without-base"),
        pytest.param("openai", {TWO: "a", f"{TWO}_1": "x"}, ("a",), id="2-ignores-1"),
        pytest.param("openai", {TWO: "a", f"{TWO}_3": "c"}, ("a",), id="2-gap-ends"),
        pytest.param(
            "openai", {TWO: "a", f"{TWO}_2": " ", f"{TWO}_3": "c"}, ("a",), id="blank-gap"
        ),
        pytest.param("openai", {TWO: "a", f"{TWO}_2": "a"}, ("a", "a"), id="2-keeps-repeated"),
        pytest.param("openai", {TWO: "a", f"{TWO}_02": "b"}, ("a",), id="no-leading-zero"),
        pytest.param("nvidia", {f"{ONE}_1": "b"}, ("b",), id="1-without-base"),
        pytest.param("nvidia", {ONE: "a", f"{ONE}_2": "c"}, ("a", "c"), id="1-may-be-missing"),
        pytest.param("nvidia", {f"{ONE}_1": "b", f"{ONE}_3": "d"}, ("b",), id="1-gap-ends"),
        pytest.param("nvidia", {ONE: "a", f"{ONE}_1": "a"}, ("a",), id="1-drops-repeated"),
        pytest.param(
            "opencode-zen",
            {"OPENCODE_ZEN_API_KEY": "z", "OPENCODE_API_KEY_2": "o"},
            ("o",),
            id="first-base-wins-whole",
        ),
        pytest.param("opencode-zen", {"OPENCODE_ZEN_API_KEY_2": "z"}, ("z",), id="second-base"),
        pytest.param(
            "opencode-zen",
            {"OPENCODE_API_KEY_3": "o", "OPENCODE_ZEN_API_KEY": "z"},
            ("z",),
            id="unreachable-key-is-none",
        ),
        pytest.param("openai-codex", {"OPENAI_CODEX_API_KEY": "k"}, ("k",), id="codex-second-base"),
    ],
)
def test_a_family_has_these_keys(
    family: str, environ: dict[str, str], keys: tuple[str, ...]
) -> None:
    assert family_keys(family, environ) == keys


@pytest.mark.parametrize(
    ("family", "count"), [("openai", 32), ("nvidia", 33)], ids=["from-2", "from-1"]
)
def test_numbers_are_read_up_to_32(family: str, count: int) -> None:
    base = family_variable(family)
    environ = {base: "k0"} | {f"{base}_{number}": f"k{number}" for number in range(1, 50)}
    assert len(family_keys(family, environ)) == count
    assert family_keys(family, environ)[-1] == "k32"


@pytest.mark.parametrize(
    ("family", "variable"),
    [
        ("openai", "OPENAI_API_KEY"),
        ("anthropic", "ANTHROPIC_API_KEY"),
        ("gemini", "GEMINI_API_KEY"),
        ("openrouter", "OPENROUTER_API_KEY"),
        ("nvidia", "NVIDIA_API_KEY"),
        ("huggingface", "HUGGINGFACE_API_KEY"),
        ("opencode-go", "OPENCODE_GO_API_KEY"),
        ("opencode-zen", "OPENCODE_API_KEY"),
        ("openai-codex", "OPENAI_CODEX_ACCESS_TOKEN"),
    ],
)
def test_a_family_is_named_by_its_first_variable(family: str, variable: str) -> None:
    assert family_variable(family) == variable


def test_these_families_count_from_one() -> None:
    assert {name for name, family in FAMILIES.items() if family.first_suffix == 1} == {
        "openrouter",
        "nvidia",
        "huggingface",
    }


@pytest.mark.parametrize(
    ("environ", "keys"),
    [
        pytest.param({"ACME": "a", "ACME_2": "b"}, ("a", "b"), id="row"),
        pytest.param({"ACME": "a", "ACME_1": "x"}, ("a",), id="1-ignored"),
        pytest.param({"ACME_2": "b"}, ("b",), id="without-base"),
    ],
)
def test_a_root_of_ones_own_counts_from_two(environ: dict[str, str], keys: tuple[str, ...]) -> None:
    assert root_keys("ACME", environ) == keys


def oracle(values: dict[int, str], *, from_one: bool) -> list[str]:
    """The same rules, told from the other end: 0 is the base."""
    run: list[int] = []
    while len(run) + 2 <= 32 and values.get(len(run) + 2, "").strip():
        run.append(len(run) + 2)
    numbers = [0, 1, *run] if from_one else [0, *run]
    keys = [values[number].strip() for number in numbers if values.get(number, "").strip()]
    if not from_one:
        return keys
    return [key for index, key in enumerate(keys) if key not in keys[:index]]


@settings(deadline=None)
@given(
    values=st.dictionaries(st.integers(0, 36), st.sampled_from(["a", "b", " c ", "", " "])),
    dense=st.integers(0, 36),
    from_one=st.booleans(),
)
def test_numbering_agrees_with_an_independent_reading(
    values: dict[int, str], dense: int, from_one: bool
) -> None:
    values = {number: f"k{number}" for number in range(2, dense)} | values
    base = ONE if from_one else TWO
    environ = {f"{base}_{number}" if number else base: text for number, text in values.items()}
    family = "nvidia" if from_one else "openai"
    assert list(family_keys(family, environ)) == oracle(values, from_one=from_one)


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        pytest.param("plain", "plain", id="none"),
        pytest.param("${A}", "1", id="whole"),
        pytest.param("x${A}y${B}z", "x1y2z", id="inside"),
        pytest.param("${EMPTY}", "", id="set-but-empty"),
        pytest.param("${NOPE:-d}", "d", id="default"),
        pytest.param("${EMPTY:-d}", "d", id="default-for-empty"),
        pytest.param("${NOPE:-}", "", id="empty-default"),
        pytest.param("${A:-d}", "1", id="value-wins"),
        pytest.param("${NOPE:-redis://h:1/0?a=b}", "redis://h:1/0?a=b", id="default-is-a-url"),
        pytest.param("$${A}", "${A}", id="escaped"),
        pytest.param("$$${A}", "$${A}", id="escaped-after-dollar"),
        pytest.param("${NESTED}", "${A}", id="a-value-is-not-expanded-again"),
        pytest.param("$A $ {A} a$", "$A $ {A} a$", id="other-dollars"),
    ],
)
def test_references_are_replaced(text: str, expanded: str) -> None:
    environ = {"A": "1", "B": "2", "EMPTY": "", "NESTED": "${A}"}
    assert expand(text, environ).text == expanded


@pytest.mark.parametrize(
    ("text", "unset"),
    [
        pytest.param("${NOPE}", ("NOPE",), id="unset"),
        pytest.param("${X} ${NOPE} ${X}", ("X", "NOPE"), id="each-once"),
        pytest.param("${", (), id="open"),
        pytest.param("${}", (), id="no-name"),
        pytest.param("${A", (), id="not-closed"),
        pytest.param("${1A}", (), id="not-a-name"),
        pytest.param("${A:?x}", (), id="another-operator"),
    ],
)
def test_these_references_cannot_be_replaced(text: str, unset: tuple[str, ...]) -> None:
    with pytest.raises(ReferenceProblem) as caught:
        expand(text, {"A": "1"})
    assert caught.value.unset == unset
