"""Canonical answers rendered for chat clients are what a chat upstream would have sent."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.canonical.collect import Answer, collect
from gateway.canonical.content import (
    Citation,
    Media,
    MediaKind,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
)
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
    RefusalDelta,
    Silence,
    Started,
    TextDelta,
    TextEnded,
    TokenLogprob,
    ToolCallDelta,
    ToolCallEnded,
    ToolCallStarted,
    Usage,
)
from gateway.canonical.request import Dialect
from gateway.wire.openai_chat.native import NativeStream
from gateway.wire.openai_chat.render_answer import render_response
from gateway.wire.openai_chat.render_stream import DONE, StreamRenderer, render_failure_frame
from gateway.wire.openai_chat.usage import parse_usage, render_usage
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
    deltas: st.SearchStrategy[Event] = st.builds(TextDelta, _TEXT) | st.builds(
        ReasoningDelta, _TEXT
    )
    if count:
        deltas |= st.builds(ToolCallDelta, st.integers(0, count - 1), _TEXT)
    events += draw(st.lists(deltas, max_size=6))
    usages = st.none() | st.builds(Usage, st.integers(0, 2**40), st.integers(0, 2**40))
    usage = draw(usages)
    reason = draw(st.sampled_from(["stop", "length", "tool_calls", "content_filter"]))
    return [Started("m"), *events, *([usage] if usage else []), Finished(reason)]


def _collect(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """Put an answer together as a client does."""
    text, reasoning, reason = "", "", ""
    calls: list[dict[str, Any]] = []
    for choice in (choice for chunk in chunks for choice in chunk["choices"]):
        delta = choice["delta"]
        text += delta.get("content") or ""
        reasoning += delta.get("reasoning_content") or ""
        reason = choice["finish_reason"] or reason
        for call in delta.get("tool_calls", ()):
            if "id" in call:
                calls.append({"id": call["id"], "name": call["function"]["name"], "arguments": ""})
            calls[call["index"]]["arguments"] += call["function"]["arguments"]
    return {"text": text, "reasoning": reasoning, "calls": calls, "reason": reason}


@given(events=_answers(), include_usage=st.booleans())
def test_a_rendered_answer_is_the_answer(events: list[Event], include_usage: bool) -> None:
    frames = _render(events, include_usage=include_usage)
    answer = collect(events)
    usage = answer.usage
    assert _collect(_chunks(frames)) == {
        "text": answer.text,
        "reasoning": answer.reasoning,
        "calls": [
            {"id": call.id, "name": call.name, "arguments": call.arguments}
            for call in answer.tool_calls
        ],
        "reason": answer.finish_reason,
    }

    upstream = NativeStream("us")
    for frame in frames:
        upstream.read(frame, _data(frame))
    end = [usage] if usage and include_usage else []
    assert list(upstream.end()) == [*end, Finished(answer.finish_reason)]
    assert frames[-1] == DONE


@given(events=_answers())
def test_all_chunks_of_an_answer_have_one_head(events: list[Event]) -> None:
    chunks = _chunks(_render(events))
    heads = [
        {name: chunk[name] for name in ("id", "object", "created", "model")} for chunk in chunks
    ]
    head = {"id": "id", "object": "chat.completion.chunk", "created": 7, "model": "m"}
    assert heads == [head] * len(heads)
    first = {"role": "assistant", "content": "", "refusal": None}
    assert chunks[0]["choices"][0]["delta"] == first


ANSWER: list[Event] = [Started("m"), TextDelta("x"), Usage(3, 2), Finished("stop")]


def test_events_that_come_together_are_rendered_as_if_they_came_one_by_one() -> None:
    renderer = StreamRenderer(id="id", created=7, include_usage=True)
    assert renderer.render(ANSWER) == b"".join(_render(ANSWER, include_usage=True))


def test_nothing_is_rendered_of_what_does_not_show() -> None:
    renderer = StreamRenderer(id="id", created=7, include_usage=True)
    assert renderer.render([]) == renderer.render([Usage(1, 1)]) == b""


def test_usage_comes_last_and_in_a_chunk_without_choices() -> None:
    chunks = _chunks(_render(ANSWER, include_usage=True))
    usage = render_usage(Usage(3, 2))
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


MESSAGE: dict[str, Any] = {"role": "assistant", "content": "", "refusal": None, "annotations": []}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}


@pytest.mark.parametrize(
    ("answer", "message", "reason"),
    [
        pytest.param(
            Answer(parts=(Text("hi"),), finish_reason="length"),
            {"content": "hi"},
            "length",
            id="text",
        ),
        pytest.param(Answer(), {}, "stop", id="nothing"),
        pytest.param(
            Answer(parts=(Reasoning(text="r"), Text("a"))),
            {"content": "a", "reasoning_content": "r"},
            "stop",
            id="reasoning",
        ),
        pytest.param(
            Answer(parts=(ToolCall("c", "f", '{"x":1}'),), finish_reason="tool_calls"),
            {"content": None, "tool_calls": [CALL]},
            "tool_calls",
            id="tool-call",
        ),
        pytest.param(
            Answer(parts=(Refusal("no"),), finish_reason="stop"),
            {"content": None, "refusal": "no"},
            "stop",
            id="refusal",
        ),
        pytest.param(Answer(finish_reason="pause"), {}, "stop", id="pause"),
        pytest.param(
            Answer(parts=(Text("a"), Text("b"))), {"content": "ab"}, "stop", id="two-texts"
        ),
    ],
)
def test_a_collected_answer_is_one_choice(
    answer: Answer, message: dict[str, object], reason: str
) -> None:
    wire = json.loads(render_response(answer, id="id", model="m", created=7))
    choice = {"message": MESSAGE | message, "logprobs": None, "finish_reason": reason}
    assert wire == {
        "id": "id",
        "object": "chat.completion",
        "created": 7,
        "model": "m",
        "choices": [{"index": 0, **choice}],
        "system_fingerprint": None,
    }


def test_a_collected_answer_has_its_usage() -> None:
    usage = Usage(30, 20, cached_tokens=5, cache_write_tokens=4, reasoning_tokens=7)
    wire = json.loads(render_response(Answer(usage=usage), id="i", model="m", created=7))
    counts = wire["usage"]
    assert (counts["prompt_tokens"], counts["completion_tokens"]) == (30, 20)
    assert counts["total_tokens"] == 50
    assert counts["prompt_tokens_details"]["cached_tokens"] == 5
    assert counts["completion_tokens_details"]["reasoning_tokens"] == 7
    assert parse_usage(counts) == usage


CITATION = Citation(url="https://x", title="t", start=0, end=1)
URL_CITATION = {"url": "https://x", "title": "t", "start_index": 2, "end_index": 3}
IMAGE = Media(kind=MediaKind.IMAGE, url="https://x/y.png")
# The text of the second part begins after that of the first.
CITING: list[Event] = [
    Started("m"),
    TextDelta("ab"),
    ToolCallStarted(0, "c", "f"),
    TextDelta("cd"),
    TextEnded((CITATION, Citation(url="https://z"), Citation(file_id="f", title="t"))),
    Finished("tool_calls"),
]
ANNOTATIONS = [
    {"type": "url_citation", "url_citation": URL_CITATION},
    {
        "type": "url_citation",
        "url_citation": {"url": "https://z", "title": "", "start_index": 0, "end_index": 0},
    },
]


def _deltas(events: list[Event], field: str) -> list[Any]:
    chunks = _chunks(_render(events))
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    return [delta[field] for delta in deltas if field in delta]


def test_citations_of_the_web_count_from_the_begin_of_all_text() -> None:
    assert _deltas(CITING, "annotations") == [ANNOTATIONS]
    wire = json.loads(render_response(collect(CITING), id="i", model="m", created=7))
    assert wire["choices"][0]["message"]["annotations"] == ANNOTATIONS


def test_an_image_is_shown_as_routers_do() -> None:
    events: list[Event] = [Started("m"), MediaProduced(IMAGE), MediaProduced(IMAGE), Finished()]
    image = {"type": "image_url", "image_url": {"url": "https://x/y.png"}}
    assert _deltas(events, "images") == [[image | {"index": 0}], [image | {"index": 1}]]
    wire = json.loads(render_response(collect(events), id="i", model="m", created=7))
    images = wire["choices"][0]["message"]["images"]
    assert images == [image | {"index": 0}, image | {"index": 1}]


def test_logprobs_are_shown_with_their_bytes() -> None:
    events: list[Event] = [
        Started("m"),
        TextDelta("\u00e9"),
        Logprobs((TokenLogprob("\u00e9", -0.5, (("b", -1.0),)),)),
        Finished(),
    ]
    token = {"token": "\u00e9", "logprob": -0.5, "bytes": [195, 169]}
    top = [{"token": "b", "logprob": -1.0, "bytes": [98]}]
    logprobs = {"content": [token | {"top_logprobs": top}], "refusal": None}
    assert [c["choices"][0]["logprobs"] for c in _chunks(_render(events))][2] == logprobs
    wire = json.loads(render_response(collect(events), id="i", model="m", created=7))
    assert wire["choices"][0]["logprobs"] == logprobs


def test_a_custom_call_is_shown_in_pieces() -> None:
    events: list[Event] = [
        Started("m"),
        ToolCallStarted(0, "c", "f", True),
        ToolCallDelta(0, "in"),
        Finished("tool_calls"),
    ]
    assert _deltas(events, "tool_calls") == [
        [{"index": 0, "id": "c", "type": "custom", "custom": {"name": "f", "input": ""}}],
        [{"index": 0, "custom": {"input": "in"}}],
    ]


@pytest.mark.parametrize(
    "event",
    [
        Answering("a:m"),
        Dropped(("seed",)),
        NativeBlock("anthropic-messages", "server_tool_use", b"{}"),
        TextEnded(),
        TextEnded((Citation(file_id="f"),)),
        ReasoningEnded(),
        ToolCallEnded(0),
        TextDelta(""),
        RefusalDelta(""),
        ReasoningDelta(""),
        MediaProduced(Media(kind=MediaKind.IMAGE, file_id="f")),
    ],
    ids=repr,
)
def test_what_the_dialect_has_no_place_for_does_not_show(event: Event) -> None:
    assert _render([Started("m"), event]) == _render([Started("m")])


def test_a_client_is_told_its_own_name_of_the_model() -> None:
    renderer = StreamRenderer(id="id", created=7, include_usage=False, model="hf:m")
    stream = renderer.render([Started("org/m"), TextDelta("x"), Finished("stop")])
    frames = FrameSplitter().feed(stream)
    assert {chunk["model"] for chunk in _chunks(frames)} == {"hf:m"}


def test_an_answer_that_starts_twice_begins_once() -> None:
    assert _deltas([Started("m"), Started("m"), Finished("stop")], "role") == ["assistant"]


def test_output_begins_with_the_role_whatever_comes_first() -> None:
    assert _deltas([TextDelta("x"), Finished("stop")], "role") == ["assistant"]
