"""Google's own schema objects -> JSON schema.

Both are nearly the same. Google's names its types in upper case, has `nullable` in place of the
type null, writes large numbers as strings, and knows some words that JSON schema does not.

Source: https://ai.google.dev/api/caching#Schema
"""

from collections.abc import Callable
from typing import Any

from gateway.wire.gemini.members import camel

_TYPES = {1: "string", 2: "number", 3: "integer", 4: "boolean", 5: "array", 6: "object", 7: "null"}
"""What a client means that writes enums as numbers (`$alt=json;enum-encoding=int`)."""

_FOREIGN = frozenset({"nullable", "propertyOrdering", "example"})
_COUNTS = frozenset(
    {"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"}
)


def to_json_schema(schema: object) -> object:
    """Convert a schema; what cannot be one is left as it is."""
    if not isinstance(schema, dict):
        return schema
    google = {camel(name): value for name, value in schema.items() if value is not None}
    converted = {
        name: _CONVERSIONS.get(name, _as_it_is)(value)
        for name, value in google.items()
        if name not in _FOREIGN
    }
    if converted.get("type") == "":
        del converted["type"]
    if converted.get("format") == "enum":
        del converted["format"]
    if "example" in google:
        converted["examples"] = [google["example"]]
    if google.get("nullable") is True:
        _allow_null(converted)
    return converted


def _allow_null(schema: dict[str, Any]) -> None:
    kind = schema.get("type")
    if isinstance(kind, str) and kind != "null":
        schema["type"] = [kind, "null"]
    if isinstance(schema.get("enum"), list):
        schema["enum"] = [*schema["enum"], None]
    if isinstance(schema.get("anyOf"), list) and kind is None:
        schema["anyOf"] = [*schema["anyOf"], {"type": "null"}]


def _as_it_is(value: object) -> object:
    return value


def _type(value: object) -> object:
    if isinstance(value, int):
        return _TYPES.get(value, "")
    if isinstance(value, str):
        return "" if value.upper() == "TYPE_UNSPECIFIED" else value.lower()
    return value


def _count(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 20 else value


def _each(value: object) -> object:
    """Convert schemas that stand in a list."""
    return [to_json_schema(inner) for inner in value] if isinstance(value, list) else value


def _named(value: object) -> object:
    """Convert schemas that stand under names, which are the client's own."""
    if not isinstance(value, dict):
        return value
    return {name: to_json_schema(inner) for name, inner in value.items()}


_CONVERSIONS: dict[str, Callable[[object], object]] = {
    "type": _type,
    "items": to_json_schema,
    "additionalProperties": to_json_schema,
    "prefixItems": _each,
    "anyOf": _each,
    "oneOf": _each,
    "allOf": _each,
    "properties": _named,
    "$defs": _named,
    "defs": _named,
    **dict.fromkeys(_COUNTS, _count),
}
