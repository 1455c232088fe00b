"""OpenAI's OpenAPI document as a judge of what we answer.

The document is relaxed where the API itself does not keep to it, or where it is written in an older
vocabulary than it declares:

- an optional member may be null: the API answers null where nothing is set
- `nullable` is of OpenAPI 3.0, so a validator of 3.1 does not know it
- `oneOf` lists variants that overlap, as most of them only tell their `type`
- `$recursiveRef` is of an older draft
- `discriminator` says nothing that its variants do not say
"""

import functools
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from tests.conftest import RECORDED

DOCUMENT = RECORDED.parent / "specs" / "openai-openapi-2.3.0.json"

_DROPPED = frozenset({"nullable", "discriminator", "$recursiveAnchor", "example", "default"})


def validator(schema_name: str) -> Draft202012Validator:
    """Make a validator of a schema of the document, as `CreateChatCompletionResponse`.

    Skips the test where the document is not there.
    """
    if not DOCUMENT.exists():
        pytest.skip("the OpenAPI document is not there")
    components = _components()
    assert schema_name in components["schemas"]
    return Draft202012Validator(
        {"$ref": f"#/components/schemas/{schema_name}", "components": components}
    )


@functools.cache
def _components() -> dict[str, Any]:
    document = msgspec.json.decode(DOCUMENT.read_bytes())
    schemas = document["components"]["schemas"]
    return {"schemas": {name: _relaxed(schema, name) for name, schema in schemas.items()}}


def _relaxed(schema: Any, name: str) -> Any:
    """Relax a schema that is, or is within, the document's schema `name`."""
    if isinstance(schema, list):
        return [_relaxed(item, name) for item in schema]
    if not isinstance(schema, dict):
        return schema
    relaxed: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "properties" and isinstance(value, dict):
            relaxed[key] = _properties(value, schema.get("required") or (), name=name)
        elif key == "$recursiveRef":
            relaxed["$ref"] = f"#/components/schemas/{name}"
        elif key == "oneOf" and isinstance(value, list):
            relaxed["anyOf"] = [*relaxed.get("anyOf", ()), *_relaxed(value, name)]
        elif key not in _DROPPED:
            relaxed[key] = _relaxed(value, name)
    return _or_null(relaxed) if schema.get("nullable") is True else relaxed


def _properties(properties: dict[str, Any], required: object, *, name: str) -> dict[str, Any]:
    names = required if isinstance(required, list) else ()
    relaxed = {member: _relaxed(inner, name) for member, inner in properties.items()}
    return {
        member: inner if member in names else _or_null(inner) for member, inner in relaxed.items()
    }


def _or_null(schema: Any) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}
