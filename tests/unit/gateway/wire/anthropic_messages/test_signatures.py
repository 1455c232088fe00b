"""Opaque values of other dialects on their way to a client and back."""

import json
from typing import Any

import pytest

from gateway.canonical.content import Opaque, Reasoning, Text, ToolCall
from gateway.canonical.events import (
    Event,
    Finished,
    ReasoningDelta,
    ReasoningEnded,
    TextDelta,
    TextEnded,
    ToolCallDelta,
    ToolCallEnded,
    ToolCallStarted,
)
from gateway.canonical.request import Message, Request, Role
from gateway.wire.anthropic_messages.parse_request import parse_request
from gateway.wire.anthropic_messages.render_request import render_request
from gateway.wire.opaque import is_wrapped
from tests.unit.gateway.wire.anthropic_messages.exchanges import (
    answer,
    read_stream,
    read_whole,
    shown,
    write_stream,
    write_whole,
)

FOREIGN = Opaque("gemini", "AbC+/=")
OTHER = Opaque("openai-responses", "enc")


def _calls(first: Opaque | None, second: Opaque | None) -> list[Event]:
    return [
        ToolCallStarted(0, "call_1", "f"),
        ToolCallDelta(0, '{"a": 1}'),
        ToolCallEnded(0, first),
        ToolCallStarted(1, "call_2", "f"),
        ToolCallDelta(1, '{"a": 2}'),
        ToolCallEnded(1, second),
        Finished("tool_calls"),
    ]


ANSWERS = [
    pytest.param([ReasoningDelta("hm"), ReasoningEnded(FOREIGN), Finished("stop")], id="thinking"),
    pytest.param([ReasoningEnded(OTHER), Finished("stop")], id="without text"),
    pytest.param(
        [ReasoningEnded(OTHER), ReasoningEnded(FOREIGN), TextDelta("x"), Finished("stop")],
        id="several",
    ),
    pytest.param(_calls(FOREIGN, None), id="first call"),
    pytest.param(_calls(None, FOREIGN), id="second call"),
    pytest.param(_calls(FOREIGN, OTHER), id="both calls"),
    pytest.param(
        [
            ReasoningDelta("hm"),
            ReasoningEnded(OTHER),
            TextDelta("x"),
            TextEnded(),
            *_calls(FOREIGN, None),
        ],
        id="all",
    ),
]


def _next_turn(content: Any) -> Request:
    """The client's next request, which hands the answer back."""
    wire = {"model": "m", "messages": [{"role": "assistant", "content": content}]}
    return parse_request(json.dumps(wire).encode())


def _streamed_content(events: list[Event]) -> list[dict[str, Any]]:
    """The blocks that a client puts together of a stream."""
    blocks: list[dict[str, Any]] = []
    for frame in shown(events):
        if frame["type"] == "content_block_start":
            blocks.append(frame["content_block"])
        elif frame["type"] == "content_block_delta":
            delta = frame["delta"]
            block = blocks[frame["index"]]
            match delta["type"]:
                case "signature_delta":
                    block["signature"] = delta["signature"]
                case "thinking_delta":
                    block["thinking"] += delta["thinking"]
                case "text_delta":
                    block["text"] += delta["text"]
                case "input_json_delta":
                    block["input"] = json.loads(delta["partial_json"])
    return blocks


@pytest.mark.parametrize("events", ANSWERS)
def test_signatures_come_back_with_the_next_turn_after_a_whole_answer(events: list[Event]) -> None:
    (message,) = _next_turn(write_whole(events)["content"]).messages
    assert _signed(message) == _signed_parts(events)


@pytest.mark.parametrize("events", ANSWERS)
def test_signatures_come_back_with_the_next_turn_after_a_stream(events: list[Event]) -> None:
    (message,) = _next_turn(_streamed_content(events)).messages
    assert _signed(message) == _signed_parts(events)


@pytest.mark.parametrize("events", ANSWERS)
def test_signatures_pass_through_a_second_gateway(events: list[Event]) -> None:
    parts = answer(events).parts
    assert answer(read_stream(write_stream(events))).parts == parts
    assert answer(read_whole(json.dumps(write_whole(events)).encode())).parts == parts


@pytest.mark.parametrize("events", ANSWERS)
def test_foreign_signatures_never_reach_an_upstream(events: list[Event]) -> None:
    request = _next_turn(write_whole(events)["content"])
    body = render_request(request, model="m", stream=False)
    assert b"thinking" not in body
    assert b"AAB" not in body


def test_an_own_signature_goes_as_it_is() -> None:
    own = Opaque("anthropic-messages", "c2ln")
    (block,) = write_whole([ReasoningDelta("hm"), ReasoningEnded(own), Finished()])["content"]
    assert block == {"type": "thinking", "thinking": "hm", "signature": "c2ln"}


def test_thinking_that_nobody_signed_has_a_signature_that_the_gateway_knows() -> None:
    events: list[Event] = [ReasoningDelta("hm"), Finished()]
    (block,) = write_whole(events)["content"]
    assert is_wrapped(block["signature"])
    assert [block] == _streamed_content(events)
    (message,) = _next_turn([block]).messages
    assert message.parts == (Reasoning(text="hm"),)


def test_a_carrier_block_shows_as_redacted_thinking_beside_its_call() -> None:
    types = [block["type"] for block in write_whole(_calls(None, FOREIGN))["content"]]
    assert types == ["tool_use", "redacted_thinking", "tool_use"]
    streamed = [block["type"] for block in _streamed_content(_calls(FOREIGN, None))]
    assert streamed == ["tool_use", "redacted_thinking", "tool_use"]


def _signed_parts(events: list[Event]) -> list[Any]:
    return _signed(Message(Role.ASSISTANT, answer(events).parts))


def _signed(message: Message) -> list[Any]:
    """Each part with what it says and its signature."""
    said = []
    for part in message.parts:
        match part:
            case ToolCall(id=id, signature=signature):
                said.append((id, signature))
            case Reasoning(text=text, signature=signature):
                said.append((text, signature))
            case Text(text=text):
                said.append((text, None))
    return said
