"""Canonical messages -> chat messages."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from gateway.canonical.content import (
    AnyPart,
    Media,
    NativePart,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from gateway.canonical.request import Message, Role
from gateway.wire.openai_chat.manners import Manners, ReasoningField
from gateway.wire.openai_chat.media import render_media
from gateway.wire.openai_chat.reasoning import OWN, render_call_detail, render_details

Wire = dict[str, Any]

_SILENT = {"role": "assistant", "content": ""}
_ONE_HOUR = "1h"


def render_messages(messages: Sequence[Message], manners: Manners) -> list[Wire]:
    """Write the messages.

    A tool message takes text alone: media of results go into the user message that follows, or
    into one of their own.
    """
    wires: list[Wire] = []
    media: list[Wire] = []
    in_tool_turn = _tool_turns(messages)
    for index, message in enumerate(messages):
        if media and message.role not in (Role.TOOL, Role.USER):
            wires.append({"role": "user", "content": media})
            media = []
        match message.role:
            case Role.TOOL:
                for result in _results(message.parts):
                    wires.append(_render_result(result, manners))
                    media += _media_of(result)
            case Role.ASSISTANT:
                wire = _render_assistant(message.parts, manners, in_tool_turn=in_tool_turn[index])
                # A turn of which nothing is left would be refused.
                wires += [wire] if wire != _SILENT else []
            case role:
                content = [*media, *_content(message.parts, manners)]
                media = []
                wires.append({"role": role.value, "content": _plain(content)})
    if media:
        wires.append({"role": "user", "content": media})
    return wires


def render_call(call: ToolCall) -> Wire:
    """Write a whole tool call."""
    if call.custom:
        custom = {"name": call.name, "input": call.arguments}
        return {"id": call.id, "type": "custom", "custom": custom}
    function = {"name": call.name, "arguments": call.arguments or "{}"}
    return {"id": call.id, "type": "function", "function": function}


def cache_control(cache: str | None, manners: Manners) -> Wire:
    """The member that marks a part, a tool or nothing."""
    if not cache or not manners.cache_control:
        return {}
    ttl = {"ttl": cache} if cache == _ONE_HOUR else {}
    return {"cache_control": {"type": "ephemeral", **ttl}}


def _results(parts: Sequence[AnyPart]) -> Iterator[ToolResult]:
    return (part for part in parts if isinstance(part, ToolResult))


def _render_result(result: ToolResult, manners: Manners) -> Wire:
    texts = [part for part in result.parts if not isinstance(part, Media)]
    content = list(_content(texts, manners))
    if content and result.cache:
        content[-1] |= cache_control(result.cache, manners)
    return {"role": "tool", "tool_call_id": result.call_id, "content": _plain(content)}


def _media_of(result: ToolResult) -> list[Wire]:
    return [render_media(part) for part in result.parts if isinstance(part, Media)]


def _render_assistant(parts: Sequence[AnyPart], manners: Manners, *, in_tool_turn: bool) -> Wire:
    calls = [part for part in parts if isinstance(part, ToolCall)]
    thoughts = [part for part in parts if isinstance(part, Reasoning)]
    wire: Wire = {"role": "assistant"}
    said: Sequence[AnyPart] = [part for part in parts if isinstance(part, Text | NativePart)]
    if manners.reasoning is ReasoningField.CONTENT_PARTS:
        said = [part for part in parts if isinstance(part, Text | NativePart | Reasoning)]
    content = list(_content(said, manners))
    if content or not calls:
        wire["content"] = _plain(content)
    refusal = "".join(part.text for part in parts if isinstance(part, Refusal))
    if refusal:
        wire["refusal"] = refusal
        wire["content"] = wire["content"] if content else None
    wire |= _details(thoughts, calls, manners=manners)
    text = "".join(thought.text for thought in thoughts)
    takes = in_tool_turn and manners.reasoning is ReasoningField.TOOL_TURNS
    if text and takes and "reasoning_details" not in wire:
        wire["reasoning_content"] = text
    if calls:
        wire["tool_calls"] = [render_call(call) for call in calls]
    return wire


def _details(thoughts: list[Reasoning], calls: list[ToolCall], *, manners: Manners) -> Wire:
    """The member that hands values back to the router that gave them."""
    if not manners.reasoning_details:
        return {}
    details = render_details(thoughts, foreign=False)
    for call in calls:
        if call.signature and call.signature.origin == OWN:
            details.append(render_call_detail(call.id, call.signature, index=len(details)))
    return {"reasoning_details": details} if details else {}


def _tool_turns(messages: Sequence[Message]) -> list[bool]:
    """Tell of each message whether a tool was called between the user messages around it."""
    turn = 0
    turns = []
    called: set[int] = set()
    for message in messages:
        turn += message.role is Role.USER
        turns.append(turn)
        if any(isinstance(part, ToolCall) for part in message.parts):
            called.add(turn)
    return [turn in called for turn in turns]


def _content(parts: Sequence[AnyPart], manners: Manners) -> Iterator[Wire]:
    for part in parts:
        match part:
            case Text(text, cache=cache):
                yield {"type": "text", "text": text, **cache_control(cache, manners)}
            case Media(cache=cache):
                yield render_media(part) | cache_control(cache, manners)
            case Reasoning(text=text) if text:
                yield {"type": "thinking", "thinking": [{"type": "text", "text": text}]}
            case NativePart(dialect, _, data) if dialect == OWN:
                yield msgspec.json.decode(data, type=dict[str, Any])
            case _:
                pass


def _plain(content: list[Wire]) -> str | list[Wire]:
    """A content of one bare text as a string, which every upstream takes."""
    if not content:
        return ""
    if len(content) == 1 and content[0].keys() == {"type", "text"}:
        return str(content[0]["text"])
    return content
