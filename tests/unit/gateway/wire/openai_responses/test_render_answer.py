"""Answers of any provider for a client of this dialect, whole and streamed."""

import json

import msgspec
import pytest

from gateway.canonical.content import Citation, Media, MediaKind, Opaque
from gateway.canonical.errors import Failure, Kind, Native
from gateway.canonical.events import (
    Answering,
    Dropped,
    Event,
    Failed,
    Finished,
    MediaProduced,
    NativeBlock,
    NativeFrame,
    ReasoningDelta,
    ReasoningEnded,
    RefusalDelta,
    Silence,
    TextDelta,
    TextEnded,
    ToolCallDelta,
    ToolCallEnded,
    ToolCallStarted,
    Usage,
)
from gateway.wire.openai_responses.codec import CODEC
from tests.unit.gateway.wire.openai_responses.answers import (
    END,
    START,
    frames,
    outputs,
    rendered,
    reply,
    streamed,
    told,
)

ANTHROPIC = Opaque("anthropic-messages", "sig")
FAILURE = Failure(kind=Kind.TRUNCATED, message="it broke", status=502)


def _types(*events: Event) -> list[str]:
    """The types of events between the beginning and the end, without their common prefix."""
    types = [event["type"].removeprefix("response.") for event in streamed(*events, END)]
    assert types[:2] == ["created", "in_progress"]
    assert types[-1] == "completed"
    return types[2:-1]


MESSAGE = ["output_item.added", "content_part.added"]
MESSAGE_END = ["content_part.done", "output_item.done"]


def test_the_order_of_a_text() -> None:
    assert _types(TextDelta("a"), TextDelta("b"), TextEnded()) == [
        *MESSAGE,
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        *MESSAGE_END,
    ]


def test_a_text_that_nobody_ended_is_ended() -> None:
    assert _types(TextDelta("a")) == _types(TextDelta("a"), TextEnded())


def test_the_order_of_a_cited_text() -> None:
    cited = TextEnded((Citation(url="https://a", title="A", start=0, end=1),))
    assert _types(TextDelta("a"), cited) == [
        *MESSAGE,
        "output_text.delta",
        "output_text.annotation.added",
        "output_text.done",
        *MESSAGE_END,
    ]


def test_the_order_of_a_refusal() -> None:
    assert _types(RefusalDelta("no")) == [
        *MESSAGE,
        "refusal.delta",
        "refusal.done",
        *MESSAGE_END,
    ]


def test_the_order_of_reasoning() -> None:
    assert _types(ReasoningDelta("a"), ReasoningEnded(ANTHROPIC)) == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
    ]


def test_reasoning_without_text_is_its_signature_alone() -> None:
    assert _types(ReasoningEnded(ANTHROPIC)) == ["output_item.added", "output_item.done"]


def test_reasoning_without_anything_is_not_told() -> None:
    assert _types(ReasoningEnded()) == []


@pytest.mark.parametrize(
    ("custom", "kind"), [(False, "function_call_arguments"), (True, "custom_tool_call_input")]
)
def test_the_order_of_a_call(custom: bool, kind: str) -> None:
    events = [ToolCallStarted(0, "c", "f", custom), ToolCallDelta(0, "x"), ToolCallEnded(0)]
    assert _types(*events) == [
        "output_item.added",
        f"{kind}.delta",
        f"{kind}.done",
        "output_item.done",
    ]


def test_the_order_of_an_image() -> None:
    image = MediaProduced(Media(kind=MediaKind.IMAGE, mime="image/png", data="aGk="))
    assert _types(image) == [
        "output_item.added",
        "image_generation_call.in_progress",
        "image_generation_call.generating",
        "image_generation_call.completed",
        "output_item.done",
    ]


def test_events_are_numbered_from_zero() -> None:
    numbers = [event["sequence_number"] for event in streamed(TextDelta("a"), END)]
    assert numbers == list(range(len(numbers)))


def test_a_frame_names_its_event() -> None:
    for frame in frames(rendered([START, TextDelta("a"), END])):
        name, data, *_ = frame.split(b"\n")
        assert name.removeprefix(b"event: ").decode() == json.loads(data[6:])["type"]


def test_there_is_no_done_frame() -> None:
    assert b"[DONE]" not in rendered([START, TextDelta("a"), END])


def test_text_and_refusals_that_follow_each_other_are_parts_of_a_message() -> None:
    (item,) = outputs(TextDelta("a"), TextEnded(), TextDelta("b"), RefusalDelta("no"))
    assert item["content"] == [
        {"type": "output_text", "annotations": [], "logprobs": [], "text": "a"},
        {"type": "output_text", "annotations": [], "logprobs": [], "text": "b"},
        {"type": "refusal", "refusal": "no"},
    ]


def test_calls_that_are_under_way_at_the_same_time_have_their_own_places() -> None:
    events = streamed(
        ToolCallStarted(0, "c0", "f"),
        ToolCallStarted(1, "c1", "g"),
        ToolCallDelta(0, "[0]"),
        ToolCallDelta(1, "[1]"),
        END,
    )
    deltas = [e for e in events if e["type"].endswith("arguments.delta")]
    assert [(e["output_index"], e["delta"]) for e in deltas] == [(0, "[0]"), (1, "[1]")]
    output = events[-1]["response"]["output"]
    assert [(item["call_id"], item["arguments"]) for item in output] == [
        ("c0", "[0]"),
        ("c1", "[1]"),
    ]


def test_text_after_a_call_is_another_message() -> None:
    items = outputs(
        TextDelta("before"), ToolCallStarted(0, "c", "f"), TextDelta("after"), ToolCallDelta(0, "1")
    )
    assert [item["type"] for item in items] == ["message", "function_call", "message"]


def test_ids_are_of_the_answer_and_the_place() -> None:
    items = outputs(
        ReasoningDelta("t"),
        TextDelta("a"),
        ToolCallStarted(0, "c", "f"),
        ToolCallStarted(1, "d", "g", True),
    )
    assert [item["id"] for item in items] == ["rs_1f2e_0", "msg_1f2e_1", "fc_1f2e_2", "ctc_1f2e_3"]


def test_a_tool_of_a_namespace_has_its_own_name_again() -> None:
    tool = {"type": "namespace", "name": "crm", "tools": [{"type": "function", "name": "find"}]}
    request = {"tools": [tool, {"type": "function", "name": "crm__other"}]}
    found, other = outputs(
        ToolCallStarted(0, "c", "crm__find"),
        ToolCallStarted(1, "d", "crm__other"),
        request=request,
    )
    assert (found["name"], found["namespace"]) == ("find", "crm")
    assert other["name"] == "crm__other"
    assert "namespace" not in other


def test_items_of_the_dialect_are_told_as_they_came() -> None:
    block = NativeBlock("openai-responses", "web_search_call", b'{"type":"web_search_call"}')
    assert outputs(block) == [{"type": "web_search_call"}]


@pytest.mark.parametrize(
    "event",
    [
        Answering("a:m"),
        Dropped(("seed",)),
        NativeBlock("gemini", "executableCode", b"{}"),
        MediaProduced(Media(kind=MediaKind.AUDIO, mime="audio/wav", data="aGk=")),
        MediaProduced(Media(kind=MediaKind.IMAGE, url="https://a")),
        TextEnded(),
        TextDelta(""),
        ToolCallDelta(7, "x"),
        ToolCallEnded(7),
        Usage(1, 1),
    ],
)
def test_what_does_not_show(event: Event) -> None:
    renderer = CODEC.renderer(reply())
    renderer.render([START])
    assert renderer.render([event]) == b""


def test_what_is_told_as_it_came_never_breaks_a_frame() -> None:
    item = b'{\n "type": "web_search_call",\r\n "x": "a\\nb"\n}'
    stream = rendered([START, NativeBlock("openai-responses", "web_search_call", item), END])
    assert told(stream)[2]["item"] == {"type": "web_search_call", "x": "a\nb"}


def test_a_requests_own_line_breaks_never_break_a_frame() -> None:
    body = b'{"model":"m","input":"x","tools":[{\n"type":"web_search"\n}],"text":{"format":\n{}}}'
    envelope = CODEC.parse_envelope(body, max_depth=32)
    renderer = CODEC.renderer(msgspec.structs.replace(reply(), envelope=envelope))
    (created, _) = told(renderer.render([START]))
    assert created["response"]["tools"] == [{"type": "web_search"}]


def test_silence_is_a_comment() -> None:
    assert CODEC.renderer(reply()).render([Silence()]).startswith(b":")


def test_native_frames_pass_as_they_are() -> None:
    native = NativeFrame(b'data: {"type":"x"}\n\n', True)
    events: list[Event] = [native, Usage(1, 1), Finished("stop")]
    assert CODEC.renderer(reply()).render(events) == native.data


def test_a_stream_that_breaks_ends_with_an_error() -> None:
    last = streamed(TextDelta("a"), Failed(FAILURE))[-1]
    assert last == {
        "type": "error",
        "sequence_number": 5,
        "code": "stream_truncated",
        "message": "it broke",
        "param": None,
        "error": {
            "message": "it broke",
            "type": "api_error",
            "param": None,
            "code": "stream_truncated",
        },
    }


def test_the_error_of_a_native_stream_counts_on() -> None:
    renderer = CODEC.renderer(reply())
    renderer.render([NativeFrame(b": hi\n\n", False), NativeFrame(b"data: {}\n\n", True)])
    assert told(renderer.render([Failed(FAILURE)]))[0]["sequence_number"] == 1


def test_an_error_frame_of_the_upstream_passes_as_it_came() -> None:
    native = Native("openai-responses", b"event: error\ndata: {}\n\n", framed=True)
    failure = msgspec.structs.replace(FAILURE, native=native)
    assert CODEC.renderer(reply()).render([Failed(failure)]) == native.data


@pytest.mark.parametrize(
    "native",
    [
        Native("openai-chat", b"data: {}\n\n", framed=True),
        Native("openai-responses", b"{}"),
    ],
)
def test_another_shape_of_error_is_told_anew(native: Native) -> None:
    failure = msgspec.structs.replace(FAILURE, native=native)
    assert told(CODEC.renderer(reply()).render([Failed(failure)]))[0]["message"] == "it broke"


def test_an_envelope_of_another_dialect_is_a_mistake_of_ours() -> None:
    class Foreign(msgspec.Struct):
        model: str = "m"
        streams: bool = False

    with pytest.raises(TypeError):
        CODEC.renderer(msgspec.structs.replace(reply(), envelope=Foreign()))
