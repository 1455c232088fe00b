"""Replaces members of a JSON object in its text and leaves every other byte as it is.

A client's request goes to an upstream of the same dialect as the client wrote it: its number
formats, white space, key order and unknown fields survive. Only top-level members can be replaced.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

_SPACE = re.compile(r"[ \t\n\r]*")
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
    pieces: list[str] = []
    copied = 0
    missing = dict(members)
    position = _skip(text, _expect(text, _skip(text, 0), token="{"))
    empty = text[position : position + 1] == "}"
    while not empty:
        _expect(text, position, token='"')
        key, position = _value(text, position)
        start = _skip(text, _expect(text, _skip(text, position), token=":"))
        _, end = _value(text, start)
        if key in members:
            pieces += (text[copied:start], members[key].decode())
            copied = end
            missing.pop(key, None)
        position = _skip(text, end)
        if text[position : position + 1] == "}":
            break
        position = _skip(text, _expect(text, position, token=","))
    if _skip(text, position + 1) != len(text):
        raise ValueError(f"expected the end at character {position + 1}")
    added = ",".join(f"{json.dumps(key)}:{value.decode()}" for key, value in missing.items())
    if added:
        pieces += (text[copied:position], "" if empty else ",", added)
        copied = position
    pieces.append(text[copied:])
    return "".join(pieces).encode()


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _expect(text: str, position: int, *, token: str) -> int:
    if text[position : position + 1] != token:
        raise ValueError(f"expected {token!r} at character {position}")
    return position + 1


def _value(text: str, position: int) -> tuple[Any, int]:
    try:
        return _scan(text, position)
    except StopIteration:
        raise ValueError(f"expected a JSON value at character {position}") from None
