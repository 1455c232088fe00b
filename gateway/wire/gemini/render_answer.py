"""Whole answers in Gemini's shape, and the objects that a stream is made of as well.

Source: https://ai.google.dev/api/generate-content#generatecontentresponse
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.canonical.collect import Answer
from gateway.canonical.content import (
    AnyPart,
    Media,
    NativePart,
    Opaque,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
)
from gateway.canonical.events import ReasoningEnded, TokenLogprob, Usage
from gateway.canonical.request import Dialect
from gateway.wire.codec import Reply
from gateway.wire.gemini.finish import render_finish_reason
from gateway.wire.gemini.grounding import render_grounding
from gateway.wire.gemini.media import render_media
from gateway.wire.gemini.usage import render_usage
from gateway.wire.gemini.wire_parts import call_part, one_line, signed, text_part
from gateway.wire.opaque import UNSIGNED, wrap

_UNSIGNED = wrap(UNSIGNED, own=Dialect.GEMINI.value)


def render_response(answer: Answer, reply: Reply) -> bytes:
    """Render a collected canonical answer."""
    pairs = [(part, wire) for part in answer.parts if (wire := render_part(part)) is not None]
    candidate = render_candidate(
        [wire for _, wire in pairs] or [text_part("")], finish_reason=answer.finish_reason
    )
    texts = [
        (index, part.text, part.citations)
        for index, (part, _) in enumerate(pairs)
        if isinstance(part, Text)
    ]
    if grounding := render_grounding(texts):
        candidate["groundingMetadata"] = grounding
    if answer.logprobs:
        candidate["logprobsResult"] = render_logprobs(answer.logprobs)
    return msgspec.json.encode(render_chunk(candidate, reply=reply, usage=answer.usage))


def render_chunk(
    candidate: dict[str, Any], *, reply: Reply, usage: Usage | None = None
) -> dict[str, Any]:
    """Write an answer, or one chunk of it, around its only candidate."""
    chunk: dict[str, Any] = {"candidates": [candidate]}
    if usage:
        chunk["usageMetadata"] = render_usage(usage)
    return chunk | {"modelVersion": reply.model, "responseId": reply.id}


def render_candidate(parts: list[Any], *, finish_reason: str | None = None) -> dict[str, Any]:
    """Write a candidate.

    Args:
        finish_reason: canonical; None while the answer goes on.
    """
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}}
    if finish_reason is not None:
        candidate["finishReason"] = render_finish_reason(finish_reason)
    return candidate | {"index": 0}


def render_part(part: AnyPart) -> Any:
    """Write a part of an answer; None when a client of this dialect cannot be shown it."""
    match part:
        case Text(text=text, signature=signature):
            return text_part(text, signature=sealed(signature))
        case Refusal(text=text):
            return text_part(text)
        case Reasoning(text=text):
            return text_part(text, thought=True, signature=sealed_thought(part))
        case Media(signature=signature):
            media = render_media(part)
            return None if media is None else signed(media, sealed(signature))
        case ToolCall(id=id, name=name, arguments=arguments, signature=signature):
            return call_part(
                id=id, name=name, arguments=arguments, signature=sealed_call(signature)
            )
        case NativePart(dialect=Dialect.GEMINI, data=data):
            return one_line(data)
        case _:
            return None


def sealed(signature: Opaque | None) -> str | None:
    """Write a signature so that it comes back as it is, whoever made it."""
    return wrap(signature, own=Dialect.GEMINI.value) if signature else None


def sealed_call(signature: Opaque | None) -> str:
    """Write the signature of a call; a call without one is marked as another provider's.

    This dialect's own models of generation 3 refuse a call that they did not sign, unless they are
    told that it is not theirs: see `foreign`.
    """
    return sealed(signature) or _UNSIGNED


def sealed_thought(thought: Reasoning | ReasoningEnded) -> str | None:
    """Write the signature of a thought, with what else of it has to come back."""
    if thought.signature is None:
        return None
    own = Dialect.GEMINI.value
    return wrap(thought.signature, own=own, redacted=thought.redacted, id=thought.id)


def render_logprobs(tokens: Sequence[TokenLogprob]) -> dict[str, Any]:
    """Write how likely the tokens of the text were."""
    return {
        "topCandidates": [
            {"candidates": [_token(token, logprob) for token, logprob in entry.top]}
            for entry in tokens
        ],
        "chosenCandidates": [_token(entry.token, entry.logprob) for entry in tokens],
    }


def _token(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "logProbability": logprob}
