"""Collected canonical answers -> whole chat completions.

Source: https://platform.openai.com/docs/api-reference/chat/object
"""

from typing import Any

import msgspec

from gateway.canonical.collect import Answer
from gateway.canonical.content import Citation, Media, Reasoning, Text, ToolCall
from gateway.wire.openai_chat.reasoning import (
    render_call_detail,
    render_details,
    render_text_detail,
)
from gateway.wire.openai_chat.render_messages import render_call
from gateway.wire.openai_chat.render_parts import (
    is_image,
    is_recording,
    render_annotations,
    render_audio,
    render_finish_reason,
    render_image,
    render_logprobs,
)
from gateway.wire.openai_chat.usage import render_usage

Wire = dict[str, Any]


def render_response(answer: Answer, *, id: str, model: str, created: int) -> bytes:
    """Render a collected canonical answer.

    Args:
        id: of the completion.
        model: as the client is told.
        created: Unix seconds.
    """
    choice = {
        "index": 0,
        "message": _message(answer, id=id, created=created),
        "logprobs": render_logprobs(answer.logprobs) if answer.logprobs else None,
        "finish_reason": render_finish_reason(answer.finish_reason, called=bool(answer.tool_calls)),
    }
    wire: Wire = {
        "id": id,
        "object": "chat.completion",
        "created": created,
        "model": model,
        "choices": [choice],
    }
    if answer.usage:
        wire["usage"] = render_usage(answer.usage)
    return msgspec.json.encode({**wire, "system_fingerprint": None})


def _message(answer: Answer, *, id: str, created: int) -> Wire:
    calls = answer.tool_calls
    silent = bool(calls or answer.refusal)
    message: Wire = {
        "role": "assistant",
        "content": answer.text or (None if silent else ""),
        "refusal": answer.refusal or None,
        "annotations": _annotations(answer),
    }
    if answer.reasoning:
        message["reasoning_content"] = answer.reasoning
    if details := _details(answer):
        message["reasoning_details"] = details
    media = [part for part in answer.parts if isinstance(part, Media)]
    images = [part for part in media if is_image(part)]
    if images:
        message["images"] = [render_image(part, index=i) for i, part in enumerate(images)]
    for part in filter(is_recording, media):
        message["audio"] = render_audio(part, id=f"audio_{id}", expires_at=created)
    if calls:
        message["tool_calls"] = [render_call(call) for call in calls]
    return message


def _details(answer: Answer) -> list[Wire]:
    thoughts = [part for part in answer.parts if isinstance(part, Reasoning)]
    details = render_details(thoughts, foreign=True)
    for part in answer.parts:
        index = len(details)
        match part:
            case Text(signature=signature) if signature:
                details.append(render_text_detail(signature, index=index))
            case ToolCall(id, signature=signature) if signature:
                details.append(render_call_detail(id, signature, index=index))
            case _:
                pass
    return details


def _annotations(answer: Answer) -> list[Wire]:
    annotations: list[Wire] = []
    offset = 0
    for part in answer.parts:
        if isinstance(part, Text):
            citations: tuple[Citation, ...] = part.citations
            annotations += render_annotations(citations, offset=offset)
            offset += len(part.text)
    return annotations
