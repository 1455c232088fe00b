"""The import checker sees what it is there to see: violations planted in made-up sources."""

import pytest

from tests.architecture.import_checker import Owner, Row, Table, find_cycle
from tests.architecture.sources import Source

TABLE = Table(
    ours=frozenset({"shop", "till"}),
    rows=(
        Row("shop.__init__", (), "it is empty"),
        Row("shop.model", (), "it is pure"),
        Row("shop.shelf", ("shop.model", "shop.VERSION"), "it holds things"),
        Row("shop.shelf.back", (), "nobody looks there"),
        Row("till", ("shop.shelf.front",), "it sees the front alone"),
    ),
    owners=(
        Owner("redis", ("shop.shelf",), "shelves share state"),
        Owner("redis.RedisError", ("till",), "it says what failed"),
    ),
    anywhere=frozenset({"msgspec"}),
)

ALLOWED = [
    pytest.param("shop.shelf.front", "import json, os.path", id="standard-library"),
    pytest.param("shop.shelf.front", "from msgspec import Struct", id="anywhere"),
    pytest.param("shop.shelf.front", "from shop.model import Thing", id="what-the-row-names"),
    pytest.param("shop.shelf.front", "import shop.model.thing", id="below-what-the-row-names"),
    pytest.param("shop.shelf.front", "from shop import model", id="as-a-name-of-its-package"),
    pytest.param("shop.shelf.front", "from shop import VERSION", id="one-name"),
    pytest.param("shop.shelf.front", "from shop.shelf.middle import x", id="inside-its-own-row"),
    pytest.param("shop.shelf.front", "from redis import Redis", id="owner"),
    pytest.param("till", "from redis import RedisError", id="owner-of-one-name"),
    pytest.param("till", "from shop.shelf.front import x", id="one-module-of-a-package"),
    pytest.param("till", "def f():\n    # It is slow.\n    import json", id="reason-before"),
    pytest.param("till", "def f():\n    import json  # It is slow.", id="reason-beside"),
    pytest.param("till", "from __future__ import annotations", id="future"),
    pytest.param("shop.__init__", "VERSION = 1", id="nothing"),
]
PLANTED = [
    pytest.param("shop.model", "import shop.shelf", "it is pure", id="not-in-the-row"),
    pytest.param("shop.model", "\n\nfrom shop import shelf", "file.py:3: ", id="as-a-name"),
    pytest.param("shop.model", "from shop import shelf", "nothing of ours", id="nothing-of-ours"),
    pytest.param("shop.model", "import shop", "imports shop;", id="the-package-itself"),
    pytest.param("shop.shelf.front", "from shop import OTHER", "shop.OTHER", id="another-name"),
    pytest.param("shop.shelf.front", "from shop.modelling import x", "modelling", id="lookalike"),
    pytest.param("shop.shelf.back", "import shop.model", "nobody looks there", id="longest-row"),
    pytest.param("till", "import shop.shelf", "the front alone", id="the-rest-of-a-package"),
    pytest.param("shop.cellar", "", "has no row", id="no-row"),
    pytest.param("shop.__init__", "import till", "it is empty", id="package-file"),
    pytest.param("shop.model", "import redis", "redis belongs to shop.shelf", id="not-the-owner"),
    pytest.param("till", "from redis import Redis", "redis belongs to shop", id="another-name-of"),
    pytest.param("shop.model", "from redis import RedisError", "belongs to till", id="that-name"),
    pytest.param("till", "import numpy", "numpy has no owner", id="unknown-third-party"),
    pytest.param("shop.shelf.front", "from . import middle", "a relative import", id="relative"),
    pytest.param("shop.shelf.front", "from .middle import x", "a relative import", id="relative-2"),
    pytest.param("till", "def f():\n    import json", "inside a function", id="in-a-function"),
    pytest.param(
        "till", "def f():\n    import json  # noqa: PLC0415", "inside a function", id="noqa-alone"
    ),
    pytest.param(
        "till",
        "def f():\n    # It is slow.\n    import json\n    import os",
        "file.py:4: an import inside",
        id="reason-for-another",
    ),
    pytest.param(
        "till",
        "class A:\n    def f(self):\n        if self:\n            import json",
        "file.py:4: an import inside",
        id="deep-in-a-method",
    ),
    pytest.param(
        "till", "def f():\n    # Why.\n    import redis", "redis belongs", id="with-reason"
    ),
    pytest.param(
        "shop.model", "try:\n    import till\nexcept ImportError:\n    pass", "till", id="try"
    ),
    pytest.param(
        "shop.model",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import till",
        "file.py:3: ",
        id="for-types-alone",
    ),
    pytest.param(
        "till", "import importlib\nimportlib.import_module('redis')", "by name", id="name"
    ),
    pytest.param("till", "__import__('redis')", "by name", id="dunder-import"),
]


@pytest.mark.parametrize(("module", "text"), ALLOWED)
def test_what_is_allowed_passes(module: str, text: str) -> None:
    assert TABLE.violations(Source(module.replace(".", "/") + ".py", text)) == []


@pytest.mark.parametrize(("module", "text", "words"), PLANTED)
def test_a_planted_violation_is_found(module: str, text: str, words: str) -> None:
    path = module.replace(".", "/") + ".py"
    (violation,) = TABLE.violations(Source(path, text))
    assert violation.startswith(f"{path}:")
    assert words.replace("file.py", path) in violation


def _cycle(**modules: str) -> set[str]:
    sources = [Source(name.replace("__", "/") + ".py", text) for name, text in modules.items()]
    return set(find_cycle(sources))


@pytest.mark.parametrize(
    ("modules", "cycle"),
    [
        pytest.param({"a": "import b", "b": "import a"}, {"a", "b"}, id="two"),
        pytest.param(
            {"a": "from b import x", "b": "from c import x", "c": "from a import x", "d": ""},
            {"a", "b", "c"},
            id="three",
        ),
        pytest.param({"a": "import a"}, set(), id="itself-is-not-loaded-again"),
        pytest.param({"a": "import b, c", "b": "import c", "c": ""}, set(), id="a-diamond"),
        pytest.param({"a": "import b", "b": "def f():\n    import a"}, set(), id="late-import"),
        pytest.param(
            {"p__x": "from p import y", "p__y": "from p.x import f"}, {"p.x", "p.y"}, id="siblings"
        ),
    ],
)
def test_a_cycle_is_found(modules: dict[str, str], cycle: set[str]) -> None:
    assert _cycle(**modules) == cycle


def test_a_cycle_through_a_packages_own_file_is_found() -> None:
    sources = [
        Source("p/__init__.py", "from q import f"),
        Source("p/x.py", ""),
        Source("q.py", "from p.x import g"),
    ]
    assert set(find_cycle(sources)) == {"p", "q"}
