"""Reads the objects of a request as leniently as Google's own JSON parser does.

Names may be written in camelCase or in snake_case, a number as a string, and a list of one as the
value itself; null is as good as absent.

Source: https://protobuf.dev/programming-guides/json/
"""

import math
import re
from collections.abc import Iterator
from typing import NoReturn, TypeVar

import msgspec
from msgspec import Raw

from gateway.wire.json_body import bad_request

T = TypeVar("T")

_INDEX = re.compile(r"\[[0-9]+\]")
_WORD = re.compile(r"(?<=[a-z0-9])_([a-z0-9])")
_MAX_INTEGER = 2**63

_objects = msgspec.json.Decoder(dict[str, Raw])
_lists = msgspec.json.Decoder(list[Raw])
_strings = msgspec.json.Decoder(str)
_flags = msgspec.json.Decoder(bool)
_numbers = msgspec.json.Decoder(int | float | str)
_enums = msgspec.json.Decoder(int | str)


def camel(name: str) -> str:
    """Write a snake_case name in camelCase; any other name stays."""
    return _WORD.sub(lambda match: match[1].upper(), name) if "_" in name else name


def is_null(value: Raw) -> bool:
    """Whether a JSON text is `null`."""
    return len(value) == 4 and bytes(value) == b"null"


class Members:
    """The members of one object; each is taken once, and what was not taken is left over."""

    def __init__(self, value: Raw | bytes, path: str) -> None:
        """
        Args:
            path: where the object stands, as `contents[0].parts[1]`; empty for the request itself.
        Raises:
            GatewayError: 400; it is not an object.
        """
        self.path = path
        self._values = {
            camel(name): member
            for name, member in _read(_objects, value, path=path, expected="an object").items()
            if not is_null(member)
        }

    def __contains__(self, name: str) -> bool:
        return name in self._values

    @property
    def names(self) -> list[str]:
        """The members that were not taken."""
        return list(self._values)

    @property
    def places(self) -> list[str]:
        """Where the members stand that were not taken, without numbers: `contents.parts.x`."""
        return [self.place_of(name) for name in self._values]

    def place_of(self, name: str) -> str:
        """Where a member stands, without numbers."""
        return _INDEX.sub("", self.path_of(name))

    def path_of(self, name: str) -> str:
        """Where a member stands."""
        return f"{self.path}.{name}" if self.path else name

    def raw(self, name: str) -> bytes | None:
        """Take a member as JSON text, exactly as it came."""
        value = self._values.pop(name, None)
        return None if value is None else bytes(value)

    def text(self, name: str) -> str | None:
        """Take a string."""
        return self._take(name, _strings, expected="a string")

    def required(self, name: str) -> str:
        """Take a string that has to be there."""
        text = self.text(name)
        if text is None:
            raise bad_request(f"{self.path_of(name)} is missing", param=self.path_of(name))
        return text

    def flag(self, name: str) -> bool | None:
        """Take a boolean."""
        return self._take(name, _flags, expected="a boolean")

    def enum(self, name: str, numbers: dict[int, str]) -> str | None:
        """Take an enum's value in upper case, also when it is written as its number."""
        value = self._take(name, _enums, expected="a string")
        return None if value is None else _enum(value, numbers)

    def enums(self, name: str, numbers: dict[int, str]) -> tuple[str, ...]:
        """Take a list of an enum's values."""
        return tuple(
            _enum(_read(_enums, value, path=path, expected="a string"), numbers)
            for value, path in self.items(name)
        )

    def number(self, name: str) -> float | None:
        """Take a number."""
        value = self._take(name, _numbers, expected="a number")
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                self.refuse(name, "a number")
        if value is not None and not math.isfinite(value):
            self.refuse(name, "a number")
        return value

    def integer(self, name: str) -> int | None:
        """Take a whole number."""
        value = self.number(name)
        if value is not None and (value != int(value) or abs(value) >= _MAX_INTEGER):
            self.refuse(name, "a whole number")
        return None if value is None else int(value)

    def members(self, name: str) -> "Members | None":
        """Take an object."""
        value = self._values.pop(name, None)
        return None if value is None else Members(value, self.path_of(name))

    def texts(self, name: str) -> tuple[str, ...]:
        """Take a list of strings."""
        return tuple(
            _read(_strings, value, path=path, expected="a string")
            for value, path in self.items(name)
        )

    def items(self, name: str) -> Iterator[tuple[Raw, str]]:
        """Take the values of a list, each with where it stands."""
        value = self._values.pop(name, None)
        if value is None:
            return iter(())
        return list_items(value, self.path_of(name))

    def refuse(self, name: str, expected: str) -> NoReturn:
        """Say that a member is not what it has to be.

        Raises:
            GatewayError: always; 400.
        """
        path = self.path_of(name)
        raise bad_request(f"{path} must be {expected}", param=path)

    def _take(self, name: str, decoder: msgspec.json.Decoder[T], *, expected: str) -> T | None:
        value = self._values.pop(name, None)
        if value is None:
            return None
        return _read(decoder, value, path=self.path_of(name), expected=expected)


def list_items(value: Raw, path: str) -> Iterator[tuple[Raw, str]]:
    """Go through a list, or a single value in place of one; each with where it stands."""
    try:
        values = _lists.decode(value)
    except msgspec.ValidationError:
        yield value, path
        return
    for index, item in enumerate(values):
        yield item, f"{path}[{index}]"


def _enum(value: int | str, numbers: dict[int, str]) -> str:
    return numbers.get(value, "") if isinstance(value, int) else value.upper()


def _read(decoder: msgspec.json.Decoder[T], value: Raw | bytes, *, path: str, expected: str) -> T:
    try:
        return decoder.decode(value)
    except msgspec.ValidationError:
        raise bad_request(
            f"{path or 'the request'} must be {expected}", param=path or None
        ) from None
    except ValueError as error:
        raise bad_request(
            f"{path or 'the request'} is not valid JSON: {error}", param=path or None
        ) from None
