"""Answers of other dialects as Gemini clients are told them."""

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
    Text,
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
from gateway.wire.gemini.codec import CODEC
from gateway.wire.opaque import UNSIGNED, may_hold_wrapped, wrap
from tests.unit.gateway.wire.gemini.exchanges import frames_of, parse_stream, reply

UNSIGNED_CALL = wrap(UNSIGNED, own="gemini")
FOREIGN = Opaque("anthropic-messages", "EqQB")
REDACTED = wrap(FOREIGN, own="gemini", redacted=True)
THOUGHT = {"text": "t", "thought": True}
FAILURE = Failure(kind=Kind.TRUNCATED, message="cut", status=502)
NATIVE = Native("gemini", b'data: {"error": {"code": 503}}\r\n\r\n', framed=True)


def _stream(*events: Event, start: bool = True) -> bytes:
    return CODEC.renderer(reply()).render([Started("m"), *events] if start else events)


def _chunks(*events: Event) -> list[Any]:
    return [json.loads(text) for text in frames_of(_stream(*events))]


def _parts(*events: Event) -> list[Any]:
    """All parts of a stream but the empty one at its end."""
    chunks = _chunks(*events, Finished("stop"))
    parts = [p for chunk in chunks for p in chunk["candidates"][0]["content"]["parts"]]
    return parts[:-1] if parts[-1] == {"text": ""} else parts


def _array(*events: Event) -> bytes:
    return CODEC.renderer(reply(as_array=True)).render(events)


def _candidate(answer: Answer) -> Any:
    return json.loads(CODEC.render_response(answer, reply()))["candidates"][0]


def test_a_frame_is_as_google_sends_it() -> None:
    assert _stream(TextDelta("a")) == (
        b'data: {"candidates":[{"content":{"parts":[{"text":"a"}],"role":"model"},"index":0}],'
        b'"modelVersion":"gemini-x","responseId":"r1"}\r\n\r\n'
    )


def test_the_last_frame_has_the_reason_and_the_counts() -> None:
    (last,) = _chunks(Usage(10, 7, cached_tokens=4, reasoning_tokens=3), Finished("length"))
    assert last == {
        "candidates": [
            {
                "content": {"parts": [{"text": ""}], "role": "model"},
                "finishReason": "MAX_TOKENS",
                "index": 0,
            }
        ],
        "usageMetadata": {
            "promptTokenCount": 10,
            "candidatesTokenCount": 4,
            "totalTokenCount": 17,
            "cachedContentTokenCount": 4,
            "thoughtsTokenCount": 3,
        },
        "modelVersion": "gemini-x",
        "responseId": "r1",
    }


@pytest.mark.parametrize(
    ("reason", "name"),
    [
        ("stop", "STOP"),
        ("length", "MAX_TOKENS"),
        ("tool_calls", "STOP"),
        ("content_filter", "SAFETY"),
        ("pause", "STOP"),
        ("", "STOP"),
    ],
)
def test_why_it_ended_is_said(reason: str, name: str) -> None:
    assert _chunks(Finished(reason))[0]["candidates"][0]["finishReason"] == name
    assert _candidate(Answer(finish_reason=reason))["finishReason"] == name


@pytest.mark.parametrize(
    "event",
    [
        Answering("a:m"),
        Dropped(("user",)),
        Usage(1, 1),
        TextDelta(""),
        ReasoningDelta(""),
        TextEnded(),
        ReasoningEnded(),
        ToolCallStarted(0, "c", "f"),
        ToolCallDelta(0, "{"),
        ToolCallDelta(7, "{"),
        ToolCallEnded(7),
        NativeBlock("anthropic-messages", "x", b"{}"),
        Logprobs(()),
    ],
    ids=str,
)
def test_an_event_that_does_not_show_is_no_frame(event: Event) -> None:
    assert _stream(event) == b""


@pytest.mark.parametrize(
    ("events", "parts"),
    [
        pytest.param([RefusalDelta("no")], [{"text": "no"}], id="refusal"),
        pytest.param(
            [ReasoningDelta("t"), ReasoningEnded(Opaque("gemini", "s"))],
            [THOUGHT, THOUGHT | {"text": "", "thoughtSignature": "s"}],
            id="thought",
        ),
        pytest.param(
            [ReasoningEnded(FOREIGN, redacted=True)],
            [{"text": "", "thought": True, "thoughtSignature": REDACTED}],
            id="redacted",
        ),
        pytest.param(
            [TextDelta("a"), TextEnded((), Opaque("gemini", "s"))],
            [{"text": "a"}, {"text": "", "thoughtSignature": "s"}],
            id="text",
        ),
        pytest.param(
            [MediaProduced(Media(kind=MediaKind.AUDIO, mime="audio/wav", data="AA"))],
            [{"inlineData": {"mimeType": "audio/wav", "data": "AA"}}],
            id="audio",
        ),
        pytest.param(
            [NativeBlock("gemini", "toolCall", b'{"toolCall":\n{}}')],
            [{"toolCall": {}}],
            id="native",
        ),
        pytest.param(
            [MediaProduced(Media(kind=MediaKind.IMAGE, file_id="file-1"))], [], id="foreign-file"
        ),
    ],
)
def test_an_event_is_a_part(events: list[Event], parts: list[object]) -> None:
    assert _parts(*events) == parts


def test_calls_are_told_in_their_order_when_they_are_whole() -> None:
    assert _parts(
        ToolCallStarted(0, "a", "f"),
        ToolCallStarted(1, "b", "g"),
        ToolCallDelta(1, '{"y":'),
        ToolCallDelta(0, '{"x": 1}'),
        ToolCallDelta(1, "2}"),
        ToolCallEnded(1, Opaque("gemini", "s")),
        TextDelta("t"),
        ToolCallEnded(0),
    ) == [
        {"text": "t"},
        {
            "functionCall": {"id": "a", "name": "f", "args": {"x": 1}},
            "thoughtSignature": UNSIGNED_CALL,
        },
        {
            "functionCall": {"id": "b", "name": "g", "args": {"y": 2}},
            "thoughtSignature": "s",
        },
    ]


def test_calls_that_nobody_ended_are_in_the_last_frame() -> None:
    (last,) = _chunks(
        ToolCallStarted(1, "b", "g"),
        ToolCallStarted(0, "a", "f"),
        ToolCallDelta(0, "no json"),
        Finished("tool_calls"),
    )
    calls = [part["functionCall"] for part in last["candidates"][0]["content"]["parts"]]
    assert calls == [
        {"id": "a", "name": "f", "args": {"value": "no json"}},
        {"id": "b", "name": "g", "args": {}},
    ]


@pytest.mark.parametrize("streamed", [True, False])
def test_a_call_that_nobody_signed_is_known_again_for_another_providers(streamed: bool) -> None:
    events = [ToolCallStarted(0, "a", "f"), ToolCallEnded(0)]
    if streamed:
        (part,) = _parts(*events)
    else:
        answer = json.loads(CODEC.render_response(collect([*events, Finished("stop")]), reply()))
        (part,) = answer["candidates"][0]["content"]["parts"]
    assert part["thoughtSignature"] == UNSIGNED_CALL
    assert may_hold_wrapped(json.dumps(part).encode())


def test_line_ends_in_arguments_end_no_frame() -> None:
    events = [ToolCallStarted(0, "a", "f"), ToolCallDelta(0, '{\r\n\r\n"x":\n1.0}')]
    stream = _stream(*events, ToolCallEnded(0))
    assert stream.count(b"\r\n\r\n") == 1
    assert b'"args":{"x":1.0}' in stream


def test_probabilities_go_with_the_next_frame() -> None:
    first, last = _chunks(
        Logprobs((TokenLogprob("a", -0.5, (("b", -1.0),)),)), TextDelta("a"), Finished("stop")
    )
    assert first["candidates"][0]["logprobsResult"] == {
        "topCandidates": [{"candidates": [{"token": "b", "logProbability": -1.0}]}],
        "chosenCandidates": [{"token": "a", "logProbability": -0.5}],
    }
    assert "logprobsResult" not in last["candidates"][0]


CITED = (
    Citation(url="u", title="t", start=0, end=1),
    Citation(url="v", start=0, end=1),
    Citation(title="d", quote="q", start=2, end=3),
    Citation(url="u", title="t"),
)
GROUNDING = {
    "groundingChunks": [
        {"web": {"uri": "u", "title": "t"}},
        {"web": {"uri": "v"}},
        {"retrievedContext": {"title": "d", "text": "q"}},
    ],
    "groundingSupports": [
        {"segment": {"endIndex": 2, "text": "é"}, "groundingChunkIndices": [0, 1]},
        {
            "segment": {"startIndex": 3, "endIndex": 4, "text": "b"},
            "groundingChunkIndices": [2],
        },
        {"groundingChunkIndices": [0]},
    ],
}


def test_sources_are_told_in_bytes() -> None:
    assert _candidate(Answer(parts=(Text("é b", CITED),)))["groundingMetadata"] == GROUNDING


def test_sources_of_a_stream_are_in_its_last_frame() -> None:
    *_, last = _chunks(TextDelta("é"), TextDelta(" b"), TextEnded(CITED), Finished("stop"))
    assert last["candidates"][0]["groundingMetadata"] == GROUNDING


def test_sources_of_a_later_part_are_counted_in_it() -> None:
    parts = (Reasoning(text="t"), Text("a"), Text("b", (Citation(url="u", start=0, end=1),)))
    (support,) = _candidate(Answer(parts=parts))["groundingMetadata"]["groundingSupports"]
    assert support["segment"] == {"partIndex": 2, "endIndex": 1, "text": "b"}


def test_sources_of_a_later_block_are_counted_in_the_whole_stream() -> None:
    cited = TextEnded((Citation(url="u", start=0, end=1),))
    *_, last = _chunks(TextDelta("é"), TextEnded(), TextDelta("b"), cited, Finished("stop"))
    (support,) = last["candidates"][0]["groundingMetadata"]["groundingSupports"]
    assert support["segment"] == {"startIndex": 2, "endIndex": 3, "text": "b"}


def test_an_answer_without_words_has_an_empty_part() -> None:
    assert _candidate(Answer(finish_reason="content_filter"))["content"] == {
        "parts": [{"text": ""}],
        "role": "model",
    }


def test_a_part_of_another_dialect_is_not_shown() -> None:
    parts = (NativePart("anthropic-messages", "x", b"{}"), Text("a"))
    assert _candidate(Answer(parts=parts))["content"]["parts"] == [{"text": "a"}]


def test_what_keeps_a_stream_alive_is_an_empty_line() -> None:
    assert _stream(Silence(), start=False) == b"\r\n"
    assert _array(Silence()) == b" "


def test_native_frames_pass_and_nothing_is_added() -> None:
    frames = [NativeFrame(b": c\n\n", False), NativeFrame(b"data: {}\n\n", True)]
    events = [*frames, Usage(1, 1), Finished("stop")]
    assert _stream(*events, start=False) == b": c\n\ndata: {}\n\n"


@pytest.mark.parametrize(
    ("native", "code"),
    [
        pytest.param(None, 502, id="ours"),
        pytest.param(NATIVE, 503, id="native"),
        pytest.param(Native("openai-chat", b"data: x\n\n", framed=True), 502, id="foreign"),
        pytest.param(Native("gemini", b'{"error": {"code": 502}}'), 502, id="body"),
    ],
)
def test_a_stream_that_breaks_ends_with_an_error(native: Native | None, code: int) -> None:
    failure = Failure(kind=Kind.TRUNCATED, message="cut", status=502, native=native)
    (_, last) = frames_of(_stream(TextDelta("a"), Failed(failure)))
    assert json.loads(last)["error"]["code"] == code
    first, error = json.loads(_array(Started("m"), TextDelta("a"), Failed(failure)))
    assert first["candidates"]
    assert error["error"]["code"] == code


def test_an_array_is_whole_when_the_answer_is() -> None:
    renderer = CODEC.renderer(reply(as_array=True))
    pieces = [
        renderer.render([Started("m")]),
        renderer.render([TextDelta("a")]),
        renderer.render([Silence(), TextDelta("b")]),
        renderer.render([Finished("stop")]),
    ]
    assert pieces[0] == b""
    assert pieces[1].startswith(b'[{"candidates"')
    assert pieces[2].startswith(b" ,\r\n{")
    assert pieces[3].endswith(b"]")
    answer = collect(CODEC.parse_answer(b"".join(pieces), instance="up"))
    assert (answer.text, answer.finish_reason) == ("ab", "stop")


def test_native_frames_are_taken_out_of_their_frames_for_an_array() -> None:
    frames = [b": c\n\n", b'data: {"a":\ndata:1}\n\n', b"data: {}\r\n\r\n", b"event: x\n\n"]
    events = [NativeFrame(frame, True) for frame in frames]
    assert json.loads(_array(*events, Finished("stop"))) == [{"a": 1}, {}]


@pytest.mark.parametrize("events", [[], [Silence()], [NativeFrame(b": c\n\n", False)]], ids=str)
def test_an_array_without_anything_is_an_empty_one(events: list[Event]) -> None:
    assert json.loads(_array(*events, Finished("stop"))) == []


def test_an_array_that_breaks_at_once_has_the_error_only() -> None:
    (error,) = json.loads(_array(Failed(FAILURE)))
    assert error["error"]["message"] == "cut"


def test_text_after_a_call_stays_after_it() -> None:
    events = [
        ToolCallStarted(0, "a", "f"),
        ToolCallDelta(0, "{}"),
        ToolCallEnded(0),
        TextDelta("x"),
        TextEnded(),
        Finished("tool_calls"),
    ]
    again = collect(parse_stream(frames_of(_stream(*events))))
    assert again.parts == collect([Started("m"), *events]).parts


@pytest.mark.parametrize(
    ("between", "start"),
    [
        pytest.param([TextEnded()], 5, id="end"),
        pytest.param([ToolCallStarted(0, "c", "f")], 5, id="call"),
        pytest.param([ReasoningDelta("hm")], 5, id="reasoning"),
        pytest.param([RefusalDelta("no")], 7, id="refusal"),
    ],
)
def test_a_citation_counts_from_its_own_block(between: list[Event], start: int) -> None:
    cited = TextEnded((Citation(url="https://a.example", start=0, end=3),))
    events = [TextDelta("first"), *between, TextDelta("second"), cited, Finished("stop")]
    chunks = _chunks(*events)
    (support,) = chunks[-1]["candidates"][0]["groundingMetadata"]["groundingSupports"]
    assert support["segment"] == {"startIndex": start, "endIndex": start + 3, "text": "sec"}
