"""What an emulated upstream is asked and what it says, in no dialect's words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from tests.support.fake_upstream import Answer, Received

Json = dict[str, Any]


class Finish(StrEnum):
    """Why an answer ended."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"


@dataclass(frozen=True)
class Usage:
    """Tokens; `input` with those from the cache, `output` with those of reasoning."""

    input: int
    output: int
    cached: int = 0
    reasoning: int = 0


USAGE = Usage(input=120, output=45, cached=64, reasoning=0)
THOUGHTFUL = Usage(input=120, output=45, cached=64, reasoning=25)


@dataclass(frozen=True)
class Call:
    """A tool call; its `id` is what a dialect's own prefix is put before."""

    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Said:
    """One answer; texts are in the pieces in which they are streamed."""

    text: Sequence[str] = ()
    thought: Sequence[str] = ()
    signature: str = ""
    """What of the thought has to come back; the wire makes its own value of it."""
    calls: Sequence[Call] = ()
    finish: Finish = Finish.STOP
    usage: Usage = USAGE


@dataclass(frozen=True)
class Turn:
    """An earlier turn of the model's, as it was handed back."""

    thought: str = ""
    signature: str | None = None
    calls: tuple[tuple[str, str, Any], ...] = ()
    """(id, name, arguments) of each."""


@dataclass(frozen=True)
class Asked:
    """One request, read by the rules of its dialect."""

    model: str
    stream: bool
    prompt: str
    """The text of the last message of the user's own."""
    system: str = ""
    images: tuple[tuple[str, bytes], ...] = ()
    """(media type, bytes) of each."""
    tools: tuple[tuple[str, str, Any], ...] = ()
    """(name, description, schema) of each."""
    schema: Any = None
    """What the answer's text has to follow."""
    max_tokens: int | None = None
    shows_thought: bool = False
    """Whether an answer to this request has its thoughts in it."""
    signs_thought: bool = False
    wants_thought: bool = False
    """Whether the text of earlier thoughts has to come back as well."""
    wants_usage: bool = True
    turns: tuple[Turn, ...] = ()
    results: tuple[tuple[str, str], ...] = ()
    """(call id, text) of each tool result."""
    body: Json = field(default_factory=dict, repr=False)


class Refused(Exception):
    """The request breaks a rule of its dialect; an upstream would answer 400 with these words."""


class Wire(Protocol):
    """One dialect as its upstream speaks it."""

    @property
    def base_model(self) -> str:
        """The beginning of its models' ids."""

    @property
    def call_prefix(self) -> str:
        """The beginning of its tool calls' ids."""

    def key(self, received: Received) -> str | None:
        """The key, where this upstream looks for it; None = there is none."""

    def read(self, received: Received) -> Asked:
        """Check a request and read it.

        Raises:
            Refused: it breaks a rule.
        """

    def answer(self, said: Said, asked: Asked) -> Answer:
        """Answer with this, streamed when that is asked for."""

    def refusal(self, status: int, message: str, *, retry_after_s: int | None = None) -> Answer:
        """Refuse in this upstream's own shape."""
