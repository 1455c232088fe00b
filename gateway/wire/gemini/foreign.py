"""Takes signatures that were wrapped for the client out of its own request.

They sign another provider's reasoning and calls: this dialect's upstream refuses them.
"""

from itertools import groupby

from msgspec import Raw

from gateway.wire.gemini.members import camel
from gateway.wire.gemini.thinking import is_generation_3
from gateway.wire.gemini.wire_parts import NO_SIGNATURE
from gateway.wire.opaque import is_wrapped, may_hold_wrapped
from gateway.wire.raw_json import items_of, members_of, raw_of, string_of

_SIGNATURE = "thoughtSignature"
_INNER = "generateContentRequest"
"""Where a request to count tokens may have what is counted."""


def without_foreign(body: bytes, *, model: str) -> dict[str, bytes]:
    """The top-level members that change when wrapped signatures are left out.

    Args:
        model: decides whether the first call of a turn has to be signed all the same.
    """
    return _without(body, model) if may_hold_wrapped(body) else {}


def _without(body: bytes, model: str) -> dict[str, bytes]:
    changed: dict[str, bytes] = {}
    for name, value in members_of(body).items():
        if camel(name) == _INNER:
            inner = _without(bytes(value), model)
            if inner:
                members = members_of(value) | {key: Raw(text) for key, text in inner.items()}
                changed[name] = bytes(raw_of(members))
        elif name == "contents":
            contents = _items(value)
            kept = _contents(contents, model)
            if kept != contents:
                changed[name] = bytes(raw_of(kept))
    return changed


def _contents(contents: list[Raw], model: str) -> list[Raw]:
    """The turns without wrapped signatures, and without those of which nothing is left."""
    kept: list[Raw] = []
    # A client may keep the chunks of a streamed answer as turns of their own.
    for _, group in groupby(contents, key=_role):
        turn = list(group)
        stripped = [_content(content) for content in turn]
        if stripped != turn and is_generation_3(model):
            _sign_first_call(stripped)
        kept += (content for content in stripped if content is not None)
    return kept


def _content(content: Raw) -> Raw | None:
    if not may_hold_wrapped(bytes(content)):
        return content
    fields = members_of(content)
    parts = _items(fields.get("parts"))
    stripped = [_part(part) for part in parts]
    if stripped == parts:
        return content
    kept = [part for part in stripped if part is not None]
    return raw_of(fields | {"parts": raw_of(kept)}) if kept else None


def _part(part: Raw) -> Raw | None:
    """A part without a wrapped signature; None when it was there for that alone."""
    fields = members_of(part)
    name = _name_of(fields, _SIGNATURE)
    if name is None or not is_wrapped(string_of(fields[name])):
        return part
    del fields[name]
    says = {key for key in fields if key != "thought"}
    empty = not says or (says == {"text"} and not string_of(fields["text"]))
    return None if empty else raw_of(fields)


def _sign_first_call(contents: list[Raw | None]) -> None:
    """Sign the first call of a turn where it is not signed; see `render_request`."""
    for at, content in enumerate(contents):
        fields = members_of(content)
        parts = _items(fields.get("parts"))
        for index, part in enumerate(parts):
            members = members_of(part)
            if _name_of(members, "functionCall") is None:
                continue
            if _name_of(members, _SIGNATURE) is None:
                parts[index] = raw_of(members | {_SIGNATURE: raw_of(NO_SIGNATURE)})
                contents[at] = raw_of(fields | {"parts": raw_of(parts)})
            return


def _name_of(fields: dict[str, Raw], name: str) -> str | None:
    """How an object spells a member that it has."""
    return next((key for key in fields if camel(key) == name), None)


def _role(content: Raw) -> str:
    return string_of(members_of(content).get("role"))


def _items(value: Raw | None) -> list[Raw]:
    """A list's items, or a single value in place of one."""
    if value is not None and bytes(memoryview(value)[:1]) == b"{":
        return [value]
    return items_of(value)
