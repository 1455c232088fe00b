"""The files for people say what the schema says."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec import Struct, inspect, json, structs

from backends.providers import KINDS
from config.environment import FAMILIES, VARIABLES
from config.loader import load_config
from config.reference import page
from config.schema import Backend, Config, Stub
from config.validation import shape_of

ROOT = Path(__file__).parents[3]
COMPLETE = ROOT / "config" / "config.yaml"
EXAMPLE = ROOT / "config" / "config.multi-instance.example.yaml"


def sections(kind: inspect.Type) -> Iterator[inspect.StructType]:
    node = shape_of(kind).node
    if isinstance(node, inspect.VarTupleType):
        node = shape_of(node.item_type).node
    if isinstance(node, inspect.StructType):
        yield node
        for setting in node.fields:
            yield from sections(setting.type)


SECTIONS = {section.cls: section for section in sections(inspect.type_info(Config))}
SETTINGS = sorted({(cls.__name__, item.name) for cls, s in SECTIONS.items() for item in s.fields})


def differences(written: Any, defaults: Any, path: str = "") -> list[str]:
    if not isinstance(written, dict) or not isinstance(defaults, dict):
        return [] if written == defaults else [path]
    return [
        difference
        for name, value in written.items()
        for difference in differences(value, defaults[name], f"{path}.{name}")
    ]


def test_config_yaml_changes_nothing_but_lists_disabled_instances() -> None:
    config = load_config(COMPLETE, {}, kinds=KINDS)
    assert structs.replace(config, backends=()) == Config()
    assert sorted(str(backend.kind) for backend in config.backends) == sorted(KINDS)
    assert not any(backend.enabled for backend in config.backends)


def test_every_value_in_config_yaml_is_the_default() -> None:
    written = yaml.safe_load(COMPLETE.read_text(encoding="utf-8"))
    instances = [
        Backend(id=row["id"], enabled=False, stub=Stub() if row.get("stub") else None)
        for row in written["backends"]
    ]
    defaults = json.decode(json.encode(Config()))
    for index, instance in enumerate(json.decode(json.encode(instances))):
        assert differences(written["backends"][index], instance) == []
    assert differences(written | {"backends": []}, defaults) == []


@pytest.mark.parametrize(("section", "name"), SETTINGS)
def test_config_yaml_mentions_every_setting(section: str, name: str) -> None:
    text = COMPLETE.read_text(encoding="utf-8")
    assert re.search(rf"^[\s#-]*{name}:", text, re.MULTILINE)


def test_every_line_of_config_yaml_that_sets_something_says_what_it_is() -> None:
    lines = COMPLETE.read_text(encoding="utf-8").splitlines()
    repeated = {"enabled: false", "client_keys: []", "credentials: []"}
    silent = [
        line.strip()
        for line in lines
        if re.match(r"\s*[a-z_]+: \S", line) and "#" not in line and line.strip() not in repeated
    ]
    assert silent == []


def test_the_example_serves_two_stubs_without_any_environment() -> None:
    config = load_config(EXAMPLE, {}, kinds=KINDS)
    enabled = [(backend.id, backend.kind) for backend in config.backends if backend.enabled]
    assert enabled == [("stub-a", "local-stub"), ("stub-b", "local-stub")]


def test_the_example_loads_with_every_row_enabled(tmp_path: Path) -> None:
    path = tmp_path / "enabled.yaml"
    text = EXAMPLE.read_text(encoding="utf-8")
    path.write_text(text.replace("enabled: false", "enabled: true"), encoding="utf-8")
    names = re.findall(r"\$\{([A-Z0-9_]+):-", text)
    environ = {name: f"key of {name}" for name in [*names, "HUGGINGFACE_API_KEY"]}
    config = load_config(path, environ, kinds=KINDS)
    assert [len(backend.credentials) for backend in config.backends] == [0, 0, 3, 1, 2, 1, 1, 1]


def test_the_page_is_the_generated_one() -> None:
    page_file = ROOT / "docs" / "configuration.md"
    assert page_file.read_text(encoding="utf-8") == page(), "run: python -m config.reference"


@pytest.mark.parametrize(("section", "name"), SETTINGS)
def test_every_setting_is_documented(section: str, name: str) -> None:
    (cls,) = (cls for cls in SECTIONS if cls.__name__ == section)
    setting = next(item for item in SECTIONS[cls].fields if item.name == name)
    is_section = isinstance(shape_of(setting.type).node, inspect.StructType)
    assert shape_of(setting.type).description or is_section
    assert f"`{name}" in page() or f".{name}" in page()


@pytest.mark.parametrize("cls", SECTIONS, ids=lambda cls: cls.__name__)
def test_every_section_says_what_it_is_for(cls: type[Struct]) -> None:
    assert cls.__doc__


@pytest.mark.parametrize("name", [variable.name for variable in VARIABLES])
def test_every_variable_is_documented(name: str) -> None:
    assert f"| `{name}` |" in page()


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_is_documented(name: str) -> None:
    assert f"| {name} |" in page()
    assert all(f"`{base}`" in page() for base in FAMILIES[name].bases)
