"""What we render is what OpenAI's own document says."""

import json
from typing import Any

import pytest

from gateway.canonical.collect import Answer, collect
from gateway.canonical.content import (
    Citation,
    Media,
    MediaKind,
    Opaque,
    Reasoning,
    Refusal,
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
from gateway.canonical.request import Request
from gateway.wire.openai_chat.codec import CODEC
from tests.support.openapi import validator
from tests.unit.gateway.wire.openai_chat.recordings import (
    chunks_of,
    parse_stream,
    parse_whole,
    recordings,
    render_stream,
    render_whole,
)

SIGNATURE = Opaque("anthropic-messages", "sig")
CITATIONS = (Citation(url="https://x", title="t", quote="q", start=0, end=1), Citation(file_id="f"))
TOKENS = (TokenLogprob("a", -0.5, (("a", -0.5), ("b", -2.0))),)
IMAGE = Media(kind=MediaKind.IMAGE, mime="image/png", data="QUI=")
SOUND = Media(kind=MediaKind.AUDIO, mime="audio/wav", data="QUI=")
USAGE = Usage(30, 20, cached_tokens=5, cache_write_tokens=4, reasoning_tokens=7)

ANSWERS: list[Any] = [
    pytest.param([TextDelta("a"), Finished("stop")], id="text"),
    pytest.param([Finished()], id="nothing"),
    pytest.param([RefusalDelta("no"), Finished("content_filter")], id="refusal"),
    pytest.param(
        [
            ReasoningDelta("r"),
            ReasoningEnded(SIGNATURE),
            ReasoningEnded(SIGNATURE, redacted=True),
            TextDelta("a"),
            Logprobs(TOKENS),
            TextEnded(CITATIONS),
            MediaProduced(IMAGE),
            MediaProduced(SOUND),
            ToolCallStarted(0, "c", "f"),
            ToolCallStarted(1, "d", "g"),
            ToolCallDelta(0, "{"),
            ToolCallDelta(1, "{}"),
            ToolCallDelta(0, "}"),
            ToolCallEnded(0, SIGNATURE),
            TextDelta("b"),
            USAGE,
            Finished("tool_calls"),
        ],
        id="everything",
    ),
]


def _check(schema: str, wire: object) -> None:
    faults = [
        f"{'.'.join(map(str, fault.path))}: {fault.message[:200]}"
        for fault in validator(schema).iter_errors(wire)
    ]
    assert faults == []


@pytest.mark.parametrize("events", ANSWERS)
def test_a_whole_answer_is_a_completion(events: list[Event]) -> None:
    answer = collect([Started("m", "u"), *events])
    _check("CreateChatCompletionResponse", json.loads(render_whole(answer)))


@pytest.mark.parametrize("usage", [True, False], ids=["with-usage", "without-usage"])
@pytest.mark.parametrize("events", ANSWERS)
def test_a_stream_is_made_of_chunks(events: list[Event], usage: bool) -> None:
    for chunk in chunks_of(render_stream([Started("m", "u"), *events], usage=usage)):
        _check("CreateChatCompletionStreamResponse", chunk)


def test_a_custom_call_is_in_a_completion() -> None:
    answer = Answer(parts=(ToolCall("c", "f", "in", custom=True),), finish_reason="tool_calls")
    _check("CreateChatCompletionResponse", json.loads(render_whole(answer)))


@pytest.fixture(scope="module")
def recorded() -> list[list[Event]]:
    """The events of every recorded answer that is whole."""
    answers = [
        parse_stream(recording.body) if recording.is_sse else parse_whole(recording.body)
        for recording in recordings()
        if recording.status == 200 and not (recording.is_sse and recording.breaks_off)
    ]
    return answers or pytest.skip("the recorded exchanges are not there")


def test_every_recorded_answer_is_a_completion(recorded: list[list[Event]]) -> None:
    for events in recorded:
        _check("CreateChatCompletionResponse", json.loads(render_whole(collect(events))))


def test_the_ends_of_every_recorded_answer_are_made_of_chunks(
    recorded: list[list[Event]],
) -> None:
    for events in recorded:
        chunks = chunks_of(render_stream(events))
        for chunk in [*chunks[:10], *chunks[-10:]]:
            _check("CreateChatCompletionStreamResponse", chunk)


@pytest.mark.parametrize("model", ["gpt-5.4", "gpt-4o", "org/m"])
def test_a_request_is_a_request(model: str) -> None:
    message = {
        "role": "assistant",
        "content": [{"type": "text", "text": "a"}],
        "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}],
    }
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUI="}}
    sound = {"type": "input_audio", "input_audio": {"data": "QUI=", "format": "mp3"}}
    file = {"type": "file", "file": {"file_data": "QUI="}}
    tool = {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "1"}, image]}
    body = {
        "model": "m",
        "messages": [
            {"role": "developer", "content": "s"},
            {"role": "user", "content": [{"type": "text", "text": "a"}, image, sound, file]},
            message,
            tool,
        ],
        "tools": [
            {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}},
            {"type": "custom", "custom": {"name": "g", "format": {"type": "text"}}},
        ],
        "tool_choice": "required",
        "reasoning_effort": "low",
        "response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}},
        "stop": ["x"],
        "max_tokens": 20,
        "seed": 1,
        "n": 2,
        "logprobs": True,
        "top_logprobs": 3,
        "parallel_tool_calls": False,
        "user": "u",
    }
    request: Request = CODEC.parse_request(json.dumps(body).encode())
    rendered = CODEC.render_request(request, model=model, stream=True)
    _check("CreateChatCompletionRequest", json.loads(rendered))


def test_reasoning_refusal_and_text_are_in_one_message() -> None:
    parts = (Reasoning(text="r"), Text("a"), Refusal("no"))
    _check("CreateChatCompletionResponse", json.loads(render_whole(Answer(parts=parts))))
