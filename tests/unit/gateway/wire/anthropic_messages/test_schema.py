"""Schemas as the API takes them for the form of an answer."""

import json
from typing import Any

import pytest
from msgspec import Raw

from gateway.wire.anthropic_messages.schema import render_schema

TEXT = {"type": "string"}
CLOSED = {"additionalProperties": False}


def _rendered(schema: Any) -> Any:
    return json.loads(bytes(render_schema(Raw(json.dumps(schema).encode()))))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": TEXT}, "required": ["a"], **CLOSED},
        {"type": "array", "items": {"type": "integer"}, "minItems": 1},
        {"type": ["string", "null"], "enum": ["a", None], "default": "a", "title": "t"},
        {"$defs": {"a": TEXT}, "$ref": "#/$defs/a"},
        {"type": "string", "format": "date-time"},
        {"const": 1},
        {},
    ],
)
def test_what_the_api_knows_stays(schema: Any) -> None:
    assert _rendered(schema) == schema


@pytest.mark.parametrize("given", [{}, {"additionalProperties": True}, CLOSED])
@pytest.mark.parametrize(
    "object", [{"type": "object"}, {"type": ["object", "null"]}, {"properties": {"a": TEXT}}]
)
def test_every_object_is_closed(object: Any, given: Any) -> None:
    assert _rendered({**object, **given}) == {**object, **CLOSED}


@pytest.mark.parametrize(
    "around",
    [
        lambda inner: {"type": "array", "items": inner},
        lambda inner: {"type": "object", "properties": {"a": inner}, **CLOSED},
        lambda inner: {"anyOf": [inner, TEXT]},
        lambda inner: {"allOf": [inner]},
        lambda inner: {"$defs": {"a": inner}, "$ref": "#/$defs/a"},
    ],
)
def test_objects_within_are_closed(around: Any) -> None:
    assert _rendered(around({"type": "object"})) == around({"type": "object", **CLOSED})


def test_one_of_is_any_of() -> None:
    assert _rendered({"oneOf": [TEXT]}) == {"anyOf": [TEXT]}


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "number", "minimum": 1, "maximum": 2}, "{minimum: 1, maximum: 2}"),
        ({"type": "string", "format": "regex"}, '{format: "regex"}'),
        ({"type": "array", "minItems": 2}, "{minItems: 2}"),
        ({"type": "string", "description": "d", "maxLength": 3}, "d\n\n{maxLength: 3}"),
    ],
)
def test_what_the_api_does_not_know_is_put_into_words(schema: Any, words: str) -> None:
    assert _rendered(schema) == {"type": schema["type"], "description": words}


def test_numbers_keep_their_digits() -> None:
    schema = Raw(b'{"enum":[1.50,12345678901234567890123]}')
    assert render_schema(schema) == schema


@pytest.mark.parametrize("schema", [b"true", b"7", b"[]", b"null"])
def test_what_is_no_object_is_left_to_the_api(schema: bytes) -> None:
    assert render_schema(Raw(schema)) == Raw(schema)


def test_words_about_the_schema_itself_are_dropped() -> None:
    assert _rendered({"$schema": "https://x", "$id": "y", **TEXT}) == TEXT
