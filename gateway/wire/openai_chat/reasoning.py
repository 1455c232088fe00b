"""Reasoning of the chat dialect, which OpenAI's API keeps to itself and compatible ones show.

Its text comes as `reasoning_content` or as `reasoning`, and with what has to come back to the
model as `reasoning_details`, in which the same text stands again:

    {"type": "reasoning.text", "text": ..., "signature": ..., "format": ..., "index": 0}
    {"type": "reasoning.summary", "summary": ..., "format": ..., "index": 0}
    {"type": "reasoning.encrypted", "data": ..., "id": ..., "format": ..., "index": 0}

An entry of this dialect's own is an `Opaque` as a whole, but for its text: its upstream wants all
of it back. A foreign value goes wrapped in an entry of ours. What belongs to a tool call names the
call's id as its own.

Source: https://openrouter.ai/docs/use-cases/reasoning-tokens
Source: https://api-docs.deepseek.com/guides/thinking_mode
"""

from collections.abc import Container, Iterator
from typing import Any

import msgspec

from gateway.canonical.content import Opaque, Reasoning
from gateway.canonical.events import Event, ReasoningDelta, ReasoningEnded
from gateway.canonical.request import Dialect
from gateway.wire.opaque import Wrapped, unwrap, wrap

OWN = Dialect.OPENAI_CHAT.value

_TEXT = "reasoning.text"
_SUMMARY = "reasoning.summary"
_ENCRYPTED = "reasoning.encrypted"
_VALUES = {_TEXT: "signature", _SUMMARY: "signature", _ENCRYPTED: "data"}
_TEXTS = {_TEXT: "text", _SUMMARY: "summary"}

_PLAIN = ("", None)
"""The type and the index of text that came without an entry."""

# Whose encrypted entries are a tool call's thought signature, named by the call's id.
_OF_CALLS = "google-"
# Whose encrypted entries without text are thoughts that were withheld.
_REDACTING = "anthropic-claude"


class ReasoningReader:
    """Reads the reasoning of messages or deltas into events.

    Attributes:
        signatures: what was found for tool calls, by the call's id. A call may come later than
            its signature.
        text_signature: what was found for the text.
    """

    def __init__(self, calls: Container[str] = ()) -> None:
        """
        Args:
            calls: ids of tool calls that are known, now or later.
        """
        self.signatures: dict[str, Opaque] = {}
        self.text_signature: Opaque | None = None
        self._calls = calls
        self._open: tuple[str, object] | None = None

    def read(self, wire: dict[str, Any]) -> Iterator[Event]:
        """Read the fields of one message or delta."""
        details = wire.get("reasoning_details")
        entries = [e for e in details if isinstance(e, dict)] if isinstance(details, list) else []
        if not any(_text(entry) for entry in entries):
            plain = wire.get("reasoning_content") or wire.get("reasoning")
            if isinstance(plain, str) and plain:
                self._open = self._open or _PLAIN
                yield ReasoningDelta(plain)
        for entry in entries:
            yield from self._read_entry(entry)

    def go_on(self, text: str) -> ReasoningDelta | None:
        """Read more of the plain text that came last; None where another came last."""
        return ReasoningDelta(text) if self._open == _PLAIN else None

    def interrupt(self) -> None:
        """Take note that something else than reasoning came."""
        self._open = None

    def _read_entry(self, entry: dict[str, Any]) -> Iterator[Event]:
        type = entry.get("type")
        if type == _ENCRYPTED:
            yield from self._read_encrypted(entry)
        elif type in (_TEXT, _SUMMARY):
            block = (str(type), entry.get("index"))
            if text := _text(entry):
                if self._open and self._open[0] and self._open != block:
                    yield ReasoningEnded()
                self._open = block
                yield ReasoningDelta(text)
            if wrapped := _value(entry):
                self._open = None
                id = wrapped.id or _string(entry.get("id"))
                yield ReasoningEnded(wrapped.opaque, wrapped.redacted, id)

    def _read_encrypted(self, entry: dict[str, Any]) -> Iterator[Event]:
        wrapped = _value(entry)
        if wrapped is None:
            return
        if wrapped.of_text:
            self.text_signature = wrapped.opaque
            return
        id = _string(entry.get("id"))
        format = _string(entry.get("format")) or ""
        call = wrapped.call_id or (
            id if id and (id in self._calls or format.startswith(_OF_CALLS)) else None
        )
        if call:
            self.signatures[call] = wrapped.opaque
            return
        redacted = wrapped.redacted or (not self._open and format.startswith(_REDACTING))
        self._open = None
        yield ReasoningEnded(wrapped.opaque, redacted, wrapped.id or id)


def render_details(parts: list[Reasoning], *, foreign: bool) -> list[dict[str, Any]]:
    """Write blocks of reasoning as entries; empty when none has a value to hand back.

    Args:
        foreign: whether values of other dialects go along, wrapped.
    """
    if not any(_is_sent(part.signature, foreign) for part in parts):
        return []
    return [
        entry
        for index, part in enumerate(parts)
        for entry in _entries(part, index, foreign=foreign)
    ]


def render_signature(
    signature: Opaque, ended: Reasoning | ReasoningEnded, *, index: int, has_text: bool
) -> dict[str, Any]:
    """Write the value of a block as an entry without text; a foreign value is wrapped.

    Args:
        ended: the block.
        has_text: whether the block's text stands elsewhere.
    """
    if signature.origin == OWN:
        return _entry_of(signature)
    value = wrap(signature, own=OWN, redacted=ended.redacted, id=ended.id)
    type = _TEXT if has_text else _ENCRYPTED
    end = {"id": ended.id, "format": signature.origin, "index": index}
    return {"type": type, _VALUES[type]: value, **end}


def _entries(part: Reasoning, index: int, *, foreign: bool) -> list[dict[str, Any]]:
    """Write one block as the entries with its `index`."""
    signature = part.signature
    if signature is None or not _is_sent(signature, foreign):
        plain = {"type": _TEXT, "text": part.text, "format": "unknown", "index": index}
        return [plain] if part.text else []
    if signature.origin == OWN:
        return _own_entries(_entry_of(signature), part.text)
    entry = render_signature(signature, part, index=index, has_text=bool(part.text))
    return [{**entry, "text": part.text} if part.text else entry]


def render_call_detail(call_id: str, signature: Opaque, *, index: int) -> dict[str, Any]:
    """Write a tool call's signature as the entry that names the call."""
    if signature.origin == OWN:
        entry = _entry_of(signature)
        if entry.get("id") == call_id and str(entry.get("format")).startswith(_OF_CALLS):
            return entry
    value = wrap(signature, own=OWN, call_id=call_id)
    return {
        "type": _ENCRYPTED,
        "data": value,
        "id": call_id,
        "format": signature.origin,
        "index": index,
    }


def render_text_detail(signature: Opaque, *, index: int) -> dict[str, Any]:
    """Write the signature of an answer's text as an entry."""
    value = wrap(signature, own=OWN, of_text=True)
    return {"type": _ENCRYPTED, "data": value, "format": signature.origin, "index": index}


def _is_sent(signature: Opaque | None, foreign: bool) -> bool:
    return signature is not None and (foreign or signature.origin == OWN)


def _own_entries(entry: dict[str, Any], text: str) -> list[dict[str, Any]]:
    if entry["type"] != _ENCRYPTED:
        return [{**entry, _TEXTS[entry["type"]]: text}]
    if not text:
        return [entry]
    summary: dict[str, Any] = {"type": _SUMMARY, "summary": text}
    summary |= {name: entry[name] for name in ("format", "index") if name in entry}
    return [summary, entry]


def _entry_of(signature: Opaque) -> dict[str, Any]:
    """The entry that an opaque value of this dialect is."""
    try:
        entry = msgspec.json.decode(signature.data)
    except (ValueError, RecursionError):
        entry = None
    if isinstance(entry, dict) and entry.get("type") in tuple(_VALUES):
        return entry
    return {"type": _ENCRYPTED, "data": signature.data}


def _text(entry: dict[str, Any]) -> str:
    text = entry.get(_TEXTS.get(str(entry.get("type")), ""))
    return text if isinstance(text, str) else ""


def _value(entry: dict[str, Any]) -> Wrapped | None:
    """What of an entry has to come back to the model."""
    value = entry.get(_VALUES[entry["type"]])
    if not isinstance(value, str) or not value:
        return None
    # What is not ASCII is no wrapped value, and not base64 to begin with.
    wrapped = unwrap(value, own=OWN) if value.isascii() else Wrapped(Opaque(OWN, value))
    if wrapped != Wrapped(Opaque(OWN, value)):
        return wrapped
    kept = {name: field for name, field in entry.items() if name not in ("text", "summary")}
    # Sorted, as clients that put an entry together from pieces have its members in any order.
    return Wrapped(Opaque(OWN, msgspec.json.encode(kept, order="sorted").decode()))


def _string(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
