"""The canonical request: what a client asked for, in no dialect's words.

Owns the values that cross from a frontend to a backend of another dialect. Knows no wire name.
"""

from enum import StrEnum

from msgspec import Struct


class Dialect(StrEnum):
    """A JSON and SSE protocol that Queueway speaks to clients and to upstreams."""

    OPENAI_CHAT = "openai-chat"


class Role(StrEnum):
    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class Message(Struct, frozen=True):
    role: Role
    text: str


class Tool(Struct, frozen=True):
    name: str


class Request(Struct, frozen=True, kw_only=True):
    """A call in canonical form."""

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    stream: bool = False

    @property
    def last_user_text(self) -> str:
        """The text of the newest user message; empty when there is none."""
        return next((m.text for m in reversed(self.messages) if m.role is Role.USER), "")
