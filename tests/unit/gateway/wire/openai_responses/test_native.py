"""Streams that go to a client of the dialect as they are."""

import json
from typing import Any

import pytest

from gateway.canonical.errors import Kind, Next, UpstreamError
from gateway.canonical.events import Finished, Usage
from tests.unit.gateway.wire.openai_responses.answers import frame, stream, watched

ITEM = {"output_index": 0}


def _output(*pieces: bytes) -> list[bool]:
    sent, _ = watched(b"".join(pieces))
    return [frame.output for frame in sent]


@pytest.mark.parametrize(
    ("type", "fields"),
    [
        ("response.created", {"response": {"id": "r", "output": []}}),
        ("response.in_progress", {"response": {}}),
        ("response.output_item.added", {"item": {"type": "message", "content": []}}),
        ("response.output_item.added", {"item": {"type": "reasoning", "summary": []}}),
        ("response.content_part.added", {"part": {"type": "output_text", "text": ""}}),
        ("response.output_text.delta", {"delta": ""}),
        ("response.output_text.delta", {"delta": None}),
        ("response.output_text.done", {"text": ""}),
        ("response.completed", {"response": {"output": []}}),
        ("of.tomorrow", {"x": 1}),
    ],
)
def test_what_shows_nothing_yet(type: str, fields: dict[str, Any]) -> None:
    assert _output(frame(type, **fields)) == [False]


@pytest.mark.parametrize(
    ("type", "fields"),
    [
        ("response.output_text.delta", {"delta": "a"}),
        ("response.refusal.delta", {"delta": "a"}),
        ("response.reasoning_text.delta", {"delta": "a"}),
        ("response.reasoning_summary_text.delta", {"delta": "a"}),
        ("response.output_text.done", {"text": "a"}),
        ("response.output_item.added", {"item": {"type": "function_call", "name": "f"}}),
        ("response.output_item.added", {"item": {"type": "web_search_call"}}),
        ("response.output_item.done", {"item": {"type": "image_generation_call"}}),
    ],
)
def test_what_is_output(type: str, fields: dict[str, Any]) -> None:
    assert _output(frame(type, **fields)) == [True]


def test_comments_and_done_are_no_output() -> None:
    assert _output(b": hi\n\n", b"data: [DONE]\n\n") == [False, False]


def test_what_an_ending_tells() -> None:
    usage = {"input_tokens": 3, "output_tokens": 2}
    _, reader = watched(stream(usage=usage))
    assert list(reader.end()) == [Usage(3, 2), Finished("stop")]


def test_a_call_is_why_an_answer_finished() -> None:
    call = frame("response.output_item.added", item={"type": "function_call"})
    _, reader = watched(stream(call))
    assert list(reader.end()) == [Finished("tool_calls")]


def test_an_incomplete_answer_says_why() -> None:
    ending = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    _, reader = watched(frame("response.incomplete", response=ending))
    assert list(reader.end()) == [Finished("length")]


@pytest.mark.parametrize("response", [None, 7, [], {"usage": 7, "status": []}])
def test_an_ending_of_wrong_types_is_an_ending(response: Any) -> None:
    _, reader = watched(frame("response.completed", response=response))
    assert reader.done
    assert list(reader.end()) == [Finished("stop")]


@pytest.mark.parametrize(
    "broken",
    [
        frame("error", code="server_error", message="m"),
        frame("error", error={"code": "server_error", "message": "m"}),
        frame("response.failed", response={"error": {"code": "server_error", "message": "m"}}),
        frame("response.completed", response={"status": "failed", "error": None}),
        b'data: {"error":"words"}\n\n',
    ],
)
def test_an_error_keeps_its_frame(broken: bytes) -> None:
    with pytest.raises(UpstreamError) as raised:
        watched(broken)
    native = raised.value.failure.native
    assert native is not None
    assert (native.data, native.framed) == (broken, True)
    assert raised.value.next is Next.CANDIDATE


def test_a_stream_without_its_end_is_truncated() -> None:
    _, reader = watched(frame("response.output_text.delta", delta="a") + b"data: [DONE]\n\n")
    assert not reader.done
    with pytest.raises(UpstreamError) as raised:
        list(reader.end())
    assert raised.value.failure.kind is Kind.TRUNCATED


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b'data: {"type":"response.outp', Kind.TRUNCATED),
        (b"data: <html>\n\n", Kind.UPSTREAM),
        (b"data: []\n\n", Kind.UPSTREAM),
        (b"data: " + b"[" * 100_000 + b"\n\n", Kind.UPSTREAM),
    ],
)
def test_a_frame_that_cannot_be_read(data: bytes, kind: Kind) -> None:
    with pytest.raises(UpstreamError) as raised:
        watched(data)
    assert raised.value.failure.kind is kind


@pytest.mark.parametrize("event", [{"type": 7}, {"type": None}, {}, {"type": "x", "delta": {}}])
def test_an_event_of_wrong_types_passes(event: dict[str, Any]) -> None:
    data = b"data: " + json.dumps(event).encode() + b"\n\n"
    (sent,), _ = watched(data)
    assert sent.data == data
