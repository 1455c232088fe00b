"""What we answer is accepted by OpenAI's own SDK and by its OpenAPI document."""

import functools
from typing import Any

import httpx2
import msgspec
import openai
import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from gateway.canonical.collect import collect
from gateway.canonical.content import Citation, Media, MediaKind, Opaque
from gateway.canonical.errors import Failure, Kind
from gateway.canonical.events import (
    Event,
    Failed,
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
from gateway.wire.openai_responses.codec import CODEC
from tests.support.openapi import validator
from tests.unit.gateway.wire.openai_responses.answers import (
    Exchange,
    canonical,
    rendered,
    reply,
    told,
)
from tests.unit.gateway.wire.openai_responses.test_recorded import ANSWERED

PARAMETERS = {"type": "object", "properties": {"x": {"type": "string"}}}
REQUEST: dict[str, Any] = {
    "instructions": "be terse",
    "tools": [
        {"type": "function", "name": "f", "parameters": PARAMETERS},
        {"type": "custom", "name": "c"},
        {
            "type": "namespace",
            "name": "crm",
            "description": "customers",
            "tools": [{"type": "function", "name": "find", "parameters": PARAMETERS}],
        },
    ],
    "tool_choice": {"type": "function", "name": "f"},
    "reasoning": {"effort": "low"},
    "text": {"format": {"type": "json_object"}},
    "metadata": {"team": "a"},
    "temperature": 0.5,
    "user": "u",
}

EVERYTHING: list[Event] = [
    Started("m", "up-1"),
    ReasoningDelta("let me "),
    ReasoningDelta("think"),
    ReasoningEnded(Opaque("anthropic-messages", "sig")),
    ReasoningEnded(Opaque("anthropic-messages", "redacted"), True),
    Logprobs((TokenLogprob("He", -0.5, (("He", -0.5), ("Yo", -2.0))),)),
    TextDelta("He"),
    TextDelta("llo"),
    TextEnded((Citation(url="https://a.example", title="A", start=0, end=2),)),
    TextDelta("cited"),
    TextEnded((Citation(file_id="file-1", title="a.txt"), Citation(quote="nowhere"))),
    RefusalDelta("but no"),
    ToolCallStarted(0, "call_0", "f"),
    ToolCallStarted(1, "call_1", "c", True),
    ToolCallDelta(0, '{"x":'),
    ToolCallDelta(1, "free "),
    ToolCallDelta(0, '"y"}'),
    ToolCallEnded(0, Opaque("gemini", "thought")),
    ToolCallStarted(2, "call_2", "crm__find"),
    TextDelta("after calls"),
    ToolCallDelta(1, "text"),
    MediaProduced(
        Media(kind=MediaKind.IMAGE, mime="image/jpeg", data="aGk=", signature=Opaque("gemini", "i"))
    ),
    Usage(10, 5, cached_tokens=4, cache_write_tokens=2, reasoning_tokens=3),
    Finished("tool_calls"),
]
LENGTH: list[Event] = [Started("m"), TextDelta("cut o"), Usage(1, 1), Finished("length")]
EMPTY: list[Event] = [Started("m"), Finished("stop")]
FAILED: list[Event] = [
    Started("m"),
    TextDelta("a"),
    Failed(Failure(kind=Kind.TRUNCATED, message="it broke", status=502)),
]
MADE = [
    pytest.param(EVERYTHING, id="everything"),
    pytest.param(LENGTH, id="length"),
    pytest.param(EMPTY, id="empty"),
]

_responses = TypeAdapter(Response)
_events: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def _client(body: bytes, content_type: str) -> openai.OpenAI:
    def answer(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": content_type}, content=body)

    http_client = httpx2.Client(transport=httpx2.MockTransport(answer))
    return openai.OpenAI(
        api_key="k", base_url="http://127.0.0.1/v1", max_retries=0, http_client=http_client
    )


@functools.cache
def _event_schema(type: str) -> Any:
    """The schema of one type of event; the one of all of them takes seconds for each."""
    names = {
        "response.created": "ResponseCreatedEvent",
        "response.in_progress": "ResponseInProgressEvent",
        "response.completed": "ResponseCompletedEvent",
        "response.incomplete": "ResponseIncompleteEvent",
        "response.output_item.added": "ResponseOutputItemAddedEvent",
        "response.output_item.done": "ResponseOutputItemDoneEvent",
        "response.content_part.added": "ResponseContentPartAddedEvent",
        "response.content_part.done": "ResponseContentPartDoneEvent",
        "response.output_text.delta": "ResponseTextDeltaEvent",
        "response.output_text.done": "ResponseTextDoneEvent",
        "response.output_text.annotation.added": "ResponseOutputTextAnnotationAddedEvent",
        "response.refusal.delta": "ResponseRefusalDeltaEvent",
        "response.refusal.done": "ResponseRefusalDoneEvent",
        "response.reasoning_summary_part.added": "ResponseReasoningSummaryPartAddedEvent",
        "response.reasoning_summary_part.done": "ResponseReasoningSummaryPartDoneEvent",
        "response.reasoning_summary_text.delta": "ResponseReasoningSummaryTextDeltaEvent",
        "response.reasoning_summary_text.done": "ResponseReasoningSummaryTextDoneEvent",
        "response.function_call_arguments.delta": "ResponseFunctionCallArgumentsDeltaEvent",
        "response.function_call_arguments.done": "ResponseFunctionCallArgumentsDoneEvent",
        "response.custom_tool_call_input.delta": "ResponseCustomToolCallInputDeltaEvent",
        "response.custom_tool_call_input.done": "ResponseCustomToolCallInputDoneEvent",
        "response.image_generation_call.in_progress": "ResponseImageGenCallInProgressEvent",
        "response.image_generation_call.generating": "ResponseImageGenCallGeneratingEvent",
        "response.image_generation_call.completed": "ResponseImageGenCallCompletedEvent",
        "error": "ResponseErrorEvent",
    }
    return validator(names[type])


def _whole(events: list[Event]) -> bytes:
    return CODEC.render_response(collect(events), reply(REQUEST))


@pytest.mark.parametrize("events", MADE)
def test_a_whole_answer_keeps_to_the_document(events: list[Event]) -> None:
    validator("Response").validate(msgspec.json.decode(_whole(events)))


@pytest.mark.parametrize("events", [*MADE, pytest.param(FAILED, id="failed")])
def test_every_streamed_event_keeps_to_the_document(events: list[Event]) -> None:
    for event in told(rendered(events, REQUEST)):
        _event_schema(event["type"]).validate(event)


@pytest.mark.parametrize("events", MADE)
def test_a_whole_answer_is_of_the_sdks_types(events: list[Event]) -> None:
    _responses.validate_json(_whole(events), strict=False)


@pytest.mark.parametrize("events", [*MADE, pytest.param(FAILED, id="failed")])
def test_every_streamed_event_is_of_the_sdks_types(events: list[Event]) -> None:
    for event in told(rendered(events, REQUEST)):
        _events.validate_python(event)


@pytest.mark.parametrize("exchange", ANSWERED)
def test_a_recorded_answer_told_anew_keeps_to_the_document(exchange: Exchange) -> None:
    events = canonical(exchange)
    body = CODEC.render_response(collect(events), reply())
    validator("Response").validate(msgspec.json.decode(body))


@pytest.mark.parametrize("exchange", ANSWERED)
def test_the_sdk_gathers_a_recorded_answer_from_our_stream(exchange: Exchange) -> None:
    events = canonical(exchange)
    answer = collect(events)
    client = _client(rendered(events), "text/event-stream")
    with client.responses.stream(model="m", input="x") as stream:
        types = [event.type for event in stream]
        if "response.incomplete" in types:
            return
        response = stream.get_final_response()
    assert response.output_text == answer.text
    called = [item for item in response.output if item.type == "function_call"]
    assert [(c.call_id, c.name, c.arguments) for c in called] == [
        (call.id, call.name, call.arguments) for call in answer.tool_calls
    ]
    assert response.usage is not None
    assert answer.usage is not None
    assert response.usage.output_tokens == answer.usage.output_tokens


def test_the_sdk_gathers_interleaved_calls() -> None:
    client = _client(rendered(EVERYTHING, REQUEST), "text/event-stream")
    with client.responses.stream(model="m", input="x") as stream:
        response = stream.get_final_response()
    calls = [item for item in response.output if item.type == "function_call"]
    assert [(call.name, call.arguments) for call in calls] == [("f", '{"x":"y"}'), ("find", "")]
    assert response.output_text == "Hellocitedafter calls"


def test_the_sdk_reads_a_whole_answer() -> None:
    response = _client(_whole(EVERYTHING), "application/json").responses.create(
        model="m", input="x"
    )
    assert response.output_text == "Hellocitedafter calls"
    assert response.instructions == "be terse"


def test_the_sdk_raises_when_a_stream_breaks() -> None:
    client = _client(rendered(FAILED), "text/event-stream")
    with pytest.raises(openai.APIError, match="it broke"):
        for _ in client.responses.create(model="m", input="x", stream=True):
            pass


def test_the_sdk_reads_an_error() -> None:
    failure = Failure(kind=Kind.INVALID_REQUEST, message="bad", status=400, param="input[0]")
    error = msgspec.json.decode(CODEC.render_error(failure))["error"]
    raised = openai.APIError("bad", httpx2.Request("POST", "http://x"), body=error)
    assert (raised.code, raised.param, raised.type) == (
        "invalid_request",
        "input[0]",
        "invalid_request_error",
    )
