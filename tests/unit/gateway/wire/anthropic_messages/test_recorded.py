"""Recorded exchanges: through the canonical model and back, and to a client as they are."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.canonical.events import Event, Finished, NativeBody, NativeFrame, Usage
from gateway.canonical.request import ReasoningOptions, Request
from gateway.wire.anthropic_messages.codec import CODEC
from gateway.wire.anthropic_messages.render_request import render_count_request
from gateway.wire.sse import FrameSplitter
from tests.unit.gateway.wire.anthropic_messages.exchanges import (
    REPLY,
    Exchange,
    answer,
    captures,
    cases,
    data_of,
    read_stream,
    read_whole,
    recorded,
    write_stream,
)

MESSAGES = recorded()
COUNTS = recorded("count_tokens")
REQUESTS = cases(exchange for exchange in MESSAGES if exchange.request)
GOOD = [e for e in MESSAGES if e.status == 200 and "event: error" not in e.body]
ANSWERS = cases(GOOD)
STREAMS = cases(e for e in GOOD if e.is_sse)
WHOLE = cases(e for e in GOOD if not e.is_sse)

NO_MODEL = "bad model"
SOME_MODEL = "claude-sonnet-5"
UNKNOWN_EFFORT = "anthropic-messages-019-sync-err400"
"""Asks a model for an effort that it does not know."""


def _parsed(wire: Any) -> Request:
    body = json.dumps(wire).encode()
    CODEC.parse_envelope(body, max_depth=128)
    return CODEC.parse_request(body)


def _bare(request: Request) -> Request:
    """Without the names of what was lost, which are lost only once."""
    return replace(request, dropped=(), refused=())


@pytest.mark.parametrize("exchange", REQUESTS)
def test_a_request_survives_the_canonical_model(exchange: Exchange) -> None:
    assert exchange.request
    model = exchange.request["model"].replace(NO_MODEL, SOME_MODEL)
    request = _bare(_parsed(exchange.request))
    rendered = json.loads(CODEC.render_request(request, model=model, stream=request.stream))
    if exchange.id == UNKNOWN_EFFORT:
        request = replace(request, reasoning=ReasoningOptions(effort="high"))
    assert _bare(_parsed(rendered)) == request
    assert rendered["model"] == model


@pytest.mark.parametrize("body", captures())
def test_what_an_sdk_sends_is_read_whole(body: dict[str, Any]) -> None:
    request = _parsed(body)
    assert (request.dropped, request.refused) == ((), ())
    assert request.max_output_tokens == body.get("max_tokens")
    assert request.stream == body.get("stream", False)


@pytest.mark.parametrize("exchange", cases(COUNTS))
def test_a_count_request_survives_the_canonical_model(exchange: Exchange) -> None:
    assert exchange.request
    request = _bare(_parsed(exchange.request))
    rendered = json.loads(render_count_request(request, model="claude-sonnet-5"))
    if (exchange.request.get("tool_choice") or {}).get("type") == "any":
        # What is counted is what would be sent, and thinking gives way to a forced call.
        request = replace(request, reasoning=None)
    assert _bare(_parsed(rendered)) == request
    assert "max_tokens" not in rendered


@pytest.mark.parametrize("exchange", REQUESTS)
def test_a_request_to_the_same_dialect_changes_its_model_only(exchange: Exchange) -> None:
    body = json.dumps(exchange.request).encode()
    spliced = json.loads(CODEC.render_native(body, model="other"))
    assert spliced == {**(exchange.request or {}), "model": "other"}


@pytest.mark.parametrize("exchange", ANSWERS)
def test_an_answer_survives_the_canonical_model_whole(exchange: Exchange) -> None:
    collected = answer(exchange.events())
    rendered = CODEC.render_response(collected, REPLY)
    assert answer(read_whole(rendered)) == collected


@pytest.mark.parametrize("exchange", ANSWERS)
def test_an_answer_survives_the_canonical_model_streamed(exchange: Exchange) -> None:
    events = exchange.events()
    assert answer(read_stream(write_stream(events))) == answer(events)


@pytest.mark.parametrize("exchange", STREAMS)
def test_a_stream_says_the_same_however_it_is_cut(exchange: Exchange) -> None:
    splitter = FrameSplitter()
    parser = CODEC.stream_parser("up")
    body = exchange.body.encode()
    events: list[Event] = []
    for start in range(0, len(body), 7):
        for frame in splitter.feed(body[start : start + 7]):
            data = data_of(frame.decode())
            if data is not None:
                events += parser.read(data)
    events += parser.end()
    assert events == exchange.events()


@pytest.mark.parametrize("exchange", STREAMS)
def test_a_native_stream_passes_byte_for_byte(exchange: Exchange) -> None:
    reader = CODEC.native_reader("up")
    frames = [reader.read(frame.encode(), data_of(frame)) for frame in exchange.frames]
    rendered = CODEC.renderer(REPLY).render([*frames, *reader.end()])
    assert rendered == exchange.body.rstrip("\n").encode() + b"\n\n"
    assert reader.done


@pytest.mark.parametrize("exchange", STREAMS)
def test_a_native_stream_ends_like_the_canonical_one(exchange: Exchange) -> None:
    reader = CODEC.native_reader("up")
    for frame in exchange.frames:
        reader.read(frame.encode(), data_of(frame))
    canonical = exchange.events()
    usages = [event for event in canonical if isinstance(event, Usage)]
    assert list(reader.end()) == [usages[-1], canonical[-1]]


@pytest.mark.parametrize("exchange", STREAMS)
def test_a_native_stream_has_output_but_not_in_its_first_frame(exchange: Exchange) -> None:
    reader = CODEC.native_reader("up")
    frames = [reader.read(frame.encode(), data_of(frame)) for frame in exchange.frames]
    assert not frames[0].output
    assert any(frame.output for frame in frames)


@pytest.mark.parametrize("exchange", STREAMS)
def test_a_stream_without_its_last_frame_is_truncated(exchange: Exchange) -> None:
    reader = CODEC.native_reader("up")
    for frame in exchange.frames[:-1]:
        assert isinstance(reader.read(frame.encode(), data_of(frame)), NativeFrame)
    with pytest.raises(Exception, match="closed the connection before"):
        list(reader.end())


@pytest.mark.parametrize("exchange", WHOLE)
def test_a_whole_native_answer_passes_byte_for_byte(exchange: Exchange) -> None:
    body = exchange.body.encode()
    first, *rest = CODEC.parse_native(body, instance="up")
    assert first == NativeBody(body)
    assert isinstance(rest[0], Usage)
    assert isinstance(rest[1], Finished)


@pytest.mark.parametrize("exchange", WHOLE)
def test_a_whole_native_answer_ends_like_the_canonical_one(exchange: Exchange) -> None:
    native = list(CODEC.parse_native(exchange.body.encode(), instance="up"))
    assert native[1:] == exchange.events()[-2:]
