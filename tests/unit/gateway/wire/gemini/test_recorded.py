"""Every recorded exchange: both directions give back the same canonical value."""

import json
from typing import Any

import msgspec
import pytest

from gateway.canonical.collect import Answer, collect
from gateway.canonical.errors import GatewayError
from gateway.canonical.events import Event, Finished, NativeBody, NativeFrame, Usage
from gateway.canonical.request import Request
from gateway.wire.codec import ErrorResponse
from gateway.wire.gemini.codec import CODEC
from gateway.wire.gemini.count import parse_count, parse_count_envelope, parse_count_request
from gateway.wire.sse import FrameSplitter
from tests.unit.gateway.wire.gemini.exchanges import (
    Exchange,
    data_of,
    exchanges,
    frames_of,
    parse_stream,
    reply,
)

RECORDED_ALL = exchanges()
ANSWERED = exchanges(status=200)


def _requests() -> list[Any]:
    return [case for case in RECORDED_ALL if case.values[0] is None or case.values[0].request]


def _streams() -> list[Any]:
    return [case for case in ANSWERED if case.values[0] is None or case.values[0].is_sse]


def _asked(request: Request) -> Request:
    """A request without the names of what was lost of it."""
    return msgspec.structs.replace(request, dropped=(), refused=())


def _reply_of(answer: Answer) -> Any:
    return reply(model=answer.model, id=answer.id or "")


@pytest.mark.parametrize("exchange", _requests())
def test_a_request_is_the_same_after_it_was_written_and_read_again(exchange: Exchange) -> None:
    assert exchange.request
    CODEC.parse_envelope(exchange.request, max_depth=64)
    request = CODEC.parse_request(exchange.request)
    wire = CODEC.render_request(request, model=exchange.model, stream=False)
    again = CODEC.parse_request(wire)
    assert _asked(again) == _asked(request)
    assert again.dropped == ()


@pytest.mark.parametrize("exchange", _requests())
def test_a_native_request_differs_in_its_model_only(exchange: Exchange) -> None:
    assert exchange.request
    wire = json.loads(CODEC.render_native(exchange.request, model="m"))
    expected = json.loads(exchange.request)
    if "model" in expected:
        expected["model"] = "models/m"
    assert wire == expected


@pytest.mark.parametrize("exchange", ANSWERED)
def test_a_whole_answer_is_the_same_after_it_was_written_and_read_again(
    exchange: Exchange,
) -> None:
    answer = exchange.answer()
    wire = CODEC.render_response(answer, _reply_of(answer))
    assert collect(CODEC.parse_answer(wire, instance="up")) == answer


@pytest.mark.parametrize("exchange", ANSWERED)
def test_a_stream_is_the_same_after_it_was_written_and_read_again(exchange: Exchange) -> None:
    answer = exchange.answer()
    stream = CODEC.renderer(_reply_of(answer)).render(exchange.events())
    assert collect(parse_stream(frames_of(stream))) == answer


@pytest.mark.parametrize("exchange", ANSWERED)
def test_a_stream_as_an_array_is_the_same_answer(exchange: Exchange) -> None:
    answer = exchange.answer()
    envelope = msgspec.structs.replace(_reply_of(answer).envelope, as_array=True)
    as_array = msgspec.structs.replace(_reply_of(answer), envelope=envelope)
    stream = CODEC.renderer(as_array).render(exchange.events())
    assert collect(CODEC.parse_answer(stream, instance="up")) == answer


@pytest.mark.parametrize("exchange", ANSWERED)
def test_a_whole_answer_passes_as_it_is(exchange: Exchange) -> None:
    body = exchange.body
    if exchange.is_sse:
        body = b"[" + b",".join(data_of(frame).encode() for frame in exchange.frames) + b"]"
    *rest, finished = CODEC.parse_native(body, instance="up")
    answer = exchange.answer()
    assert rest == [NativeBody(body), *filter(None, [answer.usage])]
    assert finished == Finished(answer.finish_reason)


@pytest.mark.parametrize("exchange", _streams())
def test_a_stream_passes_as_it_is(exchange: Exchange) -> None:
    reader = CODEC.native_reader("up")
    events: list[Event] = [reader.read(frame, data_of(frame)) for frame in exchange.frames]
    events.extend(reader.end())
    answer = exchange.answer()
    frames = [event for event in events if isinstance(event, NativeFrame)]
    assert CODEC.renderer(reply()).render(events) == exchange.body
    assert any(frame.output for frame in frames)
    assert [event for event in events if isinstance(event, Usage)] == [answer.usage]
    assert events[-1] == Finished(answer.finish_reason)


@pytest.mark.parametrize("exchange", _streams())
def test_a_native_stream_fits_into_an_array(exchange: Exchange) -> None:
    events = [NativeFrame(frame, True) for frame in exchange.frames]
    stream = CODEC.renderer(reply(as_array=True)).render([*events, Finished("stop")])
    assert json.loads(stream) == [json.loads(data_of(frame)) for frame in exchange.frames]


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("exchange", _streams())
def test_how_a_stream_is_cut_does_not_matter(exchange: Exchange, size: int) -> None:
    splitter = FrameSplitter()
    body = exchange.body[-4000:] if size == 1 else exchange.body
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    frames = [frame for piece in pieces for frame in splitter.feed(piece)]
    assert b"".join(frames) == body
    if size > 1:
        assert collect(parse_stream(map(data_of, frames))) == exchange.answer()


@pytest.mark.parametrize("exchange", _streams())
def test_a_stream_without_its_last_frame_is_cut_off(exchange: Exchange) -> None:
    reader = CODEC.native_reader("up")
    for frame in exchange.frames[:-1]:
        reader.read(frame, data_of(frame))
    with pytest.raises(Exception, match="before the answer was complete"):
        list(reader.end())


@pytest.mark.parametrize("exchange", [c for c in RECORDED_ALL if c not in ANSWERED])
def test_an_error_goes_to_a_client_of_this_dialect_as_it_came(exchange: Exchange) -> None:
    response = ErrorResponse(instance="up", status=exchange.status, headers={}, body=exchange.body)
    error = CODEC.parse_error(response)
    wire = json.loads(CODEC.render_error(error.failure))["error"]
    if error.failure.native:
        assert wire == json.loads(exchange.body)["error"]
    else:
        assert exchange.status >= 500 or b"API_KEY_INVALID" in exchange.body
        assert wire["code"] == error.failure.status


@pytest.mark.parametrize("exchange", exchanges(apis=("countTokens",)))
def test_a_count_is_read(exchange: Exchange) -> None:
    assert exchange.request
    parse_count_envelope(exchange.request, max_depth=64)
    assert parse_count_request(exchange.request).last_user_text
    if exchange.status == 200:
        assert parse_count(exchange.body, instance="up") == 9


@pytest.mark.parametrize("body", [b"{}", b'{"contents": []}', b'{"contents": null}'])
def test_nothing_to_answer_is_refused(body: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        CODEC.parse_envelope(body, max_depth=64)
    assert caught.value.failure.param == "contents"
