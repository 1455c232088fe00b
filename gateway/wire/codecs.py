"""All dialects, by name."""

from collections.abc import Mapping
from types import MappingProxyType

from gateway.canonical.request import Dialect
from gateway.wire.anthropic_messages.codec import CODEC as ANTHROPIC_MESSAGES
from gateway.wire.codec import Codec
from gateway.wire.gemini.codec import CODEC as GEMINI
from gateway.wire.openai_chat.codec import CODEC as OPENAI_CHAT
from gateway.wire.openai_responses.codec import CODEC as OPENAI_RESPONSES

CODECS: Mapping[Dialect, Codec] = MappingProxyType(
    {codec.dialect: codec for codec in (OPENAI_CHAT, OPENAI_RESPONSES, ANTHROPIC_MESSAGES, GEMINI)}
)
