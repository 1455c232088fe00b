"""Canonical requests as chat upstreams take them."""

import json
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
from gateway.canonical.features import Feature
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
from gateway.wire.openai_chat.features import SUPPORT
from gateway.wire.openai_chat.reasoning import OWN
from gateway.wire.openai_chat.render_request import render_request

HI = Message(Role.USER, (Text("hi"),))
PNG = Media(kind=MediaKind.IMAGE, mime="image/png", data="QUI=")
PNG_WIRE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUI="}}
CLAUDE = "anthropic/claude-haiku-4.5"


def _render(*messages: Message, model: str = "org/m", **fields: Any) -> dict[str, Any]:
    request = Request(messages=messages or (HI,), **fields)
    wire: dict[str, Any] = json.loads(render_request(request, model=model, stream=False))
    return wire


def _messages(*messages: Message, model: str = "org/m") -> list[dict[str, Any]]:
    wires: list[dict[str, Any]] = _render(*messages, model=model)["messages"]
    return wires


def _assistant(*parts: AnyPart, model: str = "org/m") -> dict[str, Any]:
    return _messages(Message(Role.ASSISTANT, parts), model=model)[0]


def test_a_request_says_no_more_than_it_was_asked() -> None:
    assert _render() == {"model": "org/m", "messages": [{"role": "user", "content": "hi"}]}


def test_a_stream_asks_for_its_usage() -> None:
    wire = json.loads(render_request(Request(messages=(HI,)), model="m", stream=True))
    assert (wire["stream"], wire["stream_options"]) == (True, {"include_usage": True})


def test_mistral_is_not_asked_for_the_usage_that_it_sends_unasked() -> None:
    request = Request(messages=(HI,))
    wire = json.loads(render_request(request, model="mistral-small-latest", stream=True))
    assert wire["stream"] is True
    assert "stream_options" not in wire


def test_rendering_is_deterministic() -> None:
    request = Request(messages=(HI,), tools=(Tool(name="f", parameters=b'{"b":1, "a":2}'),))
    assert render_request(request, model="m", stream=True) == render_request(
        request, model="m", stream=True
    )


@pytest.mark.parametrize(
    ("model", "field"),
    [
        ("o3-mini", "max_completion_tokens"),
        ("o1", "max_completion_tokens"),
        ("gpt-5.4", "max_completion_tokens"),
        ("gpt-5", "max_completion_tokens"),
        ("openai/gpt-5-mini", "max_completion_tokens"),
        ("gpt-4o", "max_tokens"),
        ("gpt-3.5-turbo", "max_tokens"),
        ("openai/gpt-oss-120b", "max_tokens"),
        ("gpt-oss-120b", "max_tokens"),
        ("meta-llama/Llama-3.1-8B-Instruct", "max_tokens"),
        ("deepseek-chat", "max_tokens"),
        ("olmo-2", "max_tokens"),
        ("o200k", "max_tokens"),
    ],
)
def test_the_bound_on_output_has_the_name_that_the_model_knows(model: str, field: str) -> None:
    wire = _render(model=model, max_output_tokens=9)
    assert {name: wire[name] for name in wire if name.startswith("max_")} == {field: 9}


@pytest.mark.parametrize(
    ("media", "wire"),
    [
        pytest.param(PNG, PNG_WIRE, id="image"),
        pytest.param(
            Media(kind=MediaKind.IMAGE, url="https://x/y", detail="high"),
            {"type": "image_url", "image_url": {"url": "https://x/y", "detail": "high"}},
            id="image-url",
        ),
        pytest.param(
            Media(kind=MediaKind.AUDIO, mime="audio/mpeg", data="QUI="),
            {"type": "input_audio", "input_audio": {"data": "QUI=", "format": "mp3"}},
            id="mp3",
        ),
        pytest.param(
            Media(kind=MediaKind.AUDIO, mime="audio/x-wav", data="QUI="),
            {"type": "input_audio", "input_audio": {"data": "QUI=", "format": "wav"}},
            id="wav",
        ),
        pytest.param(
            Media(kind=MediaKind.DOCUMENT, mime="application/pdf", data="QUI=", name="a.pdf"),
            {
                "type": "file",
                "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,QUI="},
            },
            id="document",
        ),
        pytest.param(
            Media(kind=MediaKind.DOCUMENT, mime="application/pdf", data="QUI="),
            {
                "type": "file",
                "file": {
                    "filename": "document.pdf",
                    "file_data": "data:application/pdf;base64,QUI=",
                },
            },
            id="document-without-a-name",
        ),
        pytest.param(
            Media(kind=MediaKind.DOCUMENT, file_id="file-1"),
            {"type": "file", "file": {"file_id": "file-1"}},
            id="file-id",
        ),
    ],
)
def test_media_are_written(media: Media, wire: dict[str, Any]) -> None:
    (message,) = _messages(Message(Role.USER, (Text("a"), media)))
    assert message["content"] == [{"type": "text", "text": "a"}, wire]


def test_a_part_of_this_dialect_alone_goes_back_as_it_came() -> None:
    own = NativePart(OWN, "hologram", b'{"type":"hologram","x":1}')
    other = NativePart("gemini", "x", b'{"x":1}')
    (message,) = _messages(Message(Role.USER, (own, other)))
    assert message["content"] == [{"type": "hologram", "x": 1}]


def test_an_assistant_message_has_its_text_before_its_calls() -> None:
    call = ToolCall("c", "f", '{"x":1}')
    assert _assistant(call, Text("a")) == {
        "role": "assistant",
        "content": "a",
        "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
        ],
    }


def test_calls_without_text_have_no_content() -> None:
    assert "content" not in _assistant(ToolCall("c", "f"))


def test_a_call_without_arguments_has_an_empty_object() -> None:
    assert _assistant(ToolCall("c", "f"))["tool_calls"][0]["function"]["arguments"] == "{}"


def test_a_custom_call_is_written() -> None:
    (call,) = _assistant(ToolCall("c", "f", "in", custom=True))["tool_calls"]
    assert call == {"id": "c", "type": "custom", "custom": {"name": "f", "input": "in"}}


def test_a_refusal_is_written() -> None:
    message = {"role": "assistant", "content": None, "refusal": "no"}
    assert _assistant(Refusal("no")) == message


def test_a_turn_of_which_nothing_is_left_is_left_out() -> None:
    silent = Message(Role.ASSISTANT, (NativePart("gemini", "x", b"{}"), THOUGHT))
    assert [wire["role"] for wire in _messages(HI, silent, HI)] == ["user", "user"]


def test_each_tool_result_is_a_message() -> None:
    results = (
        ToolResult(call_id="c", parts=(Text("1"),), name="f", is_error=True),
        ToolResult(call_id="d", parts=(Text("2"), Text("3"))),
        ToolResult(call_id="e"),
    )
    assert _messages(Message(Role.TOOL, results)) == [
        {"role": "tool", "tool_call_id": "c", "content": "1"},
        {
            "role": "tool",
            "tool_call_id": "d",
            "content": [{"type": "text", "text": "2"}, {"type": "text", "text": "3"}],
        },
        {"role": "tool", "tool_call_id": "e", "content": ""},
    ]


RESULTS = Message(
    Role.TOOL,
    (
        ToolResult(call_id="c", parts=(Text("1"), PNG)),
        ToolResult(call_id="d", parts=(Text("2"),)),
    ),
)


@pytest.mark.parametrize(
    ("after", "roles", "content"),
    [
        pytest.param([], ["tool", "tool", "user"], [PNG_WIRE], id="nothing-follows"),
        pytest.param(
            [HI],
            ["tool", "tool", "user"],
            [PNG_WIRE, {"type": "text", "text": "hi"}],
            id="a-user-message-follows",
        ),
        pytest.param(
            [Message(Role.ASSISTANT, (Text("a"),))],
            ["tool", "tool", "user", "assistant"],
            [PNG_WIRE],
            id="an-answer-follows",
        ),
    ],
)
def test_media_of_results_follow_all_results(
    after: list[Message], roles: list[str], content: list[dict[str, Any]]
) -> None:
    wires = _messages(RESULTS, *after)
    assert [wire["role"] for wire in wires] == roles
    assert wires[2]["content"] == content


THOUGHT = Reasoning(text="r", signature=Opaque("anthropic-messages", "sig"))
OWN_ENTRY = '{"type":"reasoning.text","signature":"s","format":"anthropic-claude-v1","index":0}'
OWN_THOUGHT = Reasoning(text="r", signature=Opaque(OWN, OWN_ENTRY))
F = ToolCall("c", "f", "{}")


@pytest.mark.parametrize(
    ("model", "parts", "reasoning"),
    [
        pytest.param("deepseek-chat", (THOUGHT, F), {"reasoning_content": "r"}, id="tool-turn"),
        pytest.param("org/m", (THOUGHT, F), {"reasoning_content": "r"}, id="routed-tool-turn"),
        pytest.param("openai/gpt-oss-120b:fastest", (THOUGHT, F), {}, id="gpt-oss"),
        pytest.param("meta-llama/llama-4-scout", (THOUGHT, F), {}, id="llama"),
        pytest.param("deepseek-chat", (THOUGHT, Text("a")), {}, id="turn-without-tools"),
        pytest.param("gpt-5.4", (THOUGHT, F), {}, id="openai"),
        pytest.param("gpt-5.4", (OWN_THOUGHT, F), {}, id="own-to-openai"),
        pytest.param(
            CLAUDE,
            (OWN_THOUGHT, F),
            {"reasoning_details": [json.loads(OWN_ENTRY) | {"text": "r"}]},
            id="own",
        ),
        pytest.param(
            CLAUDE,
            (OWN_THOUGHT, Text("a")),
            {"reasoning_details": [json.loads(OWN_ENTRY) | {"text": "r"}]},
            id="own-without-tools",
        ),
    ],
)
def test_past_reasoning_goes_where_it_is_taken(
    model: str, parts: tuple[AnyPart, ...], reasoning: dict[str, object]
) -> None:
    message = _assistant(*parts, model=model)
    assert {name: message[name] for name in message if "reasoning" in name} == reasoning
    assert "sig" not in json.dumps(message).replace("signature", "")


def test_all_reasoning_of_a_turn_that_called_tools_goes_back_and_no_other() -> None:
    def assistant(text: str, *parts: AnyPart) -> Message:
        return Message(Role.ASSISTANT, (Reasoning(text=text), *parts))

    wires = _messages(
        HI,
        assistant("r0", Text("a")),
        HI,
        assistant("r1", F),
        Message(Role.TOOL, (ToolResult(call_id="c", parts=(Text("1"),)),)),
        assistant("r2", Text("b")),
        HI,
        model="deepseek-v4-pro",
    )
    assert [wire["reasoning_content"] for wire in wires if "reasoning_content" in wire] == [
        "r1",
        "r2",
    ]


def test_mistral_takes_past_reasoning_as_a_part() -> None:
    message = _assistant(THOUGHT, Text("a"), model="mistral-small-latest")
    assert message["content"] == [
        {"type": "thinking", "thinking": [{"type": "text", "text": "r"}]},
        {"type": "text", "text": "a"},
    ]


def test_a_signature_of_a_call_goes_back_to_its_maker_alone() -> None:
    entry = {"type": "reasoning.encrypted", "data": "d", "id": "c", "format": "google-gemini-v1"}
    own = ToolCall("c", "f", "{}", signature=Opaque(OWN, json.dumps(entry)))
    foreign = ToolCall("d", "g", "{}", signature=Opaque("gemini", "x"))
    message = _assistant(own, foreign, model="google/gemini-3-pro")
    assert message["reasoning_details"] == [entry]


@pytest.mark.parametrize(
    ("model", "mark"),
    [(CLAUDE, {"cache_control": {"type": "ephemeral"}}), ("org/m", {}), ("gpt-5.4", {})],
)
def test_a_mark_goes_where_it_is_taken(model: str, mark: dict[str, object]) -> None:
    wire = _render(
        Message(Role.SYSTEM, (Text("s", cache="5m"),)),
        Message(Role.TOOL, (ToolResult(call_id="c", parts=(Text("1"),), cache="5m"),)),
        model=model,
        tools=(Tool(name="f", cache="5m"),),
    )
    text = {"type": "text", "text": "s"}
    assert wire["messages"][0]["content"] == ([text | mark] if mark else "s")
    assert ("cache_control" in json.dumps(wire["messages"][1])) is bool(mark)
    assert wire["tools"][0] == {"type": "function", "function": {"name": "f"}} | mark


def test_an_hour_is_said() -> None:
    message = Message(Role.USER, (Text("s", cache="1h"),))
    (part,) = _messages(message, model=CLAUDE)[0]["content"]
    assert part["cache_control"] == {"type": "ephemeral", "ttl": "1h"}


TOOL_F = Tool(name="f", description="d", parameters=b'{"a": 1.0}', strict=False)
TOOL_G = Tool(name="g", custom=True, parameters=b'{"type":"text"}')


def test_tools_are_written() -> None:
    native = NativeTool(OWN, "web", b'{"type":"web"}')
    foreign = NativeTool("gemini", "google_search", b"{}")
    wire = _render(tools=(TOOL_F, TOOL_G, native, foreign), parallel_tool_calls=False)
    function = {"name": "f", "description": "d", "parameters": {"a": 1.0}, "strict": False}
    assert wire["tools"] == [
        {"type": "function", "function": function},
        {"type": "custom", "custom": {"name": "g", "format": {"type": "text"}}},
        {"type": "web"},
    ]
    assert wire["parallel_tool_calls"] is False


def test_a_schema_keeps_its_text() -> None:
    request = Request(messages=(HI,), tools=(TOOL_F,))
    assert b'"parameters":{"a": 1.0}' in render_request(request, model="m", stream=False)


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        (ToolChoice(Choice.AUTO), "auto"),
        (ToolChoice(Choice.NONE), "none"),
        (ToolChoice(Choice.REQUIRED), "required"),
        (ToolChoice(Choice.NAMED, "f"), {"type": "function", "function": {"name": "f"}}),
        (ToolChoice(Choice.NAMED, "g"), {"type": "custom", "custom": {"name": "g"}}),
    ],
)
def test_a_tool_choice_is_written(choice: ToolChoice, wire: object) -> None:
    assert _render(tools=(TOOL_F, TOOL_G), tool_choice=choice)["tool_choice"] == wire


def test_without_tools_nothing_is_said_of_them() -> None:
    wire = _render(tool_choice=ToolChoice(Choice.NONE), parallel_tool_calls=False)
    assert wire.keys() == {"model", "messages"}


def test_openai_is_told_which_tools_are_allowed() -> None:
    choice = ToolChoice(Choice.AUTO, allowed=("f",))
    wire = _render(tools=(TOOL_F, TOOL_G), tool_choice=choice, model="gpt-5.4")
    assert len(wire["tools"]) == 2
    function = {"type": "function", "function": {"name": "f"}}
    allowed = {"mode": "auto", "tools": [function]}
    assert wire["tool_choice"] == {"type": "allowed_tools", "allowed_tools": allowed}


def test_others_are_not_told_of_tools_that_are_not_allowed() -> None:
    wire = _render(tools=(TOOL_F, TOOL_G), tool_choice=ToolChoice(Choice.REQUIRED, allowed=("f",)))
    assert [tool["type"] for tool in wire["tools"]] == ["function"]
    assert wire["tool_choice"] == "required"


@pytest.mark.parametrize(
    ("model", "options", "fields"),
    [
        pytest.param("m", ReasoningOptions(effort="low"), {"reasoning_effort": "low"}, id="effort"),
        pytest.param(
            "m", ReasoningOptions(budget_tokens=1_024), {"reasoning_effort": "low"}, id="little"
        ),
        pytest.param(
            "m", ReasoningOptions(budget_tokens=10_000), {"reasoning_effort": "medium"}, id="some"
        ),
        pytest.param(
            "m", ReasoningOptions(budget_tokens=32_000), {"reasoning_effort": "high"}, id="much"
        ),
        pytest.param("m", ReasoningOptions(adaptive=True), {}, id="adaptive"),
        pytest.param("m", ReasoningOptions(effort="none"), {"reasoning_effort": "none"}, id="none"),
        pytest.param(
            "deepseek-v4-pro",
            ReasoningOptions(effort="none"),
            {"thinking": {"type": "disabled"}},
            id="none-of-deepseek",
        ),
        pytest.param(
            CLAUDE,
            ReasoningOptions(budget_tokens=9),
            {"reasoning": {"max_tokens": 9}},
            id="routed-budget",
        ),
        pytest.param(
            CLAUDE,
            ReasoningOptions(effort="high", visible=False),
            {"reasoning": {"effort": "high", "exclude": True}},
            id="routed-effort",
        ),
        pytest.param(
            CLAUDE,
            ReasoningOptions(adaptive=True),
            {"reasoning": {"enabled": True}},
            id="routed-adaptive",
        ),
    ],
)
def test_how_much_to_think_is_written(
    model: str, options: ReasoningOptions, fields: dict[str, object]
) -> None:
    wire = _render(model=model, reasoning=options)
    assert {name: wire[name] for name in wire if name not in ("model", "messages")} == fields


@pytest.mark.parametrize(
    ("format", "wire"),
    [
        (ResponseFormat(type=Format.JSON_OBJECT), {"type": "json_object"}),
        (
            ResponseFormat(type=Format.JSON_SCHEMA, schema=b'{"a":1}', strict=True),
            {
                "type": "json_schema",
                "json_schema": {"name": "response", "schema": {"a": 1}, "strict": True},
            },
        ),
    ],
)
def test_the_form_of_the_answer_is_written(format: ResponseFormat, wire: object) -> None:
    assert _render(response_format=format)["response_format"] == wire


def test_what_the_dialect_has_a_field_for_is_written() -> None:
    sampling = Sampling(
        temperature=0.5,
        top_p=0.9,
        top_k=3,
        seed=7,
        presence_penalty=0.1,
        frequency_penalty=0.2,
    )
    wire = _render(sampling=sampling, stop=("a", "b"), logprobs=True, top_logprobs=2, user="u")
    assert {name: wire[name] for name in wire if name not in ("model", "messages")} == {
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 7,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "stop": ["a", "b"],
        "logprobs": True,
        "top_logprobs": 2,
        "user": "u",
    }


def test_every_feature_has_its_support() -> None:
    assert set(SUPPORT) == set(Feature)
