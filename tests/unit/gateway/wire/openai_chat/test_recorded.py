"""Every recorded chat exchange means the same after it went through the canonical model."""

from collections.abc import Callable, Iterable

import msgspec
import pytest

from gateway.canonical.collect import Answer
from gateway.canonical.errors import UpstreamError
from gateway.canonical.events import Finished, NativeBody, Started, Usage
from gateway.wire.codec import ErrorResponse
from gateway.wire.openai_chat.codec import CODEC
from gateway.wire.sse import FrameSplitter
from tests.unit.gateway.wire.openai_chat.recordings import (
    MODEL,
    Recording,
    collected,
    data_of,
    parse_stream,
    parse_whole,
    recordings,
    render_stream,
    render_whole,
)

RECORDINGS = recordings()
GOOD = [r for r in RECORDINGS if r.status == 200 and not (r.is_sse and r.breaks_off)]
BROKEN = [r for r in RECORDINGS if r.status == 200 and r.is_sse and r.breaks_off]
REFUSED = [r for r in RECORDINGS if r.status != 200]

Test = Callable[..., None]


def every(chosen: Iterable[Recording]) -> Callable[[Test], Test]:
    """A test for each; one that is skipped where there is none."""
    reason = pytest.mark.skip(reason="the recorded exchanges are not there")
    cases = [pytest.param(recording, id=recording.name) for recording in chosen]
    return pytest.mark.parametrize("recording", cases or [pytest.param(None, marks=reason)])


def _answer(recording: Recording) -> Answer:
    parse = parse_stream if recording.is_sse else parse_whole
    return collected(parse(recording.body))


def _told(answer: Answer) -> Answer:
    """The answer as a client is told it: with our id, and its own word for the model."""
    return msgspec.structs.replace(answer, id="chatcmpl-r1", model=MODEL)


@every(r for r in RECORDINGS if r.request)
def test_a_request_keeps_its_meaning(recording: Recording) -> None:
    body = recording.request_body
    CODEC.parse_envelope(body, max_depth=64)
    request = CODEC.parse_request(body)
    model = msgspec.json.decode(body)["model"]
    rendered = CODEC.render_request(request, model=model, stream=request.stream)
    expected = msgspec.structs.replace(request, dropped=(), refused=())
    assert CODEC.parse_request(rendered) == expected
    assert msgspec.json.decode(rendered)["model"] == model


@every(GOOD)
def test_an_answer_keeps_its_meaning_whole(recording: Recording) -> None:
    answer = _answer(recording)
    assert collected(parse_whole(render_whole(answer))) == _told(answer)


@every(GOOD)
def test_an_answer_keeps_its_meaning_as_a_stream(recording: Recording) -> None:
    parse = parse_stream if recording.is_sse else parse_whole
    events = parse(recording.body)
    assert collected(parse_stream(render_stream(events))) == _told(collected(events))


@every(GOOD)
def test_an_answer_says_something(recording: Recording) -> None:
    answer = _answer(recording)
    # A bound on output may leave nothing to be seen.
    assert answer.parts or answer.finish_reason == "length"
    assert answer.model
    assert answer.id
    assert answer.finish_reason in ("stop", "length", "tool_calls")
    assert answer.usage is None or answer.usage.output_tokens >= answer.usage.reasoning_tokens


@every(GOOD)
def test_the_events_begin_with_the_start(recording: Recording) -> None:
    parse = parse_stream if recording.is_sse else parse_whole
    kinds = [type(event) for event in parse(recording.body)]
    assert kinds[0] is Started
    assert kinds.count(Started) == kinds.count(Finished) == 1


@every(r for r in GOOD if not r.is_sse)
def test_a_whole_answer_passes_as_it_came(recording: Recording) -> None:
    body, *rest = CODEC.parse_native(recording.body, instance="up")
    assert body == NativeBody(recording.body)
    answer = _answer(recording)
    assert rest[-1] in (Finished(answer.finish_reason), Finished("stop"))
    assert [event for event in rest if isinstance(event, Usage)] == [answer.usage]


@every(r for r in GOOD if r.is_sse)
def test_a_stream_passes_as_it_came(recording: Recording) -> None:
    reader = CODEC.native_reader("up")
    frames = [reader.read(frame, data_of(frame)) for frame in recording.frames]
    assert b"".join(frame.data for frame in frames) == b"".join(recording.frames)
    assert any(frame.output for frame in frames) is bool(_answer(recording).parts)
    usage = [event for event in reader.end() if isinstance(event, Usage)]
    assert usage == ([answer] if (answer := _answer(recording).usage) else [])


@every(BROKEN)
def test_an_error_inside_a_stream_is_an_error(recording: Recording) -> None:
    with pytest.raises(UpstreamError, match="^up") as caught:
        parse_stream(recording.body)
    assert caught.value.failure.status == 400


@every(BROKEN)
def test_an_error_frame_of_a_stream_passes_in_the_failure(recording: Recording) -> None:
    reader = CODEC.native_reader("up")
    *frames, last = recording.frames
    for frame in frames:
        reader.read(frame, data_of(frame))
    with pytest.raises(UpstreamError) as caught:
        reader.read(last, data_of(last))
    native = caught.value.failure.native
    assert native is not None
    assert (native.data, native.framed) == (last, True)


@pytest.mark.parametrize("size", [1, 7, 4096])
@every(r for r in GOOD if r.is_sse and len(r.body) < 64_000)
def test_a_stream_is_the_same_in_whatever_pieces_it_comes(recording: Recording, size: int) -> None:
    splitter = FrameSplitter()
    pieces = (recording.body[i : i + size] for i in range(0, len(recording.body), size))
    frames = [frame for piece in pieces for frame in splitter.feed(piece)]
    assert parse_stream(b"".join(frames) + splitter.flush()) == parse_stream(recording.body)


@every(r for r in GOOD if r.is_sse)
def test_a_stream_that_is_cut_is_an_error(recording: Recording) -> None:
    finish = next(
        i for i, frame in enumerate(recording.frames) if b'"finish_reason":"' in _compact(frame)
    )
    cut = b"".join(recording.frames[:finish])
    with pytest.raises(UpstreamError, match="before the answer was complete"):
        parse_stream(cut)


@every(REFUSED)
def test_a_refusal_is_read(recording: Recording) -> None:
    error = CODEC.parse_error(
        ErrorResponse(instance="up", status=recording.status, headers={}, body=recording.body)
    )
    assert error.status == recording.status
    assert error.failure.status == (recording.status if recording.status < 500 else 502)
    assert "no reason given" not in error.failure.message


def _compact(frame: bytes) -> bytes:
    return frame.replace(b'": "', b'":"')
