"""Canonical requests in this dialect's words: all that it can say, and nothing it would refuse."""

import base64
import json
import re
from collections.abc import Sequence
from typing import Any

import pytest

from gateway.canonical.content import (
    AnyPart,
    Media,
    MediaKind,
    NativePart,
    Opaque,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from gateway.canonical.request import (
    Choice,
    Format,
    Message,
    NativeTool,
    ReasoningOptions,
    Request,
    ResponseFormat,
    Role,
    Sampling,
    Tool,
    ToolChoice,
)
from gateway.wire.anthropic_messages.render_request import render_count_request, render_request

OWN = "anthropic-messages"
HI = Message(Role.USER, (Text("hi"),))
TOOL = Tool(name="f", parameters=b'{"type":"object"}')


def _wire(*messages: Message, model: str = "some-model", **fields: Any) -> dict[str, Any]:
    request = Request(messages=messages or (HI,), **fields)
    wire: dict[str, Any] = json.loads(render_request(request, model=model, stream=False))
    return wire


def _turns(*messages: Message) -> list[tuple[str, Any]]:
    return [(turn["role"], turn["content"]) for turn in _wire(*messages)["messages"]]


def _blocks(*parts: AnyPart, role: Role = Role.USER) -> Any:
    """The blocks of a turn that begins with these parts."""
    ((_, content),) = _turns(Message(role, (*parts, Text("end"))))
    return content[:-1] if isinstance(content, list) else []


def test_the_model_is_the_upstreams() -> None:
    assert _wire(model="claude-x")["model"] == "claude-x"


@pytest.mark.parametrize("stream", [True, False])
def test_a_stream_is_asked_for_only_when_wanted(stream: bool) -> None:
    wire = json.loads(render_request(Request(messages=(HI,)), model="m", stream=stream))
    assert wire.get("stream") == (True if stream else None)


def test_max_tokens_is_always_said() -> None:
    assert _wire()["max_tokens"] == 8192


def test_the_clients_bound_is_kept() -> None:
    assert _wire(max_output_tokens=7)["max_tokens"] == 7


def test_a_system_message_goes_to_the_top() -> None:
    wire = _wire(Message(Role.SYSTEM, (Text("rules"),)), HI)
    assert (wire["system"], len(wire["messages"])) == ("rules", 1)


def test_all_system_messages_go_to_the_top_in_order() -> None:
    wire = _wire(
        Message(Role.SYSTEM, (Text("a"),)), HI, Message(Role.SYSTEM, (Text("b", cache="1h"),))
    )
    control = {"type": "ephemeral", "ttl": "1h"}
    assert wire["system"] == [
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b", "cache_control": control},
    ]


def test_a_system_message_alone_becomes_the_turn_that_the_api_demands() -> None:
    wire = _wire(Message(Role.SYSTEM, (Text("rules"),)))
    assert "system" not in wire
    assert wire["messages"] == [{"role": "user", "content": "rules"}]


def test_adjacent_turns_are_merged() -> None:
    assistant = Message(Role.ASSISTANT, (Text("x"),))
    turns = _turns(HI, HI, assistant, assistant, HI)
    assert [role for role, _ in turns] == ["user", "assistant", "user"]


def test_turns_are_merged_over_a_system_message_between_them() -> None:
    turns = _turns(HI, Message(Role.SYSTEM, (Text("rules"),)), HI)
    assert [role for role, _ in turns] == ["user"]


def test_a_tool_message_is_a_user_turn_with_its_results_first() -> None:
    result = ToolResult(call_id="t", parts=(Text("42"),))
    ((role, content),) = _turns(HI, Message(Role.TOOL, (result,)), HI)
    assert role == "user"
    assert [block["type"] for block in content] == ["tool_result", "text", "text"]


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_text_without_letters_is_left_out(text: str) -> None:
    assert _blocks(Text(text)) == []


def test_a_turn_that_says_nothing_is_left_out() -> None:
    assert _turns(HI, Message(Role.ASSISTANT, ()), HI) == [
        ("user", [{"type": "text", "text": "hi"}] * 2)
    ]


def test_a_begun_answer_does_not_end_in_white_space() -> None:
    assert _turns(HI, Message(Role.ASSISTANT, (Text("The answer is \n"),)))[-1] == (
        "assistant",
        "The answer is",
    )


def test_white_space_elsewhere_stays() -> None:
    assert _turns(Message(Role.ASSISTANT, (Text("x "),)), HI)[0] == ("assistant", "x ")


def test_a_refusal_is_text() -> None:
    assert _blocks(Refusal("no"), role=Role.ASSISTANT) == [{"type": "text", "text": "no"}]


@pytest.mark.parametrize(
    ("media", "block"),
    [
        (
            Media(kind=MediaKind.IMAGE, mime="image/png", data="AAAA", cache="5m"),
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"},
                "cache_control": {"type": "ephemeral"},
            },
        ),
        (
            Media(kind=MediaKind.IMAGE, mime="image/jpg", data="AAAA"),
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/jpeg", "data": "AAAA"},
            },
        ),
        (
            Media(kind=MediaKind.IMAGE, data="iVBORw0K"),
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0K"},
            },
        ),
        (
            Media(kind=MediaKind.IMAGE, url="https://x"),
            {"type": "image", "source": {"type": "url", "url": "https://x"}},
        ),
        (
            Media(kind=MediaKind.DOCUMENT, mime="application/pdf", data="AAAA", name="T"),
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"},
                "title": "T",
            },
        ),
        (
            Media(kind=MediaKind.DOCUMENT, url="https://x"),
            {"type": "document", "source": {"type": "url", "url": "https://x"}},
        ),
        (
            Media(
                kind=MediaKind.DOCUMENT,
                mime="text/markdown",
                data=base64.b64encode("schön".encode()).decode(),
            ),
            {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "schön"},
            },
        ),
        (
            Media(kind=MediaKind.DOCUMENT, mime="text/plain", data="not base64!"),
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "text/plain", "data": "not base64!"},
            },
        ),
    ],
)
def test_media_goes_in_the_source_of_its_kind(media: Media, block: dict[str, Any]) -> None:
    assert _blocks(media) == [block]


@pytest.mark.parametrize("kind", [MediaKind.AUDIO, MediaKind.VIDEO])
def test_what_the_dialect_has_no_block_for_is_left_out(kind: MediaKind) -> None:
    assert _blocks(Media(kind=kind, mime="x/y", data="AAAA")) == []


def test_own_thinking_is_sent_back() -> None:
    part = Reasoning(text="hm", signature=Opaque(OWN, "c2ln"))
    assert _blocks(part, role=Role.ASSISTANT) == [
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
    ]


def test_own_redacted_thinking_is_sent_back() -> None:
    part = Reasoning(signature=Opaque(OWN, "ZGF0"), redacted=True)
    assert _blocks(part, role=Role.ASSISTANT) == [{"type": "redacted_thinking", "data": "ZGF0"}]


@pytest.mark.parametrize("signature", [None, Opaque("openai-responses", "c2ln")])
def test_thinking_that_this_dialect_did_not_sign_is_left_out(signature: Opaque | None) -> None:
    assert _blocks(Reasoning(text="hm", signature=signature), role=Role.ASSISTANT) == []


def test_a_native_part_goes_back_as_it_came() -> None:
    body = render_request(
        Request(messages=(Message(Role.USER, (NativePart(OWN, "x", b'{"type":"x","n":1.00}'),)),)),
        model="m",
        stream=False,
    )
    assert b'{"type":"x","n":1.00}' in body


def test_a_native_part_of_another_dialect_is_left_out() -> None:
    assert _blocks(NativePart("gemini", "x", b'{"type":"x"}')) == []


@pytest.mark.parametrize(
    ("arguments", "input"),
    [
        ('{"a": 1}', {"a": 1}),
        ("", {}),
        (" ", {}),
        ("[1]", {"value": [1]}),
        ("null", {"value": None}),
        ('{"a": ', {"value": '{"a": '}),
        ("text", {"value": "text"}),
    ],
)
def test_a_calls_input_is_an_object_whatever_the_model_wrote(arguments: str, input: Any) -> None:
    (block,) = _blocks(ToolCall("t", "f", arguments), role=Role.ASSISTANT)
    assert block == {"type": "tool_use", "id": "t", "name": "f", "input": input}


def test_numbers_of_a_call_keep_their_digits() -> None:
    call = ToolCall("t", "f", '{"n":1.00,"big":12345678901234567890123}')
    body = render_request(
        Request(messages=(Message(Role.ASSISTANT, (call,)),)), model="m", stream=False
    )
    assert call.arguments.encode() in body


def test_an_id_is_the_same_in_call_and_result() -> None:
    id = "call:1|x y"
    ((_, (call,)), (_, (result,))) = _turns(
        Message(Role.ASSISTANT, (ToolCall(id, "f", "{}"),)),
        Message(Role.TOOL, (ToolResult(call_id=id),)),
    )
    assert call["id"] == result["tool_use_id"]
    assert re.fullmatch("[a-zA-Z0-9_-]+", call["id"])


@pytest.mark.parametrize("pair", [("a:b", "a_b"), ("a:b", "a.b"), ("", "_")])
def test_different_ids_stay_different(pair: tuple[str, str]) -> None:
    first, second = _blocks(*(ToolCall(id, "f", "{}") for id in pair), role=Role.ASSISTANT)
    assert first["id"] != second["id"]


@pytest.mark.parametrize(
    ("parts", "content"),
    [
        ((Text("42"),), {"content": "42"}),
        ((), {}),
        (
            (Text("a"), Media(kind=MediaKind.IMAGE, url="https://x")),
            {
                "content": [
                    {"type": "text", "text": "a"},
                    {"type": "image", "source": {"type": "url", "url": "https://x"}},
                ]
            },
        ),
    ],
)
def test_a_result_holds_what_the_tool_answered(
    parts: Sequence[Any], content: dict[str, Any]
) -> None:
    (block,) = _blocks(ToolResult(call_id="t", parts=tuple(parts)))
    assert block == {"type": "tool_result", "tool_use_id": "t", **content}


def test_a_result_says_that_the_tool_failed() -> None:
    (block,) = _blocks(ToolResult(call_id="t", is_error=True, cache="5m"))
    assert block["is_error"] is True
    assert block["cache_control"] == {"type": "ephemeral"}


@pytest.mark.parametrize(
    ("parameters", "schema"),
    [
        (b'{"type":"object","x":1}', {"type": "object", "x": 1}),
        (None, {"type": "object", "properties": {}}),
        (b"null", {"type": "object", "properties": {}}),
        (b"{}", {"type": "object"}),
        (b'{"properties":{"a":{}}}', {"type": "object", "properties": {"a": {}}}),
    ],
)
def test_a_tool_has_the_schema_of_an_object(parameters: bytes | None, schema: Any) -> None:
    (tool,) = _wire(tools=(Tool(name="f", parameters=parameters),))["tools"]
    assert tool == {"name": "f", "input_schema": schema}


def test_a_tool_says_all_that_is_known_of_it() -> None:
    (tool,) = _wire(tools=(Tool(name="f", description="d", strict=True, cache="1h"),))["tools"]
    assert (tool["description"], tool["strict"]) == ("d", True)
    assert tool["cache_control"] == {"type": "ephemeral", "ttl": "1h"}


def test_only_this_dialects_tools_of_the_provider_are_sent() -> None:
    tools = (NativeTool(OWN, "x", b'{"type":"x"}'), NativeTool("gemini", "y", b'{"type":"y"}'))
    assert _wire(tools=tools)["tools"] == [{"type": "x"}]


@pytest.mark.parametrize(
    ("choice", "parallel", "wire"),
    [
        (None, None, None),
        (None, True, None),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice(Choice.AUTO), None, {"type": "auto"}),
        (ToolChoice(Choice.NONE), False, {"type": "none"}),
        (
            ToolChoice(Choice.REQUIRED),
            False,
            {"type": "any", "disable_parallel_tool_use": True},
        ),
        (ToolChoice(Choice.NAMED, "f"), None, {"type": "tool", "name": "f"}),
    ],
)
def test_a_tool_choice_is_said(
    choice: ToolChoice | None, parallel: bool | None, wire: dict[str, Any] | None
) -> None:
    rendered = _wire(tools=(TOOL,), tool_choice=choice, parallel_tool_calls=parallel)
    assert rendered.get("tool_choice") == wire


def test_a_choice_among_no_tools_is_left_out() -> None:
    assert "tool_choice" not in _wire(tool_choice=ToolChoice(Choice.AUTO))


CLOSED = {"additionalProperties": False}


def test_structured_output_has_its_schema() -> None:
    form = ResponseFormat(type=Format.JSON_SCHEMA, name="n", schema=b'{"type":"object"}')
    assert _wire(response_format=form)["output_config"] == {
        "format": {"type": "json_schema", "schema": {"type": "object", **CLOSED}}
    }


def test_the_temperature_stays_in_the_dialects_range() -> None:
    assert _wire(sampling=Sampling(temperature=1.7))["temperature"] == 1.0


def test_sampling_options_are_said() -> None:
    wire = _wire(sampling=Sampling(temperature=0.5, top_p=0.9, top_k=4))
    assert (wire["temperature"], wire["top_p"], wire["top_k"]) == (0.5, 0.9, 4)


def test_what_the_dialect_has_no_word_for_is_left_out() -> None:
    wire = _wire(sampling=Sampling(seed=1, presence_penalty=1.0, frequency_penalty=1.0))
    assert wire.keys() == {"model", "max_tokens", "messages"}


def test_user_and_stop_sequences_are_said() -> None:
    wire = _wire(user="u", stop=("END",))
    assert (wire["metadata"], wire["stop_sequences"]) == ({"user_id": "u"}, ["END"])


def test_a_count_asks_for_no_answer() -> None:
    request = Request(
        messages=(HI,),
        tools=(TOOL,),
        max_output_tokens=9,
        sampling=Sampling(temperature=1),
        stop=("END",),
        user="u",
        reasoning=ReasoningOptions(adaptive=True),
    )
    wire = json.loads(render_count_request(request, model="claude-sonnet-5"))
    assert wire.keys() == {"model", "messages", "tools", "thinking"}


def test_the_same_request_is_written_the_same() -> None:
    request = Request(messages=(HI,), tools=(TOOL,), user="u")
    bodies = {render_request(request, model="m", stream=True) for _ in range(3)}
    assert len(bodies) == 1
