"""Events collected into one answer."""

import pytest

from gateway.canonical.collect import Answer, ToolCall, collect
from gateway.canonical.errors import Failure, GatewayError, Kind
from gateway.canonical.events import (
    Event,
    Failed,
    Finished,
    NativeFrame,
    ReasoningDelta,
    Silence,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
)

CASES = [
    pytest.param([Finished("stop")], Answer(finish_reason="stop"), id="nothing"),
    pytest.param(
        [Started("m"), TextDelta("a"), TextDelta(""), TextDelta("b"), Finished("stop")],
        Answer(text="ab", finish_reason="stop"),
        id="text",
    ),
    pytest.param(
        [ReasoningDelta("a"), TextDelta("t"), ReasoningDelta("b"), Finished()],
        Answer(text="t", reasoning="ab"),
        id="reasoning-apart-from-text",
    ),
    pytest.param(
        [
            ToolCallStarted(0, "c0", "f"),
            ToolCallStarted(1, "c1", "g"),
            ToolCallDelta(1, "[1"),
            ToolCallDelta(0, "{}"),
            ToolCallDelta(1, "]"),
            Finished("tool_calls"),
        ],
        Answer(
            tool_calls=[ToolCall("c0", "f", "{}"), ToolCall("c1", "g", "[1]")],
            finish_reason="tool_calls",
        ),
        id="interleaved-tool-calls",
    ),
    pytest.param(
        [Usage(1, 1), TextDelta("x"), Usage(3, 2), Finished("length")],
        Answer(text="x", usage=Usage(3, 2), finish_reason="length"),
        id="the-last-usage",
    ),
    pytest.param(
        [Silence(), NativeFrame(b": x\n\n", False), TextDelta("x"), Finished("stop")],
        Answer(text="x", finish_reason="stop"),
        id="what-is-no-part-of-an-answer",
    ),
    pytest.param(
        [Finished("stop"), TextDelta("late")],
        Answer(finish_reason="stop"),
        id="nothing-after-the-end",
    ),
]


@pytest.mark.parametrize(("events", "answer"), CASES)
def test_events_become_one_answer(events: list[Event], answer: Answer) -> None:
    assert collect(events) == answer


def test_a_failure_is_raised_whatever_came_before_it() -> None:
    failure = Failure(kind=Kind.TRUNCATED, message="cut", status=502)
    with pytest.raises(GatewayError) as caught:
        collect([TextDelta("half an ans"), Failed(failure)])
    assert caught.value.failure == failure


def test_answers_share_no_tool_calls() -> None:
    first = collect([ToolCallStarted(0, "c0", "f"), Finished()])
    assert collect([Finished()]).tool_calls == []
    assert len(first.tool_calls) == 1
