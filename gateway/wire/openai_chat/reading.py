"""Decodes pieces of a client's request and names the field that is wrong, and what is left out."""

from collections.abc import Container, Mapping
from typing import TypeVar

import msgspec
from msgspec import Raw

from gateway.wire.json_body import bad_request, field_path

T = TypeVar("T")

ABSENT = Raw(b"")

_fields_decoder = msgspec.json.Decoder(dict[str, Raw])
_string_decoder = msgspec.json.Decoder(str)


class LeftOut:
    """The names of fields that have no place in the canonical model, as `messages.name`."""

    def __init__(self) -> None:
        self.dropped: set[str] = set()
        self.refused: set[str] = set()

    def drop_unknown(self, fields: Mapping[str, Raw], known: Container[str], *, at: str) -> None:
        """Drop the fields that are not known; null is as good as absent.

        Args:
            at: the path of the object that has them, as `tools.function`; empty for the request.
        """
        for name, value in fields.items():
            if name not in known and not is_null(value):
                self.dropped.add(f"{at}.{name}" if at else name)


def is_null(value: Raw) -> bool:
    """Whether a field is absent or null."""
    return _head(value, 5) in (b"", b"null")


def is_empty_list(value: Raw) -> bool:
    """Whether a field is `[]`."""
    return _head(value, 3) == b"[]"


def is_string(value: Raw) -> bool:
    """Whether a field is a string, which the decoder may still find wrong."""
    return _head(value, 1) == b'"'


def is_list(value: Raw) -> bool:
    """Whether a field is a list, which the decoder may still find wrong."""
    return _head(value, 1) == b"["


def read(value: bytes | Raw, decoder: msgspec.json.Decoder[T], *, path: str) -> T:
    """Decode a piece of a request.

    Args:
        path: where it is, as `messages[0].content`; empty for the request.
    Raises:
        GatewayError: 400, naming the field that is wrong.
    """
    try:
        return decoder.decode(value)
    except msgspec.ValidationError as error:
        inner = field_path(str(error)) or ""
        raise bad_request(str(error), param=join(path, inner)) from None
    except RecursionError:
        raise bad_request("the request JSON is nested too deep", param=path or None) from None
    except ValueError as error:
        raise bad_request(f"the request is not valid JSON: {error}", param=path or None) from None


def read_fields(value: Raw, *, path: str) -> dict[str, Raw]:
    """Decode an object and leave its members as they are."""
    return read(value, _fields_decoder, path=path)


def read_string(value: Raw, *, path: str) -> str:
    """Decode a string."""
    return read(value, _string_decoder, path=path)


def join(path: str, inner: str) -> str | None:
    """Join the path of an object and that of a field in it."""
    if path and inner and not inner.startswith("["):
        return f"{path}.{inner}"
    return path + inner or None


def _head(value: Raw, size: int) -> bytes:
    """The first bytes of a text, which may be a large one."""
    return bytes(memoryview(value)[:size])
