"""The query of a candidate: `model?temperature=0.2&max_tokens=500`. Pure.

What it sets holds for the candidate's attempts where the client's request says nothing.
"""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

import msgspec
from msgspec import Struct

from gateway.routing.selector_error import SelectorError, quoted

MAX_OUTPUT_TOKENS = 2**31 - 1
MAX_EFFORT_CHARS = 64

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_DECIMAL = re.compile(r"[+-]?([0-9]{1,20}\.?[0-9]{0,20}|\.[0-9]{1,20})([eE][+-]?[0-9]{1,3})?")
_WHOLE = re.compile(r"\+?[0-9]{1,20}")
_EFFORT = re.compile(rf"[A-Za-z0-9_.-]{{1,{MAX_EFFORT_CHARS}}}")
_BOOLEANS = dict.fromkeys(("1", "true", "yes", "on"), True) | dict.fromkeys(
    ("0", "false", "no", "off"), False
)


class Defaults(Struct, frozen=True, kw_only=True):
    """What a candidate's query sets; None where it sets nothing."""

    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: int | None = None
    reasoning_effort: str | None = None
    parallel_tool_calls: bool | None = None


class _Setting(NamedTuple):
    field: str
    read: Callable[[str], object | None]
    """None for a value that it does not take."""
    expected: str


def _decimal(maximum: float) -> Callable[[str], float | None]:
    def read(value: str) -> float | None:
        number = float(value) if _DECIMAL.fullmatch(value) else -1.0
        return number if 0 <= number <= maximum else None

    return read


def _tokens(value: str) -> int | None:
    number = int(value) if _WHOLE.fullmatch(value) else -1
    return number if 0 <= number <= MAX_OUTPUT_TOKENS else None


def _effort(value: str) -> str | None:
    return value if _EFFORT.fullmatch(value) else None


_TOP_P = _Setting("top_p", _decimal(1), "a number from 0 to 1")
_MAX_TOKENS = _Setting(
    "max_output_tokens", _tokens, f"a whole number from 0 to {MAX_OUTPUT_TOKENS}"
)
SETTINGS = {
    "temperature": _Setting("temperature", _decimal(2), "a number from 0 to 2"),
    "top_p": _TOP_P,
    "topP": _TOP_P,
    "max_output_tokens": _MAX_TOKENS,
    "max_tokens": _MAX_TOKENS,
    "reasoning_effort": _Setting("reasoning_effort", _effort, "a word like 'high'"),
    "parallel_tool_calls": _Setting(
        "parallel_tool_calls", lambda value: _BOOLEANS.get(value.lower()), "true or false"
    ),
}
"""Name in a query -> what it sets. Other names are kept and set nothing."""


def read_query(text: str, start: int, *, end: int) -> tuple[tuple[str, str], ...]:
    """Read a candidate's query.

    Args:
        text: the whole selector.
        start: of the query, behind its `?`.
        end: of the query.

    Raises:
        SelectorError: a wrong escape, a `;`, or a setting that is given twice or has a value that
            it does not take.
    """
    found = []
    fields = set()
    position = start
    for pair in text[start:end].split("&"):
        name, _, value = pair.partition("=")
        at = position + len(pair) - len(pair.lstrip())
        value_at = position + len(pair) - len(value.lstrip())
        if pair.strip():
            decoded = (
                _decode(text, at, raw=name.strip()),
                _decode(text, value_at, raw=value.strip()),
            )
            field = _check(text, value_at, pair=decoded)
            if field in fields:
                raise SelectorError(text, at, expected=f"{field} once, not again")
            if field:
                fields.add(field)
            found.append(decoded)
        position += len(pair) + 1
    return tuple(sorted(found, key=lambda pair: pair[0]))


def defaults_of(parameters: Iterable[tuple[str, str]]) -> Defaults:
    """Take what sets something out of a candidate's parameters, as `read_query` gave them."""
    settings = ((SETTINGS[name], value) for name, value in parameters if name in SETTINGS)
    fields: dict[str, object] = {setting.field: setting.read(value) for setting, value in settings}
    return msgspec.convert(fields, Defaults)


def _check(text: str, value_at: int, *, pair: tuple[str, str]) -> str | None:
    """Name the field that a parameter sets, if any."""
    name, value = pair
    setting = SETTINGS.get(name)
    if setting is None:
        return None
    if setting.read(value) is None:
        expected = f"{setting.expected} for {name}, not {quoted(value)}"
        raise SelectorError(text, value_at, expected=expected)
    return setting.field


def _decode(text: str, at: int, *, raw: str) -> str:
    if (semicolon := raw.find(";")) >= 0:
        raise SelectorError(text, at + semicolon, expected="'&', or %3B for a ';' in a value")
    if bad := _BAD_ESCAPE.search(raw):
        expected = "two hexadecimal digits after '%', or %25 for a '%'"
        raise SelectorError(text, at + bad.start(), expected=expected)
    try:
        return unquote_to_bytes(raw.replace("+", " ")).decode()
    except UnicodeDecodeError:
        raise SelectorError(text, at, expected="escapes that are UTF-8") from None
