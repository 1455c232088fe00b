"""Carries an opaque value of one dialect's upstream through another dialect's own opaque field.

A thinking signature or an encrypted thought has to come back with the next turn, and clients hand
back what they do not understand. A value of the dialect's own goes as it is. A foreign one goes
wrapped, so that it is known again and never reaches an upstream that did not make it.
"""

import base64

import msgspec
from msgspec import Struct

from gateway.canonical.content import AnyPart, Opaque, Text

_MAGIC = b"\x00\x00qw1\x00"
# Base64 all through, as some clients decode such fields and encode them anew.
_PREFIX = base64.urlsafe_b64encode(_MAGIC).decode()
_MARK = _PREFIX.encode()
_URLSAFE = str.maketrans("+/", "-_")


class Wrapped(Struct, frozen=True, array_like=True):
    """A value that was found in a field, and what it belongs to."""

    opaque: Opaque
    call_id: str | None = None
    """The tool call that it belongs to, in a dialect whose tool calls have no such field."""
    redacted: bool = False
    """Whether the reasoning that it belongs to had its text withheld."""
    id: str | None = None
    """The id of the reasoning that it belongs to."""
    of_text: bool = False
    """Whether it belongs to the text before it, in a dialect whose text has no such field."""

    @property
    def signature(self) -> Opaque | None:
        """The value; None when it stands for none."""
        return None if self.opaque == UNSIGNED else self.opaque


_decoder = msgspec.msgpack.Decoder(Wrapped)

UNSIGNED = Opaque("", "")
"""Goes wrapped where a client expects a value and the upstream gave none.

So the block that it stands in is known again for one that no upstream will verify.
"""


def wrap(
    opaque: Opaque,
    *,
    own: str,
    call_id: str | None = None,
    redacted: bool = False,
    id: str | None = None,
    of_text: bool = False,
) -> str:
    """Write a value into a field of dialect `own`; see `Wrapped` for what may go with it."""
    if opaque.origin == own and call_id is None and not of_text:
        return opaque.data
    wrapped = Wrapped(opaque, call_id, redacted=redacted, id=id, of_text=of_text)
    packed = msgspec.msgpack.encode(wrapped)
    return base64.urlsafe_b64encode(_MAGIC + packed).decode()


def may_hold_wrapped(body: bytes) -> bool:
    """Whether a wrapped value may be in a request.

    An upstream would refuse one, so such a request does not go to an upstream as it is.
    """
    return _MARK in body


def is_wrapped(value: str) -> bool:
    """Whether a value is a wrapped one."""
    return unwrap(value, own="").opaque != Opaque("", value)


def unwrap(value: str, *, own: str) -> Wrapped:
    """Read a field of dialect `own`; a value that was not wrapped is that dialect's."""
    if value.startswith(_PREFIX):
        try:
            packed = base64.urlsafe_b64decode(value.translate(_URLSAFE)).removeprefix(_MAGIC)
            return _decoder.decode(packed)
        except (ValueError, RecursionError):
            pass
    return Wrapped(Opaque(own, value))


def sign_last_text(parts: list[AnyPart], signature: Opaque) -> None:
    """Put a signature where it belongs: to the last text; without any it belongs to nothing."""
    for index in reversed(range(len(parts))):
        part = parts[index]
        if isinstance(part, Text):
            parts[index] = msgspec.structs.replace(part, signature=signature)
            return
