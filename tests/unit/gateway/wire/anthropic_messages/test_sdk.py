"""Anthropic's own SDK accepts what is rendered: whole answers, streams, errors and counts."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic.types import Message, RawMessageStreamEvent
from anthropic.types.beta import BetaMessage
from pydantic import TypeAdapter

from gateway.canonical.collect import collect
from gateway.canonical.content import Citation, Opaque
from gateway.canonical.errors import Failure, Kind
from gateway.canonical.events import (
    Event,
    Failed,
    Finished,
    ReasoningDelta,
    ReasoningEnded,
    RefusalDelta,
    Silence,
    Started,
    TextDelta,
    TextEnded,
    ToolCallDelta,
    ToolCallEnded,
    ToolCallStarted,
    Usage,
)
from gateway.wire.anthropic_messages.codec import CODEC
from gateway.wire.anthropic_messages.count import render_count
from tests.unit.gateway.wire.anthropic_messages.exchanges import (
    REPLY,
    Exchange,
    cases,
    recorded,
    shown,
    write_stream,
    write_whole,
)

FOREIGN = Opaque("gemini", "c2lnbmF0dXJl")
CITATIONS = (
    Citation(url="https://example.com/a", title="A", quote="words", start=0, end=4),
    Citation(title="B", quote="more words", file_id="file_1"),
    Citation(),
)
ANSWERS: dict[str, list[Event]] = {
    "text": [TextDelta("Hel"), TextDelta("lo"), TextEnded(), Usage(10, 2), Finished("stop")],
    "nothing": [Finished("stop")],
    "length": [TextDelta("x"), Finished("length")],
    "stop sequence": [TextDelta("x"), Finished("stop", "END")],
    "unknown end": [TextDelta("x"), Finished()],
    "pause": [TextDelta("x"), Finished("pause")],
    "refusal": [RefusalDelta("I will not."), Finished("content_filter")],
    "cited text": [TextDelta("Some text"), TextEnded(CITATIONS), Finished("stop")],
    "thinking": [
        ReasoningDelta("hmm"),
        ReasoningEnded(Opaque("anthropic-messages", "c2ln")),
        TextDelta("x"),
        Usage(10, 5, 3, 2, 4),
        Finished("stop"),
    ],
    "foreign thinking": [
        ReasoningDelta("hmm"),
        ReasoningEnded(FOREIGN),
        ReasoningEnded(FOREIGN),
        ReasoningDelta("unsigned"),
        TextDelta("x"),
        Finished("stop"),
    ],
    "redacted thinking": [
        ReasoningEnded(Opaque("anthropic-messages", "ZGF0YQ=="), redacted=True),
        TextDelta("x"),
        Finished("stop"),
    ],
    "tool call": [
        TextDelta("Look:"),
        ToolCallStarted(0, "call_1", "find"),
        ToolCallDelta(0, '{"a": '),
        ToolCallDelta(0, "1.50}"),
        ToolCallEnded(0, FOREIGN),
        Finished("tool_calls"),
    ],
    "interleaved tool calls": [
        ToolCallStarted(0, "call_1", "find"),
        ToolCallStarted(1, "call_2", "find"),
        ToolCallDelta(0, '{"a"'),
        ToolCallDelta(1, '{"b"'),
        ToolCallDelta(0, ":1}"),
        TextDelta("and text"),
        ToolCallDelta(1, ":2}"),
        Finished("tool_calls"),
    ],
    "call without arguments": [
        ToolCallStarted(0, "call_1", "now"),
        ToolCallDelta(0, ""),
        ToolCallEnded(0),
        Finished("tool_calls"),
    ],
}
CASES = [pytest.param([Started("m"), *events], id=name) for name, events in ANSWERS.items()]

_events: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)


@contextmanager
def _client(body: bytes, *, status: int = 200, stream: bool) -> Iterator[anthropic.Anthropic]:
    type = "text/event-stream; charset=utf-8" if stream else "application/json"

    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, content=body, headers={"content-type": type})

    with httpx2.Client(transport=httpx2.MockTransport(answer)) as http:
        yield anthropic.Anthropic(
            base_url="http://gateway.test", api_key="any", max_retries=0, http_client=http
        )


def _create(body: bytes, *, status: int = 200) -> Message:
    with _client(body, status=status, stream=False) as client:
        return client.messages.create(
            model="m", max_tokens=9, messages=[{"role": "user", "content": "x"}]
        )


def _stream(body: bytes) -> Message:
    """The message that the SDK puts together of a stream."""
    with (
        _client(body, stream=True) as client,
        client.messages.stream(
            model="m", max_tokens=9, messages=[{"role": "user", "content": "x"}]
        ) as stream,
    ):
        return stream.get_final_message()


def _said(message: Message) -> list[Any]:
    """What a message says, without what only one way of delivery tells."""
    blocks = [block.model_dump(exclude_none=True) for block in message.content]
    for block in blocks:
        block.pop("parsed_output", None)
    return [blocks, message.stop_reason, message.stop_sequence, message.usage.output_tokens]


@pytest.mark.parametrize("events", CASES)
def test_a_whole_answer_is_a_message(events: Sequence[Event]) -> None:
    Message.model_validate(write_whole(events))


@pytest.mark.parametrize("events", CASES)
def test_every_frame_is_an_event(events: Sequence[Event]) -> None:
    for frame in shown(events):
        _events.validate_python(frame)


@pytest.mark.parametrize("events", CASES)
def test_a_stream_adds_up_to_what_the_whole_answer_says(events: Sequence[Event]) -> None:
    streamed = _stream(write_stream(events).encode())
    # A call's signature comes before it in a whole answer, and after it in a stream.
    order = {"redacted_thinking": 0}
    whole = _said(_create(CODEC.render_response(collect(events), REPLY)))
    said = _said(streamed)
    for blocks in (whole[0], said[0]):
        blocks.sort(key=lambda block: order.get(block["type"], 1))
    assert said == whole


@pytest.mark.parametrize(
    "exchange", cases(e for e in recorded() if e.status == 200 and "event: error" not in e.body)
)
def test_a_recorded_answer_is_accepted_after_the_canonical_model(exchange: Exchange) -> None:
    events = exchange.events()
    # Some have blocks that only the SDK's beta types know.
    BetaMessage.model_validate(write_whole(events))
    original = exchange.body.encode()
    said = _said(_stream(original) if exchange.is_sse else _create(original))
    assert _said(_stream(write_stream(events).encode()))[1:] == said[1:]


def test_tool_input_is_put_together() -> None:
    message = _stream(write_stream([Started("m"), *ANSWERS["interleaved tool calls"]]).encode())
    calls = [block.input for block in message.content if block.type == "tool_use"]
    assert calls == [{"a": 1}, {"b": 2}]


def test_pings_and_comments_do_not_disturb() -> None:
    events = [Silence(), TextDelta("a"), Silence(), TextDelta("b"), Silence(), Finished("stop")]
    message = _stream(write_stream(events).encode())
    assert [block.model_dump()["text"] for block in message.content] == ["ab"]


def test_usage_is_told_without_the_cached_part() -> None:
    message = _stream(write_stream([TextDelta("x"), Usage(10, 5, 3, 2, 4), Finished()]).encode())
    usage = message.usage
    counts = (
        usage.input_tokens,
        usage.cache_read_input_tokens,
        usage.cache_creation_input_tokens,
        usage.output_tokens,
        usage.output_tokens_details and usage.output_tokens_details.thinking_tokens,
    )
    assert counts == (5, 3, 2, 5, 4)


@pytest.mark.parametrize(
    ("kind", "status", "raised"),
    [
        (Kind.INVALID_REQUEST, 400, anthropic.BadRequestError),
        (Kind.AUTHENTICATION, 401, anthropic.AuthenticationError),
        (Kind.PERMISSION, 403, anthropic.PermissionDeniedError),
        (Kind.NOT_FOUND, 404, anthropic.NotFoundError),
        (Kind.RATE_LIMITED, 429, anthropic.RateLimitError),
        (Kind.UPSTREAM, 502, anthropic.InternalServerError),
    ],
)
def test_an_error_is_read(kind: Kind, status: int, raised: type[anthropic.APIStatusError]) -> None:
    body = CODEC.render_error(Failure(kind=kind, message="why", status=status))
    with pytest.raises(raised, match="why"):
        _create(body, status=status)


def test_an_error_within_a_stream_is_raised() -> None:
    failure = Failure(kind=Kind.TRUNCATED, message="it broke", status=502)
    body = write_stream([TextDelta("x"), Failed(failure)]).encode()
    with pytest.raises(anthropic.APIStatusError, match="it broke"):
        _stream(body)


def test_a_count_is_read() -> None:
    with _client(render_count(42), stream=False) as client:
        count = client.messages.count_tokens(model="m", messages=[{"role": "user", "content": "x"}])
    assert count.input_tokens == 42


def test_the_reply_names_the_clients_model() -> None:
    assert write_whole([Started("upstream-id"), Finished()])["model"] == REPLY.model
