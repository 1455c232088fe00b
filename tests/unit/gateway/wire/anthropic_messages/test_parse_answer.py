"""Upstream answers in canonical events: whole, and frame by frame."""

import json
from typing import Any

import pytest

from gateway.canonical.collect import collect
from gateway.canonical.content import Citation, Opaque, Refusal
from gateway.canonical.errors import Next, UpstreamError
from gateway.canonical.events import (
    Event,
    Finished,
    NativeBlock,
    ReasoningDelta,
    ReasoningEnded,
    Started,
    TextDelta,
    TextEnded,
    ToolCallDelta,
    ToolCallEnded,
    ToolCallStarted,
    Usage,
)
from gateway.wire.anthropic_messages.codec import CODEC
from tests.unit.gateway.wire.anthropic_messages.exchanges import answer, read_whole

OWN = "anthropic-messages"
START = {"type": "message_start", "message": {"id": "msg_1", "model": "claude-x", "content": []}}
STOP = {"type": "message_stop"}


def _whole(*blocks: Any, **fields: Any) -> list[Event]:
    """The events of a whole answer after its start."""
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": blocks,
        "stop_reason": "end_turn",
        "stop_sequence": None,
        **fields,
    }
    first, *rest = read_whole(json.dumps(message).encode())
    assert first == Started("claude-x", "msg_1")
    return rest


def _stream(*frames: Any) -> list[Event]:
    """The events of a stream that holds these frames, up to its end."""
    parser = CODEC.stream_parser("up")
    events: list[Event] = []
    for frame in (START, *frames, STOP):
        events += parser.read(json.dumps(frame))
    first, *rest = [*events, *parser.end()]
    assert first == Started("claude-x", "msg_1")
    return rest


def _start(block: Any, index: Any = 0) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def _delta(index: Any = 0, **delta: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def _stop(index: Any = 0) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def _block(block: Any, *deltas: dict[str, Any]) -> list[Event]:
    """The events of one streamed block."""
    *events, finished = _stream(_start(block), *(_delta(**delta) for delta in deltas), _stop())
    assert finished == Finished()
    return events


BLOCKS: list[Any] = [
    pytest.param({"type": "text", "text": "hi"}, [TextDelta("hi"), TextEnded()], id="text"),
    pytest.param(
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
        [ReasoningDelta("hm"), ReasoningEnded(Opaque(OWN, "c2ln"))],
        id="thinking",
    ),
    pytest.param(
        {"type": "thinking", "thinking": "", "signature": "c2ln"},
        [ReasoningEnded(Opaque(OWN, "c2ln"))],
        id="omitted thinking",
    ),
    pytest.param(
        {"type": "thinking", "thinking": "hm", "signature": ""},
        [ReasoningDelta("hm"), ReasoningEnded()],
        id="unsigned thinking",
    ),
    pytest.param({"type": "thinking", "thinking": ""}, [], id="empty thinking"),
    pytest.param(
        {"type": "redacted_thinking", "data": "ZGF0"},
        [ReasoningEnded(Opaque(OWN, "ZGF0"), redacted=True)],
        id="redacted thinking",
    ),
    pytest.param(
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
        [ToolCallStarted(0, "t", "f"), ToolCallDelta(0, '{"a": 1}'), ToolCallEnded(0)],
        id="tool call",
    ),
    pytest.param(
        {"type": "tool_use", "id": "t", "name": "f", "input": {}},
        [ToolCallStarted(0, "t", "f"), ToolCallDelta(0, "{}"), ToolCallEnded(0)],
        id="tool call without arguments",
    ),
    pytest.param(
        {"type": "future", "x": 1},
        [NativeBlock(OWN, "future", b'{"type":"future","x":1}')],
        id="native",
    ),
]


@pytest.mark.parametrize(("block", "events"), BLOCKS)
def test_a_whole_block_is_read(block: Any, events: list[Event]) -> None:
    assert _whole(block) == [*events, Finished("stop")]


@pytest.mark.parametrize(("block", "events"), BLOCKS)
def test_a_block_that_starts_whole_in_a_stream_is_read(block: Any, events: list[Event]) -> None:
    assert _block(block) == events


def test_text_comes_in_pieces() -> None:
    deltas = [{"type": "text_delta", "text": text} for text in ("a", "", "b")]
    assert _block({"type": "text", "text": ""}, *deltas) == [
        TextDelta("a"),
        TextDelta("b"),
        TextEnded(),
    ]


def test_thinking_comes_in_pieces_and_then_its_signature() -> None:
    deltas = [
        {"type": "thinking_delta", "thinking": "h"},
        {"type": "thinking_delta", "thinking": "m"},
        {"type": "signature_delta", "signature": "c2ln"},
    ]
    assert _block({"type": "thinking", "thinking": "", "signature": ""}, *deltas) == [
        ReasoningDelta("h"),
        ReasoningDelta("m"),
        ReasoningEnded(Opaque(OWN, "c2ln")),
    ]


def test_arguments_come_in_pieces() -> None:
    deltas = [{"type": "input_json_delta", "partial_json": p} for p in ("", '{"a":', "1.0}")]
    assert _block({"type": "tool_use", "id": "t", "name": "f", "input": {}}, *deltas) == [
        ToolCallStarted(0, "t", "f"),
        ToolCallDelta(0, '{"a":'),
        ToolCallDelta(0, "1.0}"),
        ToolCallEnded(0),
    ]


def test_tool_calls_are_counted_without_the_other_blocks() -> None:
    call = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    events = _whole({"type": "text", "text": "x"}, call, {"type": "future"}, call)
    indexes = [event.index for event in events if isinstance(event, ToolCallStarted)]
    assert indexes == [0, 1]


def test_citations_end_their_text() -> None:
    citation = {"type": "web_search_result_location", "url": "https://x", "cited_text": "q"}
    deltas: list[dict[str, Any]] = [
        {"type": "citations_delta", "citation": citation},
        {"type": "text_delta", "text": "four"},
    ]
    assert _block({"type": "text", "text": "", "citations": []}, *deltas) == [
        TextDelta("four"),
        TextEnded((Citation(url="https://x", quote="q", start=0, end=4),)),
    ]


def test_calls_that_overlap_all_end() -> None:
    frames = [
        *(_start({"type": "tool_use", "id": str(i), "name": "f", "input": {}}, i) for i in (0, 1)),
        *(_delta(i, partial_json=f'{{"n":{i}}}') for i in (1, 0)),
        *(_stop(i) for i in (0, 1)),
    ]
    events = _stream(*frames)
    assert [event.index for event in events if isinstance(event, ToolCallEnded)] == [0, 1]
    assert [call.arguments for call in collect(events).tool_calls] == ['{"n":0}', '{"n":1}']


def test_a_native_blocks_input_is_put_together() -> None:
    deltas = [{"type": "input_json_delta", "partial_json": p} for p in ('{"q":', '"x"}')]
    (block,) = _block({"type": "server_tool_use", "id": "s", "name": "n", "input": {}}, *deltas)
    assert isinstance(block, NativeBlock)
    assert json.loads(block.data)["input"] == {"q": "x"}


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("pause_turn", "pause"),
        ("future", ""),
        (None, ""),
        (5, ""),
    ],
)
def test_a_stop_reason_has_a_canonical_word(wire: Any, reason: str) -> None:
    assert _whole(stop_reason=wire) == [Finished(reason)]
    delta = {"type": "message_delta", "delta": {"stop_reason": wire}}
    assert _stream(delta) == [Finished(reason)]


def test_the_stop_sequence_is_told() -> None:
    fields = {"stop_reason": "stop_sequence", "stop_sequence": "END"}
    assert _whole(**fields) == [Finished("stop", "END")]
    assert _stream({"type": "message_delta", "delta": fields}) == [Finished("stop", "END")]


def test_the_explanation_of_a_refusal_is_the_models_own_words() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "I will not."}
    events = _whole(stop_reason="refusal", stop_details=details)
    assert answer(events).parts == (Refusal("I will not."),)


def test_usage_counts_the_cached_part_of_the_input() -> None:
    usage = {
        "input_tokens": 5,
        "cache_read_input_tokens": 3,
        "cache_creation_input_tokens": 2,
        "output_tokens": 7,
        "output_tokens_details": {"thinking_tokens": 4},
    }
    assert _whole(usage=usage) == [Usage(10, 7, 3, 2, 4), Finished("stop")]


def test_later_counts_of_a_stream_replace_earlier_ones() -> None:
    parser = CODEC.stream_parser("up")
    message = {"usage": {"input_tokens": 5, "cache_read_input_tokens": 3, "output_tokens": 1}}
    parser.read(json.dumps({"type": "message_start", "message": message}))
    delta = {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 9}}
    assert list(parser.read(json.dumps(delta))) == [Usage(8, 9, 3)]


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param([{"type": "ping"}], id="ping"),
        pytest.param([{"type": "future", "delta": {"text": "x"}}], id="unknown type"),
        pytest.param([{}], id="no type"),
        pytest.param([_delta(text="x")], id="delta of no block"),
        pytest.param([_stop(7)], id="stop of no block"),
        pytest.param([_start("text")], id="block that is no object"),
        pytest.param([_start({}), _stop()], id="block without type"),
        pytest.param([_start({"type": ["x"]}), _stop()], id="block of an odd type"),
        pytest.param([{**_delta(), "delta": [1]}], id="delta that is no object"),
        pytest.param([_start({"type": "text"}), _delta(text=5)], id="text that is no string"),
        pytest.param([{"type": "message_delta", "usage": "many"}], id="usage that is no object"),
        pytest.param(
            [{"type": "message_delta", "usage": {"input_tokens": "5"}}], id="count of an odd type"
        ),
        pytest.param([START], id="second start"),
    ],
)
def test_what_cannot_be_read_within_a_stream_is_skipped(frames: list[Any]) -> None:
    said = [event for event in _stream(*frames) if event != TextEnded()]
    assert said == [Finished()]


def test_blocks_without_index_belong_to_the_last_that_began() -> None:
    frames = [_start({"type": "text"}, None), _delta(None, text="x"), _stop(None)]
    assert _stream(*frames) == [TextDelta("x"), TextEnded(), Finished()]


def test_a_block_left_open_ends_with_the_message() -> None:
    assert _stream(_start({"type": "text", "text": "x"})) == [
        TextDelta("x"),
        TextEnded(),
        Finished(),
    ]


def test_an_answer_without_its_start_has_one() -> None:
    parser = CODEC.stream_parser("up")
    assert list(parser.read(json.dumps(_start({"type": "text", "text": "x"})))) == [
        Started(""),
        TextDelta("x"),
    ]


def test_a_stream_is_done_with_its_last_frame() -> None:
    parser = CODEC.stream_parser("up")
    states = []
    for frame in (START, {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, STOP):
        parser.read(json.dumps(frame))
        states.append(parser.done)
    assert states == [False, False, True]


def test_a_stream_that_stops_before_its_last_frame_is_truncated() -> None:
    parser = CODEC.stream_parser("up")
    parser.read(json.dumps(START))
    with pytest.raises(UpstreamError) as raised:
        list(parser.end())
    assert raised.value.next is Next.CANDIDATE


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'"x"',
        b"{}",
        b'{"type":"message"}',
        b'{"content":"text"}',
        b'{"content":[],"x":"\xff"}',
        b'{"type":"error","error":{"type":"overloaded_error","message":"x"}}',
    ],
)
def test_a_body_that_is_no_answer_is_an_error(body: bytes) -> None:
    with pytest.raises(UpstreamError) as raised:
        read_whole(body)
    assert raised.value.next is Next.CANDIDATE


@pytest.mark.parametrize("block", [5, "text", None, [], {"type": 5}, {"type": "text", "text": 5}])
def test_what_cannot_be_read_within_an_answer_is_skipped(block: Any) -> None:
    parts = answer([*_whole(block, {"type": "text", "text": "x"})]).parts
    assert [part.text for part in parts if hasattr(part, "text")] == ["x"]
