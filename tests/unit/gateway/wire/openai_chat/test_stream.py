"""Native chat streams: what is output, what ends well, and what is an error."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.canonical.errors import Kind, Next, UpstreamError
from gateway.canonical.events import Event, Finished, NativeFrame, Usage
from gateway.wire.openai_chat.native import NativeStream
from gateway.wire.openai_chat.render_stream import DONE
from tests.unit.gateway.wire.json_texts import values


def _frame(data: str) -> bytes:
    return f"data: {data}\n\n".encode()


def _chunk(delta: object = None, finish: str | None = None, index: object = 0) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": delta, "finish_reason": finish}]}


def _read(*chunks: object) -> NativeStream:
    """A stream that has read these chunks; a text is data as it is."""
    stream = NativeStream("up")
    for chunk in chunks:
        data = chunk if isinstance(chunk, str) else json.dumps(chunk)
        stream.read(_frame(data), data)
    return stream


def _output(chunk: object) -> bool:
    data = json.dumps(chunk)
    return NativeStream("up").read(_frame(data), data).output


OUTPUT = [
    {"content": "x"},
    {"content": " "},
    {"content": [{"type": "text", "text": "x"}]},
    {"reasoning": "x"},
    {"reasoning_content": "x"},
    {"reasoning_details": [{"type": "reasoning.encrypted"}]},
    {"refusal": "no"},
    {"tool_calls": [{"index": 0, "function": {"name": "f"}}]},
    {"function_call": {"name": "f"}},
    {"audio": {"data": "AAAA"}},
    {"images": [{"type": "image_url"}]},
    {"role": "assistant", "content": None, "reasoning": "x"},
]
PREAMBLE = [
    {},
    {"role": "assistant"},
    {"role": "assistant", "content": ""},
    {"content": None},
    {"reasoning": "", "reasoning_details": []},
    {"refusal": None},
    {"tool_calls": []},
    {"function_call": None},
    {"annotations": [{"type": "url_citation"}]},
    None,
    "text",
]


@pytest.mark.parametrize("delta", OUTPUT, ids=json.dumps)
def test_a_delta_that_says_something_is_output(delta: object) -> None:
    assert _output(_chunk(delta))


@pytest.mark.parametrize("delta", PREAMBLE, ids=json.dumps)
def test_a_delta_that_says_nothing_is_preamble(delta: object) -> None:
    assert not _output(_chunk(delta))


@pytest.mark.parametrize("delta", OUTPUT + PREAMBLE, ids=json.dumps)
def test_a_chunk_of_odd_types_is_read_as_any_other(delta: object) -> None:
    odd = _chunk(delta, index="x")
    assert _output(odd) is _output(_chunk(delta))


@pytest.mark.parametrize(
    "chunk",
    [
        pytest.param({}, id="empty"),
        pytest.param({"choices": None}, id="null-choices"),
        pytest.param({"choices": []}, id="no-choices"),
        pytest.param({"choices": 5}, id="choices-of-another-type"),
        pytest.param({"choices": ["x", 1, None]}, id="odd-choices"),
        pytest.param({"choices": [{}]}, id="choice-without-delta"),
        pytest.param({"error": None, "choices": []}, id="null-error"),
        pytest.param({"choices": [], "usage": {"prompt_tokens": 1}}, id="usage"),
    ],
)
def test_a_chunk_without_output_is_preamble(chunk: object) -> None:
    assert not _output(chunk)


def test_output_of_any_choice_is_output() -> None:
    choices = [{"index": 0, "delta": {}}, {"index": 1, "delta": {"content": "x"}}]
    assert _output({"choices": choices})


def test_a_frame_keeps_its_bytes() -> None:
    frame = b'event: x\r\ndata: {"choices": [] }\r\n\r\n'
    assert NativeStream("up").read(frame, '{"choices": [] }') == NativeFrame(frame, False)


@pytest.mark.parametrize("frame", [b": OPENROUTER PROCESSING\n\n", b"event: ping\n\n", b"\n\n"])
def test_a_frame_without_data_is_passed_on(frame: bytes) -> None:
    assert NativeStream("up").read(frame, None) == NativeFrame(frame, False)


HELLO = _chunk({"content": "x"})
STOP = _chunk({}, "stop")
GOOD: list[Any] = [
    pytest.param([HELLO, STOP, "[DONE]"], "stop", id="finish-reason-and-done"),
    pytest.param([HELLO, STOP], "stop", id="finish-reason-without-done"),
    pytest.param([HELLO, "[DONE]"], "", id="done-without-finish-reason"),
    pytest.param([HELLO, _chunk({}, "length")], "length", id="length"),
    pytest.param([_chunk({"content": "x"}, "stop")], "stop", id="finish-with-the-last-text"),
    pytest.param([HELLO, STOP, " [DONE] "], "stop", id="done-with-white-space"),
    pytest.param([HELLO, STOP, _chunk({"content": ""})], "stop", id="chunk-after-the-finish"),
    pytest.param(
        [_chunk({}, index=0), _chunk({}, index=1), _chunk({}, "stop", 1), _chunk({}, "length", 0)],
        "length",
        id="every-choice-finished",
    ),
    pytest.param([_chunk({}, "stop", None)], "stop", id="choice-without-index"),
    pytest.param([_chunk({}, "stop", "x")], "stop", id="choice-with-an-odd-index"),
]
TRUNCATED = [
    pytest.param([], id="nothing"),
    pytest.param([HELLO], id="no-end"),
    pytest.param([_chunk({"role": "assistant"})], id="preamble-alone"),
    pytest.param([{"choices": []}], id="no-choice"),
    pytest.param([HELLO, _chunk({}, "")], id="empty-finish-reason"),
    pytest.param(
        [_chunk({}, index=0), _chunk({}, index=1), _chunk({}, "stop", 0)], id="one-choice-is-open"
    ),
]


@pytest.mark.parametrize(("chunks", "reason"), GOOD)
def test_a_stream_that_said_its_end_is_good(chunks: list[object], reason: str) -> None:
    assert list(_read(*chunks).end()) == [Finished(reason)]


@pytest.mark.parametrize("chunks", TRUNCATED)
def test_a_stream_that_just_stops_is_truncated(chunks: list[object]) -> None:
    with pytest.raises(UpstreamError) as caught:
        list(_read(*chunks).end())
    failure = caught.value.failure
    assert (failure.kind, failure.status) == (Kind.TRUNCATED, 502)
    assert caught.value.next is Next.CANDIDATE


@pytest.mark.parametrize(
    ("chunks", "done"),
    [
        pytest.param([HELLO, STOP], False, id="finished"),
        pytest.param([HELLO, STOP, "[DONE]"], True, id="done"),
        pytest.param([{"choices": [], "x": "[DONE]"}], False, id="done-inside-a-chunk"),
    ],
)
def test_a_stream_is_done_with_its_mark(chunks: list[object], done: bool) -> None:
    assert _read(*chunks).done is done


@pytest.mark.parametrize(
    ("usage", "event"),
    [
        pytest.param({"prompt_tokens": 3, "completion_tokens": 2}, Usage(3, 2), id="both"),
        pytest.param({"prompt_tokens": 3}, Usage(3, 0), id="one"),
        pytest.param({}, Usage(0, 0), id="none"),
        pytest.param(
            {"prompt_tokens": None, "completion_tokens": "2"}, Usage(0, 0), id="of-other-types"
        ),
    ],
)
def test_usage_is_read(usage: object, event: Event) -> None:
    stream = _read(HELLO, STOP, {"choices": [], "usage": usage})
    assert list(stream.end()) == [event, Finished("stop")]


def test_the_last_usage_counts() -> None:
    first = HELLO | {"usage": {"prompt_tokens": 1, "completion_tokens": 1}}
    last = STOP | {"usage": {"prompt_tokens": 1, "completion_tokens": 9}}
    assert list(_read(first, last).end())[0] == Usage(1, 9)


@pytest.mark.parametrize("usage", [None, 5, [], "x"])
def test_what_is_no_usage_is_passed_over(usage: object) -> None:
    assert list(_read(STOP | {"usage": usage}).end()) == [Finished("stop")]


@pytest.mark.parametrize(
    "chunk",
    [
        pytest.param({"error": {"message": "m", "code": 400}}, id="error"),
        pytest.param({"error": "m", "code": 400}, id="error-text"),
        pytest.param({"error": ["m"]}, id="error-list"),
        pytest.param({"error": {"message": "m"}, "choices": [{"delta": {}}]}, id="with-choices"),
        pytest.param({"choices": [{"index": 0, "error": {"message": "m"}}]}, id="in-a-choice"),
        pytest.param(
            {"choices": [{"delta": {"content": "x"}}, {"error": "m"}]}, id="in-the-second-choice"
        ),
    ],
)
def test_an_error_frame_is_an_error(chunk: object) -> None:
    frame = _frame(json.dumps(chunk))
    with pytest.raises(UpstreamError) as caught:
        NativeStream("up").read(frame, json.dumps(chunk))
    native = caught.value.failure.native
    assert native is not None
    assert (native.data, native.framed) == (frame, True)


@pytest.mark.parametrize("data", ["", " ", "x", "{", "[]", "1", "null", '"x"', "[DONE", "{}{}"])
def test_a_frame_that_is_no_json_object_is_an_error(data: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        NativeStream("up").read(_frame(data), data)
    assert caught.value.failure.kind is Kind.UPSTREAM
    assert caught.value.next is Next.CANDIDATE


@pytest.mark.parametrize("data", ["{", '{"choices":[{"delta":{"content":"he', "[DON"])
def test_a_frame_that_was_cut_off_is_a_truncated_stream(data: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        NativeStream("up").read(f"data: {data}".encode(), data)
    assert caught.value.failure.kind is Kind.TRUNCATED


def test_a_last_frame_that_lacks_its_blank_line_alone_is_read() -> None:
    stream = _read(HELLO, STOP)
    stream.read(b"data: [DONE]", "[DONE]")
    assert stream.done


def test_the_mark_that_we_send_is_the_mark_that_we_read() -> None:
    assert _read(DONE.decode().removeprefix("data: ").strip()).done


@given(data=st.text() | values() | values().map(lambda value: f'{{"choices":{value}}}'))
def test_any_frame_is_read_or_is_an_error_of_the_upstream(data: str) -> None:
    stream, status = NativeStream("up"), 200
    try:
        stream.read(_frame(data), data)
        list(stream.end())
    except UpstreamError as error:
        status = error.failure.status
    assert status == 200 or 400 <= status <= 502
