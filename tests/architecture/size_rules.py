"""Rules of size and style: each takes a source and says what breaks it, with file, line and why."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.sources import Source

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60
MAX_ARGUMENTS = 6
MAX_POSITIONAL = 2
MAX_PROTOCOL_METHODS = 5

_VAGUE = re.compile(r"(Manager|Service|Helper)$|(^|_)(manager|service|helper)$")
_VAGUE_MODULES = {"utils", "util", "common", "helpers", "helper", "misc"}
_REASON = re.compile(r"noqa: BLE001 - \S")
_BROAD = {"Exception", "BaseException"}
_OURS = {"app", "wsgi", "gateway", "backends", "workers", "config", "bench", "tests"}


def long_files(source: Source) -> Iterator[str]:
    """A file that is too long to be read at once."""
    lines = len(source.text.splitlines())
    if lines > MAX_FILE_LINES:
        yield f"{source.path}: {lines} lines; split it, {MAX_FILE_LINES} are the most"


def long_functions(source: Source) -> Iterator[str]:
    """A function that does more than one thing."""
    for function, _ in source.functions():
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if lines > MAX_FUNCTION_LINES:
            yield (
                f"{source.path}:{function.lineno}: {function.name} has {lines} lines; "
                f"{MAX_FUNCTION_LINES} are the most"
            )


def many_arguments(source: Source) -> Iterator[str]:
    """A function that is told too much."""
    for function, is_method in source.functions():
        count = len(_positional(function, is_method)) + len(function.args.kwonlyargs)
        if count > MAX_ARGUMENTS:
            yield (
                f"{source.path}:{function.lineno}: {function.name} takes {count} arguments; "
                f"{MAX_ARGUMENTS} are the most, a value of its own could hold some"
            )


def positional_arguments(source: Source) -> Iterator[str]:
    """A call that cannot be read without the definition beside it."""
    for function, is_method in source.functions():
        names = _positional(function, is_method)
        # The signature of a method like __exit__ is Python's.
        forced = re.fullmatch("__[a-z]+__", function.name) and function.name != "__init__"
        if len(names) > MAX_POSITIONAL and not forced:
            yield (
                f"{source.path}:{function.lineno}: {function.name}({', '.join(names)}): "
                f"keyword-only past the first {MAX_POSITIONAL}"
            )


def wide_protocols(source: Source) -> Iterator[str]:
    """A port that asks for more than one thing."""
    for definition in source.classes():
        if any(_name(base) == "Protocol" for base in definition.bases):
            methods = [n for n in definition.body if isinstance(n, ast.FunctionDef)]
            if len(methods) > MAX_PROTOCOL_METHODS:
                yield (
                    f"{source.path}:{definition.lineno}: {definition.name} has {len(methods)} "
                    f"methods; {MAX_PROTOCOL_METHODS} are the most of a Protocol"
                )


def vague_names(source: Source) -> Iterator[str]:
    """A name that could hold anything."""
    stem = source.module.removesuffix(".__init__").rpartition(".")[2]
    if stem in _VAGUE_MODULES:
        yield f"{source.path}: a module named {stem}; name what it owns"
    named = [*source.classes(), *(function for function, _ in source.functions())]
    for definition in named:
        if _VAGUE.search(definition.name):
            yield f"{source.path}:{definition.lineno}: {definition.name}; name what it does"


def broad_excepts(source: Source) -> Iterator[str]:
    """An except that hides a fault, without the reason; one that raises hides nothing."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler):
            broad = node.type is None or bool(_BROAD & set(_names(node.type)))
            broad = broad and not isinstance(node.body[-1], ast.Raise)
        elif isinstance(node, ast.Call) and _name(node.func) == "suppress":
            broad = any(_BROAD & set(_names(argument)) for argument in node.args)
        else:
            continue
        if broad and not _REASON.match(source.comments.get(node.lineno, "")):
            yield (
                f"{source.path}:{node.lineno}: catches everything; name the exceptions, or say "
                "'# noqa: BLE001 - <reason>' at the edge of a process"
            )


def blanket_ignores(source: Source) -> Iterator[str]:
    """A comment that turns a rule off for a whole file, or every rule for a line."""
    for line, words in source.comments.items():
        if re.match(r"(ruff|flake8|mypy): ?(noqa|ignore)|noqa$|noqa\s|type: ignore$", words):
            yield f"{source.path}:{line}: '# {words}' ignores too much; name the one rule"


def patches(source: Source) -> Iterator[str]:
    """A test that replaces a part of our own instead of using a seam."""
    ours = set(_imported_from_ours(source.tree))
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import | ast.ImportFrom) and _imports_mock(node):
            yield f"{source.path}:{node.lineno}: imports mock; use a seam"
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if node.func.attr in ("setattr", "delattr") and node.args and _is_ours(node.args[0], ours):
            yield f"{source.path}:{node.lineno}: patches a module of ours; use a seam"
    for function, _ in source.functions():
        if any(argument.arg == "mocker" for argument in function.args.args):
            yield f"{source.path}:{function.lineno}: uses mocker; use a seam"


def _positional(function: ast.FunctionDef | ast.AsyncFunctionDef, is_method: bool) -> list[str]:
    """The names of the arguments that may be given by position, without self or cls."""
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    static = any(_name(decorator) == "staticmethod" for decorator in function.decorator_list)
    return names[1:] if is_method and not static else names


def _name(node: ast.expr) -> str:
    """The last part of a dotted name; that of a subscript is of what it subscribes."""
    if isinstance(node, ast.Subscript):
        return _name(node.value)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _names(node: ast.expr) -> list[str]:
    return [_name(part) for part in node.elts] if isinstance(node, ast.Tuple) else [_name(node)]


def _imports_mock(node: ast.Import | ast.ImportFrom) -> bool:
    names = [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        names = [f"{node.module}.{name}" for name in names]
    return any(re.match(r"(unittest\.)?mock\b", name) for name in names)


def _imported_from_ours(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in _OURS:
            yield from (alias.asname or alias.name for alias in node.names)
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] in _OURS:
                    yield alias.asname or alias.name.partition(".")[0]


def _is_ours(target: ast.expr, ours: set[str]) -> bool:
    if isinstance(target, ast.Constant):
        return str(target.value).partition(".")[0] in _OURS
    while isinstance(target, ast.Attribute):
        target = target.value
    return isinstance(target, ast.Name) and target.id in ours
