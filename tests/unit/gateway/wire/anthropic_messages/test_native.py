"""Native streams: what is output, what ends well, and what is an error."""

import json
from typing import Any

import pytest

from gateway.canonical.errors import Kind, Next, UpstreamError
from gateway.canonical.events import Finished, NativeFrame, Usage
from gateway.wire.anthropic_messages.native import NativeReader, parse_native

STOP = {"type": "message_stop"}


def _frame(data: Any) -> tuple[bytes, str]:
    text = data if isinstance(data, str) else json.dumps(data)
    return f"event: x\ndata: {text}\n\n".encode(), text


def _read(*frames: Any) -> NativeReader:
    reader = NativeReader("up")
    for frame in frames:
        reader.read(*_frame(frame))
    return reader


def _output(frame: Any) -> bool:
    return NativeReader("up").read(*_frame(frame)).output


def _start(**block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": 0, "content_block": block}


def _delta(**delta: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": delta}


@pytest.mark.parametrize(
    "frame",
    [
        _start(type="tool_use", id="t", name="f", input={}),
        _start(type="server_tool_use", id="t", name="f", input={}),
        _start(type="web_search_tool_result", content=[]),
        _start(type="text", text="x"),
        _delta(type="text_delta", text=" "),
        _delta(type="thinking_delta", thinking="x"),
        _delta(type="input_json_delta", partial_json="{"),
    ],
    ids=json.dumps,
)
def test_a_frame_that_says_something_is_output(frame: Any) -> None:
    assert _output(frame)


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "message_start", "message": {}},
        {"type": "ping"},
        {"type": "future"},
        {},
        _start(type="text", text=""),
        _start(type="thinking", thinking="", signature=""),
        _start(type="redacted_thinking", data="x"),
        _delta(type="text_delta", text=""),
        _delta(type="input_json_delta", partial_json=""),
        _delta(type="signature_delta", signature="x"),
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "content_block": "x"},
        {"type": "content_block_delta", "delta": "x"},
        {"type": "content_block_delta"},
        {"type": "message_start", "message": 5},
        {"type": "message_delta", "delta": 5, "usage": 5},
        STOP,
    ],
    ids=json.dumps,
)
def test_a_frame_that_says_nothing_is_not(frame: Any) -> None:
    assert not _output(frame)


@pytest.mark.parametrize("frame", [b": comment\n\n", b"event: ping\n\n"])
def test_a_frame_without_data_is_passed_on(frame: bytes) -> None:
    assert NativeReader("up").read(frame, None) == NativeFrame(frame, False)


def test_a_frame_keeps_its_bytes() -> None:
    frame = b'event: message_stop\r\ndata: {"type":"message_stop"      }\r\n\r\n'
    assert NativeReader("up").read(frame, '{"type":"message_stop"      }').data == frame


def test_counts_come_from_the_start_and_the_end() -> None:
    start = {"usage": {"input_tokens": 5, "cache_read_input_tokens": 3, "output_tokens": 1}}
    reader = _read(
        {"type": "message_start", "message": start},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "stop_sequence", "stop_sequence": "END"},
            "usage": {"output_tokens": 9},
        },
        STOP,
    )
    assert list(reader.end()) == [Usage(8, 9, 3), Finished("stop", "END")]


def test_a_stream_without_counts_ends_without_them() -> None:
    assert list(_read(STOP).end()) == [Finished()]


def test_a_stream_without_its_last_frame_is_truncated() -> None:
    reader = _read({"type": "message_delta", "delta": {"stop_reason": "end_turn"}})
    assert not reader.done
    with pytest.raises(UpstreamError) as raised:
        list(reader.end())
    assert (raised.value.failure.kind, raised.value.next) == (Kind.TRUNCATED, Next.CANDIDATE)


def test_a_frame_that_was_cut_off_is_truncated() -> None:
    with pytest.raises(UpstreamError) as raised:
        NativeReader("up").read(b'data: {"type":"mess', '{"type":"mess')
    assert raised.value.failure.kind is Kind.TRUNCATED


@pytest.mark.parametrize("data", ["", "nonsense", "[]", "5", "null", "[DONE]", "[" * 100_000])
def test_a_frame_that_is_no_object_is_an_error(data: str) -> None:
    with pytest.raises(UpstreamError) as raised:
        _read(data)
    assert raised.value.failure.kind is Kind.UPSTREAM


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"<html>"])
def test_a_whole_body_that_is_no_message_is_an_error(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        list(parse_native(body, instance="up"))
