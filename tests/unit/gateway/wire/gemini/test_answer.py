"""Answers of a Gemini upstream: what is understood of them, whole and streamed."""

import json
from typing import Any

import pytest

from gateway.canonical.collect import Answer, collect
from gateway.canonical.content import (
    AnyPart,
    Citation,
    Media,
    MediaKind,
    NativePart,
    Opaque,
    Reasoning,
    Text,
    ToolCall,
)
from gateway.canonical.errors import Kind, Next, UpstreamError
from gateway.canonical.events import (
    Event,
    Finished,
    ReasoningDelta,
    ReasoningEnded,
    Started,
    TextDelta,
    TextEnded,
    TokenLogprob,
    Usage,
)
from gateway.wire.gemini.codec import CODEC
from gateway.wire.opaque import wrap
from tests.unit.gateway.wire.gemini.exchanges import chunk, parse_stream

SIGNED = Opaque("gemini", "s")


def _answer(*parts: object, finish: object = "STOP", **candidate: object) -> Answer:
    return _whole(chunk(*parts, finish=finish, **candidate))


def _whole(body: object) -> Answer:
    return collect(CODEC.parse_answer(json.dumps(body).encode(), instance="up"))


def _parts(*parts: object, **candidate: object) -> tuple[AnyPart, ...]:
    return _answer(*parts, **candidate).parts


def _failure(body: bytes) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        list(CODEC.parse_answer(body, instance="up"))
    return caught.value


def test_an_answer_begins_with_its_model_and_id() -> None:
    events = parse_stream([chunk({"text": "a"}, finish="STOP")])
    assert events == [
        Started("gemini-x", "r1"),
        TextDelta("a"),
        TextEnded(),
        Finished("stop"),
    ]


def test_pieces_of_a_stream_are_one_block_up_to_its_signature() -> None:
    events = parse_stream(
        [
            chunk({"text": "th", "thought": True}),
            chunk({"text": "ink", "thought": True}),
            chunk({"text": "an"}, {"text": ""}),
            chunk({"text": "swer"}),
            chunk({"text": "", "thoughtSignature": "s"}, finish="STOP"),
        ]
    )
    assert events[1:] == [
        ReasoningDelta("th"),
        ReasoningDelta("ink"),
        ReasoningEnded(),
        TextDelta("an"),
        TextDelta("swer"),
        TextEnded((), Opaque("gemini", "s")),
        Finished("stop"),
    ]


def test_text_after_a_signature_is_another_block() -> None:
    assert _parts({"text": "a", "thoughtSignature": "s"}, {"text": "b"}) == (
        Text("a", signature=Opaque("gemini", "s")),
        Text("b"),
    )


def test_a_signature_after_a_call_is_kept() -> None:
    call = {"functionCall": {"name": "f", "args": {}, "id": "i"}}
    assert _parts(call, {"text": "", "thoughtSignature": "s"})[1] == Text(
        "", signature=Opaque("gemini", "s")
    )


def test_a_signature_that_another_gateway_wrapped_is_known_again() -> None:
    foreign = Opaque("anthropic-messages", "EqQB")
    part = {"text": "t", "thought": True, "thoughtSignature": wrap(foreign, own="gemini")}
    assert _parts(part) == (Reasoning(text="t", signature=foreign),)


def test_calls_are_read_with_their_signatures() -> None:
    answer = _answer(
        {"functionCall": {"name": "f", "args": {"a": 1}, "id": "x"}, "thoughtSignature": "s"},
        {"functionCall": {"name": "g"}},
    )
    assert answer.parts == (
        ToolCall("x", "f", '{"a":1}', Opaque("gemini", "s")),
        ToolCall("call_r1_1", "g", "{}"),
    )
    assert answer.finish_reason == "tool_calls"


def test_an_id_of_ours_has_only_what_every_dialect_takes() -> None:
    body = chunk({"functionCall": {"name": "f"}}, finish="STOP") | {"responseId": "a+/=b" * 20}
    (call,) = _whole(body).tool_calls
    assert call.id == f"call_{('ab' * 20)[:24]}_0"


def test_a_call_without_answer_id_still_has_an_id() -> None:
    body = chunk({"functionCall": {"name": "f"}}, finish="STOP") | {"responseId": None}
    assert _whole(body).tool_calls[0].id == "call_0"


@pytest.mark.parametrize(
    ("part", "read"),
    [
        pytest.param(
            {"inlineData": {"mimeType": "image/png", "data": "AA"}, "thoughtSignature": "s"},
            Media(kind=MediaKind.IMAGE, mime="image/png", data="AA", signature=SIGNED),
            id="image",
        ),
        pytest.param(
            {"fileData": {"fileUri": "https://a.example/a.mp3"}},
            Media(kind=MediaKind.AUDIO, mime="audio/mpeg", url="https://a.example/a.mp3"),
            id="file",
        ),
        pytest.param(
            {"toolCall": {"id": "1"}, "thoughtSignature": "s"},
            NativePart("gemini", "toolCall", b'{"toolCall":{"id":"1"},"thoughtSignature":"s"}'),
            id="tool-of-google",
        ),
        pytest.param({"speech": {}, "text": "x"}, Text("x"), id="text-with-something"),
        pytest.param({"executableCode": None, "text": "x"}, Text("x"), id="null"),
    ],
)
def test_a_part_is_read(part: object, read: AnyPart) -> None:
    assert _parts(part) == (read,)


@pytest.mark.parametrize(
    "part",
    [
        1,
        {},
        {"text": 1},
        {"text": None},
        {"functionCall": {}},
        {"functionCall": {"name": 1}},
        {"functionCall": "f"},
        {"inlineData": {"data": "AA"}},
        {"inlineData": 1},
        {"fileData": {"fileUri": 1}},
        {"thoughtSignature": 1},
    ],
    ids=str,
)
def test_a_part_of_a_wrong_type_is_passed_over(part: object) -> None:
    assert _parts({"text": "a"}, part, {"text": "b"}) == (Text("ab"),)


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("BLOCKLIST", "content_filter"),
        ("SPII", "content_filter"),
        ("IMAGE_SAFETY", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", ""),
        ("OTHER", ""),
        ("NEW_REASON", ""),
        (1, "stop"),
        (2, "length"),
        (3, "content_filter"),
        (99, ""),
    ],
)
def test_why_it_ended_is_read(finish: object, reason: str) -> None:
    assert _answer({"text": "a"}, finish=finish).finish_reason == reason


def test_a_call_that_was_cut_is_no_call_to_answer() -> None:
    call = {"functionCall": {"name": "f"}}
    assert _answer(call, finish="MAX_TOKENS").finish_reason == "length"


@pytest.mark.parametrize("whole", [True, False])
def test_a_blocked_prompt_is_an_answer_without_text(whole: bool) -> None:
    body = {
        "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
        "usageMetadata": {"promptTokenCount": 3},
    }
    answer = _whole(body) if whole else collect(parse_stream([body]))
    assert answer == Answer(usage=Usage(3, 0), finish_reason="content_filter")


def test_a_candidate_without_content_is_an_answer_without_text() -> None:
    assert _whole({"candidates": [{"finishReason": "SAFETY"}]}).parts == ()


def test_a_whole_answer_without_a_reason_is_an_answer() -> None:
    assert _answer({"text": "a"}, finish=None).finish_reason == ""


def test_of_several_candidates_the_first_is_read() -> None:
    second = {"index": 1, "content": {"parts": [{"text": "no"}]}, "finishReason": "SAFETY"}
    body = chunk({"text": "yes"}, finish="STOP")
    body["candidates"].insert(0, second)
    assert (_whole(body).text, _whole(body).finish_reason) == ("yes", "stop")


@pytest.mark.parametrize(
    ("wire", "usage"),
    [
        (
            {"promptTokenCount": 10, "candidatesTokenCount": 2, "thoughtsTokenCount": 3},
            Usage(10, 5, reasoning_tokens=3),
        ),
        (
            {"promptTokenCount": 10, "toolUsePromptTokenCount": 5, "cachedContentTokenCount": 4},
            Usage(15, 0, cached_tokens=4),
        ),
        ({"promptTokenCount": "10", "candidatesTokenCount": True}, Usage(0, 0)),
        ({"promptTokenCount": -1}, Usage(0, 0)),
        ({}, None),
        ([], None),
    ],
    ids=str,
)
def test_tokens_are_counted(wire: object, usage: Usage | None) -> None:
    assert _whole(chunk({"text": "a"}, finish="STOP") | {"usageMetadata": wire}).usage == usage


def test_the_last_count_of_a_stream_is_that_of_the_answer() -> None:
    counts = [{"usageMetadata": {"promptTokenCount": count}} for count in (1, 2)]
    stream = [chunk({"text": "a"}) | counts[0], chunk(finish="STOP"), counts[1]]
    assert collect(parse_stream(stream)).usage == Usage(2, 0)


def test_probabilities_are_read() -> None:
    result = {
        "chosenCandidates": [{"token": "a", "logProbability": -0.5}, {"token": 1}, {"token": "b"}],
        "topCandidates": [{"candidates": [{"token": "c", "logProbability": -1}, None]}],
    }
    assert _answer({"text": "ab"}, logprobsResult=result).logprobs == (
        TokenLogprob("a", -0.5, (("c", -1.0),)),
        TokenLogprob("b", 0.0),
    )


def test_a_stream_in_a_list_is_an_answer() -> None:
    chunks = [chunk({"text": "a"}), chunk({"text": "b"}, finish="STOP")]
    assert _whole(chunks).parts == (Text("ab"),)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", Kind.TRUNCATED),
        (b'{"candidates": [', Kind.TRUNCATED),
        (b"<html>", Kind.UPSTREAM),
        (b"1", Kind.UPSTREAM),
        (b"[]", Kind.UPSTREAM),
        (b"{}", Kind.UPSTREAM),
        (b'{"candidates": []}', Kind.UPSTREAM),
        (b'{"usageMetadata": {}}', Kind.UPSTREAM),
        (b'[{"candidates": [{}]}]', Kind.TRUNCATED),
    ],
    ids=str,
)
def test_what_is_no_answer_is_refused(body: bytes, kind: Kind) -> None:
    error = _failure(body)
    assert (error.failure.kind, error.next) == (kind, Next.CANDIDATE)


@pytest.mark.parametrize("wrapped", [True, False])
def test_an_error_of_status_200_is_an_error(wrapped: bool) -> None:
    wire: Any = {"error": {"code": 429, "message": "m", "status": "RESOURCE_EXHAUSTED"}}
    error = _failure(json.dumps([wire] if wrapped else wire).encode())
    assert (error.status, error.next, error.failure.native) == (429, Next.CREDENTIAL, None)


def test_an_error_in_a_stream_is_an_error() -> None:
    with pytest.raises(UpstreamError) as caught:
        parse_stream([chunk({"text": "a"}), {"error": {"code": 503, "status": "UNAVAILABLE"}}])
    assert (caught.value.status, caught.value.failure.status) == (503, 502)


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param([], id="nothing"),
        pytest.param([chunk({"text": "a"})], id="text"),
        pytest.param(["[DONE]"], id="done"),
        pytest.param([{"usageMetadata": {"promptTokenCount": 1}}], id="counts"),
        pytest.param([chunk(finish="FINISH_REASON_UNSPECIFIED")], id="unspecified"),
        pytest.param([chunk(finish=0)], id="zero"),
        pytest.param(['{"candidates": [{"finish'], id="cut"),
    ],
)
def test_a_stream_that_does_not_say_why_it_ended_is_cut(stream: list[object]) -> None:
    with pytest.raises(UpstreamError) as caught:
        parse_stream(stream)
    assert caught.value.failure.kind is Kind.TRUNCATED


@pytest.mark.parametrize("data", ["1", "[]", '"x"', "<html>", "null"])
def test_a_frame_that_is_no_object_is_refused(data: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        parse_stream([data])
    assert caught.value.failure.kind is Kind.UPSTREAM


def test_a_stream_is_never_done_before_it_is_closed() -> None:
    parser = CODEC.stream_parser("up")
    list(parser.read(json.dumps(chunk(finish="STOP"))))
    assert not parser.done


def _grounded(*supports: object, chunks: object = None, **metadata: object) -> dict[str, Any]:
    web = [{"web": {"uri": "u0", "title": "t0"}}, {"web": {"uri": "u1"}}]
    given = web if chunks is None else chunks
    return {"groundingChunks": given, "groundingSupports": list(supports)} | metadata


def _cited(text: str, metadata: object) -> tuple[Citation, ...]:
    (part,) = _parts({"text": text}, groundingMetadata=metadata)
    assert isinstance(part, Text)
    return part.citations


def test_places_are_counted_in_characters() -> None:
    support = {
        "segment": {"startIndex": 3, "endIndex": 9, "text": "é b é"},
        "groundingChunkIndices": [0, 1, 7, "x"],
    }
    assert _cited("é é b é.", _grounded(support)) == (
        Citation(url="u0", title="t0", start=2, end=7),
        Citation(url="u1", start=2, end=7),
    )


def test_words_are_found_where_the_count_is_wrong() -> None:
    support = {
        "segment": {"startIndex": 100, "endIndex": 103, "text": "sun"},
        "groundingChunkIndices": [0],
    }
    assert _cited("The sun.", _grounded(support))[0].start == 4


@pytest.mark.parametrize(
    "support",
    [
        {"groundingChunkIndices": [0]},
        {"groundingChunkIndices": [0], "segment": {"endIndex": 99, "text": "elsewhere"}},
        {"groundingChunkIndices": [0], "segment": 1},
    ],
    ids=str,
)
def test_a_source_without_a_place_is_a_source(support: object) -> None:
    assert _cited("The sun.", _grounded(support)) == (Citation(url="u0", title="t0"),)


def test_sources_that_support_nothing_are_sources_of_it_all() -> None:
    assert len(_cited("x", _grounded())) == 2


def test_sources_of_every_kind_are_read() -> None:
    chunks = [
        {"maps": {"uri": "m", "title": "M"}},
        {"retrievedContext": {"title": "D", "text": "words"}},
        {"image": {"sourceUri": "i"}},
        {"web": {}},
        {"new": {"uri": "x"}},
        1,
    ]
    assert _cited("x", _grounded(chunks=chunks)) == (
        Citation(url="m", title="M"),
        Citation(title="D", quote="words"),
        Citation(url="i"),
    )


@pytest.mark.parametrize("name", ["citationSources", "citations"])
def test_what_the_model_recites_is_cited(name: str) -> None:
    sources = [{"startIndex": 4, "endIndex": 7, "uri": "u"}, {"license": "mit"}]
    (part,) = _parts({"text": "The sun."}, citationMetadata={name: sources})
    assert part == Text("The sun.", (Citation(url="u", start=4, end=7),))


def test_sources_go_to_the_text_that_they_speak_of() -> None:
    support = {"segment": {"endIndex": 1, "text": "a"}, "groundingChunkIndices": [0]}
    call = {"functionCall": {"name": "f", "id": "i"}}
    first, _, second = _parts(
        {"text": "a"}, call, {"text": "b"}, groundingMetadata=_grounded(support)
    )
    assert isinstance(first, Text)
    assert isinstance(second, Text)
    assert (len(first.citations), len(second.citations)) == (1, 0)


def test_sources_that_come_with_the_last_chunk_are_of_the_text_before() -> None:
    support = {"segment": {"endIndex": 2, "text": "ab"}, "groundingChunkIndices": [1]}
    events: list[Event] = parse_stream(
        [
            chunk({"text": "a"}),
            chunk({"text": "b"}),
            chunk(finish="STOP", groundingMetadata=_grounded(support)),
        ]
    )
    assert TextEnded((Citation(url="u1", start=0, end=2),)) in events
