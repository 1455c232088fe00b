"""Events survive the transport, and say of themselves whether they are output or the end."""

from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.canonical.errors import Failure, Kind, Native
from gateway.canonical.events import (
    AnyEvent,
    Event,
    Failed,
    Finished,
    NativeBody,
    NativeFrame,
    ReasoningDelta,
    Silence,
    Started,
    Stored,
    TextDelta,
    ToolCallDelta,
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
    Started: st.builds(Started, _text),
    TextDelta: st.builds(TextDelta, _text),
    ReasoningDelta: st.builds(ReasoningDelta, _text),
    ToolCallStarted: st.builds(ToolCallStarted, _count, _text, _text),
    ToolCallDelta: st.builds(ToolCallDelta, _count, _text),
    Usage: st.builds(Usage, _count, _count),
    NativeFrame: st.builds(NativeFrame, st.binary(), st.booleans()),
    NativeBody: st.builds(NativeBody, st.binary()),
    Finished: st.builds(Finished, _text),
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
