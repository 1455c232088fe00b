"""Signatures of reasoning and of tool calls survive the way to a chat client and back."""

import json
from typing import Any

import pytest

from gateway.canonical.collect import Answer, collect
from gateway.canonical.content import AnyPart, Opaque, Reasoning, Text, ToolCall
from gateway.canonical.events import (
    Event,
    Finished,
    ReasoningDelta,
    ReasoningEnded,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallEnded,
    ToolCallStarted,
)
from gateway.canonical.request import Message, Request, Role
from gateway.wire.opaque import wrap
from gateway.wire.openai_chat.parse_request import parse_request
from gateway.wire.openai_chat.reasoning import OWN
from gateway.wire.openai_chat.render_request import render_request
from tests.unit.gateway.wire.openai_chat.recordings import (
    chunks_of,
    collected,
    parse_stream,
    parse_whole,
    render_stream,
    render_whole,
)

FOREIGN = Opaque("anthropic-messages", "sig+/==")
OTHER = Opaque("gemini", "thought")
ENTRY = '{"format":"anthropic-claude-v1","index":0,"signature":"s","type":"reasoning.text"}'
SUMMARIZED = '{"data":"d","format":"x","id":"rs_1","index":0,"type":"reasoning.encrypted"}'
THOUGHT_SIGNATURE = (
    '{"data":"d","format":"google-gemini-v1","id":"c","index":0,"type":"reasoning.encrypted"}'
)

TURNS: list[Any] = [
    pytest.param((Reasoning(text="r", signature=FOREIGN), Text("a")), id="signed"),
    pytest.param((Reasoning(text="r", signature=FOREIGN, id="rs_1"), Text("a")), id="signed-id"),
    pytest.param(
        (Reasoning(text="r", signature=FOREIGN), Reasoning(text="q", signature=OTHER), Text("a")),
        id="two-signed",
    ),
    pytest.param((Reasoning(signature=FOREIGN, redacted=True), Text("a")), id="redacted"),
    pytest.param((Reasoning(signature=FOREIGN, id="rs_2"), Text("a")), id="encrypted"),
    pytest.param(
        (
            Reasoning(signature=FOREIGN, redacted=True),
            Reasoning(text="r", signature=FOREIGN),
            ToolCall("c", "f", "{}"),
        ),
        id="redacted-then-signed",
    ),
    pytest.param((ToolCall("c", "f", "{}", OTHER), ToolCall("d", "g", "{}")), id="call"),
    pytest.param(
        (
            Reasoning(text="r"),
            Text("a"),
            ToolCall("c", "f", "{}", OTHER),
            ToolCall("d", "g", "{}", FOREIGN),
        ),
        id="calls-after-text",
    ),
    pytest.param((Reasoning(text="r", signature=Opaque(OWN, ENTRY)), Text("a")), id="own"),
    pytest.param(
        (Reasoning(text="r", signature=Opaque(OWN, SUMMARIZED), id="rs_1"), Text("a")),
        id="own-with-summary",
    ),
    pytest.param(
        (Reasoning(signature=Opaque(OWN, SUMMARIZED), id="rs_1"), Text("a")),
        id="own-without-summary",
    ),
    pytest.param((ToolCall("c", "f", "{}", Opaque(OWN, THOUGHT_SIGNATURE)),), id="own-call"),
]


def _events_of(parts: tuple[AnyPart, ...]) -> list[Event]:
    events: list[Event] = [Started("m")]
    calls = 0
    for part in parts:
        match part:
            case Reasoning():
                events += [ReasoningDelta(part.text)] if part.text else []
                events.append(ReasoningEnded(part.signature, part.redacted, part.id))
            case ToolCall():
                events.append(ToolCallStarted(calls, part.id, part.name))
                events.append(ToolCallDelta(calls, part.arguments))
                events.append(ToolCallEnded(calls, part.signature))
                calls += 1
            case Text():
                events.append(TextDelta(part.text))
            case _:
                pytest.fail("not a part of these turns")
    return [*events, Finished("tool_calls" if calls else "stop")]


def _next_request(message: dict[str, Any]) -> bytes:
    hi = {"role": "user", "content": "hi"}
    return json.dumps({"model": "m", "messages": [hi, message]}).encode()


def _accumulated(stream: bytes) -> dict[str, Any]:
    """The message that a client makes of a stream, entries of one index put together."""
    message: dict[str, Any] = {"role": "assistant", "content": "", "reasoning_content": ""}
    details: list[dict[str, Any]] = []
    calls: list[dict[str, Any]] = []
    for delta in (c["delta"] for chunk in chunks_of(stream) for c in chunk["choices"]):
        message["content"] += delta.get("content") or ""
        message["reasoning_content"] += delta.get("reasoning_content") or ""
        for entry in delta.get("reasoning_details", ()):
            last = details[-1] if details else {}
            if all(last.get(key) == entry[key] for key in ("type", "index")) and "text" in last:
                last |= {**entry, "text": last["text"] + entry.get("text", "")}
            else:
                details.append(dict(entry))
        for call in delta.get("tool_calls", ()):
            if "id" in call:
                calls.append(call)
            else:
                function = calls[call["index"]]["function"]
                function["arguments"] += call["function"]["arguments"]
    return {**message, "reasoning_details": details, "tool_calls": calls}


def test_the_events_are_the_parts() -> None:
    parts = (Reasoning(text="r", signature=FOREIGN), ToolCall("c", "f", "{}", OTHER))
    assert collect(_events_of(parts)).parts == parts


@pytest.mark.parametrize("parts", TURNS)
def test_a_client_that_hands_back_a_whole_message_hands_back_all(
    parts: tuple[AnyPart, ...],
) -> None:
    (choice,) = json.loads(render_whole(Answer(parts=parts)))["choices"]
    assert parse_request(_next_request(choice["message"])).messages[1].parts == parts


@pytest.mark.parametrize("parts", TURNS)
def test_a_client_that_puts_a_stream_together_hands_back_all(parts: tuple[AnyPart, ...]) -> None:
    message = _accumulated(render_stream(_events_of(parts)))
    assert parse_request(_next_request(message)).messages[1].parts == parts


@pytest.mark.parametrize("parts", TURNS)
def test_an_answer_that_comes_through_another_gateway_is_the_same(
    parts: tuple[AnyPart, ...],
) -> None:
    whole = collected(parse_whole(render_whole(Answer(parts=parts))))
    stream = collected(parse_stream(render_stream(_events_of(parts))))
    assert whole.parts == stream.parts == parts


@pytest.mark.parametrize("parts", TURNS)
def test_a_foreign_value_shows_to_no_upstream(parts: tuple[AnyPart, ...]) -> None:
    (choice,) = json.loads(render_whole(Answer(parts=parts)))["choices"]
    request = parse_request(_next_request(choice["message"]))
    body = render_request(request, model="anthropic/claude-haiku-4.5", stream=False)
    rendered = parse_request(body).messages[1].parts
    kept = [part.signature for part in rendered if isinstance(part, Reasoning | ToolCall)]
    own = [
        part.signature
        for part in parts
        if isinstance(part, Reasoning | ToolCall)
        and part.signature
        and part.signature.origin == OWN
    ]
    assert [signature for signature in kept if signature] == own
    assert FOREIGN.data.encode() not in body


def test_a_foreign_value_beside_an_own_one_shows_to_no_upstream() -> None:
    own = Reasoning(text="r", signature=Opaque(OWN, ENTRY))
    parts = (own, Reasoning(text="q", signature=FOREIGN), Reasoning(signature=OTHER), Text("a"))
    request = Request(messages=(Message(Role.ASSISTANT, parts),))
    wire = json.loads(render_request(request, model="anthropic/claude-haiku-4.5", stream=False))
    own_entry, plain = wire["messages"][0]["reasoning_details"]
    assert (own_entry["signature"], own_entry["text"], plain["text"]) == ("s", "r", "q")
    assert "signature" not in plain


@pytest.mark.parametrize("data", ["", "x", "{}", "[]", '{"type":[]}', '{"type":"x"}', "[" * 9999])
def test_an_own_value_that_is_no_entry_is_sent_as_it_is(data: str) -> None:
    thought = Reasoning(signature=Opaque(OWN, data))
    request = Request(messages=(Message(Role.ASSISTANT, (thought, Text("a"))),))
    wire = json.loads(render_request(request, model="org/m", stream=False))
    entry = {"type": "reasoning.encrypted", "data": data}
    assert wire["messages"][0]["reasoning_details"] == [entry]


def test_a_value_that_only_begins_as_a_wrapped_one_is_an_own_one() -> None:
    value = wrap(FOREIGN, own=OWN)[:12] + "\u00e9"
    message: dict[str, Any] = {"role": "assistant", "content": "a"}
    message |= {"reasoning_details": [{"type": "reasoning.encrypted", "data": value}]}
    (thought, _) = parse_request(_next_request(message)).messages[1].parts
    assert isinstance(thought, Reasoning)
    assert thought.signature is not None
    assert thought.signature.origin == OWN


def test_text_that_came_without_its_entry_is_read_with_the_signature() -> None:
    """Some clients keep the text and the entries apart."""
    message = {
        "role": "assistant",
        "content": "a",
        "reasoning_content": "r",
        "reasoning_details": [{"type": "reasoning.text", "signature": "s", "index": 0}],
    }
    (thought, _) = parse_request(_next_request(message)).messages[1].parts
    assert isinstance(thought, Reasoning)
    assert thought.text == "r"
    assert thought.signature is not None


def test_a_signature_for_a_call_that_is_gone_is_gone() -> None:
    answer = Answer(parts=(ToolCall("c", "f", "{}", FOREIGN),))
    (choice,) = json.loads(render_whole(answer))["choices"]
    message = {**choice["message"], "content": "a", "tool_calls": []}
    assert parse_request(_next_request(message)).messages[1].parts == (Text("a"),)


def test_gemini_through_a_router_names_the_call_before_it_comes() -> None:
    entry = json.loads(THOUGHT_SIGNATURE)
    call = {"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}
    deltas = [{"reasoning_details": [entry]}, {"content": "a"}, {"tool_calls": [call]}]
    chunks = [{"id": "u", "choices": [{"delta": delta}]} for delta in deltas]
    stream = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
    answer = collected(parse_stream(stream.encode()))
    signature = Opaque(OWN, THOUGHT_SIGNATURE)
    assert answer.parts == (Text("a"), ToolCall("c", "f", "{}", signature))
