"""Answers of chat upstreams in canonical words, in every provider's manner."""

import json
from typing import Any

import pytest

from gateway.canonical.collect import Answer
from gateway.canonical.content import (
    Citation,
    Media,
    MediaKind,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
)
from gateway.canonical.errors import Kind, Next, UpstreamError
from gateway.canonical.events import (
    Event,
    Finished,
    ReasoningDelta,
    Started,
    TextDelta,
    TokenLogprob,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
)
from gateway.wire.openai_chat.parse_answer import ChatStreamParser, parse_answer
from tests.unit.gateway.wire.openai_chat.recordings import collected


def _chunk(delta: object = None, finish: object = None, **fields: object) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "u", "model": "m", "choices": [choice], **fields}


STOP = _chunk({}, "stop")


def _events(*chunks: object) -> list[Event]:
    parser = ChatStreamParser("up")
    events: list[Event] = []
    for chunk in chunks:
        events += parser.read(chunk if isinstance(chunk, str) else json.dumps(chunk))
    return events + parser.end()


def _stream(*deltas: dict[str, Any]) -> Answer:
    return collected(_events(*map(_chunk, deltas), STOP))


def _whole(message: dict[str, Any], **fields: object) -> Answer:
    choice = {"index": 0, "message": message, "finish_reason": "stop", **fields}
    body = json.dumps({"id": "u", "model": "m", "choices": [choice]}).encode()
    return collected(parse_answer(body, instance="up"))


def _call(id: str | None = None, name: str | None = None, **fields: Any) -> dict[str, Any]:
    """An entry of `tool_calls`; what is None is not there."""
    function = {"name": name, "arguments": fields.pop("arguments", None)}
    function = {key: value for key, value in function.items() if value is not None}
    return {**({"id": id} if id else {}), "function": function, **fields}


def test_a_stream_is_read_in_order() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    assert _events(
        _chunk({"role": "assistant", "content": ""}),
        _chunk({"reasoning_content": "r"}),
        _chunk({"content": "a"}),
        _chunk({"content": "b"}, "stop"),
        {"id": "u", "choices": [], "usage": usage},
        "[DONE]",
    ) == [
        Started("m", "u"),
        ReasoningDelta("r"),
        TextDelta("a"),
        TextDelta("b"),
        Usage(3, 2),
        Finished("stop"),
    ]


PLAIN: list[dict[str, Any]] = [
    {"content": "a"},
    {"content": ""},
    {"content": "a", "role": "assistant", "refusal": None, "tool_calls": None},
    {"content": "a", "reasoning": "r"},
    {"content": "", "reasoning": "r"},
    {"reasoning": "r", "reasoning_content": "q"},
    {"reasoning": "r", "reasoning_details": [{"type": "reasoning.text", "text": "r"}]},
    {"content": "a", "annotations": []},
    {"content": "a", "tool_calls": [{"id": "c", "index": 0, "function": {"name": "f"}}]},
]


@pytest.mark.parametrize("deltas", [[one, two] for one in PLAIN for two in PLAIN], ids=json.dumps)
def test_a_chunk_of_text_alone_is_read_as_any_other(deltas: list[dict[str, Any]]) -> None:
    first = _chunk({"role": "assistant"})
    chunks = [_chunk(delta) for delta in deltas]
    full = [_chunk(delta, usage={}) for delta in deltas]
    expected = [e for e in _events(first, *full, STOP) if not isinstance(e, Usage)]
    assert _events(first, *chunks, STOP) == expected


def test_a_chunk_that_tells_of_the_prompt_alone_does_not_start_the_answer() -> None:
    azure = {"id": "", "model": "", "choices": [], "prompt_filter_results": []}
    assert _events(azure, STOP)[0] == Started("m", "u")


def test_an_answer_without_any_chunk_starts_all_the_same() -> None:
    assert _events("[DONE]") == [Started(""), Finished("")]


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("tool_calls", "tool_calls"),
        ("content_filter", "content_filter"),
        ("function_call", "tool_calls"),
        ("eos", "stop"),
        ("eos_token", "stop"),
        ("model_length", "length"),
        ("sensitive", "content_filter"),
        ("MAX_TOKENS", "length"),
        ("whatever", ""),
    ],
)
def test_a_finish_reason_is_read(wire: str, reason: str) -> None:
    assert _events(_chunk({"content": "x"}, wire))[-1] == Finished(reason)


@pytest.mark.parametrize("wire", ["stop", "tool_calls", None])
def test_an_answer_that_calls_a_tool_finishes_so(wire: str | None) -> None:
    events = _events(_chunk({"tool_calls": [_call("c", "f", index=0)]}, wire), "[DONE]")
    assert events[-1] == Finished("tool_calls")


def test_a_cut_answer_stays_cut_where_it_calls_a_tool() -> None:
    chunk = _chunk({"tool_calls": [_call("c", "f", index=0)]}, "length")
    assert _events(chunk)[-1] == Finished("length")


@pytest.mark.parametrize("reason", ["error", "network_error", "insufficient_system_resource"])
def test_an_answer_that_its_upstream_could_not_finish_is_truncated(reason: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        _events(_chunk({"content": "x"}, reason))
    assert caught.value.failure.kind is Kind.TRUNCATED


@pytest.mark.parametrize("chunks", [[], [_chunk({"content": "x"})], [{"choices": []}]])
def test_a_stream_without_an_end_is_truncated(chunks: list[object]) -> None:
    with pytest.raises(UpstreamError) as caught:
        _events(*chunks)
    assert caught.value.failure.kind is Kind.TRUNCATED
    assert caught.value.next is Next.CANDIDATE


@pytest.mark.parametrize(
    "chunk",
    [
        {"error": {"message": "m", "code": 429}},
        {"choices": [], "error": {"message": "m", "code": 429}},
        {"choices": [{"index": 0, "delta": {}, "error": {"message": "m", "code": 429}}]},
    ],
)
def test_an_error_inside_a_stream_is_an_error(chunk: object) -> None:
    with pytest.raises(UpstreamError) as caught:
        _events(_chunk({"content": "x"}), chunk)
    assert (caught.value.failure.status, caught.value.next) == (429, Next.CREDENTIAL)
    assert caught.value.failure.message == "up: m"


@pytest.mark.parametrize("data", ["", "x", "[]", "null", "{", "[" * 100_000])
def test_a_frame_that_is_no_object_is_an_error(data: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        ChatStreamParser("up").read(data)
    assert caught.value.failure.kind is Kind.UPSTREAM


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b'{"choices":5}', b'{"choices":["\xff"]}', b"[" * 100_000],
    ids=lambda body: repr(body[:20]),
)
def test_a_body_that_is_no_completion_is_an_error(body: bytes) -> None:
    with pytest.raises(UpstreamError) as caught:
        list(parse_answer(body, instance="up"))
    assert (caught.value.failure.kind, caught.value.next) == (Kind.UPSTREAM, Next.CANDIDATE)


@pytest.mark.parametrize(
    ("wire", "status"),
    [
        ({"error": {"message": "m", "code": 402}}, 402),
        ({"error": "m"}, 502),
        ({"choices": [{"error": {"message": "m", "code": 400}, "message": {}}]}, 400),
    ],
)
def test_an_error_with_status_200_is_an_error(wire: object, status: int) -> None:
    with pytest.raises(UpstreamError) as caught:
        list(parse_answer(json.dumps(wire).encode(), instance="up"))
    assert caught.value.failure.status == status


def test_a_body_may_be_padded() -> None:
    body = b"\n   \n\n" + json.dumps({"choices": [{"message": {"content": "a"}}]}).encode()
    assert collected(parse_answer(body, instance="up")).text == "a"


def test_one_answer_is_read_of_several() -> None:
    def chunk(index: int, text: str, finish: str | None = None) -> dict[str, object]:
        return {"choices": [{"index": index, "delta": {"content": text}, "finish_reason": finish}]}

    events = _events(
        chunk(0, "a"), chunk(1, "x"), chunk(1, "y", "length"), chunk(0, "b", "stop"), "[DONE]"
    )
    answer = collected(events)
    assert (answer.text, answer.finish_reason) == ("ab", "stop")


def test_a_chunk_may_hold_the_message_instead_of_a_delta() -> None:
    message = {"index": 0, "message": {"content": "a"}, "finish_reason": "stop"}
    assert collected(_events({"choices": [message]})).text == "a"


def test_a_message_beside_a_delta_is_not_read_again() -> None:
    chunk = _chunk({"content": "b"})
    chunk["choices"][0]["message"] = {"content": "ab"}
    final = {"choices": [{"message": {"content": "ab"}, "finish_reason": "stop"}]}
    assert collected(_events(_chunk({"content": "a"}), chunk, final)).text == "ab"


REASONING: list[Any] = [
    pytest.param({"reasoning": "r"}, id="reasoning"),
    pytest.param({"reasoning_content": "r"}, id="reasoning-content"),
    pytest.param({"reasoning": "r", "reasoning_content": "r"}, id="both"),
    pytest.param(
        {"reasoning": "r", "reasoning_details": [{"type": "reasoning.text", "text": "r"}]},
        id="with-details",
    ),
    pytest.param(
        {"reasoning_details": [{"type": "reasoning.summary", "summary": "r"}]}, id="summary"
    ),
    pytest.param({"reasoning": "r", "reasoning_details": []}, id="no-details"),
    pytest.param({"content": [{"type": "thinking", "thinking": "r"}]}, id="thinking-text"),
    pytest.param(
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "r"}]}]},
        id="thinking-parts",
    ),
]


@pytest.mark.parametrize("wire", REASONING)
def test_reasoning_is_read_once(wire: dict[str, Any]) -> None:
    assert _whole(wire).parts == (Reasoning(text="r"),)
    assert _stream(wire, {"content": "a"}).parts == (Reasoning(text="r"), Text("a"))


def test_a_content_may_be_a_list_of_parts() -> None:
    content = ["a", {"type": "text", "text": "b"}, {"type": "reference", "reference_ids": [1]}, 5]
    assert _whole({"content": content}).parts == (Text("ab"),)


def test_a_refusal_is_read() -> None:
    assert _whole({"content": None, "refusal": "no"}).parts == (Refusal("no"),)
    assert _stream({"refusal": "n"}, {"refusal": "o"}).parts == (Refusal("no"),)


CALLS: list[Any] = [
    pytest.param(
        [[_call("c", "f", index=0, arguments="")], [_call(index=0, arguments="{}")]],
        [("c", "f", "{}")],
        id="openai",
    ),
    pytest.param(
        [[_call("c", "f", index=-1, arguments="{}")]], [("c", "f", "{}")], id="negative-index"
    ),
    pytest.param(
        [
            [_call("c", "f", arguments="{")],
            [_call(arguments="}")],
            [_call("d", "g", arguments="[")],
            [_call("d", arguments="]")],
        ],
        [("c", "f", "{}"), ("d", "g", "[]")],
        id="no-index",
    ),
    pytest.param(
        [[_call("c", "f", index=0, arguments="{}"), _call("d", "g", index=0, arguments="[]")]],
        [("c", "f", "{}"), ("d", "g", "[]")],
        id="one-index-for-all",
    ),
    pytest.param(
        [
            [_call("c", "f", index=0, arguments="{"), _call("d", "g", index=1, arguments="[")],
            [_call(index=0, arguments="}")],
            [_call(index=1, arguments="]")],
        ],
        [("c", "f", "{}"), ("d", "g", "[]")],
        id="at-the-same-time",
    ),
    pytest.param(
        [[_call("c", "f", index=7, arguments="{}")]], [("c", "f", "{}")], id="index-not-from-0"
    ),
    pytest.param(
        [
            [_call("c", "f", index=0, arguments='{"x":')],
            [_call("c", "f", index=0, arguments="1}")],
        ],
        [("c", "f", '{"x":1}')],
        id="id-and-name-in-every-piece",
    ),
    pytest.param(
        [
            [_call("c", "f", index=0, arguments='{"x":1')],
            [_call(index=0, arguments="}")],
            [_call("c", "f", index=0, arguments='{"x":1}')],
        ],
        [("c", "f", '{"x":1}')],
        id="repeated-whole",
    ),
    pytest.param(
        [[_call("c", "f", index=0, arguments={"x": [1]})]],
        [("c", "f", '{"x":[1]}')],
        id="arguments-as-an-object",
    ),
    pytest.param(
        [[{"index": 0, "id": "c", "function": {"name": None, "arguments": "{"}}]]
        + [[{"index": 0, "id": None, "function": {"name": "f", "arguments": "}"}}]],
        [("c", "f", "{}")],
        id="name-after-arguments",
    ),
    pytest.param([[_call("c", index=0, arguments="{}")]], [], id="no-name-at-all"),
    pytest.param(["x", [5, None, {}, {"function": 5}]], [], id="no-calls"),
]


@pytest.mark.parametrize(("entries", "calls"), CALLS)
def test_tool_calls_are_read_in_every_manner(
    entries: list[Any], calls: list[tuple[str, str, str]]
) -> None:
    answer = _stream(*({"tool_calls": entry} for entry in entries))
    assert answer.parts == tuple(ToolCall(*call) for call in calls)


def test_calls_without_ids_get_some_that_no_other_answer_has() -> None:
    delta = {"tool_calls": [_call(None, "f", arguments={}), _call(None, "f", arguments={"x": 1})]}
    first, second = _stream(delta).tool_calls
    assert (first.arguments, second.arguments) == ("{}", '{"x":1}')
    assert first.id.endswith("_0")
    assert second.id.endswith("_1")
    assert _stream(delta).tool_calls == [first, second]
    other = collected(_events(_chunk(delta, "stop", id="another")))
    assert not {first.id, second.id} & {call.id for call in other.tool_calls}


def test_a_call_of_an_answer_without_an_id_is_numbered() -> None:
    events = _events({"choices": [{"delta": {"tool_calls": [_call(None, "f")]}}]}, "[DONE]")
    assert ToolCallStarted(0, "call_0", "f") in events


def test_the_old_function_call_is_a_tool_call() -> None:
    deltas = [{"name": "f", "arguments": ""}, {"arguments": "{"}, {"arguments": "}"}]
    (call,) = _stream(*({"function_call": delta} for delta in deltas)).tool_calls
    assert (call.name, call.arguments) == ("f", "{}")


def test_a_custom_call_is_read() -> None:
    call = {"index": 0, "id": "c", "type": "custom", "custom": {"name": "f", "input": "in"}}
    assert _stream({"tool_calls": [call]}).parts == (ToolCall("c", "f", "in", custom=True),)


def test_arguments_come_as_they_are_told() -> None:
    events = _events(
        _chunk({"tool_calls": [_call("c", "f", index=0, arguments="")]}),
        _chunk({"tool_calls": [_call(index=0, arguments="{}")]}),
        STOP,
    )
    assert events[1:3] == [ToolCallStarted(0, "c", "f"), ToolCallDelta(0, "{}")]


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUI="}}


def test_images_are_read() -> None:
    media = Media(kind=MediaKind.IMAGE, mime="image/png", data="QUI=")
    assert _whole({"content": "a", "images": [IMAGE, {}, 5]}).parts == (Text("a"), media)
    assert _stream({"content": "a"}, {"images": [IMAGE]}).parts == (Text("a"), media)
    assert _whole({"content": [IMAGE]}).parts == (media,)


def _annotation(**fields: object) -> dict[str, object]:
    return {"type": "url_citation", "url_citation": {"url": "https://x", "title": "t", **fields}}


def test_annotations_are_citations() -> None:
    known = _annotation(start_index=0, end_index=1)
    unknown = _annotation(start_index=0, end_index=0, content="q", title="")
    citations = (
        Citation(url="https://x", title="t", start=0, end=1),
        Citation(url="https://x", quote="q"),
    )
    message = {"content": "ab", "annotations": [known, unknown, {}, 5]}
    assert _whole(message).parts == (Text("ab", citations),)
    first = {"content": "", "annotations": [known, unknown]}
    assert _stream(first, {"content": "ab"}).parts == (Text("ab", citations),)
    last = {"annotations": [known, unknown]}
    assert _stream({"content": "ab"}, last).parts == (Text("ab", citations),)


def test_citations_stay_with_the_text_before_a_call() -> None:
    message = {
        "content": "ab",
        "annotations": [_annotation(start_index=0, end_index=1)],
        "tool_calls": [_call("c", "f", arguments="{}")],
    }
    citation = Citation(url="https://x", title="t", start=0, end=1)
    expected = (Text("ab", (citation,)), ToolCall("c", "f", "{}"))
    assert _whole(message).parts == _stream(message).parts == expected


def test_citations_count_from_the_begin_of_their_own_part() -> None:
    answer = _stream(
        {"content": "ab"},
        {"tool_calls": [_call("c", "f", index=0)]},
        {"content": "cde", "annotations": [_annotation(start_index=3, end_index=4)]},
    )
    citation = Citation(url="https://x", title="t", start=1, end=2)
    assert answer.parts == (Text("ab"), ToolCall("c", "f", "{}"), Text("cde", (citation,)))


@pytest.mark.parametrize(
    ("fields", "citations"),
    [
        ({"citations": ["https://x", 5]}, (Citation(url="https://x"),)),
        (
            {"citations": ["https://x"], "search_results": [{"url": "https://x", "title": "t"}]},
            (Citation(url="https://x", title="t"),),
        ),
        ({"citations": [], "search_results": []}, ()),
    ],
)
def test_the_sources_of_a_search_are_citations(
    fields: dict[str, Any], citations: tuple[Citation, ...]
) -> None:
    chunks = [_chunk({"content": text}, **fields) for text in "ab"]
    assert collected(_events(*chunks, STOP)).parts == (Text("ab", citations),)


def test_logprobs_are_read() -> None:
    top = [{"token": "a", "logprob": -0.5, "bytes": "YQ=="}, {"token": "b", "logprob": 0}, {}, 5]
    content = [{"token": "a", "logprob": -0.5, "top_logprobs": top}, {"token": 5}, None]
    answer = _whole({"content": "a"}, logprobs={"content": content, "refusal": None})
    assert answer.logprobs == (TokenLogprob("a", -0.5, (("a", -0.5), ("b", 0.0))),)


def test_groq_has_its_usage_elsewhere() -> None:
    usage = {"x_groq": {"usage": {"prompt_tokens": 3, "completion_tokens": 2}}}
    assert Usage(3, 2) in _events(_chunk({"content": "a"}, "stop", **usage))


def test_the_last_usage_counts() -> None:
    usages = [{"prompt_tokens": 1, "completion_tokens": n} for n in (1, 9)]
    events = _events(*(_chunk({"content": "a"}, usage=usage) for usage in usages), STOP)
    assert [event for event in events if isinstance(event, Usage)] == [Usage(1, 9)]
