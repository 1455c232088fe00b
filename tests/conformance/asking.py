"""What every client asks and hears, in no dialect's words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tests.support.emulators.said import Finish, Json, Usage

PROMPT = "How tall is the “tour Eiffel” 🗼?"
SYSTEM = "You know all towers."


@dataclass(frozen=True)
class Tool:
    """A function of the client's."""

    name: str
    description: str
    schema: Json


@dataclass(frozen=True)
class Ask:
    """One request."""

    model: str
    """With its instance, as the gateway wants it."""
    stream: bool
    tools: Sequence[Tool] = ()
    image: bytes = b""
    schema: Json | None = None
    max_tokens: int | None = None
    thinks: bool = False
    """Whether to ask the model to think, and to show it."""


@dataclass(frozen=True)
class Failure:
    """What a client's SDK raised."""

    error: str
    """The class."""
    status: int | None
    """Also that which an error within a stream tells, where there is a place for it."""
    message: str
    retry_after: str | None = None


@dataclass(frozen=True)
class Heard:
    """One answer, or as much as there was of it."""

    text: str = ""
    thought: str = ""
    calls: tuple[tuple[str, str, Any], ...] = ()
    """(id, name, arguments) of each."""
    finish: str | None = None
    """In the dialect's own words."""
    usage: Usage | None = None
    failure: Failure | None = None
    turn: Sequence[Any] = ()
    """What the SDK's documentation says to append to the conversation."""


class Client(Protocol):
    """One SDK."""

    @property
    def finishes(self) -> dict[Finish, str]:
        """The dialect's words for why an answer ended."""

    @property
    def errors(self) -> dict[int, str]:
        """The class of the error for each status; 0 = within a stream."""

    def open(self, ask: Ask) -> list[Any]:
        """Begin a conversation."""

    def send(self, ask: Ask, conversation: list[Any]) -> Heard:
        """Send a conversation; what the SDK raises is heard as well."""

    def results(self, results: Sequence[tuple[str, str, str]]) -> list[Any]:
        """Say what tools answered, each by (call id, tool, text)."""
