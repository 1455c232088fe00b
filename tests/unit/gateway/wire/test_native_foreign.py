"""A client's own request goes to an upstream of its dialect without what others signed."""

import json
from typing import Any

import pytest

from gateway.canonical.content import Opaque, Reasoning, Text, ToolCall
from gateway.canonical.events import (
    Event,
    Finished,
    ReasoningDelta,
    ReasoningEnded,
    Started,
    TextDelta,
    TextEnded,
    ToolCallDelta,
    ToolCallEnded,
    ToolCallStarted,
)
from gateway.canonical.request import Dialect
from gateway.wire.codecs import CODECS
from gateway.wire.gemini.wire_parts import NO_SIGNATURE
from gateway.wire.opaque import UNSIGNED, may_hold_wrapped, wrap
from tests.unit.gateway.wire.clients import CLIENTS, said

CHAT, RESPONSES = Dialect.OPENAI_CHAT, Dialect.OPENAI_RESPONSES
ANTHROPIC, GEMINI = Dialect.ANTHROPIC_MESSAGES, Dialect.GEMINI

DIALECTS = pytest.mark.parametrize("dialect", list(Dialect))
FOREIGN = Opaque("elsewhere", "sig")
WRAPPED = wrap(FOREIGN, own="")
UNSIGNED_VALUE = wrap(UNSIGNED, own=RESPONSES)
EVENTS: list[Event] = [
    Started("m"),
    ReasoningDelta("hm"),
    ReasoningEnded(FOREIGN),
    ReasoningEnded(FOREIGN, redacted=True),
    TextDelta("hello"),
    TextEnded((), FOREIGN),
    ToolCallStarted(0, "call_0", "f"),
    ToolCallDelta(0, "{}"),
    ToolCallEnded(0, FOREIGN),
    Finished("tool_calls"),
]
CALL = ToolCall("call_0", "f", "{}")


def _native(dialect: Dialect, wire: Any, *, model: str = "up") -> Any:
    body = json.dumps(wire).encode()
    return json.loads(CODECS[dialect].render_native(body, model=model))


def _messages(content: Any, **fields: Any) -> dict[str, Any]:
    """A Messages request in which the model's turn is this content."""
    messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": content}]
    return {"model": "m", "messages": messages, **fields}


def _chat(message: dict[str, Any]) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "assistant", **message}]}


def _contents(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"contents": [{"role": "model", "parts": list(parts)}]}


@DIALECTS
@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
def test_nothing_that_was_wrapped_goes_upstream(dialect: Dialect, streams: bool) -> None:
    client = CLIENTS[dialect]
    body = client.next_body(client.turn(EVENTS, streams=streams), [CALL])
    assert may_hold_wrapped(body)
    assert not may_hold_wrapped(client.codec.render_native(body, model="up"))


@DIALECTS
@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
def test_words_and_calls_stay(dialect: Dialect, streams: bool) -> None:
    client = CLIENTS[dialect]
    body = client.next_body(client.turn(EVENTS, streams=streams), [CALL])
    sent = client.codec.render_native(body, model="up")
    parts = said(client.codec.parse_request(sent).messages).parts
    spoken = [part for part in parts if not isinstance(part, Reasoning)]
    assert spoken == [Text("hello"), CALL]


@DIALECTS
def test_thoughts_that_nobody_signed_stay_away_from_who_would_verify_them(
    dialect: Dialect,
) -> None:
    client = CLIENTS[dialect]
    events = [Started("m"), ReasoningDelta("hm"), TextDelta("hello"), Finished("stop")]
    body = client.next_body(client.turn(events, streams=False))
    sent = client.codec.render_native(body, model="up")
    parts = said(client.codec.parse_request(sent).messages).parts
    verifies = dialect in (ANTHROPIC, RESPONSES)
    assert parts == ((Text("hello"),) if verifies else (Reasoning(text="hm"), Text("hello")))


PLAIN: dict[Dialect, bytes] = {
    CHAT: b'{ "messages":[ {"role":"user","content":"h\\u0069", "x":1.50} ]}',
    RESPONSES: b'{ "input":[ {"role":"user","content":"h\\u0069", "x":1.50} ]}',
    ANTHROPIC: b'{ "messages":[ {"role":"user","content":"h\\u0069", "x":1.50} ]}',
    GEMINI: b'{ "contents":[ {"parts":[{"text":"h\\u0069", "x":1.50}]} ]}',
}


@DIALECTS
def test_a_request_without_the_mark_stays_as_it_is(dialect: Dialect) -> None:
    body = PLAIN[dialect]
    sent = CODECS[dialect].render_native(body, model="up")
    assert sent.startswith(body[:-1])


@DIALECTS
def test_the_mark_in_other_places_changes_nothing(dialect: Dialect) -> None:
    body = PLAIN[dialect].replace(b"h\\u0069", WRAPPED.encode())
    sent = CODECS[dialect].render_native(body, model="up")
    assert sent.startswith(body[:-1])


ODD = ["[7]", "7", "{}", "null", '[{"role":"assistant"}]', '[{"parts":7}]', '[{"content":[7]}]']


@DIALECTS
@pytest.mark.parametrize("value", ODD)
def test_a_request_of_odd_types_is_left_to_the_upstream(dialect: Dialect, value: str) -> None:
    members = ",".join(f'"{name}":{value}' for name in ("messages", "input", "contents"))
    body = f'{{"metadata":"{WRAPPED}",{members}}}'.encode()
    assert CODECS[dialect].render_native(body, model="up").startswith(body[:-1])


SIGNED: dict[Dialect, bytes] = {
    CHAT: b'{"messages":[{"role":"assistant","reasoning_details":'
    b'[{"type":"reasoning.encrypted","data":"%s"}],"content":"a","x": NUMBER}]}',
    RESPONSES: b'{"input":[{"type":"reasoning","summary":[],"encrypted_content":"%s"},'
    b'{"role":"assistant","content":"a","x":NUMBER}]}',
    ANTHROPIC: b'{"messages":[{"role":"assistant","content":'
    b'[{"type":"redacted_thinking","data":"%s"},{"type":"text","text":"a"}],"x":NUMBER}]}',
    GEMINI: b'{"contents":[{"role":"model","parts":'
    b'[{"text":"a","thoughtSignature":"%s"}],"x":NUMBER}]}',
}


@DIALECTS
@pytest.mark.parametrize("number", ["1.50", "12345678901234567890123", "1E400", "-0.0"])
def test_numbers_beside_a_wrapped_value_keep_their_digits(dialect: Dialect, number: str) -> None:
    body = (SIGNED[dialect] % WRAPPED.encode()).replace(b"NUMBER", number.encode())
    sent = CODECS[dialect].render_native(body, model="up")
    assert not may_hold_wrapped(sent)
    assert f'"x":{number}'.encode() in sent.replace(b" ", b"")


@DIALECTS
def test_a_value_of_the_dialects_own_stays(dialect: Dialect) -> None:
    body = SIGNED[dialect].replace(b"NUMBER", b"1") % b"b3du"
    assert CODECS[dialect].render_native(body, model="up").startswith(body[:-1])


def test_a_turn_of_nothing_but_foreign_thinking_goes() -> None:
    block = {"type": "thinking", "thinking": "t", "signature": WRAPPED}
    assert _native(ANTHROPIC, _messages([block]))["messages"] == [{"role": "user", "content": "hi"}]


def test_thinking_of_the_upstreams_own_stays_beside_foreign_thinking() -> None:
    own = {"type": "thinking", "thinking": "t", "signature": "b3du"}
    foreign = {"type": "redacted_thinking", "data": WRAPPED}
    assert _native(ANTHROPIC, _messages([own, foreign]))["messages"][1]["content"] == [own]


THINKING = {"type": "enabled", "budget_tokens": 1024}
USE = {"type": "tool_use", "id": "c", "name": "f", "input": {}}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c"}]}


def _in_a_tool_turn(*blocks: dict[str, Any], **fields: Any) -> Any:
    request = _messages([*blocks, {"type": "redacted_thinking", "data": WRAPPED}, USE], **fields)
    request["messages"].append(RESULT)
    return _native(ANTHROPIC, request)


def test_a_tool_turn_without_thinking_goes_on_without_a_budget() -> None:
    assert _in_a_tool_turn(thinking=THINKING)["thinking"] == {"type": "disabled"}


@pytest.mark.parametrize("thinking", [{"type": "adaptive"}, {"type": "disabled"}])
def test_other_ways_to_think_stay_in_a_tool_turn(thinking: dict[str, Any]) -> None:
    assert _in_a_tool_turn(thinking=thinking)["thinking"] == thinking


def test_a_tool_turn_that_begins_with_its_own_thinking_thinks_on() -> None:
    own = {"type": "redacted_thinking", "data": "b3du"}
    assert _in_a_tool_turn(own, thinking=THINKING)["thinking"] == THINKING


def test_a_new_question_is_thought_about() -> None:
    block = {"type": "redacted_thinking", "data": WRAPPED}
    request = _messages([block, {"type": "text", "text": "a"}], thinking=THINKING)
    request["messages"].append({"role": "user", "content": "and?"})
    assert _native(ANTHROPIC, request)["thinking"] == THINKING


def test_details_of_the_upstreams_own_stay_beside_foreign_ones() -> None:
    own = {"type": "reasoning.text", "text": "t", "signature": "b3du", "index": 0}
    foreign = {"type": "reasoning.encrypted", "data": WRAPPED, "index": 1}
    sent = _native(CHAT, _chat({"content": "a", "reasoning_details": [own, foreign]}))
    assert sent["messages"][0] == {"role": "assistant", "content": "a", "reasoning_details": [own]}


def test_details_of_which_only_text_is_left_go() -> None:
    text = {"type": "reasoning.text", "text": "t", "index": 0}
    signature = {"type": "reasoning.text", "signature": WRAPPED, "index": 0}
    message = {"content": "a", "reasoning_content": "t", "reasoning_details": [text, signature]}
    sent = _native(CHAT, _chat(message), model="deepseek-chat")
    assert sent["messages"] == [{"role": "assistant", "content": "a", "reasoning_content": "t"}]


def test_openai_is_not_sent_the_text_of_foreign_reasoning() -> None:
    entry = {"type": "reasoning.text", "text": "t", "signature": WRAPPED, "index": 0}
    message = {"content": "a", "reasoning_content": "t", "reasoning_details": [entry]}
    sent = _native(CHAT, _chat(message), model="gpt-5")
    assert sent["messages"] == [{"role": "assistant", "content": "a"}]


@pytest.mark.parametrize("name", ["thoughtSignature", "thought_signature"])
@pytest.mark.parametrize(
    ("part", "left"),
    [
        pytest.param({"text": "a"}, [{"text": "a"}], id="text"),
        pytest.param({"text": "a", "thought": True}, [{"text": "a", "thought": True}], id="a"),
        pytest.param({"text": "", "thought": True}, [], id="empty thought"),
        pytest.param({"text": ""}, [], id="empty text"),
        pytest.param({}, [], id="signature alone"),
        pytest.param({"functionCall": {"name": "f"}}, [{"functionCall": {"name": "f"}}], id="call"),
    ],
)
def test_a_part_goes_when_only_its_signature_said_anything(
    name: str, part: dict[str, Any], left: list[Any]
) -> None:
    sent = _native(GEMINI, _contents({"text": "x"}, part | {name: WRAPPED}), model="gemini-2.5-pro")
    assert sent["contents"][0]["parts"] == [{"text": "x"}, *left]


def test_a_content_of_nothing_but_a_signature_goes() -> None:
    hi = {"role": "user", "parts": [{"text": "hi"}]}
    gone = {"role": "model", "parts": {"text": "", "thoughtSignature": WRAPPED}}
    assert _native(GEMINI, {"contents": [hi, gone]})["contents"] == [hi]


FUNCTION = {"functionCall": {"name": "f"}}
CALLS: list[Any] = [
    pytest.param([FUNCTION | {"thoughtSignature": WRAPPED}], [NO_SIGNATURE], id="signed"),
    pytest.param(
        [FUNCTION | {"thoughtSignature": WRAPPED}, FUNCTION], [NO_SIGNATURE, None], id="two"
    ),
    pytest.param(
        [{"text": "t", "thought": True, "thoughtSignature": WRAPPED}, FUNCTION],
        [None, NO_SIGNATURE],
        id="after a thought",
    ),
    pytest.param(
        [
            {"text": "t", "thoughtSignature": WRAPPED},
            FUNCTION | {"thoughtSignature": "b3du"},
            FUNCTION | {"thoughtSignature": WRAPPED},
        ],
        [None, "b3du", None],
        id="own",
    ),
]


@pytest.mark.parametrize(("parts", "signatures"), CALLS)
@pytest.mark.parametrize("split", [False, True], ids=["one content", "a content a part"])
def test_the_first_call_of_a_turn_is_signed_for_generation_3(
    parts: list[Any], signatures: list[Any], split: bool
) -> None:
    pieces = [[part] for part in parts] if split else [parts]
    request = {"contents": [{"role": "model", "parts": piece} for piece in pieces]}
    sent = _native(GEMINI, request, model="gemini-3-pro-preview")
    left = [part for content in sent["contents"] for part in content["parts"]]
    assert [part.get("thoughtSignature") for part in left] == signatures


def test_a_call_is_not_signed_for_an_older_generation() -> None:
    request = _contents(FUNCTION | {"thoughtSignature": WRAPPED})
    sent = _native(GEMINI, request, model="gemini-2.5-flash")
    assert sent["contents"][0]["parts"] == [FUNCTION]


@pytest.mark.parametrize("name", ["generateContentRequest", "generate_content_request"])
def test_a_request_to_count_tokens_is_cleared_as_well(name: str) -> None:
    inner = _contents({"text": "a", "thoughtSignature": WRAPPED})
    sent = _native(GEMINI, {name: {"model": "m", **inner}})
    assert sent[name] == {"model": "m", **_contents({"text": "a"})}


def test_reasoning_that_stands_for_no_signature_goes_too() -> None:
    item = {"type": "reasoning", "summary": [], "encrypted_content": UNSIGNED_VALUE}
    assert _native(RESPONSES, {"model": "m", "input": [item]})["input"] == []
