"""OpenAI's own SDK takes what we render, and finds the answer in it."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletion

from gateway.canonical.collect import Answer, collect
from gateway.canonical.errors import Failure, Kind
from gateway.canonical.events import (
    Event,
    Failed,
    Finished,
    ReasoningDelta,
    RefusalDelta,
    Silence,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
)
from gateway.wire.openai_chat.codec import CODEC
from tests.unit.gateway.wire.openai_chat.recordings import (
    parse_stream,
    parse_whole,
    recordings,
    render_stream,
    render_whole,
)

HI: Any = [{"role": "user", "content": "hi"}]
Answering = Callable[[int, bytes, str], openai.OpenAI]


@pytest.fixture
def answering() -> Iterator[Answering]:
    """Makes a client, strict on what it is answered, whose server answers this."""
    clients: list[openai.OpenAI] = []

    def make(status: int, body: bytes, type: str) -> openai.OpenAI:
        def answer(_: httpx2.Request) -> httpx2.Response:
            return httpx2.Response(status, content=body, headers={"Content-Type": type})

        client = openai.OpenAI(
            api_key="k",
            base_url="http://gateway.invalid/v1",
            max_retries=0,
            http_client=httpx2.Client(transport=httpx2.MockTransport(answer)),
            _strict_response_validation=True,
        )
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


def _whole(answering: Answering, body: bytes) -> ChatCompletion:
    client = answering(200, body, "application/json")
    return client.chat.completions.create(model="m", messages=HI)


def _streamed(answering: Answering, body: bytes) -> ChatCompletion:
    """The completion that the SDK puts together from a stream."""
    client = answering(200, body, "text/event-stream")
    options: Any = {"include_usage": True}
    with client.chat.completions.stream(model="m", messages=HI, stream_options=options) as stream:
        return stream.get_final_completion()


def _check(completion: ChatCompletion, answer: Answer) -> None:
    (choice,) = completion.choices
    message = choice.message
    assert (message.content or "") == answer.text
    assert (message.refusal or "") == answer.refusal
    calls: list[Any] = list(message.tool_calls or ())
    assert [(call.id, call.function.name, call.function.arguments) for call in calls] == [
        (call.id, call.name, call.arguments) for call in answer.tool_calls
    ]
    assert choice.finish_reason == answer.finish_reason
    if answer.usage:
        assert completion.usage is not None
        counts = (completion.usage.prompt_tokens, completion.usage.completion_tokens)
        assert counts == (answer.usage.input_tokens, answer.usage.output_tokens)
    assert (completion.id, completion.model) == ("chatcmpl-r1", "m")


ANSWERS: list[Any] = [
    pytest.param([TextDelta("a"), TextDelta("b"), Usage(3, 2), Finished("stop")], id="text"),
    pytest.param([ReasoningDelta("r"), TextDelta("a"), Finished("stop")], id="reasoning"),
    pytest.param([RefusalDelta("n"), RefusalDelta("o"), Finished("stop")], id="refusal"),
    pytest.param([Silence(), TextDelta("a"), Silence(), Finished("stop")], id="silence"),
    pytest.param(
        [
            ToolCallStarted(0, "c", "f"),
            ToolCallStarted(1, "d", "g"),
            ToolCallDelta(0, '{"x"'),
            ToolCallDelta(1, "{}"),
            ToolCallDelta(0, ":1}"),
            TextDelta("after"),
            Finished("tool_calls"),
        ],
        id="calls-at-the-same-time",
    ),
]


@pytest.mark.parametrize("events", ANSWERS)
def test_the_sdk_reads_a_whole_answer(events: list[Event], answering: Answering) -> None:
    answer = collect([Started("u"), *events])
    _check(_whole(answering, render_whole(answer)), answer)


@pytest.mark.parametrize("events", ANSWERS)
def test_the_sdk_puts_a_stream_together(events: list[Event], answering: Answering) -> None:
    stream = render_stream([Started("u"), *events])
    _check(_streamed(answering, stream), collect([Started("u"), *events]))


def test_the_sdk_reads_every_recorded_answer(answering: Answering) -> None:
    good = [
        recording
        for recording in recordings()
        if recording.status == 200 and not (recording.is_sse and recording.breaks_off)
    ]
    if not good:
        pytest.skip("the recorded exchanges are not there")
    for recording in good:
        parse = parse_stream if recording.is_sse else parse_whole
        answer = collect(parse(recording.body))
        _check(_whole(answering, render_whole(answer)), answer)


# The SDK raises on an answer that was cut, in place of giving it.
def test_the_sdk_puts_every_recorded_answer_together(answering: Answering) -> None:
    good = [
        recording
        for recording in recordings()
        if recording.status == 200
        and b'"length"' not in recording.body
        and not (recording.is_sse and recording.breaks_off)
    ]
    if not good:
        pytest.skip("the recorded exchanges are not there")
    for recording in good:
        parse = parse_stream if recording.is_sse else parse_whole
        events = parse(recording.body)
        _check(_streamed(answering, render_stream(events)), collect(events))


def test_the_sdk_reads_reasoning_and_details(answering: Answering) -> None:
    completion = _whole(
        answering, render_whole(collect([Started("u"), ReasoningDelta("r"), Finished("stop")]))
    )
    extra = completion.choices[0].message.model_extra or {}
    assert extra["reasoning_content"] == "r"


def test_the_sdk_raises_where_a_stream_broke(answering: Answering) -> None:
    failure = Failure(kind=Kind.TRUNCATED, message="it broke", status=502)
    stream = render_stream([Started("u"), TextDelta("a"), Failed(failure)])
    with pytest.raises(openai.APIError, match="it broke"):
        _streamed(answering, stream)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (404, openai.NotFoundError),
        (429, openai.RateLimitError),
        (502, openai.InternalServerError),
    ],
)
def test_the_sdk_raises_the_error_of_the_status(
    status: int, error: type[openai.APIStatusError], answering: Answering
) -> None:
    failure = Failure(kind=Kind.INVALID_REQUEST, message="it is wrong", status=status, param="n")
    client = answering(status, CODEC.render_error(failure), "application/json")
    with pytest.raises(error) as caught:
        client.chat.completions.create(model="m", messages=HI)
    assert (caught.value.param, caught.value.code) == ("n", "invalid_request")
    assert "it is wrong" in caught.value.message
