"""Streams that pass as they are: what is output, what ends well, and what is an error."""

import json

import pytest

from gateway.canonical.errors import Kind, Next, UpstreamError
from gateway.canonical.events import Event, Finished, NativeFrame, Usage
from gateway.wire.gemini.codec import CODEC
from gateway.wire.gemini.native import NativeReader
from tests.unit.gateway.wire.gemini.exchanges import chunk


def _frame(data: str) -> bytes:
    return f"data: {data}\r\n\r\n".encode()


def _read(*chunks: object) -> NativeReader:
    """A reader that has read these chunks; a text is data as it is."""
    reader = NativeReader("up")
    for wire in chunks:
        data = wire if isinstance(wire, str) else json.dumps(wire)
        assert reader.read(_frame(data), data).data == _frame(data)
    return reader


def _end(*chunks: object) -> list[Event]:
    return list(_read(*chunks).end())


def _output(wire: object) -> bool:
    data = json.dumps(wire)
    return NativeReader("up").read(_frame(data), data).output


def _error(frame: bytes, data: str | None) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        NativeReader("up").read(frame, data)
    return caught.value


@pytest.mark.parametrize(
    "part",
    [
        {"text": "x"},
        {"text": " "},
        {"text": "t", "thought": True},
        {"functionCall": {"name": "f"}},
        {"inlineData": {"mimeType": "image/png", "data": "AA"}},
        {"executableCode": {}},
        {"toolCall": {}, "thoughtSignature": "s"},
    ],
    ids=str,
)
def test_a_part_that_says_something_is_output(part: object) -> None:
    assert _output(chunk(part))


@pytest.mark.parametrize(
    "wire",
    [
        {},
        {"candidates": None},
        {"candidates": []},
        {"candidates": [{"content": None}]},
        {"candidates": [{"content": {"role": "model"}}]},
        {"usageMetadata": {"promptTokenCount": 1}},
        chunk({"text": ""}),
        chunk({"text": None}),
        chunk({"text": "", "thoughtSignature": "s"}),
        chunk({"text": "", "thought": True}),
        chunk(finish="STOP"),
    ],
    ids=str,
)
def test_a_chunk_that_says_nothing_is_preamble(wire: object) -> None:
    assert not _output(wire)


def test_a_stream_ends_with_its_counts_and_its_reason() -> None:
    counts = {"promptTokenCount": 5, "candidatesTokenCount": 1, "thoughtsTokenCount": 2}
    last = chunk(finish="MAX_TOKENS") | {"usageMetadata": counts}
    assert _end(chunk({"text": "a"}), last) == [Usage(5, 3, reasoning_tokens=2), Finished("length")]


def test_a_stream_without_counts_ends_with_its_reason() -> None:
    assert _end(chunk({"text": "a"}, finish="STOP")) == [Finished("stop")]


def test_a_stream_with_calls_ends_to_have_them_answered() -> None:
    call = chunk({"functionCall": {"name": "f"}})
    assert _end(call, chunk({"text": ""}, finish="STOP")) == [Finished("tool_calls")]


def test_a_blocked_prompt_is_an_end() -> None:
    assert _end({"promptFeedback": {"blockReason": "SAFETY"}}) == [Finished("content_filter")]


def test_counts_may_follow_the_reason() -> None:
    reader = _read(chunk({"text": "a"}, finish="STOP"))
    assert not reader.done
    data = json.dumps({"usageMetadata": {"promptTokenCount": 1}})
    reader.read(_frame(data), data)
    assert list(reader.end()) == [Usage(1, 0), Finished("stop")]


def test_every_candidate_has_to_end() -> None:
    two = {"candidates": [{"index": 1, "content": {"parts": []}}, {"finishReason": "STOP"}]}
    with pytest.raises(UpstreamError) as caught:
        _end(two)
    assert caught.value.failure.kind is Kind.TRUNCATED
    assert _end(two, {"candidates": [{"index": 1, "finishReason": "STOP"}]}) == [Finished("stop")]


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param([], id="nothing"),
        pytest.param([chunk({"text": "a"})], id="text"),
        pytest.param([chunk({"text": "a"}), "[DONE]"], id="done"),
        pytest.param([{"promptFeedback": {}}], id="feedback"),
        pytest.param([{"promptFeedback": {"blockReason": None}}], id="not-blocked"),
    ],
)
def test_a_stream_without_a_reason_is_cut(chunks: list[object]) -> None:
    with pytest.raises(UpstreamError) as caught:
        _end(*chunks)
    assert caught.value.failure.kind is Kind.TRUNCATED


def test_comments_pass() -> None:
    reader = NativeReader("up")
    for frame in (b": hi\n\n", b"event: x\n\n", b"\r\n\r\n"):
        assert reader.read(frame, None) == NativeFrame(frame, False)
        assert reader.read(frame, "") == NativeFrame(frame, False)


def test_an_error_goes_to_the_client_in_its_frame() -> None:
    data = json.dumps({"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}})
    error = _error(_frame(data), data)
    assert (error.status, error.next) == (429, Next.CREDENTIAL)
    assert error.failure.native
    assert (error.failure.native.data, error.failure.native.framed) == (_frame(data), True)


@pytest.mark.parametrize("wrapped", [True, False])
def test_an_error_without_a_frame_is_an_error(wrapped: bool) -> None:
    error = {"error": {"code": 503, "message": "m"}}
    frame = json.dumps([error] if wrapped else error, indent=2).encode() + b"\n\n"
    assert _error(frame, None).status == 503


def test_an_error_in_a_list_is_an_error() -> None:
    data = '[{"error": {"code": 503}}]'
    assert _error(_frame(data), data).status == 503


@pytest.mark.parametrize("data", ["1", "[]", "<html>", '"x"'])
def test_a_frame_that_is_no_object_is_refused(data: str) -> None:
    assert _error(_frame(data), data).failure.kind is Kind.UPSTREAM


def test_a_frame_that_was_cut_off_is_a_cut() -> None:
    data = '{"candidates": [{"cont'
    assert _error(f"data: {data}".encode(), data).failure.kind is Kind.TRUNCATED


@pytest.mark.parametrize(
    ("wire", "output"),
    [
        (chunk({"text": "a"}) | {"usageMetadata": {"promptTokenCount": "1"}}, True),
        (chunk({"text": "a"}) | {"promptFeedback": 1}, True),
        ({"candidates": {"content": 1}}, False),
        ({"candidates": [1]}, False),
        ({"candidates": [{"index": "0", "content": {"parts": [1, {"text": "x"}]}}]}, False),
        ({"candidates": [{"content": {"parts": [1, {"text": "x"}]}}]}, True),
    ],
    ids=str,
)
def test_a_field_of_a_wrong_type_is_passed_over(wire: object, output: bool) -> None:
    assert _output(wire) is output


def test_what_else_an_odd_frame_says_counts() -> None:
    odd = chunk({"text": "a"}, finish="STOP") | {
        "promptFeedback": 1,
        "usageMetadata": {"promptTokenCount": 4},
    }
    assert _end(odd) == [Usage(4, 0), Finished("stop")]


def test_a_whole_answer_passes_with_its_counts() -> None:
    body = json.dumps(chunk({"text": "a"}, finish="STOP") | {"usageMetadata": {"x": 1}}).encode()
    passed, usage, finished = CODEC.parse_native(body, instance="up")
    assert passed.data == body
    assert (usage, finished) == (Usage(0, 0), Finished("stop"))
