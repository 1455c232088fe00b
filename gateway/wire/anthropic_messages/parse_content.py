"""Messages of a request: wire -> canonical.

A user turn that answers tool calls becomes a tool message and a user message. Adjacent turns of
one role are one turn in this dialect, and become one message.

Source: https://platform.claude.com/docs/en/api/messages
"""

import base64
import re
from collections.abc import Iterable

from msgspec import Raw
from msgspec.structs import replace

from gateway.canonical.content import (
    AnyPart,
    Citation,
    Media,
    MediaKind,
    NativePart,
    Opaque,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from gateway.canonical.request import Dialect, Message, Role
from gateway.wire.anthropic_messages.citations import parse_citation, spanning
from gateway.wire.anthropic_messages.fields import (
    BOOLEAN,
    LIST,
    PLAIN_OBJECT,
    STRING,
    Fields,
    decode,
    is_string,
    text_of,
)
from gateway.wire.json_body import bad_request
from gateway.wire.opaque import sign_last_text, unwrap

_OWN = Dialect.ANTHROPIC_MESSAGES
_ROLES = {"user": Role.USER, "assistant": Role.ASSISTANT, "system": Role.SYSTEM}
_DATA_URL = re.compile(r"data:([^;,]*)(?:;[^;,]*)*;base64,", re.IGNORECASE)
_DEFAULT_CACHE = "5m"
_CACHES = {"5m", "1h"}


def parse_cache(block: Fields) -> str | None:
    """Take a block's `cache_control`: how long to cache the prompt up to it."""
    control = block.object("cache_control")
    if control is None:
        return None
    ttl = control.read("ttl", STRING)
    return ttl if ttl in _CACHES else _DEFAULT_CACHE


def tool_input(raw: Raw | None) -> str:
    """The arguments of a tool call; none at all are an empty object."""
    return "{}" if raw is None else text_of(raw)


class ContentParser:
    """Reads the messages of one request.

    Owns what reaches from one block to another: the names of tools, and signatures that travelled
    in a block of their own.
    """

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.dropped: set[str] = set()
        """Names of the fields that were not read, as `messages.content.context`."""
        self._tools: dict[str, str] = {}
        self._signatures: dict[str, Opaque] = {}
        self._text_signature: Opaque | None = None

    def system(self, top: Fields) -> None:
        """Take the top-level system prompt.

        Raises:
            GatewayError: 400.
        """
        raw = top.raw("system")
        if raw is not None:
            self._add(Role.SYSTEM, self._content(raw, "system", kind="system"))

    def message(self, raw: Raw, path: str) -> None:
        """Take the next message.

        Raises:
            GatewayError: 400.
        """
        fields = Fields(raw, path)
        name = fields.need("role", STRING)
        role = _ROLES.get(name)
        if role is None:
            raise bad_request(
                f"{name!r} is no role; use user, assistant or system", param=fields.at("role")
            )
        content = fields.raw("content")
        if content is None:
            raise bad_request("missing required field `content`", param=fields.at("content"))
        parts = self._content(content, fields.at("content"), kind="messages.content")
        self._lose(fields, "messages")
        if role is Role.USER:
            self._add(Role.TOOL, [part for part in parts if isinstance(part, ToolResult)])
            parts = [part for part in parts if not isinstance(part, ToolResult)]
        self._add(role, parts)

    def finish(self) -> tuple[Message, ...]:
        """All messages, every signature at its tool call."""
        if not self._signatures:
            return tuple(self.messages)
        return tuple(
            replace(message, parts=tuple(map(self._signed, message.parts)))
            for message in self.messages
        )

    def _signed(self, part: AnyPart) -> AnyPart:
        if isinstance(part, ToolCall) and part.id in self._signatures:
            return replace(part, signature=self._signatures[part.id])
        return part

    def _add(self, role: Role, parts: Iterable[AnyPart]) -> None:
        new = tuple(parts)
        if not new:
            return
        if self.messages and self.messages[-1].role is role and role is not Role.SYSTEM:
            new = self.messages.pop().parts + new
        self.messages.append(Message(role, new))

    def _lose(self, fields: Fields, kind: str) -> None:
        self.dropped.update(f"{kind}.{name}" for name in fields.rest())

    def _content(self, raw: Raw, path: str, *, kind: str) -> list[AnyPart]:
        """Read content that is a string or a list of blocks; `kind` is its path without indexes."""
        if is_string(raw):
            text = decode(raw, STRING, path=path)
            return [Text(text)] if text else []
        blocks = decode(raw, LIST, path=path)
        parts: list[AnyPart] = []
        for index, block in enumerate(blocks):
            part = self._block(block, f"{path}[{index}]", kind=kind)
            if part is not None:
                parts.append(part)
            if self._text_signature:
                sign_last_text(parts, self._text_signature)
                self._text_signature = None
        return parts

    def _block(self, raw: Raw, path: str, *, kind: str) -> AnyPart | None:
        block = Fields(raw, path)
        type = block.need("type", STRING)
        part: AnyPart | None
        match type:
            case "text":
                part = self._text(block)
            case "image":
                part = self._image(block)
            case "document":
                part = self._document(block, raw)
            case "thinking":
                part = self._thinking(block)
            case "redacted_thinking":
                part = self._redacted(block)
            case "tool_use":
                part = self._tool_use(block)
            case "tool_result":
                part = self._tool_result(block)
            case _:
                return NativePart(_OWN, type, bytes(raw))
        if not isinstance(part, NativePart):
            self._lose(block, kind)
        return part

    def _text(self, block: Fields) -> Text:
        text = block.need("text", STRING)
        citations = (_citation(raw, path) for raw, path in block.items("citations"))
        spans = tuple(spanning(citation, len(text)) for citation in citations)
        return Text(text, spans, cache=parse_cache(block))

    def _image(self, block: Fields) -> Media:
        return _media(block, kind=MediaKind.IMAGE, cache=parse_cache(block))

    def _document(self, block: Fields, raw: Raw) -> Media | NativePart:
        source = Fields(block.raw("source") or b"{}", block.at("source"))
        type = source.need("type", STRING)
        if type == "content":
            return NativePart(_OWN, "document", bytes(raw))
        name, cache = block.read("title", STRING), parse_cache(block)
        if type == "text":
            data = base64.b64encode(source.need("data", STRING).encode()).decode()
            mime = source.read("media_type", STRING) or "text/plain"
            return Media(kind=MediaKind.DOCUMENT, mime=mime, data=data, name=name, cache=cache)
        return replace(
            _from_source(source, kind=MediaKind.DOCUMENT, type=type), name=name, cache=cache
        )

    def _thinking(self, block: Fields) -> Reasoning | None:
        text = block.read("thinking", STRING) or ""
        value = block.read("signature", STRING)
        if not value:
            return Reasoning(text=text) if text else None
        return self._reasoning(value, text=text)

    def _redacted(self, block: Fields) -> Reasoning | None:
        return self._reasoning(block.need("data", STRING), redacted=True)

    def _reasoning(self, value: str, *, text: str = "", redacted: bool = False) -> Reasoning | None:
        wrapped = unwrap(value, own=_OWN)
        signature = wrapped.signature
        if wrapped.call_id is not None:
            self._signatures[wrapped.call_id] = wrapped.opaque
            signature = None
        if wrapped.of_text:
            self._text_signature, signature = signature, None
        if signature is None and not text:
            return None
        # A foreign value without text stands in such a block too, whether it was withheld or not.
        redacted = wrapped.redacted or (redacted and wrapped.opaque.origin == _OWN)
        return Reasoning(text=text, signature=signature, redacted=redacted, id=wrapped.id)

    def _tool_use(self, block: Fields) -> ToolCall:
        # Who called matters only to tools that run at the provider, which are refused anyway.
        block.raw("caller")
        id, name = block.need("id", STRING), block.need("name", STRING)
        arguments = block.raw("input")
        if arguments is not None:
            Fields(arguments, block.at("input"))
        self._tools[id] = name
        return ToolCall(id, name, tool_input(arguments), cache=parse_cache(block))

    def _tool_result(self, block: Fields) -> ToolResult:
        call_id = block.need("tool_use_id", STRING)
        content = block.raw("content")
        parts: list[AnyPart] = []
        if content is not None:
            kind = "messages.content.content"
            parts = self._content(content, block.at("content"), kind=kind)
        return ToolResult(
            call_id=call_id,
            parts=tuple(part for part in parts if isinstance(part, Text | Media | NativePart)),
            name=self._tools.get(call_id),
            is_error=block.read("is_error", BOOLEAN) or False,
            cache=parse_cache(block),
        )


def _citation(raw: Raw, path: str) -> Citation:
    wire = decode(raw, PLAIN_OBJECT, path=path)
    return parse_citation(wire)


def _media(block: Fields, *, kind: MediaKind, cache: str | None) -> Media:
    source = Fields(block.raw("source") or b"{}", block.at("source"))
    media = _from_source(source, kind=kind, type=source.need("type", STRING))
    return replace(media, cache=cache)


def _from_source(source: Fields, *, kind: MediaKind, type: str) -> Media:
    match type:
        case "base64":
            mime = source.need("media_type", STRING)
            return Media(kind=kind, mime=mime, data=source.need("data", STRING))
        case "url":
            return _from_url(source.need("url", STRING), kind)
        case "file":
            return Media(kind=kind, file_id=source.need("file_id", STRING))
        case _:
            raise bad_request(
                f"{type!r} is no source; use base64, url or file", param=source.at("type")
            )


def _from_url(url: str, kind: MediaKind) -> Media:
    inline = _DATA_URL.match(url)
    if inline is None:
        return Media(kind=kind, url=url)
    return Media(kind=kind, mime=inline[1] or None, data=url[inline.end() :])
