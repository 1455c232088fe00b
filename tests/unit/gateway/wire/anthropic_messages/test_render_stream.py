"""Streams for clients of this dialect: one open block at a time, in the API's order."""

import json
from typing import Any

import pytest

from gateway.canonical.content import Citation, Media, MediaKind, Opaque
from gateway.canonical.errors import Failure, Kind, Native
from gateway.canonical.events import (
    Answering,
    Dropped,
    Event,
    Failed,
    Finished,
    Logprobs,
    MediaProduced,
    NativeBlock,
    NativeFrame,
    ReasoningDelta,
    ReasoningEnded,
    Silence,
    Started,
    TextDelta,
    TextEnded,
    ToolCallDelta,
    ToolCallEnded,
    ToolCallStarted,
    Usage,
)
from gateway.wire.anthropic_messages.codec import CODEC
from gateway.wire.opaque import UNSIGNED, wrap
from tests.unit.gateway.wire.anthropic_messages.exchanges import (
    REPLY,
    answer,
    read_stream,
    shown,
    write_stream,
)

OWN = "anthropic-messages"
UNSIGNED_VALUE = wrap(UNSIGNED, own=OWN)
STOP = Finished("stop")
FAILURE = Failure(kind=Kind.TRUNCATED, message="it broke", status=502)


def _outline(events: list[Event]) -> list[str]:
    """The frames between the message's start and its end, in short."""
    lines = []
    for frame in shown(events):
        match frame["type"]:
            case "content_block_start":
                lines.append(f"{frame['index']} {frame['content_block']['type']}")
            case "content_block_delta":
                delta = frame["delta"]
                said = next(str(value) for name, value in delta.items() if name != "type")
                said = "unsigned" if said == UNSIGNED_VALUE else said
                lines.append(f"{frame['index']} +{said}")
            case "content_block_stop":
                lines.append(f"{frame['index']} end")
    return lines


def test_the_events_come_in_the_apis_order() -> None:
    types = [frame["type"] for frame in shown([Started("m"), TextDelta("x"), TextEnded(), STOP])]
    assert types == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


def test_a_frame_names_its_event() -> None:
    for frame in write_stream([TextDelta("x"), STOP]).strip().split("\n\n"):
        event, data = frame.split("\n")
        assert event == f"event: {json.loads(data.removeprefix('data: '))['type']}"


def test_the_start_says_what_is_known() -> None:
    first = shown([Started("upstream", "id"), Usage(10, 1, 4), TextDelta("x")])[0]
    assert first["message"] == {
        "id": "msg_abc123",
        "type": "message",
        "role": "assistant",
        "model": "anthropic:m",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
        "usage": {
            "input_tokens": 6,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 4,
            "output_tokens": 1,
        },
    }


def test_nothing_is_said_before_the_first_block() -> None:
    before = [Answering("a:m"), Dropped(("seed",)), Started("m"), Usage(1, 1), Logprobs(())]
    assert write_stream(before) == ""


def test_an_empty_answer_has_its_start_and_its_end() -> None:
    types = [frame["type"] for frame in shown([Started("m"), STOP])]
    assert types == ["message_start", "message_delta", "message_stop"]


def test_the_end_says_why_and_counts_everything() -> None:
    *_, delta, _ = shown([TextDelta("x"), Usage(10, 7, 3, 2, 5), Finished("stop", "END")])
    assert delta["delta"]["stop_reason"] == "stop_sequence"
    assert delta["delta"]["stop_sequence"] == "END"
    assert delta["usage"] == {
        "input_tokens": 5,
        "cache_creation_input_tokens": 2,
        "cache_read_input_tokens": 3,
        "output_tokens": 7,
        "output_tokens_details": {"thinking_tokens": 5},
    }


@pytest.mark.parametrize(
    ("reason", "tools", "stop_reason"),
    [
        ("stop", False, "end_turn"),
        ("length", True, "max_tokens"),
        ("tool_calls", True, "tool_use"),
        ("content_filter", False, "refusal"),
        ("pause", False, "pause_turn"),
        ("", False, "end_turn"),
        ("", True, "tool_use"),
        ("stop", True, "tool_use"),
    ],
)
def test_a_finish_reason_has_a_word(reason: str, tools: bool, stop_reason: str) -> None:
    call: list[Event] = [ToolCallStarted(0, "t", "f")] if tools else []
    *_, delta, _ = shown([*call, Finished(reason)])
    assert delta["delta"]["stop_reason"] == stop_reason


def test_kinds_of_prose_are_blocks_of_their_own() -> None:
    events = [ReasoningDelta("a"), TextDelta("b"), TextDelta("c"), ReasoningDelta("d"), STOP]
    assert _outline(events) == [
        *("0 thinking", "0 +a", "0 +unsigned", "0 end"),
        *("1 text", "1 +b", "1 +c", "1 end"),
        *("2 thinking", "2 +d", "2 +unsigned", "2 end"),
    ]


def test_text_after_its_end_is_another_block() -> None:
    assert _outline([TextDelta("a"), TextEnded(), TextDelta("b"), STOP]) == [
        *("0 text", "0 +a", "0 end"),
        *("1 text", "1 +b", "1 end"),
    ]


def test_an_end_without_text_begins_no_block() -> None:
    assert _outline([TextEnded(), ReasoningEnded(), TextDelta(""), STOP]) == []


def test_thinking_ends_with_its_signature() -> None:
    events = [ReasoningDelta("a"), ReasoningEnded(Opaque(OWN, "sig")), STOP]
    assert _outline(events) == ["0 thinking", "0 +a", "0 +sig", "0 end"]


def test_thinking_without_text_has_only_its_signature() -> None:
    assert _outline([ReasoningEnded(Opaque(OWN, "sig")), STOP]) == [
        "0 thinking",
        "0 +sig",
        "0 end",
    ]


def test_redacted_thinking_is_one_whole_block() -> None:
    assert _outline([ReasoningEnded(Opaque(OWN, "x"), redacted=True), STOP]) == [
        "0 redacted_thinking",
        "0 end",
    ]


def test_citations_end_their_text() -> None:
    events = [TextDelta("a"), TextEnded((Citation(url="https://x", quote="q"),)), STOP]
    deltas = [f["delta"] for f in shown(events) if f["type"] == "content_block_delta"]
    assert deltas[1] == {
        "type": "citations_delta",
        "citation": {
            "type": "web_search_result_location",
            "cited_text": "q",
            "url": "https://x",
            "title": None,
            "encrypted_index": "",
        },
    }


def test_a_tool_call_begins_with_empty_input() -> None:
    block = shown([ToolCallStarted(0, "call_1", "f"), ToolCallDelta(0, "{}"), STOP])[1]
    assert block["content_block"] == {"type": "tool_use", "id": "call_1", "name": "f", "input": {}}


def test_calls_one_after_the_other_are_streamed_at_once() -> None:
    renderer = CODEC.renderer(REPLY)
    renderer.render([ToolCallStarted(0, "a", "f"), ToolCallDelta(0, "{}"), ToolCallEnded(0)])
    assert b'"b"' in renderer.render([ToolCallStarted(1, "b", "f")])
    assert b"partial" in renderer.render([ToolCallDelta(1, "{}")])


def test_a_second_call_waits_until_the_first_is_whole() -> None:
    renderer = CODEC.renderer(REPLY)
    renderer.render([ToolCallStarted(0, "a", "f"), ToolCallDelta(0, "1")])
    assert renderer.render([ToolCallStarted(1, "b", "f"), ToolCallDelta(1, "2")]) == b""
    assert b'"partial_json":"3"' in renderer.render([ToolCallDelta(0, "3")])
    assert b'"partial_json":"2"' in renderer.render([ToolCallEnded(0)])


def test_interleaved_calls_come_in_order() -> None:
    events = [
        ToolCallStarted(0, "a", "f"),
        ToolCallStarted(1, "b", "f"),
        ToolCallDelta(1, "b1"),
        ToolCallDelta(0, "a1"),
        ToolCallStarted(2, "c", "f"),
        ToolCallDelta(2, "c1"),
        ToolCallDelta(1, "b2"),
        ToolCallDelta(0, "a2"),
        Finished("tool_calls"),
    ]
    assert _outline(events) == [
        *("0 tool_use", "0 +a1", "0 +a2", "0 end"),
        *("1 tool_use", "1 +b1", "1 +b2", "1 end"),
        *("2 tool_use", "2 +c1", "2 end"),
    ]


def test_text_between_calls_that_are_under_way_keeps_its_place() -> None:
    events = [
        ToolCallStarted(0, "a", "f"),
        TextDelta("x"),
        ToolCallStarted(1, "b", "f"),
        ToolCallDelta(0, "a1"),
        TextDelta("y"),
        ToolCallDelta(1, "b1"),
        ToolCallEnded(1),
        ToolCallEnded(0),
        STOP,
    ]
    assert _outline(events) == [
        *("0 tool_use", "0 +a1", "0 end"),
        *("1 text", "1 +x", "1 end"),
        *("2 tool_use", "2 +b1", "2 end"),
        *("3 text", "3 +y", "3 end"),
    ]


@pytest.mark.parametrize(
    "event",
    [ToolCallDelta(5, "x"), ToolCallEnded(5), NativeBlock("gemini", "x", b'{"type":"x"}')],
)
def test_what_belongs_to_nothing_shows_nothing(event: Event) -> None:
    assert write_stream([event]) == ""


def test_media_has_no_place() -> None:
    media = Media(kind=MediaKind.IMAGE, mime="image/png", data="AAAA")
    assert write_stream([MediaProduced(media)]) == ""


def test_a_call_that_ended_twice_ends_once() -> None:
    events = [ToolCallStarted(0, "a", "f"), ToolCallEnded(0), ToolCallEnded(0), STOP]
    assert _outline(events) == ["0 tool_use", "0 end"]


def test_a_native_block_of_this_dialect_is_shown() -> None:
    data = b'{"type":"server_tool_use","id":"s","name":"n","input":{"q":1.0}}'
    events = [NativeBlock(OWN, "server_tool_use", data), STOP]
    assert _outline(events) == ["0 server_tool_use", '0 +{"q":1.0}', "0 end"]
    assert answer(read_stream(write_stream(events))).parts == answer(events).parts


def test_silence_before_the_start_is_a_comment() -> None:
    assert write_stream([Started("m"), Silence()]) == ": keepalive\n\n"


def test_silence_after_the_start_is_a_ping() -> None:
    stream = write_stream([TextDelta("x"), Silence()])
    assert stream.endswith('event: ping\ndata: {"type": "ping"}\n\n')


def test_silence_within_a_native_stream_is_a_comment() -> None:
    frame = b'event: message_start\ndata: {"type":"message_start"}\n\n'
    assert CODEC.renderer(REPLY).render([NativeFrame(frame, True), Silence()]) == (
        frame + b": keepalive\n\n"
    )


def test_native_frames_pass_as_they_are_and_nothing_follows_them() -> None:
    frames = [NativeFrame(b"event: a\ndata: {}\n\n", True), NativeFrame(b": x\r\n\r\n", False)]
    rendered = CODEC.renderer(REPLY).render([*frames, Usage(1, 1), Finished("stop")])
    assert rendered == b"event: a\ndata: {}\n\n: x\r\n\r\n"


def test_a_broken_stream_ends_with_an_error_and_no_stop() -> None:
    stream = write_stream([TextDelta("x"), Failed(FAILURE)])
    error = '{"type":"error","error":{"type":"api_error","message":"it broke"},"request_id":null}'
    assert stream.endswith(f"event: error\ndata: {error}\n\n")
    assert "message_stop" not in stream


@pytest.mark.parametrize(("dialect", "passes"), [(OWN, True), ("openai-chat", False)])
def test_an_upstreams_own_error_frame_passes_in_its_dialect(dialect: str, passes: bool) -> None:
    frame = b'event: error\ndata: {"type":"error" }\n\n'
    native = Native(dialect, frame, framed=True)
    failure = Failure(kind=Kind.UPSTREAM, message="x", status=502, native=native)
    assert (write_stream([Failed(failure)]).encode() == frame) is passes


def test_events_one_by_one_give_the_same_as_all_at_once() -> None:
    events: list[Event] = [
        Started("m"),
        ReasoningDelta("a"),
        ReasoningEnded(Opaque("gemini", "x")),
        TextDelta("b"),
        ToolCallStarted(0, "t", "f"),
        ToolCallStarted(1, "u", "f"),
        ToolCallDelta(1, "{}"),
        ToolCallEnded(0, Opaque("gemini", "y")),
        Usage(1, 2),
        Finished("tool_calls"),
    ]
    renderer = CODEC.renderer(REPLY)
    pieces: list[Any] = [renderer.render([event]) for event in events]
    assert b"".join(pieces).decode() == write_stream(events)
