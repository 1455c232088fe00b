"""The rules of size and style see what they are there to see: violations in made-up sources."""

from collections.abc import Callable, Iterator

import pytest

from tests.architecture import size_rules
from tests.architecture.sources import Source

Rule = Callable[[Source], Iterator[str]]

REASON = "  # noqa: BLE001 - the edge of a thread"
PROTOCOL = "class P(Protocol):\n" + "".join(f"    def m{n}(self): ...\n" for n in range(5))

PLANTED = [
    pytest.param(size_rules.long_files, "x = 1\n" * 501, id="501-lines"),
    pytest.param(size_rules.long_functions, "def f():\n" + "    x = 1\n" * 60, id="61-lines"),
    pytest.param(
        size_rules.long_functions,
        "class A:\n    def f(self):\n" + "        x = 1\n" * 60,
        id="61-lines-of-a-method",
    ),
    pytest.param(size_rules.many_arguments, "def f(a, b, *, c, d, e, g, h): ...", id="seven"),
    pytest.param(
        size_rules.many_arguments,
        "class A:\n    def f(self, *, a, b, c, d, e, g, h): ...",
        id="seven-of-a-method",
    ),
    pytest.param(size_rules.positional_arguments, "def f(a, b, c): ...", id="three-by-position"),
    pytest.param(size_rules.positional_arguments, "def f(a, /, b, c=1): ...", id="with-default"),
    pytest.param(
        size_rules.positional_arguments,
        "class A:\n    def __init__(self, a, b, c): ...",
        id="three-of-a-constructor",
    ),
    pytest.param(
        size_rules.positional_arguments,
        "class A:\n    @staticmethod\n    def f(a, b, c): ...",
        id="three-of-a-static-method",
    ),
    pytest.param(
        size_rules.positional_arguments, "def f():\n    def g(a, b, c): ...", id="three-inside"
    ),
    pytest.param(size_rules.wide_protocols, PROTOCOL + "    def m(self): ...", id="six-methods"),
    pytest.param(
        size_rules.wide_protocols,
        PROTOCOL.replace("Protocol", "typing.Protocol[T]") + "    def m(self): ...",
        id="generic-protocol",
    ),
    pytest.param(size_rules.vague_names, "class KeyManager: ...", id="manager"),
    pytest.param(size_rules.vague_names, "class RoutingService: ...", id="service"),
    pytest.param(size_rules.vague_names, "def parse_helper(): ...", id="helper-function"),
    pytest.param(size_rules.broad_excepts, "try: f()\nexcept: pass", id="bare-except"),
    pytest.param(size_rules.broad_excepts, "try: f()\nexcept Exception: pass", id="exception"),
    pytest.param(
        size_rules.broad_excepts, "try: f()\nexcept (OSError, BaseException): pass", id="in-a-tuple"
    ),
    pytest.param(
        size_rules.broad_excepts,
        "try: f()\nexcept Exception:  # noqa: BLE001\n    pass",
        id="without-a-reason",
    ),
    pytest.param(size_rules.broad_excepts, "with suppress(Exception): f()", id="suppress"),
    pytest.param(size_rules.blanket_ignores, "# ruff: noqa\nx = 1", id="file-noqa"),
    pytest.param(size_rules.blanket_ignores, "# mypy: ignore-errors\nx = 1", id="file-mypy"),
    pytest.param(size_rules.blanket_ignores, "x = 1  # noqa", id="bare-noqa"),
    pytest.param(size_rules.blanket_ignores, "x = 1  # type: ignore", id="bare-type-ignore"),
    pytest.param(size_rules.patches, "from unittest.mock import patch", id="mock"),
    pytest.param(size_rules.patches, "from unittest import mock", id="mock-from-unittest"),
    pytest.param(size_rules.patches, "import unittest.mock", id="import-mock"),
    pytest.param(size_rules.patches, "def test_x(mocker): ...", id="mocker"),
    pytest.param(
        size_rules.patches, "monkeypatch.setattr('gateway.runtime.time', 1)", id="setattr-by-name"
    ),
    pytest.param(
        size_rules.patches,
        "from gateway import runtime\nmonkeypatch.setattr(runtime, 'time', 1)",
        id="setattr-of-a-module",
    ),
    pytest.param(
        size_rules.patches,
        "import backends.http as http\nmonkeypatch.setattr(http.requests, 'get', 1)",
        id="setattr-through-a-module",
    ),
]
ALLOWED = [
    pytest.param(size_rules.long_files, "x = 1\n" * 500, id="500-lines"),
    pytest.param(size_rules.long_functions, "def f():\n" + "    x = 1\n" * 59, id="60-lines"),
    pytest.param(size_rules.many_arguments, "def f(a, b, *, c, d, e, g): ...", id="six"),
    pytest.param(size_rules.many_arguments, "def f(*args, **options): ...", id="any"),
    pytest.param(size_rules.positional_arguments, "def f(a, b, *, c): ...", id="two-by-position"),
    pytest.param(
        size_rules.positional_arguments,
        "class A:\n    def f(self, a, b): ...\n    @classmethod\n    def g(cls, a, b): ...",
        id="self-and-cls-do-not-count",
    ),
    pytest.param(
        size_rules.positional_arguments,
        "class A:\n    def __exit__(self, kind, error, trace): ...",
        id="a-signature-of-python",
    ),
    pytest.param(size_rules.wide_protocols, PROTOCOL, id="five-methods"),
    pytest.param(
        size_rules.wide_protocols, PROTOCOL.replace("(Protocol)", "") * 2, id="no-protocol"
    ),
    pytest.param(size_rules.vague_names, "class Services: ...\ndef manage(): ...", id="names"),
    pytest.param(size_rules.broad_excepts, "try: f()\nexcept OSError: pass", id="named"),
    pytest.param(
        size_rules.broad_excepts,
        f"try: f()\nexcept Exception as error:{REASON}\n    pass",
        id="with-a-reason",
    ),
    pytest.param(
        size_rules.broad_excepts,
        "try: f()\nexcept BaseException:\n    print()\n    raise",
        id="raised-again",
    ),
    pytest.param(size_rules.broad_excepts, "with suppress(OSError): f()", id="suppress-named"),
    pytest.param(
        size_rules.blanket_ignores,
        "x = 1  # type: ignore[misc]\ny = 1  # noqa: E501\n# no qualms",
        id="one-rule",
    ),
    pytest.param(
        size_rules.patches,
        "import time\nmonkeypatch.setattr(time, 'time', 1)\nmonkeypatch.setenv('A', '1')",
        id="what-is-not-ours",
    ),
]


@pytest.mark.parametrize(("rule", "text"), PLANTED)
def test_a_planted_violation_is_found(rule: Rule, text: str) -> None:
    (violation,) = rule(Source("made/up.py", text))
    assert violation.startswith("made/up.py:")


@pytest.mark.parametrize(("rule", "text"), ALLOWED)
def test_what_is_allowed_passes(rule: Rule, text: str) -> None:
    assert list(rule(Source("made/up.py", text))) == []


@pytest.mark.parametrize("path", ["a/utils.py", "a/common/__init__.py", "helpers.py"])
def test_a_module_whose_name_says_nothing_is_found(path: str) -> None:
    assert len(list(size_rules.vague_names(Source(path, "")))) == 1
