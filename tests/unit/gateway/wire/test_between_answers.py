"""An answer that goes through a dialect, whole or streamed, says the same after it."""

import itertools
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from gateway.canonical.collect import Answer, collect
from gateway.canonical.content import (
    Citation,
    Media,
    MediaKind,
    NativePart,
    Opaque,
    Reasoning,
    Text,
    ToolCall,
)
from gateway.canonical.events import (
    Event,
    Finished,
    Logprobs,
    MediaProduced,
    ReasoningDelta,
    ReasoningEnded,
    RefusalDelta,
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
from tests.unit.gateway.wire.clients import CLIENTS, Client

CHAT, RESPONSES = Dialect.OPENAI_CHAT, Dialect.OPENAI_RESPONSES
ANTHROPIC, GEMINI = Dialect.ANTHROPIC_MESSAGES, Dialect.GEMINI

DIALECTS = pytest.mark.parametrize("dialect", list(Dialect))
STREAMS = pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])


def _through(client: Client, events: list[Event], *, streams: bool) -> Answer:
    """What a second gateway makes of the answer that the first one gives."""
    if streams:
        return client.read_stream(client.stream([events]))
    return client.read_whole(client.whole(events))


CALL: list[Event] = [ToolCallStarted(0, "c", "f"), ToolCallDelta(0, "{}"), ToolCallEnded(0)]
HELLO: list[Event] = [Started("m"), TextDelta("hello")]

REASONS = ["stop", "length", "tool_calls", "content_filter", "pause", ""]
UNSAYABLE: dict[tuple[Dialect, str], str] = {
    **{(dialect, ""): "stop" for dialect in Dialect},
    **{(dialect, "pause"): "stop" for dialect in Dialect if dialect is not ANTHROPIC},
}
"""What a dialect has no word for, and what it says instead."""


@STREAMS
@DIALECTS
@pytest.mark.parametrize("reason", REASONS)
def test_why_an_answer_ended(dialect: Dialect, reason: str, streams: bool) -> None:
    called = CALL if reason == "tool_calls" else []
    answer = _through(CLIENTS[dialect], [*HELLO, *called, Finished(reason)], streams=streams)
    assert answer.finish_reason == UNSAYABLE.get((dialect, reason), reason)


@STREAMS
@DIALECTS
@pytest.mark.parametrize("reason", ["", "stop"])
def test_an_answer_that_calls_a_tool_says_so(dialect: Dialect, reason: str, streams: bool) -> None:
    """Some upstreams say no more than that they stopped, and clients run no tool then."""
    answer = _through(CLIENTS[dialect], [*HELLO, *CALL, Finished(reason)], streams=streams)
    assert answer.finish_reason == "tool_calls"


@STREAMS
def test_which_stop_sequence_ended_it(streams: bool) -> None:
    events = [*HELLO, Finished("stop", "###")]
    answer = _through(CLIENTS[ANTHROPIC], events, streams=streams)
    assert (answer.finish_reason, answer.stop_sequence) == ("stop", "###")


USAGES = [
    pytest.param(Usage(10, 7), id="plain"),
    pytest.param(Usage(10, 7, cached_tokens=4), id="cached"),
    pytest.param(Usage(10, 7, cache_write_tokens=3), id="written"),
    pytest.param(Usage(10, 7, reasoning_tokens=5), id="reasoning"),
    pytest.param(Usage(10, 7, cached_tokens=4, cache_write_tokens=3, reasoning_tokens=5), id="all"),
]


@STREAMS
@DIALECTS
@pytest.mark.parametrize("usage", USAGES)
def test_every_count(dialect: Dialect, usage: Usage, streams: bool) -> None:
    answer = _through(CLIENTS[dialect], [*HELLO, usage, Finished("stop")], streams=streams)
    written = 0 if dialect is GEMINI else usage.cache_write_tokens
    counts = (usage.cached_tokens, written, usage.reasoning_tokens)
    assert answer.usage == Usage(10, 7, *counts)


TOKENS = (
    TokenLogprob("hel", -0.5, (("hel", -0.5), ("yo", -2.0))),
    TokenLogprob("lo", -0.25, ()),
)


@STREAMS
@DIALECTS
def test_how_likely_the_tokens_were(dialect: Dialect, streams: bool) -> None:
    events = [
        *(Started("m"), Logprobs(TOKENS[:1]), TextDelta("hel")),
        *(Logprobs(TOKENS[1:]), TextDelta("lo"), TextEnded(), Finished("stop")),
    ]
    answer = _through(CLIENTS[dialect], events, streams=streams)
    assert answer.logprobs == (() if dialect is ANTHROPIC else TOKENS)


WEB = Citation(url="https://a.example", title="A", start=0, end=5)
FILE = Citation(file_id="file-1", title="a.txt")
DOCUMENT = Citation(title="a.txt", quote="the source's words", start=0, end=5)
CITED: dict[tuple[Dialect, str], tuple[Citation, ...]] = {
    (CHAT, "web"): (WEB,),
    (RESPONSES, "web"): (WEB,),
    (ANTHROPIC, "web"): (WEB,),
    (GEMINI, "web"): (WEB,),
    (CHAT, "file"): (),
    (RESPONSES, "file"): (FILE,),
    (ANTHROPIC, "file"): (Citation(file_id="file-1", title="a.txt", start=0, end=5),),
    (GEMINI, "file"): (Citation(title="a.txt"),),
    (CHAT, "document"): (),
    (RESPONSES, "document"): (),
    (ANTHROPIC, "document"): (DOCUMENT,),
    (GEMINI, "document"): (DOCUMENT,),
}
CITATIONS = {"web": WEB, "file": FILE, "document": DOCUMENT}


@STREAMS
@pytest.mark.parametrize(("dialect", "name"), list(itertools.product(Dialect, CITATIONS)))
def test_where_text_comes_from(dialect: Dialect, name: str, streams: bool) -> None:
    events = [*HELLO, TextEnded((CITATIONS[name],)), Finished("stop")]
    answer = _through(CLIENTS[dialect], events, streams=streams)
    assert answer.parts == (Text("hello", CITED[dialect, name]),)


@STREAMS
@DIALECTS
def test_a_citation_of_later_text_keeps_its_place(dialect: Dialect, streams: bool) -> None:
    events = [
        *(Started("m"), TextDelta("first "), TextEnded(), TextDelta("sécond")),
        *(TextEnded((WEB,)), Finished("stop")),
    ]
    answer = _through(CLIENTS[dialect], events, streams=streams)
    (cited,) = [
        part.text[citation.start : citation.end]
        for part in answer.parts
        if isinstance(part, Text)
        for citation in part.citations
    ]
    # A citation of this dialect always speaks of its whole block.
    assert cited == ("sécond" if dialect is ANTHROPIC else "sécon")


@STREAMS
@DIALECTS
@pytest.mark.parametrize(
    "between",
    [
        pytest.param([], id="nothing"),
        pytest.param(CALL, id="call"),
        pytest.param([ReasoningDelta("hm"), ReasoningEnded()], id="reasoning"),
        pytest.param([RefusalDelta("no")], id="refusal"),
    ],
)
def test_a_citation_keeps_its_place_after_text_that_nobody_ended(
    dialect: Dialect, between: list[Event], streams: bool
) -> None:
    start = 0 if between else 6
    cited = Citation(url="https://a.example", start=start, end=start + 6)
    events = [*HELLO, TextDelta("!"), *between, TextDelta("second"), TextEnded((cited,))]
    answer = _through(CLIENTS[dialect], [*events, Finished("stop")], streams=streams)
    (words,) = [
        part.text[citation.start : citation.end]
        for part in answer.parts
        if isinstance(part, Text)
        for citation in part.citations
    ]
    # A citation of this dialect always speaks of its whole block.
    assert words == ("hello!second" if dialect is ANTHROPIC and not between else "second")


@STREAMS
@DIALECTS
def test_a_call_without_arguments_has_an_empty_object(dialect: Dialect, streams: bool) -> None:
    """Clients read the arguments as JSON, and no text at all is none."""
    events = [Started("m"), ToolCallStarted(0, "c", "f"), ToolCallEnded(0), Finished("tool_calls")]
    answer = _through(CLIENTS[dialect], events, streams=streams)
    assert answer.tool_calls == [ToolCall("c", "f", "{}")]


@STREAMS
@DIALECTS
def test_an_image_that_the_model_made(dialect: Dialect, streams: bool) -> None:
    image = Media(kind=MediaKind.IMAGE, mime="image/webp", data="aGk=")
    events = [*HELLO, TextEnded(), MediaProduced(image), Finished("stop")]
    answer = _through(CLIENTS[dialect], events, streams=streams)
    shown = () if dialect is ANTHROPIC else (image,)
    assert answer.parts == (Text("hello"), *shown)


@STREAMS
@DIALECTS
def test_a_refusal(dialect: Dialect, streams: bool) -> None:
    events: list[Event] = [Started("m"), RefusalDelta("I will "), RefusalDelta("not"), Finished()]
    answer = _through(CLIENTS[dialect], events, streams=streams)
    said = answer.text if dialect in (ANTHROPIC, GEMINI) else answer.refusal
    assert said == "I will not"


class _Said(Struct, frozen=True):
    """What an answer says, in whatever pieces."""

    words: list[str]
    reasoning: str
    signatures: list[tuple[Any, ...]]
    calls: list[ToolCall]
    media: list[Media]
    usage: Usage | None
    finish_reason: str


def _said(answer: Answer) -> _Said:
    words = answer.text + answer.refusal
    return _Said(
        # Text and refusals are one in some dialects, so they may stand in another order.
        words=sorted(words),
        reasoning=answer.reasoning,
        signatures=[
            (part.signature, part.redacted, part.id)
            for part in answer.parts
            if isinstance(part, Reasoning) and part.signature
        ],
        calls=answer.tool_calls,
        media=[part for part in answer.parts if isinstance(part, Media)],
        usage=answer.usage,
        finish_reason=answer.finish_reason,
    )


_texts = st.text("ab \né\u2028", max_size=3)
_foreign = st.builds(Opaque, st.just("elsewhere"), st.sampled_from(["c2ln", "AA==", "x/+"]))
_thoughts = st.one_of(
    st.builds(ReasoningDelta, _texts),
    st.just(ReasoningEnded()),
    st.builds(ReasoningEnded, _foreign, st.booleans(), st.none() | st.just("rs_9")),
)
_prose = st.one_of(
    st.builds(TextDelta, _texts),
    st.just(TextEnded()),
    st.builds(RefusalDelta, _texts),
    _thoughts,
)


@st.composite
def _answers(draw: st.DrawFn) -> list[Event]:
    """Prose and tool calls, of which several are under way at the same time."""
    events: list[Event] = [Started("m", "up-1")]
    open_calls: list[int] = []
    calls = 0
    for _ in range(draw(st.integers(0, 16))):
        match draw(st.sampled_from(["prose", "prose", "start", "piece", "piece", "end"])):
            case "prose":
                events.append(draw(_prose))
            case "start":
                events.append(ToolCallStarted(calls, f"call_{calls}", "f"))
                events.append(ToolCallDelta(calls, f'{{"n":{calls + 1}'))
                open_calls.append(calls)
                calls += 1
            case "piece" if open_calls:
                events.append(ToolCallDelta(draw(st.sampled_from(open_calls)), "0"))
            case "end" if open_calls:
                index = open_calls.pop(draw(st.integers(0, len(open_calls) - 1)))
                events.append(ToolCallDelta(index, "}"))
                events.append(ToolCallEnded(index, draw(st.none() | _foreign)))
    events += [ToolCallDelta(index, "}") for index in open_calls]
    counts = draw(st.none() | st.builds(Usage, st.integers(0, 9), st.integers(0, 9)))
    reason = draw(st.sampled_from(REASONS))
    return [*events, *([counts] if counts else []), Finished(reason)]


def _batches(events: list[Event], cuts: Iterable[int]) -> list[list[Event]]:
    edges = [0, *sorted(min(cut, len(events)) for cut in cuts), len(events)]
    return [events[a:b] for a, b in itertools.pairwise(edges)]


ANY = settings(max_examples=150)


@DIALECTS
@ANY
@given(events=_answers())
def test_a_stream_says_what_the_whole_answer_says(dialect: Dialect, events: list[Event]) -> None:
    client = CLIENTS[dialect]
    streamed = _said(client.read_stream(client.stream([events])))
    whole = _said(client.read_whole(client.whole(events)))
    assert streamed == _Said(*(getattr(whole, name) for name in _Said.__struct_fields__))


@DIALECTS
@ANY
@given(events=_answers())
def test_what_is_said_survives(dialect: Dialect, events: list[Event]) -> None:
    before = _said(collect(events))
    after = _said(_through(CLIENTS[dialect], events, streams=True))
    assert (after.words, after.calls) == (before.words, before.calls)
    assert after.reasoning.replace("\n", "") == before.reasoning.replace("\n", "")
    assert after.signatures == before.signatures


@DIALECTS
@ANY
@given(events=_answers(), cuts=st.lists(st.integers(0, 40), max_size=8))
def test_a_stream_does_not_depend_on_the_batches(
    dialect: Dialect, events: list[Event], cuts: list[int]
) -> None:
    client = CLIENTS[dialect]
    assert client.stream(_batches(events, cuts)) == client.stream([events])


@DIALECTS
def test_what_only_another_dialect_knows_is_not_told(dialect: Dialect) -> None:
    part = NativePart("elsewhere", "x", b'{"type":"secret"}')
    answer = Answer(parts=(Text("a"), part), finish_reason="stop")
    client = CLIENTS[dialect]
    assert b"secret" not in client.codec.render_response(answer, client.reply)
