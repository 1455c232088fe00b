"""Messages of a request: canonical -> wire.

Gathers the system prompt, merges adjacent turns and leaves out what the API would refuse.

Source: https://platform.claude.com/docs/en/api/messages
"""

import base64
import binascii
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Raw

from gateway.canonical.content import (
    AnyPart,
    Media,
    MediaKind,
    NativePart,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from gateway.canonical.request import Dialect, Message, Role
from gateway.wire.anthropic_messages.tool_calls import tool_id, tool_input

Block = dict[str, Any] | Raw
"""A content block; raw when it is native."""

_OWN = Dialect.ANTHROPIC_MESSAGES
_PDF = "application/pdf"
_TEXT_MIMES = ("text/", "application/json", "application/xml")
_MIMES = {"image/jpg": "image/jpeg"}
_IMAGE_STARTS = {
    "iVBOR": "image/png",
    "/9j/": "image/jpeg",
    "R0lGOD": "image/gif",
    "UklGR": "image/webp",
}
"""How base64 of the image types begins, for images whose type was not said."""


def render_cache(cache: str | None) -> dict[str, Any]:
    """The members that ask to cache the prompt up to a block."""
    if cache is None:
        return {}
    ttl = {} if cache == "5m" else {"ttl": cache}
    return {"cache_control": {"type": "ephemeral", **ttl}}


def render_conversation(
    messages: Iterable[Message],
) -> tuple[str | list[Block] | None, list[dict[str, Any]]]:
    """Write messages as a system prompt and turns that alternate.

    A system prompt with nothing to answer becomes the first turn: the API demands one.
    """
    system: list[Block] = []
    turns: list[tuple[str, list[Block]]] = []
    for message in messages:
        if message.role is Role.SYSTEM:
            system += (
                block
                for part in message.parts
                if isinstance(part, Text | NativePart)
                for block in _blocks(part)
            )
            continue
        role = "assistant" if message.role is Role.ASSISTANT else "user"
        blocks = [block for part in message.parts for block in _blocks(part)]
        if not blocks:
            continue
        if turns and turns[-1][0] == role:
            turns[-1][1].extend(blocks)
        else:
            turns.append((role, blocks))
    if system and not turns:
        system, turns = [], [("user", system)]
    if turns and turns[-1][0] == "assistant":
        _trim(turns)
    rendered = [{"role": role, "content": _content(_ordered(blocks))} for role, blocks in turns]
    return (_content(system) if system else None), rendered


def _ordered(blocks: list[Block]) -> list[Block]:
    """Tool results first, as the API wants them; everything else as it stood."""
    return sorted(blocks, key=lambda block: not _is(block, "tool_result"))


def _trim(turns: list[tuple[str, list[Block]]]) -> None:
    """Strip white space from the end of a begun answer, which the API refuses."""
    blocks = turns[-1][1]
    last = blocks[-1]
    if isinstance(last, dict) and last["type"] == "text":
        last["text"] = last["text"].rstrip()


def _content(blocks: list[Block]) -> str | list[Block]:
    only = blocks[0] if len(blocks) == 1 else None
    if isinstance(only, dict) and only.keys() == {"type", "text"}:
        return str(only["text"])
    return blocks


def _is(block: Block, type: str) -> bool:
    return isinstance(block, dict) and block["type"] == type


def _blocks(part: AnyPart) -> Iterator[Block]:
    """Write one part; nothing when the API would refuse it or could not know what it means."""
    match part:
        case Text(text=text):
            yield from _text(text, part.cache)
        case Refusal(text):
            yield from _text(text)
        case Media():
            yield from _media(part)
        case Reasoning():
            yield from _reasoning(part)
        case ToolCall():
            yield {
                "type": "tool_use",
                "id": tool_id(part.id),
                "name": part.name,
                "input": tool_input(part.arguments),
                **render_cache(part.cache),
            }
        case ToolResult():
            yield _tool_result(part)
        case NativePart(dialect=dialect, data=data):
            if dialect == _OWN:
                yield Raw(data)


def _text(text: str, cache: str | None = None) -> Iterator[Block]:
    # The API refuses text that is nothing but white space.
    if text.strip():
        yield {"type": "text", "text": text, **render_cache(cache)}


def _reasoning(part: Reasoning) -> Iterator[Block]:
    """Write thinking that this dialect's upstream signed; it refuses any other."""
    signature = part.signature
    if signature is None or signature.origin != _OWN:
        return
    if part.redacted:
        yield {"type": "redacted_thinking", "data": signature.data}
    else:
        yield {"type": "thinking", "thinking": part.text, "signature": signature.data}


def _tool_result(part: ToolResult) -> Block:
    block: dict[str, Any] = {"type": "tool_result", "tool_use_id": tool_id(part.call_id)}
    content = [inner for item in part.parts for inner in _blocks(item)]
    if content:
        block["content"] = _content(content)
    if part.is_error:
        block["is_error"] = True
    return block | render_cache(part.cache)


def _media(part: Media) -> Iterator[Block]:
    if part.kind is MediaKind.IMAGE:
        source = _source(part, mime=_image_mime(part))
        yield {"type": "image", "source": source, **render_cache(part.cache)}
    elif part.kind is MediaKind.DOCUMENT:
        source = _text_source(part) or _source(part, mime=part.mime or _PDF)
        title = {"title": part.name} if part.name else {}
        yield {"type": "document", "source": source, **title, **render_cache(part.cache)}


def _source(part: Media, *, mime: str) -> dict[str, Any]:
    if part.file_id is not None:
        return {"type": "file", "file_id": part.file_id}
    if part.url is not None:
        return {"type": "url", "url": part.url}
    return {"type": "base64", "media_type": mime, "data": part.data or ""}


def _image_mime(part: Media) -> str:
    if part.mime:
        return _MIMES.get(part.mime, part.mime)
    data = part.data or ""
    known = (mime for start, mime in _IMAGE_STARTS.items() if data.startswith(start))
    return next(known, "application/octet-stream")


def _text_source(part: Media) -> dict[str, Any] | None:
    """Write a document of plain text, which the API takes as text and not as base64."""
    if part.data is None or not (part.mime or "").startswith(_TEXT_MIMES):
        return None
    try:
        text = base64.b64decode(part.data, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    return {"type": "text", "media_type": "text/plain", "data": text}
