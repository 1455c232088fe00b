"""What an upstream of one dialect said comes back to it through a client of any dialect."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from gateway.canonical.collect import collect
from gateway.canonical.content import (
    AnyPart,
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
    MediaProduced,
    ReasoningDelta,
    ReasoningEnded,
    RefusalDelta,
    Started,
    TextDelta,
    TextEnded,
    ToolCallDelta,
    ToolCallEnded,
    ToolCallStarted,
    Usage,
)
from gateway.canonical.request import Dialect
from tests.unit.gateway.wire.clients import CLIENTS, Client, said

CHAT, RESPONSES = Dialect.OPENAI_CHAT, Dialect.OPENAI_RESPONSES
ANTHROPIC, GEMINI = Dialect.ANTHROPIC_MESSAGES, Dialect.GEMINI

MODELS = {
    CHAT: "anthropic/claude-haiku-4.5",
    RESPONSES: "gpt-5",
    ANTHROPIC: "claude-sonnet-4-5",
    GEMINI: "gemini-3-flash",
}
"""Models to whose upstreams reasoning is sent back."""


def _entry(**fields: Any) -> Opaque:
    """A value of the chat dialect: an entry without its text."""
    return Opaque(CHAT, json.dumps(fields, separators=(",", ":"), sort_keys=True))


def _signed_entry(index: int) -> Opaque:
    format = "anthropic-claude-v1"
    return _entry(type="reasoning.text", signature=f"s{index}", format=format, index=index)


REASONED: dict[Dialect, tuple[AnyPart, ...]] = {
    CHAT: (
        Reasoning(text="first", signature=_signed_entry(0)),
        Reasoning(
            signature=_entry(
                type="reasoning.encrypted", data="r", format="anthropic-claude-v1", index=1
            ),
            redacted=True,
        ),
        Reasoning(text="second", signature=_signed_entry(2)),
    ),
    RESPONSES: (
        Reasoning(text="first", signature=Opaque(RESPONSES, "gAAAA1"), id="rs_1"),
        Reasoning(signature=Opaque(RESPONSES, "gAAAA2"), id="rs_2"),
    ),
    ANTHROPIC: (
        Reasoning(text="first", signature=Opaque(ANTHROPIC, "EqQB+/==")),
        Reasoning(signature=Opaque(ANTHROPIC, "EroB"), redacted=True),
        Reasoning(text="second", signature=Opaque(ANTHROPIC, "EqQC")),
        Reasoning(signature=Opaque(ANTHROPIC, "EqQD")),
    ),
    GEMINI: (
        Reasoning(text="first", signature=Opaque(GEMINI, "AbC+/w==")),
        Reasoning(text="second"),
    ),
}
CALLED: dict[Dialect, tuple[AnyPart, ...]] = {
    CHAT: (
        ToolCall(
            "call_0",
            "f",
            '{"x":1.0}',
            _entry(
                type="reasoning.encrypted",
                data="t",
                id="call_0",
                format="google-gemini-v1",
                index=3,
            ),
        ),
        ToolCall("call_1", "g", "{}"),
    ),
    RESPONSES: (ToolCall("call_0", "f", '{"x":1.0}'), ToolCall("call_1", "f", '{"x":2}')),
    ANTHROPIC: (ToolCall("toolu_0", "f", '{"x":1.0}'), ToolCall("toolu_1", "f", '{"x":2}')),
    GEMINI: (
        ToolCall("call_0", "f", '{"x":1.0}', Opaque(GEMINI, "AbD+/w==")),
        ToolCall("call_1", "f", '{"x":2}'),
        ToolCall("call_2", "g", "{}", Opaque(GEMINI, "AbE+/w==")),
    ),
}
SIGNED_TEXT = {GEMINI: Opaque(GEMINI, "AbF+/w==")}
IMAGE = Media(kind=MediaKind.IMAGE, mime="image/png", data="aGk=")


def _answers() -> Iterator[Any]:
    for dialect in Dialect:
        text = Text("hello", signature=SIGNED_TEXT.get(dialect))
        turns = {
            "reasoning": (*REASONED[dialect], text),
            "calls": CALLED[dialect],
            "all": (*REASONED[dialect], text, *CALLED[dialect]),
            "thought alone": REASONED[dialect][:1],
        }
        for name, parts in turns.items():
            for client in Dialect:
                yield pytest.param(dialect, client, parts, id=f"{dialect} {client} {name}")


def _events(parts: tuple[AnyPart, ...]) -> list[Event]:
    """An answer as a stream has it, its tool calls side by side."""
    events: list[Event] = [Started("m", "up-1")]
    calls = [part for part in parts if isinstance(part, ToolCall)]
    for part in parts:
        match part:
            case Text(text, citations, signature):
                events += [TextDelta(text[:2]), TextDelta(text[2:])]
                events.append(TextEnded(citations, signature))
            case Reasoning(text=text):
                events += [ReasoningDelta(text)] if text else []
                events.append(ReasoningEnded(part.signature, part.redacted, part.id))
            case Refusal(text):
                events.append(RefusalDelta(text))
            case Media():
                events.append(MediaProduced(part))
            case _:
                pass
    events += (ToolCallStarted(i, c.id, c.name, c.custom) for i, c in enumerate(calls))
    pieces = itertools.zip_longest(*(call.arguments for call in calls))
    events += (ToolCallDelta(i, c) for row in pieces for i, c in enumerate(row) if c)
    events += (ToolCallEnded(i, call.signature) for i, call in enumerate(calls))
    return [*events, Usage(3, 2), Finished("tool_calls" if calls else "stop")]


STREAMS = pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
ANSWERS = pytest.mark.parametrize(("upstream", "client", "parts"), list(_answers()))


def _calls(parts: tuple[AnyPart, ...]) -> list[ToolCall]:
    return [part for part in parts if isinstance(part, ToolCall)]


def _next_body(client: Client, parts: tuple[AnyPart, ...], *, streams: bool) -> bytes:
    return client.next_body(client.turn(_events(parts), streams=streams), _calls(parts))


def _renamed(parts: tuple[AnyPart, ...]) -> tuple[AnyPart, ...]:
    """Items that are made anew for a client of their own dialect have ids of ours.

    It takes two gateways for that: such an answer goes to such a client as it is.
    """
    return tuple(
        msgspec.structs.replace(part, id=f"rs_r1_{index}") if isinstance(part, Reasoning) else part
        for index, part in enumerate(parts)
    )


@pytest.mark.parametrize("dialect", list(Dialect))
def test_the_events_are_the_parts(dialect: Dialect) -> None:
    parts = (*REASONED[dialect], Text("hello"), *CALLED[dialect])
    assert collect(_events(parts)).parts == parts


@STREAMS
@ANSWERS
def test_a_turn_comes_back_whole(
    upstream: Dialect, client: Dialect, parts: tuple[AnyPart, ...], streams: bool
) -> None:
    body = _next_body(CLIENTS[client], parts, streams=streams)
    request = CLIENTS[client].codec.parse_request(body)
    expected = _renamed(parts) if (upstream, client) == (RESPONSES, RESPONSES) else parts
    assert said(request.messages).parts == expected


@STREAMS
@ANSWERS
def test_an_upstream_gets_its_own_values_back(
    upstream: Dialect, client: Dialect, parts: tuple[AnyPart, ...], streams: bool
) -> None:
    body = _next_body(CLIENTS[client], parts, streams=streams)
    request = CLIENTS[client].codec.parse_request(body)
    codec = CLIENTS[upstream].codec
    sent = codec.render_request(request, model=MODELS[upstream], stream=False)
    expected = _renamed(parts) if (upstream, client) == (RESPONSES, RESPONSES) else parts
    assert _values(said(codec.parse_request(sent).messages).parts) == _values(expected)


@STREAMS
@ANSWERS
def test_no_other_upstream_gets_a_value(
    upstream: Dialect, client: Dialect, parts: tuple[AnyPart, ...], streams: bool
) -> None:
    request = CLIENTS[client].codec.parse_request(
        _next_body(CLIENTS[client], parts, streams=streams)
    )
    for other in set(Dialect) - {upstream}:
        codec = CLIENTS[other].codec
        sent = codec.render_request(request, model=MODELS[other], stream=False)
        got = [m for m in codec.parse_request(sent).messages if m.role == "assistant"]
        values = {value for message in got for _, value in _values(message.parts) if value}
        assert values <= {Opaque(GEMINI, "skip_thought_signature_validator")}


def _values(parts: tuple[AnyPart, ...]) -> list[tuple[str, Opaque | None]]:
    """What of each part has to come back, beside the words by which it is known."""
    values: list[tuple[str, Opaque | None]] = []
    for part in parts:
        match part:
            case Reasoning(text=text, signature=signature) if signature:
                values.append((f"{text} {part.redacted} {part.id}", signature))
            case Text(text=text, signature=signature) if signature:
                values.append((text, signature))
            case ToolCall(id, name, arguments, signature):
                values.append((f"{id} {name} {json.loads(arguments)}", signature))
            case _:
                pass
    return values


PLAIN: list[Any] = [
    pytest.param((Text("a\n\u2028\U0001f600é"),), id="text"),
    pytest.param((Refusal("no"),), id="refusal"),
    pytest.param((Reasoning(text="r"), Text("a")), id="unsigned"),
    pytest.param((Text("a"), IMAGE), id="image"),
    pytest.param(
        (Text("cited", (Citation(url="https://a.example", title="A", start=0, end=5),)),),
        id="citation",
    ),
    pytest.param((ToolCall("c", "f", '{"x":12345678901234567890}'),), id="numbers"),
]

LOST = {
    (ANTHROPIC, "refusal"): (Text("no"),),
    (GEMINI, "refusal"): (Text("no"),),
    (ANTHROPIC, "image"): (Text("a"),),
    # What was cited is told, but no request of these dialects has a place for it.
    (CHAT, "citation"): (Text("cited"),),
    (GEMINI, "citation"): (Text("cited"),),
}
"""What a dialect has no words for, and what it says instead."""


@STREAMS
@pytest.mark.parametrize("client", list(Dialect))
@pytest.mark.parametrize("parts", PLAIN)
def test_what_no_upstream_signed_comes_back(
    client: Dialect,
    parts: tuple[AnyPart, ...],
    streams: bool,
    request: pytest.FixtureRequest,
) -> None:
    body = _next_body(CLIENTS[client], parts, streams=streams)
    name = request.node.callspec.id.split("-")[0]
    back = said(CLIENTS[client].codec.parse_request(body).messages).parts
    assert _plain(back) == _plain(LOST.get((client, name), parts))


def _plain(parts: tuple[AnyPart, ...]) -> list[Any]:
    """Parts without the ids of items that were made for the client."""
    return [Reasoning(text=part.text) if isinstance(part, Reasoning) else part for part in parts]
