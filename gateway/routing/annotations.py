"""The lists of a selector that say something about candidates: `[weight=2]`, `{affinity=client}`.

Owns how entries and numbers are read; in which kind of arm one may stand is the grammar's matter.
Pure.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from gateway.routing.selector_error import SelectorError, quoted

MAX_NUMBER = 2**63 - 1
MAX_DIGITS = 20
MAX_TIMEOUT_S = MAX_NUMBER // 1_000_000_000
"""292 years: what a count of nanoseconds holds."""

_NUMBER = re.compile(r"\+?0*([1-9][0-9]*)")
_UNITS = {"k": 1_000, "m": 1_000_000}
_CONTEXTS = ("min_context", "max_context")
_NAMES = ("weight", "first", "handicap", "ttft_timeout", *_CONTEXTS)


class Entry(NamedTuple):
    """One entry of a list, as written."""

    name: str
    """In lower case."""
    value: str | None
    """None without `=`."""
    position: int
    value_position: int

    def without_value(self, text: str) -> None:
        """
        Raises:
            SelectorError: the entry has a value, or an `=`.
        """
        if self.value is not None:
            expected = f"'{self.name}' without a value"
            raise SelectorError(text, self.position, expected=expected)

    def number(self, text: str, *, maximum: int = MAX_NUMBER, units: bool = False) -> int:
        """Read the entry's value as a whole number over 0.

        Args:
            text: the whole selector.
            units: whether it may end with k or m, for thousand or million.

        Raises:
            SelectorError: it is not one, or more than `maximum`.
        """
        value = self.value or ""
        unit = _UNITS.get(value[-1:].lower(), 1) if units else 1
        digits = _NUMBER.fullmatch(value if unit == 1 else value[:-1])
        # What is longer is over any bound, and int() refuses thousands of digits.
        number = int(digits[1][:MAX_DIGITS]) * unit if digits else 0
        if 0 < number <= maximum:
            return number
        form = f"a whole number up to {maximum}" if number else "a whole number over 0"
        form += ", like 200000, 200k or 1m" if units else ""
        found = f", not {quoted(value)}" if value else ""
        expected = f"{self.name}=<{form}>{found}"
        raise SelectorError(text, self.value_position, expected=expected)


def skip_space(text: str, position: int) -> int:
    """Pass over white space."""
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def closing(text: str, start: int) -> int:
    """Find what closes the bracket at `start`.

    Raises:
        SelectorError: it is never closed, or another is opened before.
    """
    opened = text[start]
    closed = {"[": "]", "{": "}"}[opened]
    end = text.find(closed, start)
    if end < 0 or text.find(opened, start + 1, end) >= 0:
        raise SelectorError(text, start, expected=f"'{closed}' for this '{opened}'")
    return end


def entries(text: str, start: int, *, end: int, example: str) -> Iterator[Entry]:
    """Walk the entries between two brackets.

    Args:
        text: the whole selector.
        start: of what is between them.
        end: of what is between them.
        example: an entry, for the message where one is missing.

    Raises:
        SelectorError: an entry is empty.
    """
    position = start
    for part in text[start:end].split(","):
        name, equals, value = part.partition("=")
        at = position + len(name) - len(name.lstrip())
        if not name.strip():
            raise SelectorError(text, at, expected=f"an entry like {example}")
        yield Entry(
            name=name.strip().lower(),
            value=value.strip() if equals else None,
            position=at,
            value_position=position + len(part) - len(value.lstrip()),
        )
        position += len(part) + 1


class Annotations:
    """What stands before a candidate; no name twice."""

    def __init__(self) -> None:
        self.values: dict[str, int] = {}
        """Name -> its number; 1 for `first`."""
        self.entries: dict[str, Entry] = {}
        """Name -> where it was written."""

    def add(self, text: str, entry: Entry) -> None:
        """
        Raises:
            SelectorError: an unknown name, one that is there already, or a wrong value.
        """
        name = entry.name
        if name not in _NAMES:
            expected = f"one of {', '.join(_NAMES)}, not {quoted(name)}"
            raise SelectorError(text, entry.position, expected=expected)
        if name in self.entries:
            raise SelectorError(text, entry.position, expected=f"{name} once, not again")
        self.entries[name] = entry
        self.values[name] = self._value(text, entry)

    def check_contexts(self, text: str) -> None:
        """
        Raises:
            SelectorError: no request could pass both bounds.
        """
        low, high = (self.values.get(name) for name in _CONTEXTS)
        if low is not None and high is not None and low >= high:
            late = max(self.entries[name].position for name in _CONTEXTS)
            raise SelectorError(text, late, expected="min_context to be less than max_context")

    def _value(self, text: str, entry: Entry) -> int:
        if entry.name == "first":
            if entry.value:
                expected = "'first' without a value"
                raise SelectorError(text, entry.value_position, expected=expected)
            return 1
        if entry.name in _CONTEXTS:
            return entry.number(text, units=True)
        is_time = entry.name in ("handicap", "ttft_timeout")
        return entry.number(text, maximum=MAX_TIMEOUT_S if is_time else MAX_NUMBER)


def read_annotations(text: str, position: int) -> tuple[Annotations, int]:
    """Read the `[...]` before a candidate, if any; returns the position behind them too.

    Raises:
        SelectorError: one of them cannot be read.
    """
    annotations = Annotations()
    while text.startswith("[", position):
        end = closing(text, position)
        for entry in entries(text, position + 1, end=end, example="weight=2"):
            annotations.add(text, entry)
        position = skip_space(text, end + 1)
    annotations.check_contexts(text)
    return annotations, position
