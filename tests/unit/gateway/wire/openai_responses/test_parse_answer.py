"""Answers of upstreams, whole and streamed, with what compatible ones leave out."""

import json
from typing import Any

import pytest

from gateway.canonical.collect import Answer, collect
from gateway.canonical.content import (
    Citation,
    Media,
    MediaKind,
    NativePart,
    Opaque,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
)
from gateway.canonical.errors import Kind, Next, UpstreamError
from gateway.canonical.events import Event, Started, TokenLogprob, Usage
from gateway.wire.opaque import wrap
from gateway.wire.openai_responses.codec import CODEC
from tests.unit.gateway.wire.openai_responses.answers import (
    body,
    frame,
    message,
    output_text,
    parsed,
    stream,
)

OWN = "openai-responses"

CALL = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": '{"a":1}'}


def _whole(*output: Any, **response: Any) -> Answer:
    return collect(CODEC.parse_answer(body(output, **response), instance="up"))


def _streamed(*pieces: bytes, **response: Any) -> Answer:
    return collect(parsed(stream(*pieces, **response)))


def _done(item: Any, index: int = 0) -> bytes:
    return frame("response.output_item.done", output_index=index, item=item)


def _added(item: Any, index: int = 0) -> bytes:
    return frame("response.output_item.added", output_index=index, item=item)


def _delta(what: str, piece: str, index: int = 0, **fields: Any) -> bytes:
    return frame(f"response.{what}.delta", output_index=index, delta=piece, **fields)


ITEMS: list[Any] = [
    pytest.param(message(output_text("a")), (Text("a"),), id="text"),
    pytest.param(
        message(output_text("a"), output_text("b")), (Text("a"), Text("b")), id="two-parts"
    ),
    pytest.param(message({"type": "refusal", "refusal": "no"}), (Refusal("no"),), id="refusal"),
    pytest.param(
        message(
            output_text(
                "a",
                annotations=[
                    {"type": "url_citation", "url": "u", "title": "", "start_index": 0},
                    {"type": "file_citation", "file_id": "f", "filename": "n", "index": 9},
                    {"type": "file_path", "file_id": "p", "index": 9},
                    {"type": "of_tomorrow"},
                    7,
                ],
            )
        ),
        (
            Text(
                "a",
                (
                    Citation(url="u", start=0),
                    Citation(file_id="f", title="n"),
                    Citation(file_id="p"),
                ),
            ),
        ),
        id="citations",
    ),
    pytest.param(CALL, (ToolCall("c1", "f", '{"a":1}'),), id="call"),
    pytest.param(
        {**CALL, "namespace": "crm"}, (ToolCall("c1", "crm__f", '{"a":1}'),), id="namespace"
    ),
    pytest.param(
        {"type": "function_call", "id": "fc_1", "name": "f", "arguments": ""},
        (ToolCall("fc_1", "f", "{}"),),
        id="call-without-call-id",
    ),
    pytest.param(
        {"type": "custom_tool_call", "call_id": "c1", "name": "g", "input": "x"},
        (ToolCall("c1", "g", "x", custom=True),),
        id="custom-call",
    ),
    pytest.param(
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [
                {"type": "summary_text", "text": "a"},
                {"type": "summary_text", "text": "b"},
            ],
            "encrypted_content": "gAAA",
        },
        (Reasoning(text="a\n\nb", signature=Opaque(OWN, "gAAA"), id="rs_1"),),
        id="reasoning",
    ),
    pytest.param(
        {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "raw"}]},
        (Reasoning(text="raw"),),
        id="open-reasoning",
    ),
    pytest.param({"type": "reasoning", "id": "rs_1", "summary": []}, (), id="empty-reasoning"),
    pytest.param(
        {"type": "image_generation_call", "result": "aGk=", "output_format": "webp"},
        (Media(kind=MediaKind.IMAGE, mime="image/webp", data="aGk="),),
        id="image",
    ),
    pytest.param(
        {"type": "web_search_call", "x": 1.0},
        (NativePart(OWN, "web_search_call", b'{"type":"web_search_call","x":1.0}'),),
        id="provider-tool",
    ),
]


@pytest.mark.parametrize(("item", "parts"), ITEMS)
def test_an_item_of_a_whole_answer(item: Any, parts: tuple[Any, ...]) -> None:
    assert _whole(item).parts == parts


@pytest.mark.parametrize(("item", "parts"), ITEMS)
def test_an_item_that_is_streamed_at_once(item: Any, parts: tuple[Any, ...]) -> None:
    assert _streamed(_done(item)).parts == parts


@pytest.mark.parametrize(("item", "parts"), ITEMS)
def test_an_item_that_only_the_last_event_tells(item: Any, parts: tuple[Any, ...]) -> None:
    assert _streamed(output=[item]).parts == parts


def test_what_deltas_have_told_is_not_told_again() -> None:
    text = output_text("Hello")
    answer = _streamed(
        _added(message()),
        _delta("output_text", "He"),
        _delta("output_text", "llo"),
        frame("response.content_part.done", output_index=0, content_index=0, part=text),
        _done(message(text)),
        output=[message(text)],
    )
    assert answer.parts == (Text("Hello"),)


def test_what_only_the_last_event_of_a_piece_tells() -> None:
    answer = _streamed(
        frame("response.output_text.done", output_index=0, content_index=0, text="all"),
        frame("response.refusal.done", output_index=0, content_index=1, refusal="no"),
        _added({**CALL, "arguments": ""}, 1),
        frame("response.function_call_arguments.done", output_index=1, arguments="[1]"),
        _added({"type": "custom_tool_call", "call_id": "c2", "name": "g"}, 2),
        frame("response.custom_tool_call_input.done", output_index=2, input="x"),
    )
    assert answer.parts == (
        Text("all"),
        Refusal("no"),
        ToolCall("c1", "f", "[1]"),
        ToolCall("c2", "g", "x", custom=True),
    )


def test_a_call_that_has_no_name_before_its_end() -> None:
    answer = _streamed(
        _added({"type": "function_call"}),
        _delta("function_call_arguments", "[1"),
        _done({**CALL, "arguments": "[1]"}),
    )
    assert answer.parts == (ToolCall("c1", "f", "[1]"),)


def test_summaries_of_reasoning_are_set_apart() -> None:
    answer = _streamed(
        _delta("reasoning_summary_text", "a", summary_index=0),
        _delta("reasoning_summary_text", "b", summary_index=0),
        _delta("reasoning_summary_text", "c", summary_index=1),
        _done({"type": "reasoning", "summary": [{"type": "summary_text", "text": "ignored"}]}),
    )
    assert answer.reasoning == "ab\n\nc"


def test_open_reasoning_is_not_told_beside_its_summary() -> None:
    answer = _streamed(
        _delta("reasoning_summary_text", "summary", summary_index=0),
        _delta("reasoning_text", "raw", content_index=0),
    )
    assert answer.reasoning == "summary"


def test_citations_that_came_one_by_one() -> None:
    annotation = {"type": "url_citation", "url": "u", "title": "t"}
    answer = _streamed(
        _delta("output_text", "a", content_index=0),
        frame(
            "response.output_text.annotation.added",
            output_index=0,
            content_index=0,
            annotation=annotation,
        ),
        frame("response.content_part.done", output_index=0, content_index=0, part=output_text("a")),
    )
    assert answer.parts == (Text("a", (Citation(url="u", title="t"),)),)


def test_calls_that_are_under_way_at_the_same_time() -> None:
    second = {**CALL, "call_id": "c2", "name": "g"}
    answer = _streamed(
        _added({**CALL, "arguments": ""}, 0),
        _added({**second, "arguments": ""}, 1),
        _delta("function_call_arguments", "[1", 0),
        _delta("function_call_arguments", "[2", 1),
        _delta("function_call_arguments", "]", 0),
        _done({**CALL, "arguments": "[1]"}, 0),
        _delta("function_call_arguments", "]", 1),
        _done({**second, "arguments": "[2]"}, 1),
    )
    assert answer.parts == (ToolCall("c1", "f", "[1]"), ToolCall("c2", "g", "[2]"))
    assert answer.finish_reason == "tool_calls"


def test_items_are_told_apart_by_their_ids_where_there_is_no_index() -> None:
    answer = _streamed(
        frame("response.output_text.delta", item_id="a", delta="x"),
        frame("response.output_text.delta", item_id="a", delta="y"),
    )
    assert answer.text == "xy"


def test_logprobs() -> None:
    logprobs = [
        {"token": "a", "logprob": -1, "bytes": [97], "top_logprobs": [{"token": "b"}, 3]},
        "not one",
    ]
    tokens = (TokenLogprob("a", -1.0, (("b", 0.0),)),)
    assert _whole(message(output_text("a", logprobs=logprobs))).logprobs == tokens
    assert _streamed(_delta("output_text", "a", logprobs=logprobs)).logprobs == tokens


def test_the_signature_of_a_call_goes_back_onto_it() -> None:
    signature = Opaque("gemini", "thought")
    encrypted = wrap(signature, own=OWN, call_id="c1")
    carrier = {"type": "reasoning", "summary": [], "encrypted_content": encrypted}
    assert _whole(carrier, CALL).parts == (ToolCall("c1", "f", '{"a":1}', signature),)


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ({}, "stop"),
        ({"status": None}, "stop"),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
            "content_filter",
        ),
        ({"status": "incomplete", "incomplete_details": {"reason": "of_tomorrow"}}, ""),
        ({"status": "incomplete", "incomplete_details": 1}, ""),
    ],
)
def test_why_an_answer_finished(response: dict[str, Any], reason: str) -> None:
    assert _whole(**response).finish_reason == reason
    assert _streamed(**response).finish_reason == reason


@pytest.mark.parametrize(
    ("wire", "usage"),
    [
        (
            {
                "input_tokens": 9,
                "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
                "output_tokens": 5,
                "output_tokens_details": {"reasoning_tokens": 3},
            },
            Usage(9, 5, cached_tokens=4, cache_write_tokens=2, reasoning_tokens=3),
        ),
        ({"input_tokens": 9, "input_tokens_details": None}, Usage(9, 0)),
        ({"input_tokens": "9", "output_tokens": True}, Usage(0, 0)),
        ({"input_tokens": 10**30}, Usage(0, 0)),
        (None, None),
        (7, None),
    ],
)
def test_usage(wire: Any, usage: Usage | None) -> None:
    assert _whole(usage=wire).usage == usage
    assert _streamed(usage=wire).usage == usage


def test_the_upstreams_own_name_and_id_come_first() -> None:
    events = list(CODEC.parse_answer(body([]), instance="up"))
    assert events[0] == Started("m", "resp_up")
    assert parsed(stream())[0] == Started("m", "resp_up")


def test_an_answer_starts_even_where_nothing_says_so() -> None:
    events = parsed(frame("response.completed", response={"output": [CALL]}))
    assert events[0] == Started("")


@pytest.mark.parametrize("after", [b"data: [DONE]\n\n", _delta("output_text", "late"), b": x\n\n"])
def test_what_follows_the_end_is_not_part_of_the_answer(after: bytes) -> None:
    assert parsed(stream() + after) == parsed(stream())


@pytest.mark.parametrize("type", ["response.completed", "response.incomplete", "response.done"])
def test_the_events_that_end_a_stream(type: str) -> None:
    parser = CODEC.stream_parser("up")
    parser.read(json.dumps({"type": type, "response": {}}))
    assert parser.done


@pytest.mark.parametrize(
    "cut",
    [
        b"",
        b"data: [DONE]\n\n",
        _delta("output_text", "a"),
        _done(message(output_text("a"))),
        frame("response.created", response={}),
    ],
)
def test_a_stream_without_its_end_is_truncated(cut: bytes) -> None:
    with pytest.raises(UpstreamError) as raised:
        parsed(cut)
    assert raised.value.failure.kind is Kind.TRUNCATED
    assert raised.value.next is Next.CANDIDATE


FAILED = {"status": "failed", "error": {"code": "server_error", "message": "secret insides"}}


@pytest.mark.parametrize(
    "broken",
    [
        frame("error", code="server_error", message="secret insides", param=None),
        frame("error", error={"code": "server_error", "message": "secret insides"}),
        frame("response.failed", response=FAILED),
        frame("response.completed", response=FAILED),
        b'data: {"error":{"message":"secret insides"}}\n\n',
    ],
)
def test_an_error_within_a_stream(broken: bytes) -> None:
    with pytest.raises(UpstreamError) as raised:
        parsed(stream()[: stream().index(b"event: response.completed")] + broken)
    assert raised.value.next is Next.CANDIDATE
    assert raised.value.failure.status == 502
    assert "secret" not in raised.value.failure.message


@pytest.mark.parametrize(
    ("error", "status", "follows"),
    [
        ({"code": "rate_limit_exceeded", "message": "m"}, 429, Next.CREDENTIAL),
        ({"code": "insufficient_quota", "message": "m"}, 429, Next.CREDENTIAL),
        ({"code": "invalid_api_key", "message": "m"}, 401, Next.CREDENTIAL),
        ({"code": "invalid_prompt", "message": "m"}, 400, Next.CANDIDATE),
        ({"code": 400, "message": "m"}, 400, Next.CANDIDATE),
        ({"code": "of_tomorrow", "message": "m"}, 502, Next.CANDIDATE),
        ("words", 502, Next.CANDIDATE),
    ],
)
def test_an_error_within_an_answer_says_what_may_follow(
    error: Any, status: int, follows: Next
) -> None:
    with pytest.raises(UpstreamError) as raised:
        _whole(status="failed", error=error)
    assert (raised.value.status, raised.value.next) == (status, follows)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"output":7}',
        b'{"error":{"message":"m"}}',
        b'{"output":[],"status":"in_progress"}',
        b'{"output":[],"status":"cancelled"}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_answer(answer: bytes) -> None:
    with pytest.raises(UpstreamError):
        list(CODEC.parse_answer(answer, instance="up"))
    with pytest.raises(UpstreamError):
        list(CODEC.parse_native(answer, instance="up"))


@pytest.mark.parametrize(
    "item",
    [
        7,
        {},
        {"type": 7},
        {"type": "message"},
        {"type": "message", "content": [7, {"type": "output_text", "text": 7}]},
        {"type": "reasoning", "summary": {"a": 1}, "encrypted_content": 7},
        {"type": "reasoning", "summary": [7, {"text": 7}]},
    ],
)
def test_wrong_types_within_an_answer_are_skipped(item: Any) -> None:
    kept = message(output_text("kept"))
    assert _whole(item, kept).parts == (Text("kept"),)
    assert _streamed(_added(item, 0), _done(item, 0), _done(kept, 1)).parts == (Text("kept"),)


def test_padding_around_an_answer_is_no_matter() -> None:
    padded = b"\n   \n" + body([message(output_text("a"))]) + b"\n"
    events: list[Event] = list(CODEC.parse_answer(padded, instance="up"))
    assert collect(events).text == "a"


def test_a_member_that_is_there_two_times_is_no_matter() -> None:
    item = json.dumps({"type": "web_search_call"})
    answer = '{"output":7,"output":[' + item + "]}"
    assert collect(CODEC.parse_answer(answer.encode(), instance="up")).parts == ()
