"""Takes reasoning that was wrapped for the client out of its own request.

The entries were made of another provider's signatures: no upstream of this dialect can read them.
"""

from msgspec import Raw

from gateway.wire.opaque import is_wrapped, may_hold_wrapped
from gateway.wire.openai_chat.manners import ReasoningField, manners_of
from gateway.wire.raw_json import items_of, members_of, raw_of, string_of

_DETAILS = "reasoning_details"
_TEXT = "reasoning_content"
_VALUES = ("signature", "data")


def without_foreign(body: bytes, *, model: str) -> dict[str, bytes]:
    """The top-level members that change when wrapped reasoning is left out.

    Args:
        model: decides whether the text of such reasoning may stay.
    """
    if not may_hold_wrapped(body):
        return {}
    keeps_text = manners_of(model).reasoning is not ReasoningField.NONE
    messages = items_of(members_of(body).get("messages"))
    kept = [_message(message, keeps_text=keeps_text) for message in messages]
    return {} if kept == messages else {"messages": bytes(raw_of(kept))}


def _message(message: Raw, *, keeps_text: bool) -> Raw:
    if not may_hold_wrapped(bytes(message)):
        return message
    fields = members_of(message)
    entries = items_of(fields.get(_DETAILS))
    kept = [entry for entry in entries if not any(map(is_wrapped, _values(entry)))]
    if len(kept) == len(entries):
        return message
    if any(_has_value(entry) for entry in kept):
        return raw_of(fields | {_DETAILS: raw_of(kept)})
    # What is left is text that stands in the message once more. OpenAI refuses both fields.
    del fields[_DETAILS]
    if not keeps_text:
        fields.pop(_TEXT, None)
    return raw_of(fields)


def _values(entry: Raw) -> list[str]:
    fields = members_of(entry)
    return [string_of(fields.get(name)) for name in _VALUES]


def _has_value(entry: Raw) -> bool:
    return any(_values(entry))
