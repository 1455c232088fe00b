"""Every recorded exchange of the dialect, there and back."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.canonical.collect import collect
from gateway.canonical.errors import GatewayError, Next, UpstreamError
from gateway.canonical.events import Finished, NativeBody, Usage, is_output
from gateway.canonical.request import Request, Tool
from gateway.wire.codec import ErrorResponse
from gateway.wire.openai_responses.codec import CODEC
from gateway.wire.sse import FrameSplitter
from tests.conftest import RECORDED
from tests.unit.gateway.wire.openai_responses.answers import (
    NOT_SERVED,
    Exchange,
    canonical,
    data_of,
    exchanges,
    frames,
    parsed,
    rendered,
    reply,
    same,
    watched,
)

ERROR_WITHIN = "responly-openai-responses-001-openai-error"
QUEUED = "openai-responses-025-sync"

EXCHANGES = exchanges()
ANSWERED = [
    param
    for param in EXCHANGES
    if not param.values[0]
    or (param.values[0].status == 200 and param.values[0].name not in (ERROR_WITHIN, QUEUED))
]
STREAMED = [param for param in ANSWERED if not param.values[0] or param.values[0].streams]
WHOLE = [param for param in ANSWERED if not param.values[0] or not param.values[0].streams]
ASKED = [param for param in EXCHANGES if not param.values[0] or param.values[0].request]
REFUSED = [param for param in EXCHANGES if not param.values[0] or param.values[0].status != 200]


def _asked(wire: dict[str, Any]) -> bytes:
    # Two were recorded with a prompt that names the model itself, which no route can be found for.
    return json.dumps({"model": "m", "input": "hi", **wire}).encode()


def _comparable(request: Request) -> Request:
    tools = (
        msgspec.structs.replace(tool, strict=bool(tool.strict)) if isinstance(tool, Tool) else tool
        for tool in request.tools
    )
    return msgspec.structs.replace(request, dropped=(), refused=(), tools=tuple(tools))


@pytest.mark.parametrize("exchange", ASKED)
def test_a_request_is_the_same_after_it_was_rendered(exchange: Exchange) -> None:
    assert exchange.request is not None
    request = CODEC.parse_request(_asked(exchange.request))
    body = CODEC.render_request(request, model="m", stream=request.stream)
    assert _comparable(CODEC.parse_request(body)) == _comparable(request)


@pytest.mark.parametrize("exchange", ASKED)
def test_a_request_is_accepted_unless_it_needs_what_is_stored(exchange: Exchange) -> None:
    assert exchange.request is not None
    wanted = [name for name in NOT_SERVED if exchange.request.get(name)]
    body = _asked(exchange.request)
    if wanted:
        with pytest.raises(GatewayError) as raised:
            CODEC.parse_envelope(body, max_depth=128)
        assert raised.value.failure.param == wanted[0]
    else:
        envelope = CODEC.parse_envelope(body, max_depth=128)
        assert envelope.streams == bool(exchange.request.get("stream"))


@pytest.mark.parametrize("exchange", ASKED)
def test_a_native_request_keeps_all_but_its_model(exchange: Exchange) -> None:
    assert exchange.request is not None
    body = _asked(exchange.request)
    sent = CODEC.render_native(body, model="other/model")
    assert json.loads(sent) == {**json.loads(body), "model": "other/model"}


@pytest.mark.parametrize("exchange", ANSWERED)
def test_an_answer_is_the_same_after_it_was_rendered_whole(exchange: Exchange) -> None:
    answer = collect(canonical(exchange))
    body = CODEC.render_response(answer, reply())
    assert same(collect(CODEC.parse_answer(body, instance="up"))) == same(answer)


@pytest.mark.parametrize("exchange", ANSWERED)
def test_an_answer_is_the_same_after_it_was_streamed(exchange: Exchange) -> None:
    events = canonical(exchange)
    assert same(collect(parsed(rendered(events)))) == same(collect(events))


@pytest.mark.parametrize("exchange", ANSWERED)
def test_a_stream_does_not_depend_on_how_its_events_are_grouped(exchange: Exchange) -> None:
    events = canonical(exchange)
    renderer = CODEC.renderer(reply())
    assert b"".join(renderer.render([event]) for event in events) == rendered(events)


@pytest.mark.parametrize("exchange", STREAMED)
@pytest.mark.parametrize("size", [7, 1021])
def test_a_stream_does_not_depend_on_how_its_bytes_are_grouped(
    exchange: Exchange, size: int
) -> None:
    splitter = FrameSplitter()
    chunks = (exchange.body[at : at + size] for at in range(0, len(exchange.body), size))
    cut = [frame for chunk in chunks for frame in splitter.feed(chunk)]
    assert parsed(b"".join(cut) + splitter.flush()) == parsed(exchange.body)
    assert cut == frames(exchange.body)


@pytest.mark.parametrize("exchange", STREAMED)
def test_a_native_stream_passes_byte_for_byte(exchange: Exchange) -> None:
    sent, reader = watched(exchange.body)
    assert b"".join(frame.data for frame in sent) == exchange.body
    assert reader.done


@pytest.mark.parametrize("exchange", STREAMED)
def test_a_native_stream_and_a_parsed_one_end_alike(exchange: Exchange) -> None:
    _, reader = watched(exchange.body)
    ending = [event for event in parsed(exchange.body) if isinstance(event, Usage | Finished)]
    assert list(reader.end()) == ending


@pytest.mark.parametrize("exchange", STREAMED)
def test_a_native_stream_has_output_no_later_than_a_parsed_one(exchange: Exchange) -> None:
    reader, parser = CODEC.native_reader("up"), CODEC.stream_parser("up")
    native = canonical = False
    for frame in frames(exchange.body):
        data = data_of(frame)
        native = native or reader.read(frame, data).output
        if data is not None:
            canonical = canonical or any(map(is_output, parser.read(data)))
        assert native or not canonical


@pytest.mark.parametrize("exchange", WHOLE)
def test_a_whole_native_answer_passes_byte_for_byte(exchange: Exchange) -> None:
    first, *ending = CODEC.parse_native(exchange.body, instance="up")
    assert first == NativeBody(exchange.body)
    parsed_ending = [e for e in canonical(exchange) if isinstance(e, Usage | Finished)]
    assert ending == parsed_ending


@pytest.mark.parametrize("exchange", REFUSED)
def test_a_refusal_of_the_request_goes_through_as_it_came(exchange: Exchange) -> None:
    error = CODEC.parse_error(
        ErrorResponse(instance="up", status=exchange.status, headers={}, body=exchange.body)
    )
    assert CODEC.render_error(error.failure) == exchange.body
    assert error.next is (Next.CREDENTIAL if exchange.status == 401 else Next.SURFACE)


def _captures() -> list[Any]:
    paths = sorted((RECORDED.parent / "client-captures").glob("*/*_v1_responses.json"))
    return [pytest.param(path, id=path.parent.name) for path in paths] or [
        pytest.param(None, marks=pytest.mark.skip(reason="the captured requests are not there"))
    ]


@pytest.mark.parametrize("path", _captures())
def test_what_sdks_send_is_accepted(path: Path) -> None:
    wire = json.loads(path.read_bytes())["body_json"]
    body = json.dumps(wire).encode()
    assert CODEC.parse_envelope(body, max_depth=128).streams == bool(wire.get("stream"))
    assert CODEC.parse_request(body).last_user_text == "hi"


def _named(name: str) -> Exchange:
    for param in EXCHANGES:
        if param.values[0] and param.values[0].name == name:
            exchange: Exchange = param.values[0]
            return exchange
    pytest.skip("the recorded exchanges are not there")


def test_an_exhausted_quota_within_a_stream_asks_for_another_key() -> None:
    stream = _named(ERROR_WITHIN).body
    with pytest.raises(UpstreamError) as raised:
        parsed(stream)
    assert raised.value.next is Next.CREDENTIAL
    assert raised.value.failure.code == "insufficient_quota"


def test_an_error_within_a_native_stream_keeps_its_frame() -> None:
    stream = _named(ERROR_WITHIN).body
    with pytest.raises(UpstreamError) as raised:
        watched(stream)
    native = raised.value.failure.native
    assert native is not None
    assert native.data == frames(stream)[2]


def test_a_queued_response_is_no_answer() -> None:
    with pytest.raises(UpstreamError, match="not finished"):
        list(CODEC.parse_native(_named(QUEUED).body, instance="up"))
