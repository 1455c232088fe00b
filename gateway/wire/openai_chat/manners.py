"""What upstreams of the chat dialect take differently, told by the model's name.

All providers share the codec, and a field that one wants another refuses with a 400. OpenAI's,
Mistral's and DeepSeek's own APIs name their models without an owner, the routers name theirs with
one, as `anthropic/claude-haiku-4.5`.

Source: https://api-docs.deepseek.com/guides/thinking_mode (`thinking`, `reasoning_content`)
Source: https://github.com/janhq/jan/issues/8136 (gpt-oss at Groq, `reasoning_content`)
Source: https://github.com/openai/openai-agents-python/issues/442 (Mistral, `stream_options`)
Source: https://github.com/charmbracelet/crush/issues/1590 (Mistral, `reasoning_content`)
"""

import re
from enum import StrEnum

from msgspec import Struct

_OPENAI = re.compile(r"(gpt-(?!oss)|chatgpt-|o[1-9](-|$)|codex-|computer-use-)", re.ASCII)
_OPENAI_REASONING = re.compile(r"(o[1-9](-|$)|gpt-([5-9]|[1-9][0-9])|codex-)", re.ASCII)
_MISTRAL = re.compile(r"(mistral|magistral|ministral|codestral|devstral|pixtral|voxtral)-")
_DEEPSEEK = re.compile(r"deepseek-")
_PLAIN = re.compile(r"(.*/)?(gpt-oss|llama|meta-llama|gemma)")
"""Models whose providers refuse the field in which others want a past turn's reasoning."""
_ROUTED = re.compile(r"~?(anthropic/|google/gemini)")
_OPENAI_ROUTED = "openai/"


class ReasoningField(StrEnum):
    """Where a past turn's reasoning goes."""

    NONE = "none"
    CONTENT_PARTS = "content parts"
    """`thinking` parts of Mistral's API."""
    TOOL_TURNS = "tool turns"
    """`reasoning_content` of turns, from one user message to the next, that called tools: DeepSeek
    refuses them without it in all later requests, and ignores that of other turns."""


class Manners(Struct, frozen=True, kw_only=True):
    """How to speak to the upstream that has a model."""

    max_tokens: str
    """The field of the bound on output: OpenAI's reasoning models refuse the old one, most
    compatible providers do not know the new one."""
    reasoning: ReasoningField
    reasoning_details: bool
    reasoning_object: bool
    """Whether `reasoning` takes a bound in tokens; else the effort alone is said."""
    cache_control: bool
    stream_options: bool
    """Whether usage has to be asked for; Mistral sends it unasked, and refuses the question."""
    thinking_object: bool
    """Whether `thinking` switches thinking off; else an effort of none does."""
    allowed_tools: bool
    """Whether `tool_choice` can narrow the tools; else the others are not sent."""


def manners_of(model: str) -> Manners:
    """Tell how to speak to the upstream of a model."""
    name = model.lower()
    openai = _OPENAI.match(name) is not None
    mistral = _MISTRAL.match(name) is not None
    routed = _ROUTED.match(name) is not None
    plain = openai or _PLAIN.match(name) is not None
    reasoning = ReasoningField.NONE if plain else ReasoningField.TOOL_TURNS
    return Manners(
        max_tokens=(
            "max_completion_tokens"
            if _OPENAI_REASONING.match(name.removeprefix(_OPENAI_ROUTED))
            else "max_tokens"
        ),
        reasoning=ReasoningField.CONTENT_PARTS if mistral else reasoning,
        reasoning_details=not openai and not mistral,
        reasoning_object=routed,
        cache_control=routed,
        stream_options=not mistral,
        thinking_object=_DEEPSEEK.match(name) is not None,
        allowed_tools=openai,
    )
