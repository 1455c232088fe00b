"""Takes thinking that was wrapped for the client out of its own request.

The blocks were made of another provider's reasoning: this dialect's upstream refuses them.
"""

from msgspec import Raw

from gateway.wire.opaque import is_wrapped, may_hold_wrapped
from gateway.wire.raw_json import items_of, members_of, raw_of, string_of

_VALUES = {"thinking": "signature", "redacted_thinking": "data"}
_NO_THINKING = b'{"type":"disabled"}'


def without_foreign(body: bytes) -> dict[str, bytes]:
    """The top-level members that change when wrapped thinking is left out.

    A turn that was nothing but such thinking goes with it: the API refuses an empty one.
    """
    if not may_hold_wrapped(body):
        return {}
    top = members_of(body)
    messages = items_of(top.get("messages"))
    kept = [left for message in messages if (left := _message(message)) is not None]
    if kept == messages:
        return {}
    changed = {"messages": bytes(raw_of(kept))}
    if _type_of(top.get("thinking")) == "enabled" and _lacks_thinking(kept):
        changed["thinking"] = _NO_THINKING
    return changed


def _message(message: Raw) -> Raw | None:
    """A message without wrapped thinking; None when nothing is left of it."""
    if not may_hold_wrapped(bytes(message)):
        return message
    fields = members_of(message)
    blocks = items_of(fields.get("content"))
    kept = [block for block in blocks if not _is_foreign(block)]
    if len(kept) == len(blocks):
        return message
    return raw_of(fields | {"content": raw_of(kept)}) if kept else None


def _is_foreign(block: Raw) -> bool:
    fields = members_of(block)
    value = _VALUES.get(string_of(fields.get("type")))
    return value is not None and is_wrapped(string_of(fields.get(value)))


def _lacks_thinking(messages: list[Raw]) -> bool:
    """Whether the turn that the model is to go on with does not begin with thinking.

    With a budget the API demands that it does; see `thinking`.
    """
    answered = False
    for position, message in enumerate(reversed(messages)):
        fields = members_of(message)
        types = [_type_of(block) for block in items_of(fields.get("content"))]
        if string_of(fields.get("role")) == "assistant":
            goes_on = answered or position == 0
            return goes_on and not (types and types[0] in _VALUES)
        answered = answered or "tool_result" in types
    return False


def _type_of(value: Raw | None) -> str:
    return string_of(members_of(value).get("type"))
