"""Files, functions, signatures and names stay of a size that can be read."""

import tomllib

import pytest

from tests.architecture import size_rules
from tests.architecture.sources import BENCH, PRODUCT, ROOT, TESTS, Source, files, read_sources

OURS = read_sources(*PRODUCT, *BENCH)
EVERYTHING = [*OURS, *read_sources(*TESTS)]


def _by_file(sources: list[Source]) -> list[object]:
    return [pytest.param(source, id=source.path) for source in sources]


@pytest.mark.parametrize("source", _by_file(EVERYTHING))
def test_a_file_can_be_read_at_once(source: Source) -> None:
    assert list(size_rules.long_files(source)) == []


@pytest.mark.parametrize("suffix", [".lua", ".c", ".h", ".sql"])
def test_a_file_of_another_language_can_be_read_at_once(suffix: str) -> None:
    paths = files(*PRODUCT, *BENCH, suffix=suffix)
    lengths = {str(p.relative_to(ROOT)): len(p.read_text().splitlines()) for p in paths}
    too_long = {path: n for path, n in lengths.items() if n > size_rules.MAX_FILE_LINES}
    assert too_long == {}


@pytest.mark.parametrize("source", _by_file(EVERYTHING))
def test_a_function_does_one_thing(source: Source) -> None:
    assert list(size_rules.long_functions(source)) == []


@pytest.mark.parametrize("source", _by_file(OURS))
def test_a_function_is_told_what_it_needs_and_no_more(source: Source) -> None:
    assert list(size_rules.many_arguments(source)) == []


@pytest.mark.parametrize("source", _by_file(OURS))
def test_arguments_past_the_second_are_named_where_they_are_given(source: Source) -> None:
    assert list(size_rules.positional_arguments(source)) == []


@pytest.mark.parametrize("source", _by_file(OURS))
def test_a_protocol_asks_for_one_thing(source: Source) -> None:
    assert list(size_rules.wide_protocols(source)) == []


@pytest.mark.parametrize("source", _by_file(EVERYTHING))
def test_a_name_says_what_it_names(source: Source) -> None:
    assert list(size_rules.vague_names(source)) == []


@pytest.mark.parametrize("source", _by_file(EVERYTHING))
def test_only_an_edge_catches_everything_and_says_why(source: Source) -> None:
    assert list(size_rules.broad_excepts(source)) == []


@pytest.mark.parametrize("source", _by_file(EVERYTHING))
def test_no_comment_ignores_more_than_one_rule(source: Source) -> None:
    assert list(size_rules.blanket_ignores(source)) == []


@pytest.mark.parametrize("source", _by_file(read_sources(*TESTS)))
def test_a_test_patches_nothing_of_ours(source: Source) -> None:
    assert list(size_rules.patches(source)) == []


def test_ruff_ignores_nothing_by_file() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lint = project["tool"]["ruff"]["lint"]
    assert not lint.get("per-file-ignores")
    assert not lint.get("extend-per-file-ignores")
    assert not lint.get("ignore")


def test_mypy_is_strict_on_all_that_is_ours() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    mypy = project["tool"]["mypy"]
    assert mypy["strict"] is True
    tops = {source.module.partition(".")[0] for source in OURS} - {"gunicorn"}
    assert tops == {*mypy["packages"], *mypy["modules"]}
