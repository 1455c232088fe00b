"""Checks a module's imports against a table; knows neither the table nor the project's layout."""

import ast
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from tests.architecture.sources import Source


@dataclass(frozen=True)
class Row:
    """What a module, or every module of a package, may import of ours besides itself."""

    module: str
    may: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Owner:
    """The modules that may import a third-party package, or one name of it."""

    package: str
    modules: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Import:
    """One imported name, dotted; for `from a import b` it is `a.b`."""

    target: str
    line: int
    in_function: bool


@dataclass(frozen=True)
class Table:
    """The rules. Of rows, and of owners, the one with the longest name that fits is used."""

    ours: frozenset[str]
    """Top-level names of the project."""
    rows: Sequence[Row]
    owners: Sequence[Owner]
    anywhere: frozenset[str]
    """Third-party packages that every module may import."""

    def row(self, module: str) -> Row | None:
        """The row of a module."""
        fitting = [row for row in self.rows if _is_below(module, row.module)]
        return max(fitting, key=lambda row: len(row.module), default=None)

    def violations(self, source: Source) -> list[str]:
        """Say what is wrong with a module's imports, each with file, line and rule."""
        row = self.row(source.module)
        if row is None:
            return [f"{source.path}:1: {source.module} has no row in the import table; give it one"]
        found = []
        for node, in_function in _nodes(source.tree):
            where = f"{source.path}:{node.lineno}"
            if isinstance(node, ast.Call):
                found.append(f"{where}: imports by name; write an import statement")
                continue
            if isinstance(node, ast.ImportFrom) and node.level:
                found.append(f"{where}: a relative import; write the whole name")
                continue
            if in_function and not _has_reason(source, node.lineno):
                found.append(
                    f"{where}: an import inside a function without a comment on its line or "
                    "the one before that says why"
                )
            for target in _targets(node):
                if rule := self._broken_rule(source.module, row, target=target):
                    found.append(f"{where}: {source.module} imports {target}; {rule}")
        return found

    def _broken_rule(self, module: str, row: Row, *, target: str) -> str:
        top = target.partition(".")[0]
        if top in self.ours:
            if any(_is_below(target, name) for name in (row.module, *row.may)):
                return ""
            return f"{row.module} may import {', '.join(row.may) or 'nothing of ours'}: {row.why}"
        if top in sys.stdlib_module_names or top in self.anywhere:
            return ""
        owners = [owner for owner in self.owners if _is_below(target, owner.package)]
        if any(_is_below(module, name) for owner in owners for name in owner.modules):
            return ""
        if not owners:
            return f"{top} has no owner; a new dependency is a decision"
        owner = max(owners, key=lambda owner: len(owner.package))
        return f"{owner.package} belongs to {', '.join(owner.modules)}: {owner.why}"


def imports(source: Source) -> Iterator[Import]:
    """Every name that a module imports."""
    for node, in_function in _nodes(source.tree):
        if not isinstance(node, ast.Call):
            for target in _targets(node):
                yield Import(target, node.lineno, in_function)


def find_cycle(sources: Iterable[Source]) -> list[str]:
    """Find modules that import each other when they are loaded; empty when none do."""
    by_name = {source.module.removesuffix(".__init__"): source for source in sources}
    graph = {name: set(_loads(name, source, by_name)) for name, source in by_name.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def _loads(name: str, source: Source, known: Iterable[str]) -> Iterator[str]:
    """The modules that loading one loads: those that it imports, and the packages these are in."""
    for item in imports(source):
        parts = item.target.split(".")
        for length in range(1, len(parts) + 1):
            loaded = ".".join(parts[:length])
            # A package that the module itself is in is being loaded already.
            if not item.in_function and loaded in known and not _is_below(name, loaded):
                yield loaded


def _nodes(
    tree: ast.AST, in_function: bool = False
) -> Iterator[tuple[ast.Import | ast.ImportFrom | ast.Call, bool]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom) or _imports_by_name(node):
            yield node, in_function
        inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from _nodes(node, in_function or inside)


def _imports_by_name(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else None
    name = node.func.id if isinstance(node.func, ast.Name) else name
    return name in ("import_module", "__import__")


def _targets(node: ast.Import | ast.ImportFrom) -> list[str]:
    prefix = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
    return [prefix + alias.name for alias in node.names]


def _has_reason(source: Source, line: int) -> bool:
    said = (source.comments.get(number, "") for number in (line, line - 1))
    return any(words and not words.startswith(("noqa", "type:")) for words in said)


def _is_below(name: str, parent: str) -> bool:
    return name == parent or name.startswith(f"{parent}.")
