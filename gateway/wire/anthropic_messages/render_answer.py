"""Whole answers: collected canonical answer -> JSON.

Source: https://platform.claude.com/docs/en/api/messages
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Raw

from gateway.canonical.collect import Answer
from gateway.canonical.content import (
    AnyPart,
    NativePart,
    Opaque,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
)
from gateway.canonical.events import Usage
from gateway.canonical.request import Dialect
from gateway.wire.anthropic_messages.citations import render_citation
from gateway.wire.anthropic_messages.endings import render_stop_reason, render_usage
from gateway.wire.anthropic_messages.tool_calls import tool_input
from gateway.wire.codec import Reply
from gateway.wire.opaque import UNSIGNED, wrap

_OWN = Dialect.ANTHROPIC_MESSAGES


def render_response(answer: Answer, reply: Reply) -> bytes:
    """Render a collected canonical answer."""
    stop_reason = render_stop_reason(
        answer.finish_reason, stop_sequence=answer.stop_sequence, tools=bool(answer.tool_calls)
    )
    wire = render_message(reply, answer.usage) | {
        "content": [block for part in answer.parts for block in _blocks(part)],
        "stop_reason": stop_reason,
        "stop_sequence": answer.stop_sequence,
    }
    return msgspec.json.encode(wire)


def render_message(reply: Reply, usage: Usage | None) -> dict[str, Any]:
    """A message that has only begun: no content, and no reason to stop."""
    return {
        "id": f"msg_{reply.id}",
        "type": "message",
        "role": "assistant",
        "model": reply.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
        "usage": render_usage(usage),
    }


def render_reasoning(part: Reasoning) -> dict[str, Any] | None:
    """The block of a piece of reasoning; None when nothing of it can be shown or kept.

    Another dialect's signature goes into this dialect's own field, wrapped, so that the client
    hands it back. Without a text it goes where clients expect no text.
    """
    signature = part.signature or UNSIGNED
    value = wrap(signature, own=_OWN, redacted=part.redacted, id=part.id)
    if part.text:
        return {"type": "thinking", "thinking": part.text, "signature": value}
    if part.signature is None:
        return None
    if part.redacted or signature.origin != _OWN:
        return {"type": "redacted_thinking", "data": value}
    return {"type": "thinking", "thinking": "", "signature": value}


def render_call_signature(call_id: str, signature: Opaque) -> dict[str, Any]:
    """The block that carries a tool call's signature, for which a call has no field."""
    value = wrap(signature, own=_OWN, call_id=call_id)
    return {"type": "redacted_thinking", "data": value}


def render_text_signature(signature: Opaque) -> dict[str, Any]:
    """The block that carries the signature of the text before it."""
    value = wrap(signature, own=_OWN, of_text=True)
    return {"type": "redacted_thinking", "data": value}


def _blocks(part: AnyPart) -> Iterator[dict[str, Any] | Raw]:
    """Write one part; media has no place in an answer of this dialect."""
    match part:
        case Text(text=text, citations=citations, signature=signature):
            if text:
                rendered = [render_citation(citation) for citation in citations]
                yield {"type": "text", "text": text, "citations": rendered or None}
            if signature:
                yield render_text_signature(signature)
        case Refusal(text):
            yield {"type": "text", "text": text, "citations": None}
        case Reasoning():
            if block := render_reasoning(part):
                yield block
        case ToolCall(id=id, name=name, signature=signature):
            if signature:
                yield render_call_signature(id, signature)
            input = tool_input(part.arguments)
            yield {"type": "tool_use", "id": id, "name": name, "input": input}
        case NativePart(dialect=dialect, data=data) if dialect == _OWN:
            yield Raw(data)
        case _:
            pass
