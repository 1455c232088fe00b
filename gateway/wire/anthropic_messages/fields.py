"""Reads the members of a request's JSON objects one by one, naming the place of every fault.

What nobody read is known in the end, so that it can be reported instead of lost in silence.
"""

from typing import Any, TypeVar

import msgspec
from msgspec import Raw

from gateway.wire.json_body import bad_request

T = TypeVar("T")

NULL = Raw(b"null")

STRING = msgspec.json.Decoder(str)
INTEGER = msgspec.json.Decoder(int)
NUMBER = msgspec.json.Decoder(float)
BOOLEAN = msgspec.json.Decoder(bool)
STRINGS = msgspec.json.Decoder(list[str])
LIST = msgspec.json.Decoder(list[Raw])
OBJECT = msgspec.json.Decoder(dict[str, Raw])
PLAIN_OBJECT = msgspec.json.Decoder(dict[str, Any])


def text_of(raw: Raw) -> str:
    """A JSON value's own text."""
    return bytes(raw).decode()


def is_string(raw: Raw) -> bool:
    """Whether a JSON value is a string."""
    return bytes(memoryview(raw)[:1]) == b'"'


class Fields:
    """The members of one JSON object; null counts as absent."""

    def __init__(self, raw: Raw | bytes, path: str) -> None:
        """
        Args:
            path: where the object is, as `messages[0].content[1]`; empty for the body itself.
        Raises:
            GatewayError: 400, the value is not an object.
        """
        self.path = path
        self._members = decode(raw, OBJECT, path=path)

    def at(self, name: str) -> str:
        """The path of a member."""
        return f"{self.path}.{name}" if self.path else name

    def raw(self, name: str) -> Raw | None:
        """Take a member as it is."""
        value = self._members.pop(name, NULL)
        return None if value == NULL else value

    def read(self, name: str, decoder: msgspec.json.Decoder[T]) -> T | None:
        """Take a member of a given type.

        Raises:
            GatewayError: 400, it has another type.
        """
        value = self.raw(name)
        return None if value is None else decode(value, decoder, path=self.at(name))

    def need(self, name: str, decoder: msgspec.json.Decoder[T]) -> T:
        """Take a member of a given type that has to be there.

        Raises:
            GatewayError: 400, it is absent or has another type.
        """
        value = self.read(name, decoder)
        if value is None:
            raise bad_request(f"missing required field `{name}`", param=self.at(name))
        return value

    def object(self, name: str) -> "Fields | None":
        """Take a member that is an object.

        Raises:
            GatewayError: 400, it has another type.
        """
        value = self.raw(name)
        return None if value is None else Fields(value, self.at(name))

    def items(self, name: str) -> list[tuple[Raw, str]]:
        """Take the elements of a list, each with its path; none when it is absent.

        Raises:
            GatewayError: 400, the member has another type.
        """
        values = self.read(name, LIST) or []
        return [(value, f"{self.at(name)}[{i}]") for i, value in enumerate(values)]

    def rest(self) -> list[str]:
        """The names of members that nobody took and that are not null."""
        return [name for name, value in self._members.items() if value != NULL]


def decode(raw: Raw | bytes, decoder: msgspec.json.Decoder[T], *, path: str) -> T:
    """Decode a value that stands at `path`.

    Raises:
        GatewayError: 400, it has another type.
    """
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise bad_request(str(error), param=path or None) from None
