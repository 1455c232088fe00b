"""The project's own sources, as the architecture tests read them."""

import ast
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PRODUCT = ("app.py", "wsgi.py", "gunicorn.conf.py", "gateway", "backends", "workers", "config")
BENCH = ("bench",)
TESTS = ("tests",)

_GENERATED = {"__pycache__", "build", "var"}


@dataclass(frozen=True)
class Source:
    """A Python file, by its path below the project's root."""

    path: str
    text: str

    @property
    def module(self) -> str:
        """The dotted name; that of a package's own file ends with `__init__`."""
        return self.path.removesuffix(".py").replace("/", ".")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @cached_property
    def comments(self) -> dict[int, str]:
        """Line -> the words of its comment."""
        tokens = tokenize.generate_tokens(io.StringIO(self.text).readline)
        return {t.start[0]: t.string.lstrip("# ") for t in tokens if t.type == tokenize.COMMENT}

    def functions(self) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, bool]]:
        """Every function, and whether it is a method."""
        for parent in ast.walk(self.tree):
            for node in ast.iter_child_nodes(parent):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield node, isinstance(parent, ast.ClassDef)

    def classes(self) -> Iterator[ast.ClassDef]:
        """Every class."""
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.ClassDef))


def read_sources(*tops: str) -> list[Source]:
    """Read the Python files of some top-level files and folders."""
    return [Source(str(path.relative_to(ROOT)), _read(path)) for path in files(*tops, suffix=".py")]


def files(*tops: str, suffix: str) -> list[Path]:
    """List the files with a suffix below some top-level names, without generated ones."""
    found: list[Path] = []
    for top in map(ROOT.joinpath, tops):
        found += [top] if top.is_file() else sorted(top.rglob(f"*{suffix}"))
    return [
        path
        for path in found
        if path.suffix == suffix and not _GENERATED.intersection(path.relative_to(ROOT).parts)
    ]


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")
