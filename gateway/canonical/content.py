"""What messages and answers are made of, in no dialect's words.

A part keeps what two dialects or more can say. What only one can say is a `NativePart`: it goes
back to that dialect as it came and to no other.
"""

from enum import StrEnum

from msgspec import Struct


class Opaque(Struct, frozen=True):
    """A value that only its maker can read, such as a thinking signature.

    It is kept so that the next turn of a conversation can hand it back.
    """

    origin: str
    """The dialect of the upstream that made it."""
    data: str


class Citation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a piece of the text before it comes from; what is unknown is None."""

    url: str | None = None
    title: str | None = None
    quote: str | None = None
    """The words of the source."""
    file_id: str | None = None
    start: int | None = None
    """First character of the answer's text that it speaks of, counted from 0 in its own part."""
    end: int | None = None
    """One past the last such character."""


class Part(Struct, frozen=True, tag=True, tag_field="part", omit_defaults=True):
    """The base of all parts."""


class Text(Part, frozen=True):
    text: str
    citations: tuple[Citation, ...] = ()
    signature: Opaque | None = None
    cache: str | None = None
    """Cache the prompt up to here for this long: `5m` or `1h`."""


class Refusal(Part, frozen=True):
    """The model's own words for why it does not answer."""

    text: str


class MediaKind(StrEnum):
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    DOCUMENT = "document"


class Media(Part, frozen=True, kw_only=True):
    """An image, a recording, a document; exactly one of `data`, `url` and `file_id` is set."""

    kind: MediaKind
    mime: str | None = None
    data: str | None = None
    """Base64 as it came."""
    url: str | None = None
    file_id: str | None = None
    """The id of a file at a provider; only that provider knows it."""
    name: str | None = None
    detail: str | None = None
    """How closely an image is to be looked at: `low`, `high` or `auto`."""
    signature: Opaque | None = None
    cache: str | None = None


class Reasoning(Part, frozen=True, kw_only=True):
    """What the model thought, or a summary of it; without text it is only its signature."""

    text: str = ""
    signature: Opaque | None = None
    redacted: bool = False
    """Whether the text was withheld by the provider."""
    id: str | None = None


class ToolCall(Part, frozen=True):
    id: str
    name: str
    arguments: str = ""
    """JSON text as the model wrote it, which may be wrong; free text when `custom`."""
    signature: Opaque | None = None
    custom: bool = False
    cache: str | None = None


class NativePart(Part, frozen=True):
    """A part that only its own dialect can say, as JSON text."""

    dialect: str
    type: str
    """The name that the dialect has for it."""
    data: bytes


class ToolResult(Part, frozen=True, kw_only=True):
    """What a tool answered."""

    call_id: str
    parts: tuple[Text | Media | NativePart, ...] = ()
    name: str | None = None
    """The tool; known when the dialect says it or its call is in the same request."""
    is_error: bool = False
    custom: bool = False
    cache: str | None = None

    @property
    def text(self) -> str:
        """All text of the result."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


AnyPart = Text | Refusal | Media | Reasoning | ToolCall | ToolResult | NativePart
