"""Takes a client's JSON apart and leaves unread what it is made of.

What is written back with `msgspec` keeps its numbers, escapes and unknown members as they came.
"""

from typing import TypeVar

import msgspec
from msgspec import Raw

T = TypeVar("T")

_members_decoder = msgspec.json.Decoder(dict[str, Raw])
_items_decoder = msgspec.json.Decoder(list[Raw])
_string_decoder = msgspec.json.Decoder(str)


def members_of(value: Raw | bytes | None) -> dict[str, Raw]:
    """The members of an object; none when the value is something else."""
    return _read(value, _members_decoder) or {}


def items_of(value: Raw | None) -> list[Raw]:
    """The items of a list; none when the value is something else."""
    return _read(value, _items_decoder) or []


def string_of(value: Raw | None) -> str:
    """A string; empty when the value is something else."""
    return _read(value, _string_decoder) or ""


def raw_of(value: object) -> Raw:
    """Write a value as JSON text."""
    return Raw(msgspec.json.encode(value))


def _read(value: Raw | bytes | None, decoder: msgspec.json.Decoder[T]) -> T | None:
    if value is None:
        return None
    try:
        return decoder.decode(value)
    except (ValueError, RecursionError):
        return None
