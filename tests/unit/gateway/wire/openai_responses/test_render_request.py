"""Canonical requests, as other dialects make them, for an upstream of this one."""

import json
from typing import Any

import pytest

from gateway.canonical.content import (
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
from gateway.canonical.features import Feature, Support
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
from gateway.wire.openai_responses.codec import CODEC
from gateway.wire.openai_responses.render_request import render_request

OWN = "openai-responses"
HI = Message(Role.USER, (Text("hi"),))


def _render(*messages: Message, **fields: Any) -> dict[str, Any]:
    request = Request(messages=messages or (HI,), **fields)
    wire: dict[str, Any] = json.loads(render_request(request, model="m", stream=False))
    return wire


def _input(*messages: Message) -> list[Any]:
    items: list[Any] = _render(*messages)["input"]
    return items


def _said(*parts: Any) -> list[Any]:
    return _input(Message(Role.ASSISTANT, parts))


def _user(part: Any) -> Any:
    (item,) = _input(Message(Role.USER, (part,)))
    return item["content"]


def test_the_least_request() -> None:
    assert _render() == {
        "model": "m",
        "input": [{"type": "message", "role": "user", "content": "hi"}],
        "stream": False,
        "store": False,
    }


def test_the_first_words_of_the_system_are_instructions() -> None:
    system = Message(Role.SYSTEM, (Text("be terse"),))
    wire = _render(system, HI, system)
    assert wire["instructions"] == "be terse"
    assert [item["role"] for item in wire["input"]] == ["user", "system"]


def test_words_of_the_system_in_pieces_stay_apart() -> None:
    wire = _render(Message(Role.SYSTEM, (Text("a"), Text("b"))), HI)
    assert "instructions" not in wire
    assert [part["text"] for part in wire["input"][0]["content"]] == ["a", "b"]


def test_pieces_of_text_are_parts() -> None:
    (item,) = _input(Message(Role.USER, (Text("a"), Text("b"))))
    assert item["content"] == [
        {"type": "input_text", "text": "a"},
        {"type": "input_text", "text": "b"},
    ]


@pytest.mark.parametrize(
    ("media", "part"),
    [
        (
            Media(kind=MediaKind.IMAGE, mime="image/png", data="aGk=", detail="high"),
            {"type": "input_image", "detail": "high", "image_url": "data:image/png;base64,aGk="},
        ),
        (
            Media(kind=MediaKind.IMAGE, url="https://a"),
            {"type": "input_image", "image_url": "https://a"},
        ),
        (
            Media(kind=MediaKind.IMAGE, file_id="file-1"),
            {"type": "input_image", "file_id": "file-1"},
        ),
        (
            Media(kind=MediaKind.DOCUMENT, mime="text/csv", data="aGk=", name="a.csv"),
            {
                "type": "input_file",
                "filename": "a.csv",
                "file_data": "data:text/csv;base64,aGk=",
            },
        ),
        (
            Media(kind=MediaKind.DOCUMENT, mime="application/pdf", data="aGk="),
            {
                "type": "input_file",
                "filename": "document.pdf",
                "file_data": "data:application/pdf;base64,aGk=",
            },
        ),
        (
            Media(kind=MediaKind.DOCUMENT, url="https://a/b.pdf", name="b.pdf"),
            {"type": "input_file", "file_url": "https://a/b.pdf"},
        ),
        (
            Media(kind=MediaKind.DOCUMENT, file_id="file-1", name="b.pdf"),
            {"type": "input_file", "file_id": "file-1"},
        ),
    ],
)
def test_media_of_a_user(media: Media, part: dict[str, Any]) -> None:
    assert _user(media) == [part]


@pytest.mark.parametrize("kind", [MediaKind.AUDIO, MediaKind.VIDEO])
def test_media_that_the_dialect_has_no_part_for_is_left_out(kind: MediaKind) -> None:
    assert _user(Media(kind=kind, mime="x/y", data="aGk=")) == ""


def test_a_turn_of_the_assistant_in_its_order() -> None:
    items = _said(
        Text("a"), Refusal("no"), ToolCall("c1", "f", "{}"), ToolCall("c2", "g", "x", custom=True)
    )
    assert items == [
        {
            "type": "message",
            "role": "assistant",
            "content": [
                {"type": "output_text", "text": "a", "annotations": []},
                {"type": "refusal", "refusal": "no"},
            ],
        },
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "g", "input": "x"},
    ]


def test_a_call_without_arguments_has_an_empty_object() -> None:
    assert _said(ToolCall("c1", "f"))[0]["arguments"] == "{}"


def test_results() -> None:
    image = Media(kind=MediaKind.IMAGE, mime="image/png", data="aGk=")
    results = (
        ToolResult(call_id="c1", parts=(Text("one"),), name="f", is_error=True),
        ToolResult(call_id="c2", parts=(Text("see"), image)),
        ToolResult(call_id="c3", custom=True),
    )
    assert _input(Message(Role.TOOL, results)) == [
        {"type": "function_call_output", "call_id": "c1", "output": "one"},
        {
            "type": "function_call_output",
            "call_id": "c2",
            "output": [
                {"type": "input_text", "text": "see"},
                {"type": "input_image", "image_url": "data:image/png;base64,aGk="},
            ],
        },
        {"type": "custom_tool_call_output", "call_id": "c3", "output": ""},
    ]


def test_reasoning_goes_back_to_its_maker() -> None:
    thought = Reasoning(text="t", signature=Opaque(OWN, "gAAAA"), id="rs_1")
    assert _said(thought) == [
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "t"}],
            "encrypted_content": "gAAAA",
        }
    ]


@pytest.mark.parametrize("signature", [None, Opaque("anthropic-messages", "sig")])
def test_reasoning_that_the_upstream_did_not_make_is_left_out(signature: Opaque | None) -> None:
    assert _said(Reasoning(text="t", signature=signature)) == []


def test_the_signature_of_a_call_goes_to_no_upstream_of_this_dialect() -> None:
    (item,) = _said(ToolCall("c1", "f", "{}", Opaque("gemini", "sig")))
    assert "sig" not in json.dumps(item)


def test_native_parts_of_the_dialect_go_back_as_they_came() -> None:
    own = NativePart(OWN, "web_search_call", b'{"type":"web_search_call","x":1.0}')
    foreign = NativePart("gemini", "executableCode", b'{"x":1}')
    assert _said(own, foreign) == [{"type": "web_search_call", "x": 1.0}]
    assert _user(NativePart(OWN, "input_x", b'{"type":"input_x"}')) == [{"type": "input_x"}]
    assert _user(foreign) == ""
    assert _input(Message(Role.TOOL, (own, foreign))) == [{"type": "web_search_call", "x": 1.0}]


def test_tools() -> None:
    tools = (
        Tool(name="f", description="d", parameters=b'{"type": "object"}', strict=True),
        Tool(name="g"),
        Tool(name="c", parameters=b'{"type":"text"}', custom=True),
        NativeTool(OWN, "web_search", b'{"type":"web_search"}'),
        NativeTool("gemini", "googleSearch", b"{}"),
    )
    assert _render(tools=tools)["tools"] == [
        {
            "type": "function",
            "name": "f",
            "description": "d",
            "parameters": {"type": "object"},
            "strict": True,
        },
        {"type": "function", "name": "g", "strict": False},
        {"type": "custom", "name": "c", "format": {"type": "text"}},
        {"type": "web_search"},
    ]


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        (ToolChoice(Choice.AUTO), "auto"),
        (ToolChoice(Choice.NONE), "none"),
        (ToolChoice(Choice.REQUIRED), "required"),
        (ToolChoice(Choice.NAMED, "f"), {"type": "function", "name": "f"}),
        (ToolChoice(Choice.NAMED, "c"), {"type": "custom", "name": "c"}),
        (
            ToolChoice(Choice.REQUIRED, allowed=("f", "c")),
            {
                "type": "allowed_tools",
                "mode": "required",
                "tools": [{"type": "function", "name": "f"}, {"type": "custom", "name": "c"}],
            },
        ),
    ],
)
def test_tool_choice(choice: ToolChoice, wire: Any) -> None:
    tools = (Tool(name="f"), Tool(name="c", custom=True))
    assert _render(tools=tools, tool_choice=choice)["tool_choice"] == wire


@pytest.mark.parametrize(
    ("options", "wire"),
    [
        (ReasoningOptions(effort="high"), {"effort": "high"}),
        (ReasoningOptions(effort="none"), {"effort": "none"}),
        (ReasoningOptions(visible=True), {"summary": "auto"}),
        (ReasoningOptions(visible=True, summary="detailed"), {"summary": "detailed"}),
        (ReasoningOptions(budget_tokens=1024), {"effort": "low"}),
        (ReasoningOptions(budget_tokens=16384), {"effort": "medium"}),
        (ReasoningOptions(budget_tokens=16385), {"effort": "high"}),
        (ReasoningOptions(effort="low", budget_tokens=99999), {"effort": "low"}),
        (ReasoningOptions(adaptive=True), None),
    ],
)
def test_reasoning_options(options: ReasoningOptions, wire: Any) -> None:
    assert _render(reasoning=options).get("reasoning") == wire


@pytest.mark.parametrize(
    ("fields", "include"),
    [
        ({}, None),
        ({"reasoning": ReasoningOptions(effort="low")}, ["reasoning.encrypted_content"]),
        ({"reasoning": ReasoningOptions(effort="none")}, None),
        ({"logprobs": True}, ["message.output_text.logprobs"]),
    ],
)
def test_include(fields: dict[str, Any], include: Any) -> None:
    assert _render(**fields).get("include") == include


def test_reasoning_that_is_there_is_asked_for_again() -> None:
    said = Message(Role.ASSISTANT, (Reasoning(text="t", signature=Opaque(OWN, "g")),))
    assert _render(HI, said, HI)["include"] == ["reasoning.encrypted_content"]


@pytest.mark.parametrize(
    ("wanted", "wire"),
    [
        (ResponseFormat(type=Format.JSON_OBJECT), {"type": "json_object"}),
        (
            ResponseFormat(type=Format.JSON_SCHEMA, schema=b'{"type": "object"}'),
            {"type": "json_schema", "name": "response", "schema": {"type": "object"}},
        ),
        (
            ResponseFormat(
                type=Format.JSON_SCHEMA, name="n", description="d", schema=b"{}", strict=False
            ),
            {
                "type": "json_schema",
                "name": "n",
                "schema": {},
                "description": "d",
                "strict": False,
            },
        ),
    ],
)
def test_response_format(wanted: ResponseFormat, wire: Any) -> None:
    assert _render(response_format=wanted)["text"] == {"format": wire}


def test_settings() -> None:
    wire = _render(
        sampling=Sampling(temperature=0.0, top_p=0.5, top_k=3, seed=1, presence_penalty=1.0),
        max_output_tokens=50,
        parallel_tool_calls=False,
        logprobs=True,
        top_logprobs=2,
        user="u",
        stop=("x",),
        choices=2,
    )
    expected = {
        "temperature": 0.0,
        "top_p": 0.5,
        "max_output_tokens": 50,
        "parallel_tool_calls": False,
        "top_logprobs": 2,
        "user": "u",
    }
    assert expected.items() <= wire.items()
    assert not {"top_k", "seed", "presence_penalty", "stop", "n"} & set(wire)


@pytest.mark.parametrize(("wanted", "said"), [(1, 16), (15, 16), (16, 16), (17, 17), (0, 0)])
def test_the_bound_is_not_below_the_least_that_the_api_takes(wanted: int, said: int) -> None:
    assert _render(max_output_tokens=wanted)["max_output_tokens"] == said


@pytest.mark.parametrize(
    ("model", "includes"),
    [
        ("gpt-5", True),
        ("gpt-5.2-codex", True),
        ("o3", True),
        ("o4-mini", True),
        ("openai/gpt-5-mini", True),
        ("codex-mini-latest", True),
        ("gpt-5-chat-latest", False),
        ("gpt-4.1", False),
        ("gpt-4o", False),
        ("my-o3-like", False),
    ],
)
def test_thoughts_are_wanted_of_models_that_think_unasked(model: str, includes: bool) -> None:
    wire = json.loads(render_request(Request(messages=(HI,)), model=model, stream=False))
    assert ("include" in wire) is includes


def test_foreign_thoughts_are_no_reason_to_want_encrypted_ones() -> None:
    thought = Reasoning(text="t", signature=Opaque("gemini", "sig"))
    wire = _render(HI, Message(Role.ASSISTANT, (thought, Text("a"))), HI)
    assert "include" not in wire


def test_an_image_of_the_models_has_an_id() -> None:
    image = Media(kind=MediaKind.IMAGE, mime="image/png", data="aGk=")
    (item,) = _render(Message(Role.ASSISTANT, (image,)))["input"]
    assert item["id"].startswith("ig_")


def test_a_stream_is_asked_for() -> None:
    body = render_request(Request(messages=(HI,)), model="m", stream=True)
    assert json.loads(body)["stream"] is True


def test_every_feature_has_its_verdict() -> None:
    assert set(CODEC.support) == set(Feature)
    refused = {feature for feature, verdict in CODEC.support.items() if verdict is Support.REFUSED}
    assert refused == {
        Feature.AUDIO_INPUT,
        Feature.VIDEO_INPUT,
        Feature.FILE_ID,
        Feature.PROVIDER_TOOLS,
        Feature.PROVIDER_CONTENT,
        Feature.STOP_SEQUENCES,
        Feature.SEVERAL_CHOICES,
    }
