"""The models that an instance has, as its provider or the configuration lists them."""

from enum import StrEnum

from msgspec import Struct

MAX_ID_CHARS = 256


class Source(StrEnum):
    """Where a listing comes from."""

    REMOTE = "remote"
    CONFIGURED = "static_inline"
    BUILT_IN = "static_builtin"


class Model(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One model of an instance."""

    canonical_id: str
    """`vendor/model`: the same for a model at every provider that names its vendors."""
    native_id: str
    """What the upstream is sent."""
    display_name: str | None = None


class Listing(Struct, frozen=True, kw_only=True):
    """The models of one instance."""

    source: Source
    models: tuple[Model, ...]
    loaded_at: float
    """Unix seconds."""
    warnings: tuple[str, ...] = ()
    """What of the provider's answer was left out, and why."""


class BadModelId(ValueError):
    """An id that is listed and cannot be used; the message says why."""


def canonical_id(native_id: str, *, vendor: str) -> str:
    """Put an id into the form `vendor/model`; one that has it stays as it is.

    >>> canonical_id("gpt-4o", vendor="openai"), canonical_id("a/b", vendor="openrouter")
    ('openai/gpt-4o', 'a/b')

    Raises:
        BadModelId: it is blank, too long, none that a selector can name, or would have not exactly
            one `/` with something on both sides.
    """
    if not native_id.strip():
        raise BadModelId("its id is blank")
    if len(native_id) > MAX_ID_CHARS:
        raise BadModelId(f"its id is longer than {MAX_ID_CHARS} characters")
    if "|" in native_id or " " in native_id or not native_id.isprintable():
        raise BadModelId("its id has a character that no selector can name")
    id = native_id if "/" in native_id else f"{vendor}/{native_id}"
    left, _, right = id.partition("/")
    if not left or not right or "/" in right:
        raise BadModelId(f"its id {native_id!r} is not of the form vendor/model")
    return id
