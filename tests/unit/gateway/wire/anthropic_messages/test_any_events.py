"""Events in any order make a stream that a client can read, and that says the same."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.canonical.collect import collect
from gateway.canonical.content import Opaque, Text
from gateway.canonical.events import (
    Event,
    Finished,
    NativeBlock,
    ReasoningDelta,
    ReasoningEnded,
    RefusalDelta,
    Silence,
    Started,
    TextDelta,
    TextEnded,
    ToolCallDelta,
    ToolCallEnded,
    ToolCallStarted,
    Usage,
)
from tests.unit.gateway.wire.anthropic_messages.exchanges import (
    read_stream,
    read_whole,
    shown,
    write_stream,
    write_whole,
)

BUDGET = settings(max_examples=100, deadline=None)

_texts = st.text("ab \n", max_size=3)
_signatures = st.none() | st.builds(
    Opaque, st.sampled_from(["anthropic-messages", "gemini"]), st.just("c2ln")
)
_prose = st.one_of(
    st.builds(TextDelta, _texts),
    st.builds(TextEnded),
    st.builds(RefusalDelta, _texts),
    st.builds(ReasoningDelta, _texts),
    st.builds(ReasoningEnded, _signatures, st.booleans()),
    st.builds(Usage, st.integers(0, 9), st.integers(0, 9)),
    st.builds(Silence),
    st.just(NativeBlock("anthropic-messages", "x", b'{"type":"x"}')),
)


@st.composite
def _answers(draw: st.DrawFn) -> list[Event]:
    """Prose and tool calls, of which several may be under way at the same time."""
    events: list[Event] = [Started("m")]
    open_calls: list[int] = []
    calls = 0
    for _ in range(draw(st.integers(0, 14))):
        match draw(st.sampled_from(["prose", "prose", "start", "piece", "piece", "end"])):
            case "prose":
                events.append(draw(_prose))
            case "start":
                events += [
                    ToolCallStarted(calls, f"call_{calls}", "f"),
                    ToolCallDelta(calls, f'{{"n":{calls}'),
                ]
                open_calls.append(calls)
                calls += 1
            case "piece" if open_calls:
                events.append(ToolCallDelta(draw(st.sampled_from(open_calls)), " "))
            case "end" if open_calls:
                index = open_calls.pop(draw(st.integers(0, len(open_calls) - 1)))
                signature = draw(st.none() | st.just(Opaque("gemini", "c2ln")))
                events += [ToolCallDelta(index, "}"), ToolCallEnded(index, signature)]
    events += [ToolCallDelta(index, "}") for index in open_calls]
    return [*events, Finished(draw(st.sampled_from(["", "stop", "length", "tool_calls"])))]


def _said(events: list[Event]) -> dict[str, Any]:
    """What an answer says, whatever its blocks are."""
    answer = collect(events)
    return {
        "prose": "".join(p.text for p in answer.parts if isinstance(p, Text)) + answer.refusal,
        "reasoning": answer.reasoning,
        "calls": {
            call.id: (json.loads(call.arguments), call.signature) for call in answer.tool_calls
        },
    }


def _sorted(said: dict[str, Any]) -> dict[str, Any]:
    # A refusal is text in this dialect, so text and refusals may mix in another order.
    return {**said, "prose": sorted(said["prose"])}


@BUDGET
@given(_answers())
def test_a_stream_says_what_the_events_say(events: list[Event]) -> None:
    assert _sorted(_said(read_stream(write_stream(events)))) == _sorted(_said(events))


@BUDGET
@given(_answers())
def test_a_whole_answer_says_what_the_events_say(events: list[Event]) -> None:
    body = json.dumps(write_whole(events)).encode()
    assert _sorted(_said(read_whole(body))) == _sorted(_said(events))


@BUDGET
@given(_answers())
def test_one_block_is_open_at_a_time(events: list[Event]) -> None:
    current: int | None = None
    following = 0
    frames = [frame for frame in shown(events) if frame["type"] != "ping"]
    assert frames[0]["type"] == "message_start"
    assert [frame["type"] for frame in frames[-2:]] == ["message_delta", "message_stop"]
    for frame in frames[1:-2]:
        if frame["type"] == "content_block_start":
            assert current is None
            assert frame["index"] == following
            current = following
            following += 1
        else:
            assert frame["index"] == current
        if frame["type"] == "content_block_stop":
            current = None
    assert current is None
