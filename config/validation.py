"""The walk of the schema over what was written, and the checks that need more than one setting.

Owns what makes a value wrong and the words for it. Finds all problems in one go and goes on past
each one, with a stand-in value where a later check needs one. Must not know: where the text came
from (a file, a variable) and what a `${...}` in it stands for; that is handed in as `expand`.
"""

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from msgspec import UNSET, Struct, inspect

from config.errors import ReferenceProblem, Report
from config.schema import EVERY_ORIGIN, Backend, Config, is_loopback, split_address

_EXPECTED: dict[type[inspect.Type], tuple[str, tuple[type, ...], str]] = {
    inspect.StrType: ("text", (str,), "Put it in quotes."),
    inspect.IntType: ("a whole number", (int,), "Write digits only, without quotes or a unit."),
    inspect.FloatType: ("a number", (int, float), "Write a number without quotes or a unit."),
    inspect.BoolType: ("true or false", (bool,), "Write true or false, without quotes."),
}
_FOUND = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}
_FOUND |= {dict: "a mapping", list: "a list"}


class Expanded(Struct, frozen=True):
    """A text after its references were replaced."""

    text: str
    whole: bool
    """The text was one single reference, so that a number or boolean may come of it."""


Expand = Callable[[str], Expanded]


class Shape(Struct, frozen=True):
    """The type of one setting, without its wrappers."""

    node: inspect.Type
    nullable: bool
    form: str
    description: str


def shape_of(kind: inspect.Type) -> Shape:
    """Unwrap the type of a schema field; a union in the schema is always `X | None`."""
    nullable, form, description = False, "", ""
    while isinstance(kind, inspect.Metadata | inspect.UnionType):
        if isinstance(kind, inspect.UnionType):
            (kind,) = (part for part in kind.types if not isinstance(part, inspect.NoneType))
            nullable = True
        else:
            description = description or (kind.extra_json_schema or {}).get("description", "")
            form = form or (kind.extra or {}).get("form", "")
            kind = kind.type
    return Shape(kind, nullable, form, description)


def bounds_of(shape: Shape) -> str:
    """Say which values of its type a setting takes: `at least 1, at most 512`, blank if any."""
    node, words = shape.node, []
    if isinstance(node, inspect.LiteralType):
        return "one of " + ", ".join(f"`{value}`" for value in node.values)
    if isinstance(node, inspect.IntType | inspect.FloatType):
        limits = {"more than": node.gt, "at least": node.ge, "less than": node.lt}
        limits["at most"] = node.le
        words = [f"{word} {limit}" for word, limit in limits.items() if limit is not None]
    if isinstance(node, inspect.StrType):
        lengths = {"at least": node.min_length, "at most": node.max_length}
        words = [
            f"{word} {length} character{'s' if length > 1 else ''}"
            for word, length in lengths.items()
            if length is not None
        ]
        words = [shape.form, *words] if shape.form else words
    return ", ".join(words)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that was probably meant, or None when none is near."""
    by_case = {candidate.lower(): candidate for candidate in known}
    found = difflib.get_close_matches(name.lower(), by_case, n=1, cutoff=0.6)
    return by_case[found[0]] if found else None


def shown_key(name: object, known: Iterable[str] = ()) -> str:
    """Return a key of the file as a message may show it.

    A key that neither resembles a setting nor is like one could be a secret in the wrong place.
    """
    text = str(name)
    harmless = re.fullmatch(r"[a-z_]{1,32}", text) or nearest(text, known)
    return text if harmless else "?"


def below(path: str, name: str) -> str:
    """Return the path of a setting in the section at `path`; the top level has the path ``."""
    return f"{path}.{name}" if path else name


def parse_scalar(text: str) -> object:
    """Return what YAML makes of a single value: a number, a boolean, None, else the text."""
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        return text


class Walk:
    """Reads values against the schema into `report`.

    Args:
        expand: replaces the references in a text; raises ReferenceProblem.
        forgiving: for a disabled instance: an unset reference means that the setting is not given.
    """

    def __init__(self, expand: Expand, report: Report, *, forgiving: bool = False) -> None:
        self._expand = expand
        self._report = report
        self._forgiving = forgiving

    def read(self, kind: inspect.Type, value: object, *, at: str) -> Any:
        """Return the value as the schema's type has it, or UNSET when it is not given or wrong."""
        shape = shape_of(kind)
        if value is None:
            return self._read_null(shape, at=at)
        if isinstance(shape.node, inspect.StructType):
            return self._read_section(shape.node, value, at=at)
        if isinstance(shape.node, inspect.VarTupleType):
            return self._read_list(shape.node.item_type, value, at=at)
        return self._read_scalar(shape, value, at=at)

    def _read_null(self, shape: Shape, *, at: str) -> Any:
        if shape.nullable:
            return None
        if not isinstance(shape.node, inspect.StructType | inspect.VarTupleType):
            self._report.add(at, "has no value", remedy="Give it one, or remove the line.")
        return UNSET

    def _read_section(self, node: inspect.StructType, value: object, *, at: str) -> Any:
        if not isinstance(value, dict):
            message = f"must be a mapping, found {_found(value)}"
            remedy = "Write its settings as `name: value` lines below it."
            self._report.add(at or "configuration", message, remedy=remedy)
            return UNSET
        walk = self._for_instance(value) if node.cls is Backend else self
        self._refuse_unknown(node, value, at=at)
        read = {
            setting.name: walk.read(setting.type, value[setting.name], at=below(at, setting.name))
            for setting in node.fields
            if setting.name in value
        }
        given = {name: item for name, item in read.items() if item is not UNSET}
        for setting in node.fields:
            if setting.required and setting.name not in value:
                self._report.add(below(at, setting.name), "is missing", remedy="Add it.")
        return stand_in(node, given)

    def _refuse_unknown(
        self, node: inspect.StructType, value: Mapping[object, object], *, at: str
    ) -> None:
        known = [setting.name for setting in node.fields]
        for name in value:
            if name in known:
                continue
            meant = nearest(str(name), known)
            remedy = f"Did you mean `{meant}`?" if meant else f"There are: {', '.join(known)}."
            self._report.add(below(at, shown_key(name, known)), "is not a setting", remedy=remedy)

    def _read_list(self, item_type: inspect.Type, value: object, *, at: str) -> Any:
        if not isinstance(value, list):
            message = f"must be a list, found {_found(value)}"
            self._report.add(at, message, remedy="Write one `- ` line per item below it.")
            return UNSET
        node = shape_of(item_type).node
        items = []
        for index, raw in enumerate(value):
            item = self._read_item(item_type, raw, at=f"{at}[{index}]")
            if item is UNSET and isinstance(node, inspect.StructType):
                item = stand_in(node, {})  # so that the next item keeps its index
            if item is not UNSET:
                items.append(item)
        return tuple(items)

    def _read_item(self, item_type: inspect.Type, value: object, *, at: str) -> Any:
        if value is None:
            self._report.add(at, "has no value", remedy="Give it one, or remove the line.")
            return UNSET
        return self.read(item_type, value, at=at)

    def _read_scalar(self, shape: Shape, value: object, *, at: str) -> Any:
        if isinstance(value, str):
            try:
                value = self._expand_for(shape, value)
            except ReferenceProblem as problem:
                self._refuse_reference(problem, at=at)
                return UNSET
        if isinstance(value, str):
            value = value.strip()
            optional = self._forgiving or not getattr(shape.node, "min_length", None)
            if not value and shape.nullable and optional:
                return None
        problem_found = wrong_type(shape, value) or out_of_bounds(shape, value)
        if problem_found:
            message, remedy = problem_found
            self._report.add(at, message, remedy=remedy)
            return UNSET
        return float(value) if isinstance(shape.node, inspect.FloatType) else value  # type: ignore[arg-type]

    def _expand_for(self, shape: Shape, value: str) -> object:
        expanded = self._expand(value)
        takes_text = isinstance(shape.node, inspect.StrType | inspect.LiteralType)
        return parse_scalar(expanded.text) if expanded.whole and not takes_text else expanded.text

    def _refuse_reference(self, problem: ReferenceProblem, *, at: str) -> None:
        if not problem.unset:
            remedy = "Write ${NAME} or ${NAME:-default}, or $${ for a plain ${."
            self._report.add(at, "has a ${ that begins no reference", remedy=remedy)
        elif not self._forgiving:
            names = ", ".join(problem.unset)
            remedy = f"Set it, or give a default: ${{{problem.unset[0]}:-default}}."
            self._report.add(
                at, f"needs {names}, which is not set in the environment", remedy=remedy
            )

    def _for_instance(self, row: Mapping[object, object]) -> "Walk":
        enabled = row.get("enabled")
        if isinstance(enabled, str):
            try:
                expanded = self._expand(enabled)
            except ReferenceProblem:
                return self
            enabled = parse_scalar(expanded.text) if expanded.whole else enabled
        return Walk(self._expand, self._report, forgiving=enabled is False)


def stand_in(node: inspect.StructType, given: Mapping[str, object]) -> Any:
    """Build a section of what was read; a required setting that was not is blank text."""
    blank = {setting.name: "" for setting in node.fields if setting.required}
    return node.cls(**(blank | dict(given)))


def _found(value: object) -> str:
    return _FOUND.get(type(value), "another type")


def wrong_type(shape: Shape, value: object) -> tuple[str, str] | None:
    """Return message and remedy when the value is not of the setting's scalar type."""
    if isinstance(shape.node, inspect.LiteralType):
        if isinstance(value, str) and value in shape.node.values:
            return None
        known = [str(item) for item in shape.node.values]
        meant = nearest(value, known) if isinstance(value, str) else None
        return f"must be {bounds_of(shape)}", f"Did you mean `{meant or known[0]}`?"
    expected, types, remedy = _EXPECTED[type(shape.node)]
    # A boolean is an int to Python, and never one to the person who wrote it.
    if isinstance(value, types) and (bool in types or not isinstance(value, bool)):
        return None
    return f"must be {expected}, found {_found(value)}", remedy


def out_of_bounds(shape: Shape, value: object) -> tuple[str, str] | None:
    """Return message and remedy when a value of the right type is outside of its bounds."""
    remedy = f"Give {bounds_of(shape)}."
    node = shape.node
    if isinstance(node, inspect.StrType) and isinstance(value, str):
        if len(value) < (node.min_length or 0):
            return "is too short" if value else "is blank", remedy
        if node.max_length is not None and len(value) > node.max_length:
            return "is too long", remedy
        if node.pattern is not None and not re.search(node.pattern, value):
            return "is malformed", remedy
    if isinstance(node, inspect.IntType | inspect.FloatType) and isinstance(value, int | float):
        if not _is_finite(value):
            return "is not finite", "Give a number that a computer can count to."
        if not _is_within(node, value):
            return "is out of bounds", remedy
    return None


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _is_within(node: inspect.IntType | inspect.FloatType, value: float) -> bool:
    return (
        (node.ge is None or value >= node.ge)
        and (node.gt is None or value > node.gt)
        and (node.le is None or value <= node.le)
        and (node.lt is None or value < node.lt)
    )


def repeated(values: Iterable[str]) -> list[tuple[int, int]]:
    """Return (index, index of the first) of every value that was there before, blanks left out."""
    first: dict[str, int] = {}
    found = [(index, first.setdefault(value, index)) for index, value in enumerate(values) if value]
    return [(index, earlier) for index, earlier in found if index != earlier]


def check_config(config: Config, report: Report, *, keys_in_file: int) -> None:
    """Report what no single setting shows: repeated ids and keys, an open address, a lost file.

    Args:
        keys_in_file: how many of `access.client_keys` stand in the file; the rest, after them, came
            from `QUEUEWAY_CLIENT_KEYS`.
    """
    _check_backend_ids(config, report)
    _check_client_keys(config, report, keys_in_file=keys_in_file)
    _check_address(config, report)
    _check_origins(config, report)
    bundle = config.http_client.ca_bundle
    if bundle is not None and not Path(bundle).is_file():
        remedy = "Give the path of a PEM file, or remove the line."
        report.add("http_client.ca_bundle", "is not a file", remedy=remedy)


def _check_backend_ids(config: Config, report: Report) -> None:
    for index, earlier in repeated(backend.id.lower() for backend in config.backends):
        message = f"is the id of backends[{earlier}] too; upper and lower case count as the same"
        report.add(f"backends[{index}].id", message, remedy="Give each instance an id of its own.")


def _check_client_keys(config: Config, report: Report, *, keys_in_file: int) -> None:
    keys = config.access.client_keys
    for name, values in (("id", [key.id for key in keys]), ("key", [key.key for key in keys])):
        for index, earlier in repeated(values):
            first = _client_key_path(earlier, keys_in_file)
            message = f"has the same {name} as {first}"
            remedy = "Give each client an id and a key of its own."
            report.add(_client_key_path(index, keys_in_file), message, remedy=remedy)


def _client_key_path(index: int, keys_in_file: int) -> str:
    return f"access.client_keys[{index}]" if index < keys_in_file else "QUEUEWAY_CLIENT_KEYS"


def _check_origins(config: Config, report: Report) -> None:
    clean = report.clean("server.cors_origins", "access", "QUEUEWAY_CLIENT_KEYS")
    if clean and EVERY_ORIGIN in config.server.cors_origins and not config.access.client_keys:
        message = "lets every web page call, and no client key is configured"
        remedy = "Set QUEUEWAY_CLIENT_KEYS or access.client_keys, or name the origins."
        report.add("server.cors_origins", message, remedy=remedy)


def _check_address(config: Config, report: Report) -> None:
    if not report.clean("server.address"):
        return
    try:
        host, _ = split_address(config.server.address)
    except ValueError:
        remedy = "Write host:port with a port from 1 to 65535, as in 127.0.0.1:8080 or [::1]:8080."
        report.add("server.address", "is not an address to listen on", remedy=remedy)
        return
    keys_read = report.clean("access", "QUEUEWAY_CLIENT_KEYS")
    if keys_read and not config.access.client_keys and not is_loopback(host):
        message = "can be reached from other machines, and no client key is configured"
        remedy = "Set QUEUEWAY_CLIENT_KEYS or access.client_keys, or bind 127.0.0.1."
        report.add("server.address", message, remedy=remedy)
