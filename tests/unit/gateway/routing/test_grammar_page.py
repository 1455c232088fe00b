"""The page about selectors shows selectors that are read, and refusals as they are."""

import re
from pathlib import Path

import pytest

from gateway.routing.annotations import read_annotations
from gateway.routing.grammar import MAX_LEAVES, MAX_RACE_LEGS, MAX_SELECTOR_BYTES, parse_selector
from gateway.routing.parameters import SETTINGS
from gateway.routing.selector_error import SelectorError

PAGE = (Path(__file__).parents[4] / "docs" / "selectors.md").read_text(encoding="utf-8")
SELECTORS = "".join(re.findall(r"^```selector\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
REFUSED = "".join(re.findall(r"^```refused\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
PARAMETERS = PAGE.partition("\n## Parameters\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("text", SELECTORS.splitlines())
def test_a_selector_of_the_page_is_read(text: str) -> None:
    assert parse_selector(text).arms


@pytest.mark.parametrize("example", REFUSED.strip().split("\n\n"))
def test_a_refusal_of_the_page_is_what_is_said(example: str) -> None:
    text, _, words = example.partition("\n")
    with pytest.raises(SelectorError) as caught:
        parse_selector(text)
    assert str(caught.value) == words


@pytest.mark.parametrize("text", re.findall(r"`(\[.*?\])`", PAGE))
def test_brackets_of_the_page_are_read(text: str) -> None:
    assert read_annotations(text, 0)[0].values


def test_the_page_names_every_parameter() -> None:
    rows = re.findall(r"^\| (`.*?) \|", PARAMETERS, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", " ".join(rows))) == set(SETTINGS)


def test_the_page_says_the_bounds() -> None:
    bounds = f"{MAX_SELECTOR_BYTES:,} bytes, {MAX_LEAVES} candidates, {MAX_RACE_LEGS} in a race"
    assert f"At most {bounds}." in PAGE
