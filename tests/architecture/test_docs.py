"""What is written about the project is true of it, as far as a machine can tell."""

import re
from pathlib import Path

import pytest

from tests.architecture.lua import parse_script
from tests.architecture.sources import BENCH, PRODUCT, ROOT, TESTS, Source, files, read_sources

SCRIPTS = files(*PRODUCT, suffix=".lua")
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE))

_LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)")


def _path(path: Path) -> str:
    return str(path.relative_to(ROOT))


DOCUMENTED = [
    *read_sources(*PRODUCT, *BENCH),
    *(source for source in read_sources(*TESTS) if source.text),
]


@pytest.mark.parametrize("source", DOCUMENTED, ids=lambda source: source.path)
def test_a_module_says_what_it_is(source: Source) -> None:
    first = source.tree.body[0] if source.tree.body else None
    assert first is not None, f"{source.path} is empty; its docstring says what it owns"
    value = getattr(getattr(first, "value", None), "value", None)
    assert isinstance(value, str), f"{source.path}:1 has no docstring; say what it owns"
    assert re.match(r"\S[^\n]*[.:?]\n|\S[^\n]*\.$", value), (
        f"{source.path}:1 begins with no sentence"
    )


@pytest.mark.parametrize("path", SCRIPTS, ids=_path)
def test_a_script_says_its_keys_its_arguments_and_its_answer(path: Path) -> None:
    header = parse_script(path.read_text(encoding="utf-8")).header
    missing = [part for part in ("KEYS:", "ARGV:", "Returns:") if part not in header]
    assert missing == []
    purpose = header.partition("KEYS:")[0].strip()
    assert purpose.endswith((".", ".\n")), "the header begins with what the script does"


@pytest.mark.parametrize("path", SCRIPTS, ids=_path)
def test_a_script_is_given_all_its_keys(path: Path) -> None:
    assert parse_script(path.read_text(encoding="utf-8")).made_up_keys == []


@pytest.mark.parametrize("page", PAGES, ids=_path)
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^ {4}|`|\$ )(?:[A-Z_]+=\S+ )*make ([a-z-]+)", text, re.MULTILINE))
    assert named <= TARGETS


def test_the_readme_says_how_to_start_and_how_to_test() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert {"    make run", "    make test"} <= set(readme.splitlines())


@pytest.mark.parametrize("page", PAGES, ids=_path)
def test_every_file_that_a_page_links_to_exists(page: Path) -> None:
    links = _LINK.findall(page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_make_target_is_explained_and_phony() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) == TARGETS
