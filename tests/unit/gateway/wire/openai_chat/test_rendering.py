"""Canonical answers rendered for chat clients are what a chat upstream would have sent."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.canonical.collect import Answer, ToolCall, collect
from gateway.canonical.errors import Failure, Kind, Native
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
from gateway.canonical.request import Dialect
from gateway.wire.openai_chat.response import render_response
from gateway.wire.openai_chat.stream import (
    DONE,
    NativeStream,
    StreamRenderer,
    render_failure_frame,
)
from gateway.wire.sse import FrameSplitter, is_whole

_TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
FAILURE = Failure(kind=Kind.TRUNCATED, message="cut", status=502)
NATIVE = Native(Dialect.OPENAI_CHAT, b'data: {"error":"theirs"}\n\n', framed=True)


def _render(events: Iterable[Event], *, include_usage: bool = False) -> list[bytes]:
    renderer = StreamRenderer(id="id", created=7, include_usage=include_usage)
    splitter = FrameSplitter()
    frames = [frame for event in events for frame in splitter.feed(renderer.render([event]))]
    assert splitter.flush() == b""
    return frames


def _data(frame: bytes) -> str:
    return frame.decode().removeprefix("data: ").removesuffix("\n\n")


def _chunks(frames: list[bytes]) -> list[dict[str, Any]]:
    return [json.loads(_data(frame)) for frame in frames if frame != DONE]


@st.composite
def _answers(draw: st.DrawFn) -> list[Event]:
    """The events of a whole answer, deltas of its parts mixed."""
    count = draw(st.integers(0, 3))
    events: list[Event] = [ToolCallStarted(i, draw(_TEXT), draw(_TEXT)) for i in range(count)]
    deltas = st.builds(TextDelta, _TEXT) | st.builds(ReasoningDelta, _TEXT)
    if count:
        deltas |= st.builds(ToolCallDelta, st.integers(0, count - 1), _TEXT)
    events += draw(st.lists(deltas, max_size=6))
    usages = st.none() | st.builds(Usage, st.integers(0, 2**40), st.integers(0, 2**40))
    usage = draw(usages)
    reason = draw(st.sampled_from(["stop", "length", "tool_calls", "content_filter"]))
    return [Started("m"), *events, *([usage] if usage else []), Finished(reason)]


def _collect(chunks: list[dict[str, Any]]) -> Answer:
    """Put an answer together as a client does."""
    answer = Answer()
    for choice in (choice for chunk in chunks for choice in chunk["choices"]):
        delta = choice["delta"]
        answer.text += delta.get("content") or ""
        answer.reasoning += delta.get("reasoning_content") or ""
        answer.finish_reason = choice["finish_reason"] or answer.finish_reason
        for call in delta.get("tool_calls", ()):
            if "id" in call:
                answer.tool_calls.append(ToolCall(call["id"], call["function"]["name"]))
            answer.tool_calls[call["index"]].arguments += call["function"]["arguments"]
    return answer


@given(events=_answers(), include_usage=st.booleans())
def test_a_rendered_answer_is_the_answer(events: list[Event], include_usage: bool) -> None:
    frames = _render(events, include_usage=include_usage)
    collected = collect(events)
    usage = collected.usage
    collected.usage = None
    assert _collect(_chunks(frames)) == collected

    upstream = NativeStream("us")
    for frame in frames:
        upstream.read(frame, _data(frame))
    end = [usage] if usage and include_usage else []
    assert list(upstream.end()) == [*end, Finished(collected.finish_reason)]
    assert frames[-1] == DONE


@given(events=_answers())
def test_all_chunks_of_an_answer_have_one_head(events: list[Event]) -> None:
    chunks = _chunks(_render(events))
    heads = [
        {name: chunk[name] for name in ("id", "object", "created", "model")} for chunk in chunks
    ]
    head = {"id": "id", "object": "chat.completion.chunk", "created": 7, "model": "m"}
    assert heads == [head] * len(heads)
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}


ANSWER: list[Event] = [Started("m"), TextDelta("x"), Usage(3, 2), Finished("stop")]


def test_events_that_come_together_are_rendered_as_if_they_came_one_by_one() -> None:
    renderer = StreamRenderer(id="id", created=7, include_usage=True)
    assert renderer.render(ANSWER) == b"".join(_render(ANSWER, include_usage=True))


def test_nothing_is_rendered_of_what_does_not_show() -> None:
    renderer = StreamRenderer(id="id", created=7, include_usage=True)
    assert renderer.render([]) == renderer.render([Usage(1, 1)]) == b""


def test_usage_comes_last_and_in_a_chunk_without_choices() -> None:
    chunks = _chunks(_render(ANSWER, include_usage=True))
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    assert [chunk["usage"] for chunk in chunks] == [None] * (len(chunks) - 1) + [usage]
    assert chunks[-1]["choices"] == []


def test_usage_is_not_sent_to_a_client_that_did_not_ask() -> None:
    assert not any("usage" in chunk for chunk in _chunks(_render(ANSWER)))


def test_an_unknown_finish_reason_is_stop() -> None:
    chunks = _chunks(_render([Started("m"), TextDelta("x"), Finished()]))
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


def test_silence_is_a_comment() -> None:
    assert _render([Silence()]) == [b": keepalive\n\n"]


def test_native_frames_pass_as_they_are_and_nothing_is_added() -> None:
    frames = [b'data: {"x": 1.50}\n\n', b": ping\n\n", b"data: [DONE]\r\n\r\n"]
    events = [*(NativeFrame(frame, True) for frame in frames), Usage(1, 1), Finished("stop")]
    assert _render(events, include_usage=True) == frames


@pytest.mark.parametrize(
    "begun",
    [
        pytest.param([], id="at-once"),
        pytest.param([Started("m"), TextDelta("x")], id="canonical"),
        pytest.param([NativeFrame(b"data: {}\n\n", True)], id="native"),
    ],
)
def test_a_failure_is_the_last_frame_and_no_done_follows(begun: list[Event]) -> None:
    frames = _render([*begun, Failed(FAILURE)])
    assert frames[-1] == render_failure_frame(FAILURE)
    assert DONE not in frames


@pytest.mark.parametrize(
    ("native", "message"),
    [
        pytest.param(None, "cut", id="ours"),
        pytest.param(NATIVE, None, id="theirs"),
        pytest.param(Native("other", NATIVE.data, framed=True), "cut", id="of-another-dialect"),
        pytest.param(Native(Dialect.OPENAI_CHAT, b'{"error":{"message":"b"}}'), "b", id="a-body"),
    ],
)
def test_a_failure_frame_has_the_upstreams_words_in_this_dialect_alone(
    native: Native | None, message: str | None
) -> None:
    failure = Failure(kind=Kind.TRUNCATED, message="cut", status=502, native=native)
    frame = render_failure_frame(failure)
    assert is_whole(frame)
    if message is None:
        assert frame == NATIVE.data
    else:
        assert json.loads(_data(frame))["error"]["message"] == message


@pytest.mark.parametrize(
    ("answer", "message", "reason"),
    [
        pytest.param(
            Answer(text="hi", finish_reason="length"),
            {"role": "assistant", "content": "hi"},
            "length",
            id="text",
        ),
        pytest.param(Answer(), {"role": "assistant", "content": ""}, "stop", id="nothing"),
        pytest.param(
            Answer(text="a", reasoning="r"),
            {"role": "assistant", "content": "a", "reasoning_content": "r"},
            "stop",
            id="reasoning",
        ),
        pytest.param(
            Answer(tool_calls=[ToolCall("c", "f", '{"x":1}')], finish_reason="tool_calls"),
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "c",
                        "type": "function",
                        "function": {"name": "f", "arguments": '{"x":1}'},
                    }
                ],
            },
            "tool_calls",
            id="tool-call",
        ),
    ],
)
def test_a_collected_answer_is_one_choice(
    answer: Answer, message: dict[str, object], reason: str
) -> None:
    wire = json.loads(render_response(answer, id="id", model="m", created=7))
    assert wire == {
        "id": "id",
        "object": "chat.completion",
        "created": 7,
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
    }


def test_a_collected_answer_has_its_usage() -> None:
    wire = json.loads(render_response(Answer(usage=Usage(3, 2)), id="i", model="m", created=7))
    assert wire["usage"] == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
