"""Writes a client's JSON schema as one that the API takes for the form of an answer.

The API knows some of JSON schema and refuses the rest with a 400. Every object has to be closed;
what the API does not know is put into words for the model, as the vendor's own client does it.

Source: https://platform.claude.com/docs/en/build-with-claude/structured-outputs
"""

from msgspec import Raw

from gateway.wire.raw_json import items_of, members_of, raw_of, string_of

_LISTS = ("anyOf", "oneOf", "allOf")
_NAMED = ("properties", "$defs", "definitions")
_KNOWN = frozenset(
    {
        *("type", "required", "enum", "const", "$ref", "title", "description", "default"),
        *("items", "additionalProperties", *_LISTS, *_NAMED),
    }
)
_SILENT = frozenset({"$schema", "$id", "$comment"})
_FORMATS = frozenset(
    {
        *("date-time", "time", "date", "duration", "email", "hostname", "uri"),
        *("ipv4", "ipv6", "uuid"),
    }
)
_MIN_ITEMS = (b"0", b"1")
_CLOSED = Raw(b"false")


def render_schema(schema: Raw) -> Raw:
    """Close all objects of a schema, and move what the API does not know into descriptions."""
    members = members_of(schema)
    if not members:
        return schema
    kept: dict[str, Raw] = {}
    words: list[str] = []
    for name, value in members.items():
        if _is_known(name, value):
            kept["anyOf" if name == "oneOf" else name] = _inner(name, value)
        elif name not in _SILENT:
            words.append(f"{name}: {bytes(value).decode()}")
    if "properties" in kept or b'"object"' in bytes(kept.get("type", b"")):
        kept["additionalProperties"] = _CLOSED
    if words:
        said = string_of(kept.get("description"))
        kept["description"] = raw_of("\n\n".join(filter(None, (said, f"{{{', '.join(words)}}}"))))
    return raw_of(kept)


def _is_known(name: str, value: Raw) -> bool:
    if name == "format":
        return string_of(value) in _FORMATS
    if name == "minItems":
        return bytes(value) in _MIN_ITEMS
    return name in _KNOWN


def _inner(name: str, value: Raw) -> Raw:
    """A member's value, the schemas in it written as well."""
    if name == "items":
        return render_schema(value)
    if name in _LISTS:
        return raw_of([render_schema(inner) for inner in items_of(value)])
    if name in _NAMED:
        return raw_of({key: render_schema(inner) for key, inner in members_of(value).items()})
    return value
