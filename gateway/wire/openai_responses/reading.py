"""Reads the JSON of this dialect piece by piece.

A client's request is read strictly, each fault by its path; an upstream's answer leniently.
"""

from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from gateway.wire.json_body import bad_request, field_path

T = TypeVar("T")

NULL = Raw(b"null")

_TOO_LARGE = 2**63

_list_decoder = msgspec.json.Decoder(list[Raw])
_string_decoder = msgspec.json.Decoder(str)


class Typed(Struct):
    """The discriminator of a tagged object."""

    type: str


class TextOf(Struct):
    """A part that is known to hold text, whatever its type."""

    text: str = ""


typed_decoder = msgspec.json.Decoder(Typed)


def read(raw: Raw, decoder: msgspec.json.Decoder[T], *, path: str) -> T:
    """Read a piece of a request.

    Args:
        path: where in the request it is, as `input[0].content`.
    Raises:
        GatewayError: 400, with the faulty field as `param`.
    """
    try:
        return decoder.decode(raw)
    except msgspec.DecodeError as error:
        message = str(error)
        inner = field_path(message)
        at = join(path, inner) if inner else path
        raise bad_request(f"{message.partition(' - at ')[0]} - at `{at}`", param=at) from None


def read_list(raw: Raw, path: str) -> list[Raw]:
    """Read a list of a request; null is an empty one."""
    return [] if raw == NULL else read(raw, _list_decoder, path=path)


def read_text_or_list(raw: Raw, path: str) -> str | list[Raw]:
    """Read a field that is either text or a list of parts; null is an empty list."""
    if bytes(memoryview(raw)[:1]) == b'"':
        return read(raw, _string_decoder, path=path)
    return read_list(raw, path)


def join(path: str, inner: str) -> str:
    """Join two paths of fields."""
    return f"{path}{inner}" if inner.startswith("[") else f"{path}.{inner}"


def string(value: object) -> str:
    """Take a string of an answer; empty when it is something else."""
    return value if isinstance(value, str) else ""


def integer(value: object) -> int | None:
    """Take an integer of an answer; None when it is something else or too large to pass on."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _TOO_LARGE:
        return value
    return None


def objects(value: object) -> Iterator[dict[str, Any]]:
    """Yield the objects of a list in an answer, and skip what is something else."""
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def mapping(value: object) -> dict[str, Any]:
    """Take an object of an answer; empty when it is something else."""
    return value if isinstance(value, dict) else {}
