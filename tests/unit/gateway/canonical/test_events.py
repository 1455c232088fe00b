"""Events survive the transport, and say of themselves whether they are output or the end."""

from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.canonical.content import Citation, Media, MediaKind, Opaque
from gateway.canonical.errors import Failure, Kind, Native
from gateway.canonical.events import (
    Answering,
    AnyEvent,
    Dropped,
    Event,
    Failed,
    Finished,
    Logprobs,
    MediaProduced,
    NativeBlock,
    NativeBody,
    NativeFrame,
    ReasoningDelta,
    ReasoningEnded,
    RefusalDelta,
    Silence,
    Started,
    Stored,
    TextDelta,
    TextEnded,
    TokenLogprob,
    ToolCallDelta,
    ToolCallEnded,
    ToolCallStarted,
    Usage,
    decode_events,
    encode_event,
    encode_events,
    is_output,
    is_terminal,
)

_text = st.text()
_count = st.integers(min_value=0, max_value=2**63)
_maybe = st.none() | _text
_signatures = st.none() | st.builds(Opaque, _text, _text)
_citations = st.builds(Citation, url=_maybe, title=_maybe, quote=_maybe, start=st.none() | _count)
_media = st.builds(
    Media, kind=st.sampled_from(MediaKind), mime=_maybe, data=_maybe, signature=_signatures
)
_tokens = st.builds(
    TokenLogprob,
    _text,
    st.floats(max_value=0),
    st.lists(st.tuples(_text, st.just(-1.0))).map(tuple),
)
_natives = st.builds(Native, dialect=_text, data=st.binary(), framed=st.booleans())
_failures = st.builds(
    Failure,
    kind=st.sampled_from(Kind),
    message=_text,
    status=st.integers(400, 599),
    code=st.none() | _text,
    param=st.none() | _text,
    retry_after_s=st.none() | st.integers(1, 86_400),
    native=st.none() | _natives,
)
EVENTS: dict[type[Event], st.SearchStrategy[Event]] = {
    Answering: st.builds(Answering, _text),
    Dropped: st.builds(Dropped, st.lists(_text).map(tuple)),
    Started: st.builds(Started, _text, _maybe),
    TextDelta: st.builds(TextDelta, _text),
    TextEnded: st.builds(TextEnded, st.lists(_citations).map(tuple), _signatures),
    RefusalDelta: st.builds(RefusalDelta, _text),
    ReasoningDelta: st.builds(ReasoningDelta, _text),
    ReasoningEnded: st.builds(ReasoningEnded, _signatures, st.booleans(), _maybe),
    ToolCallStarted: st.builds(ToolCallStarted, _count, _text, _text, st.booleans()),
    ToolCallDelta: st.builds(ToolCallDelta, _count, _text),
    ToolCallEnded: st.builds(ToolCallEnded, _count, _signatures),
    MediaProduced: st.builds(MediaProduced, _media),
    NativeBlock: st.builds(NativeBlock, _text, _text, st.binary()),
    Logprobs: st.builds(Logprobs, st.lists(_tokens).map(tuple)),
    Usage: st.builds(Usage, _count, _count, _count, _count, _count),
    NativeFrame: st.builds(NativeFrame, st.binary(), st.booleans()),
    NativeBody: st.builds(NativeBody, st.binary()),
    Finished: st.builds(Finished, _text, _maybe),
    Failed: st.builds(Failed, _failures),
    Stored: st.builds(Stored, _text),
}
FAILURE = Failure(kind=Kind.UPSTREAM, message="m", status=502)


def test_every_event_that_is_sent_is_tested_here() -> None:
    assert set(EVENTS) == set(get_args(AnyEvent))


@given(events=st.lists(st.one_of(*EVENTS.values())))
def test_events_survive_the_transport(events: list[Event]) -> None:
    assert decode_events(encode_events([encode_event(event) for event in events])) == events


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x91\x91\xa7Unknown", id="unknown-event"),
        pytest.param(encode_event(TextDelta("x")), id="not-a-list"),
        pytest.param(encode_events([encode_event(Silence())]), id="silence"),
    ],
)
def test_what_is_no_list_of_events_is_refused(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_events(data)


@pytest.mark.parametrize(
    ("event", "output"),
    [
        pytest.param(Started("m"), False, id="started"),
        pytest.param(TextDelta("x"), True, id="text"),
        pytest.param(TextDelta(" "), True, id="white-space"),
        pytest.param(TextDelta(""), False, id="empty-text"),
        pytest.param(ReasoningDelta("x"), True, id="reasoning"),
        pytest.param(ReasoningDelta(""), False, id="empty-reasoning"),
        pytest.param(ToolCallStarted(0, "id", "f"), True, id="tool-call"),
        pytest.param(ToolCallDelta(0, "{}"), False, id="tool-call-arguments"),
        pytest.param(ToolCallEnded(0), False, id="tool-call-ended"),
        pytest.param(RefusalDelta("no"), True, id="refusal"),
        pytest.param(RefusalDelta(""), False, id="empty-refusal"),
        pytest.param(TextEnded(), False, id="text-ended"),
        pytest.param(ReasoningEnded(Opaque("gemini", "s")), False, id="signature"),
        pytest.param(MediaProduced(Media(kind=MediaKind.IMAGE, data="")), True, id="image"),
        pytest.param(NativeBlock("gemini", "t", b"{}"), True, id="native-block"),
        pytest.param(Logprobs(()), False, id="logprobs"),
        pytest.param(Dropped(("seed",)), False, id="dropped"),
        pytest.param(Usage(1, 1), False, id="usage"),
        pytest.param(NativeFrame(b"data: 1\n\n", True), True, id="native-output"),
        pytest.param(NativeFrame(b": ping\n\n", False), False, id="native-preamble"),
        pytest.param(NativeBody(b"{}"), True, id="native-body"),
        pytest.param(Finished("stop"), False, id="finished"),
        pytest.param(Failed(FAILURE), False, id="failed"),
        pytest.param(Silence(), False, id="silence"),
    ],
)
def test_output_is_what_tells_a_client_something_of_the_answer(event: Event, output: bool) -> None:
    assert is_output(event) is output


@pytest.mark.parametrize("event", [Finished(), Failed(FAILURE)], ids=["finished", "failed"])
def test_finished_and_failed_are_terminal(event: Event) -> None:
    assert is_terminal(event)


@given(event=st.one_of(*(made for kind, made in EVENTS.items() if kind not in (Finished, Failed))))
def test_no_other_event_is_terminal(event: Event) -> None:
    assert not is_terminal(event)
