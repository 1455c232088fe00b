"""Google's schemas as JSON schema."""

import pytest

from gateway.wire.gemini.schema import to_json_schema

CASES: list[tuple[str, object, object]] = [
    ("type", {"type": "STRING"}, {"type": "string"}),
    ("lower-case", {"type": "string"}, {"type": "string"}),
    ("number", {"type": 6}, {"type": "object"}),
    ("unspecified", {"type": "TYPE_UNSPECIFIED"}, {}),
    ("unknown-number", {"type": 99}, {}),
    ("nullable", {"type": "STRING", "nullable": True}, {"type": ["string", "null"]}),
    ("not-nullable", {"type": "STRING", "nullable": False}, {"type": "string"}),
    (
        "nullable-enum",
        {"type": "STRING", "format": "enum", "enum": ["a"], "nullable": True},
        {"type": ["string", "null"], "enum": ["a", None]},
    ),
    (
        "nullable-choice",
        {"anyOf": [{"type": "STRING"}], "nullable": True},
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
    ),
    (
        "names-of-the-client",
        {"type": "OBJECT", "properties": {"a_b": {"type": "INTEGER"}, "type": {"type": "ARRAY"}}},
        {"type": "object", "properties": {"a_b": {"type": "integer"}, "type": {"type": "array"}}},
    ),
    (
        "spellings",
        {"any_of": [{"min_items": "2", "type": "ARRAY", "items": {"type": "NUMBER"}}]},
        {"anyOf": [{"minItems": 2, "type": "array", "items": {"type": "number"}}]},
    ),
    (
        "values-of-the-client",
        {"enum": ["STRING"], "default": {"type": "OBJECT"}, "description": "STRING"},
        {"enum": ["STRING"], "default": {"type": "OBJECT"}, "description": "STRING"},
    ),
    ("order", {"propertyOrdering": ["a"], "required": ["a"]}, {"required": ["a"]}),
    ("snake-order", {"property_ordering": ["a"]}, {}),
    ("example", {"example": {"a": 1}}, {"examples": [{"a": 1}]}),
    ("null", {"type": "STRING", "format": None}, {"type": "string"}),
    (
        "definitions",
        {"$defs": {"A": {"type": "OBJECT"}}, "$ref": "#/$defs/A"},
        {"$defs": {"A": {"type": "object"}}, "$ref": "#/$defs/A"},
    ),
    ("boolean", {"additionalProperties": False}, {"additionalProperties": False}),
    (
        "odd",
        {"properties": 1, "anyOf": 2, "items": "x"},
        {"properties": 1, "anyOf": 2, "items": "x"},
    ),
    ("odd-count", {"maxItems": "many"}, {"maxItems": "many"}),
]


@pytest.mark.parametrize(
    ("google", "schema"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_schema_is_converted(google: object, schema: object) -> None:
    assert to_json_schema(google) == schema
