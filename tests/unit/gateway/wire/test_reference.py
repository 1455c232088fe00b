"""The page on the dialects says what the codecs say."""

from pathlib import Path

import pytest

from gateway.canonical.features import Feature
from gateway.canonical.request import Dialect
from gateway.wire.codecs import CODECS
from gateway.wire.reference import MEANINGS, page

PAGE = Path(__file__).parents[4] / "docs" / "dialects.md"


def test_the_page_is_the_generated_one() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m gateway.wire.reference"


def test_every_dialect_has_a_codec() -> None:
    assert set(CODECS) == set(Dialect)


@pytest.mark.parametrize("dialect", Dialect)
def test_a_codec_decides_on_every_feature(dialect: Dialect) -> None:
    assert set(CODECS[dialect].support) == set(Feature)


@pytest.mark.parametrize("feature", Feature)
def test_a_feature_is_explained(feature: Feature) -> None:
    assert MEANINGS[feature]


@pytest.mark.parametrize("feature", Feature)
def test_a_row_says_what_each_dialect_does_with_a_feature(feature: Feature) -> None:
    (row,) = (line for line in page().splitlines() if line.startswith(f"| `{feature.value}` |"))
    cells = [cell.strip(" *") for cell in row.strip("| ").split(" | ")[2:]]
    assert cells == [CODECS[dialect].support[feature].value for dialect in CODECS]
