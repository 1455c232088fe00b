"""Reads a client's JSON body under the bounds that hold for every dialect.

Owns the words in which a body that is not usable is refused. Knows no dialect's fields.
"""

import re
from itertools import accumulate
from typing import TypeVar

import msgspec

from gateway.canonical.errors import Failure, GatewayError, Kind

T = TypeVar("T")

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_NEITHER = bytes(set(range(256)) - set(b'"[]{}'))
# Matches from every quote, also one that is never closed: a search that could fail and begin anew
# at the next quote would take quadratic time on a body made for it.
_QUOTED = re.compile(rb'"[^"]*+"?')
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_MISSING = re.compile(r"missing required field `([^`]+)`")
_PATH = re.compile(r" - at `\$\.?([^`]*)`$")


def read_body(body: bytes, decoder: msgspec.json.Decoder[T], *, max_depth: int) -> T:
    """Decode a request body.

    Raises:
        GatewayError: 400, naming the field where the body's fault is in one.
    """
    if not body.strip():
        raise bad_request("the request body is empty; send a JSON object")
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise bad_request(f"the request body is not UTF-8: byte {error.start} is wrong") from None
    _refuse_deep(body, max_depth)
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        message = str(error)
        raise bad_request(message, param=field_path(message)) from None
    except msgspec.DecodeError as error:
        hint = "; a \\u escape is half of a surrogate pair" if _SURROGATE.search(body) else ""
        raise bad_request(f"the request body is not valid JSON: {error}{hint}") from None
    except RecursionError:
        raise bad_request("the request JSON is nested too deep") from None


def bad_request(message: str, *, param: str | None = None, code: str | None = None) -> GatewayError:
    """Make the 400 for a fault in the client's request."""
    return GatewayError(
        Failure(kind=Kind.INVALID_REQUEST, message=message, status=400, param=param, code=code)
    )


def field_path(message: str) -> str | None:
    """Find the field that a msgspec validation error speaks of, as `messages[0].role`."""
    at = _PATH.search(message)
    missing = _MISSING.search(message)
    parts = [part for part in (at and at[1], missing and missing[1]) if part]
    return ".".join(parts) or None


def _refuse_deep(body: bytes, max_depth: int) -> None:
    """Refuse nesting over `max_depth` without recursing into it, in linear time."""
    if len(body) <= max_depth:
        return
    unescaped = body
    if b"\\" in body:
        unescaped = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside = unescaped.translate(None, _NEITHER).replace(b'""', b"")
    if len(outside) <= max_depth:
        return
    if b'"' in outside:
        outside = _QUOTED.sub(b"", outside)
    # As signed numbers an opening bracket is 1 and a closing one is -1.
    steps = memoryview(outside.translate(_STEPS)).cast("b")
    if max(accumulate(steps), default=0) > max_depth:
        raise bad_request(f"the request JSON is nested deeper than {max_depth} levels")
