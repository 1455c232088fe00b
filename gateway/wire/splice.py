"""Replaces members of a JSON object in its text and leaves every other byte as it is.

A client's request goes to an upstream of the same dialect as the client wrote it: its number
formats, white space, key order and unknown fields survive. Only top-level members can be replaced.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Raw

from gateway.wire.raw_json import members_of

_OPENING = re.compile(rb"[ \t\n\r]*\{[ \t\n\r]*(\}?)[ \t\n\r]*")
_HEAD = re.compile(rb'("(?:[^"\\]++|\\.)*+")[ \t\n\r]*:[ \t\n\r]*')
_SEPARATOR = re.compile(rb"[ \t\n\r]*([,}])[ \t\n\r]*")
# Numbers stay text: only where one ends matters, and Python refuses very long ones.
_decoder = json.JSONDecoder(parse_int=str, parse_float=str)
_scan: Callable[[str, int], tuple[Any, int]] = _decoder.scan_once  # type: ignore[attr-defined]


def splice(body: bytes, members: Mapping[str, bytes]) -> bytes:
    """Set top-level members of the JSON object in `body` to the given JSON texts.

    A member that is there is replaced in place, every time it occurs; one that is not there is
    added at the end. `body` must be valid JSON in UTF-8 whose outermost value is an object.

    >>> splice(b'{"model": "a:b",  "x":1.0}', {"model": b'"b"'})
    b'{"model": "b",  "x":1.0}'

    Raises:
        ValueError: `body` is not such an object.
    """
    text = body.decode()
    if not text.isascii():
        # As Latin-1 every byte is a character: places in the text are places in the body.
        text = body.decode("latin-1")
    values = members_of(body)
    view = memoryview(body)
    pieces: list[bytes | memoryview] = []
    copied = 0
    missing = dict(members)
    mark = _match(_OPENING, body, position=0)
    empty = mark[1] == b"}"
    while mark[1] != b"}":
        head = _match(_HEAD, body, position=mark.end())
        key, start = msgspec.json.decode(head[1], type=str), head.end()
        end = _known_end(body, start, value=values.get(key)) or _scanned_end(text, start)
        if key in members:
            pieces += (view[copied:start], members[key])
            copied = end
            missing.pop(key, None)
        mark = _match(_SEPARATOR, body, position=end)
    if mark.end() != len(body):
        raise ValueError(f"expected the end at byte {mark.end()}")
    added = b",".join(b"%b:%b" % (_name(key), value) for key, value in missing.items())
    if added:
        pieces += (view[copied : mark.start(1)], b"" if empty else b",", added)
        copied = mark.start(1)
    pieces.append(view[copied:])
    return b"".join(pieces)


def _name(key: str) -> bytes:
    return json.dumps(key).encode()


def _match(pattern: re.Pattern[bytes], body: bytes, *, position: int) -> re.Match[bytes]:
    match = pattern.match(body, position)
    if match is None:
        raise ValueError(f"no JSON object: byte {position} is wrong")
    return match


def _known_end(body: bytes, start: int, *, value: Raw | None) -> int | None:
    """Find the end of a member's value without reading it; None when it is another value.

    Of members that occur more than once only the last one's value is known.
    """
    if value is None or not body.startswith(value, start):
        return None
    end = start + len(memoryview(value))
    return end if _SEPARATOR.match(body, end) else None


def _scanned_end(text: str, start: int) -> int:
    try:
        return _scan(text, start)[1]
    except StopIteration:
        raise ValueError(f"expected a JSON value at byte {start}") from None
