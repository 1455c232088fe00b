"""Collects the events of an answer into one value, for clients that do not stream."""

from collections.abc import Iterable

from msgspec import Struct

from gateway.canonical.errors import GatewayError
from gateway.canonical.events import (
    Event,
    Failed,
    Finished,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
)


class ToolCall(Struct):
    id: str
    name: str
    arguments: str = ""


class Answer(Struct):
    """A whole canonical answer."""

    text: str = ""
    reasoning: str = ""
    tool_calls: list[ToolCall] = []
    usage: Usage | None = None
    finish_reason: str = ""


def collect(events: Iterable[Event]) -> Answer:
    """Collect canonical events up to the terminal one.

    Raises:
        GatewayError: the terminal event is a failure; text collected before it is dropped.
    """
    answer = Answer()
    text: list[str] = []
    reasoning: list[str] = []
    for event in events:
        match event:
            case TextDelta(piece):
                text.append(piece)
            case ReasoningDelta(piece):
                reasoning.append(piece)
            case ToolCallStarted(_, id, name):
                answer.tool_calls.append(ToolCall(id, name))
            case ToolCallDelta(index, arguments):
                answer.tool_calls[index].arguments += arguments
            case Usage():
                answer.usage = event
            case Failed(failure):
                raise GatewayError(failure)
            case Finished(reason):
                answer.finish_reason = reason
                break
            case _:
                pass
    answer.text = "".join(text)
    answer.reasoning = "".join(reasoning)
    return answer
