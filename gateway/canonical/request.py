"""The canonical request: what a client asked for, in no dialect's words.

Owns the values that cross from a frontend to a backend of another dialect. Knows no wire name.
None everywhere means that the client did not say.
"""

from enum import StrEnum

from msgspec import Struct

from gateway.canonical.content import AnyPart, Text


class Dialect(StrEnum):
    """A JSON and SSE protocol that Queueway speaks to clients and to upstreams."""

    OPENAI_CHAT = "openai-chat"
    OPENAI_RESPONSES = "openai-responses"
    ANTHROPIC_MESSAGES = "anthropic-messages"
    GEMINI = "gemini"


class Operation(StrEnum):
    """What a call asks of an upstream."""

    GENERATE = "generate"
    COUNT_TOKENS = "count_tokens"
    EMBED = "embed"


class Role(StrEnum):
    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class Message(Struct, frozen=True):
    """One turn. A TOOL message holds tool results only, all that follow each other."""

    role: Role
    parts: tuple[AnyPart, ...]

    @property
    def text(self) -> str:
        """All text of the message."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


class Tool(Struct, frozen=True, kw_only=True):
    """A function of the client's that the model may call."""

    name: str
    description: str | None = None
    parameters: bytes | None = None
    """JSON schema as the client wrote it; for a custom tool its format, if it has one."""
    strict: bool | None = None
    custom: bool = False
    """Whether it takes free text instead of JSON."""
    cache: str | None = None


class NativeTool(Struct, frozen=True):
    """A tool that runs at the provider, as JSON text of the dialect that knows it."""

    dialect: str
    type: str
    data: bytes


class Choice(StrEnum):
    AUTO = "auto"
    NONE = "none"
    REQUIRED = "required"
    """Some tool has to be called."""
    NAMED = "named"


class ToolChoice(Struct, frozen=True):
    mode: Choice
    name: str | None = None
    """The tool that has to be called; set when `mode` is NAMED."""
    allowed: tuple[str, ...] = ()
    """The only tools that may be called; empty = all."""


class ReasoningOptions(Struct, frozen=True, kw_only=True):
    """How much the model is to think."""

    effort: str | None = None
    """none, minimal, low, medium, high, xhigh or max; `none` switches thinking off."""
    budget_tokens: int | None = None
    adaptive: bool = False
    """Whether the model decides by itself how much it thinks."""
    visible: bool | None = None
    """Whether the client wants to see it, or a summary of it."""
    summary: str | None = None
    """auto, concise or detailed."""


class Format(StrEnum):
    JSON_OBJECT = "json_object"
    JSON_SCHEMA = "json_schema"


class ResponseFormat(Struct, frozen=True, kw_only=True):
    """The form that the answer's text must have."""

    type: Format
    name: str | None = None
    description: str | None = None
    schema: bytes | None = None
    """JSON schema as the client wrote it; set when `type` is JSON_SCHEMA."""
    strict: bool | None = None


class Sampling(Struct, frozen=True, kw_only=True):
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None


class Request(Struct, frozen=True, kw_only=True):
    """A call in canonical form.

    System messages stand where the client put them; a dialect that knows only one place for them
    gathers them there in order.
    """

    messages: tuple[Message, ...]
    tools: tuple[Tool | NativeTool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    max_output_tokens: int | None = None
    sampling: Sampling = Sampling()
    stop: tuple[str, ...] = ()
    reasoning: ReasoningOptions | None = None
    response_format: ResponseFormat | None = None
    logprobs: bool = False
    top_logprobs: int | None = None
    choices: int = 1
    """How many answers are wanted."""
    user: str | None = None
    """The client's own id for its end user."""
    dropped: tuple[str, ...] = ()
    """Fields of the wire that have no place here and that an answer can do without."""
    refused: tuple[str, ...] = ()
    """Fields of the wire that have no place here and without which it is another question."""
    stream: bool = False

    @property
    def last_user_text(self) -> str:
        """The text of the newest user message; empty when there is none."""
        return next((m.text for m in reversed(self.messages) if m.role is Role.USER), "")
