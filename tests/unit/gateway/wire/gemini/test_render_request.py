"""Canonical requests as Gemini is asked them."""

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
from gateway.wire.gemini.codec import CODEC

GEMINI_2 = "gemini-2.5-flash"
GEMINI_3 = "gemini-3-flash-preview"
OWN = Opaque("gemini", "own")
FOREIGN = Opaque("anthropic-messages", "foreign")

USER = Message(Role.USER, (Text("hi"),))
ASKED = {"role": "user", "parts": [{"text": "hi"}]}


def _body(*messages: Message, model: str = GEMINI_2, **fields: Any) -> dict[str, Any]:
    request = Request(messages=messages or (USER,), **fields)
    body = json.loads(CODEC.render_request(request, model=model, stream=True))
    assert isinstance(body, dict)
    return body


def _contents(*messages: Message, model: str = GEMINI_2) -> Any:
    return _body(*messages, model=model)["contents"]


def _parts(*parts: AnyPart, role: Role = Role.USER, model: str = GEMINI_2) -> Any:
    (content,) = _contents(Message(role, parts), model=model)
    return content["parts"]


def _result(*parts: Any, model: str = GEMINI_2, **fields: Any) -> Any:
    result = ToolResult(call_id="c", name="f", parts=parts, **fields)
    return _parts(result, role=Role.TOOL, model=model)


def _config(model: str = GEMINI_2, **fields: Any) -> Any:
    return _body(model=model, **fields).get("generationConfig")


def test_the_smallest_request_has_contents_only() -> None:
    assert _body() == {"contents": [ASKED]}


def test_all_system_messages_go_to_the_instruction_in_order() -> None:
    body = _body(
        Message(Role.SYSTEM, (Text("a"), Text("b"))), USER, Message(Role.SYSTEM, (Text("c"),))
    )
    assert body == {
        "systemInstruction": {"parts": [{"text": "a"}, {"text": "b"}, {"text": "c"}]},
        "contents": [ASKED],
    }


def test_an_instruction_alone_is_the_prompt() -> None:
    assert _body(Message(Role.SYSTEM, (Text("hi"),))) == {"contents": [ASKED]}


def test_turns_of_one_role_become_one() -> None:
    model = Message(Role.ASSISTANT, (Text("a"),))
    assert _contents(USER, USER, model, model) == [
        {"role": "user", "parts": [{"text": "hi"}, {"text": "hi"}]},
        {"role": "model", "parts": [{"text": "a"}, {"text": "a"}]},
    ]


def test_tool_results_stay_a_turn_of_their_own() -> None:
    call = Message(Role.ASSISTANT, (ToolCall("c", "f", "{}"),))
    results = Message(Role.TOOL, (ToolResult(call_id="c", parts=(Text("r"),)),))
    contents = _contents(USER, call, results, USER)
    assert [content["role"] for content in contents] == ["user", "model", "user", "user"]
    assert contents[2]["parts"] == [
        {"functionResponse": {"id": "c", "name": "f", "response": {"output": "r"}}}
    ]


def test_a_message_that_says_nothing_here_is_left_out() -> None:
    nothing = Message(Role.ASSISTANT, (Reasoning(signature=FOREIGN, redacted=True), Text("")))
    assert _contents(USER, nothing) == [ASKED]


@pytest.mark.parametrize(
    ("part", "wire"),
    [
        pytest.param(Refusal("no"), {"text": "no"}, id="refusal"),
        pytest.param(Text("a", signature=OWN), {"text": "a", "thoughtSignature": "own"}, id="own"),
        pytest.param(Text("", signature=OWN), {"text": "", "thoughtSignature": "own"}, id="bare"),
        pytest.param(Text("a", signature=FOREIGN), {"text": "a"}, id="foreign"),
        pytest.param(
            Reasoning(text="t", signature=FOREIGN), {"text": "t", "thought": True}, id="thought"
        ),
        pytest.param(
            Reasoning(text="t", signature=OWN),
            {"text": "t", "thought": True, "thoughtSignature": "own"},
            id="own-thought",
        ),
        pytest.param(
            NativePart("gemini", "executableCode", b'{"executableCode":{}}'),
            {"executableCode": {}},
            id="native",
        ),
        pytest.param(
            Media(kind=MediaKind.IMAGE, mime="image/png", data="AA", signature=OWN),
            {"inlineData": {"mimeType": "image/png", "data": "AA"}, "thoughtSignature": "own"},
            id="image",
        ),
    ],
)
def test_a_part_of_the_model_is_written(part: AnyPart, wire: object) -> None:
    assert _parts(part, role=Role.ASSISTANT) == [wire]


@pytest.mark.parametrize(
    ("arguments", "args"),
    [
        ('{"a": 1}', {"a": 1}),
        ("", {}),
        (" ", {}),
        ("{}", {}),
        ('{"a": ', {"value": '{"a": '}),
        ("[1]", {"value": "[1]"}),
        ('{\n  "a": 1\n}', {"a": 1}),
        ("[" * 100_000, {"value": "[" * 100_000}),
    ],
    ids=["object", "empty", "blank", "none", "cut", "list", "lines", "deep"],
)
def test_arguments_are_an_object(arguments: str, args: object) -> None:
    (part,) = _parts(ToolCall("c", "f", arguments), role=Role.ASSISTANT)
    assert part == {"functionCall": {"id": "c", "name": "f", "args": args}}


def test_generation_3_gets_a_signature_for_the_first_call_that_has_none() -> None:
    calls = (ToolCall("a", "f", "{}", FOREIGN), ToolCall("b", "g", "{}"))
    parts = _parts(Text("x"), *calls, role=Role.ASSISTANT, model=GEMINI_3)
    assert [part.get("thoughtSignature") for part in parts] == [
        None,
        "skip_thought_signature_validator",
        None,
    ]


def test_a_signature_of_gemini_is_not_replaced() -> None:
    calls = (ToolCall("a", "f", "{}", OWN), ToolCall("b", "g", "{}"))
    parts = _parts(*calls, role=Role.ASSISTANT, model=GEMINI_3)
    assert [part.get("thoughtSignature") for part in parts] == ["own", None]


def test_older_generations_get_no_signature_of_ours() -> None:
    (part,) = _parts(ToolCall("a", "f", "{}"), role=Role.ASSISTANT)
    assert "thoughtSignature" not in part


@pytest.mark.parametrize(
    ("media", "wire"),
    [
        pytest.param(
            Media(kind=MediaKind.AUDIO, data="AA"),
            {"inlineData": {"mimeType": "audio/mpeg", "data": "AA"}},
            id="no-type",
        ),
        pytest.param(
            Media(kind=MediaKind.IMAGE, url="https://a.example/x.webp?y"),
            {"fileData": {"mimeType": "image/webp", "fileUri": "https://a.example/x.webp?y"}},
            id="extension",
        ),
        pytest.param(
            Media(kind=MediaKind.IMAGE, url="https://a.example/x"),
            {"fileData": {"mimeType": "image/png", "fileUri": "https://a.example/x"}},
            id="no-extension",
        ),
        pytest.param(
            Media(kind=MediaKind.VIDEO, url="https://www.youtube.com/watch?v=x"),
            {"fileData": {"fileUri": "https://www.youtube.com/watch?v=x"}},
            id="youtube",
        ),
        pytest.param(
            Media(kind=MediaKind.DOCUMENT, mime="text/csv", file_id="gs://b/x"),
            {"fileData": {"mimeType": "text/csv", "fileUri": "gs://b/x"}},
            id="file-of-google",
        ),
    ],
)
def test_media_are_written(media: Media, wire: object) -> None:
    assert _parts(media) == [wire]


def test_a_file_of_another_provider_is_left_out() -> None:
    assert _parts(Text("see"), Media(kind=MediaKind.IMAGE, file_id="file-1")) == [{"text": "see"}]


@pytest.mark.parametrize(
    ("text", "is_error", "response"),
    [
        ("plain", False, {"output": "plain"}),
        ("", False, {"output": ""}),
        ('{"a": 1}', False, {"a": 1}),
        ("[1]", False, {"output": "[1]"}),
        ("bad", True, {"error": "bad"}),
        ('{"a": 1}', True, {"error": '{"a": 1}'}),
    ],
)
def test_what_a_tool_answered_is_an_object(text: str, is_error: bool, response: object) -> None:
    (part,) = _result(Text(text), is_error=is_error)
    assert part["functionResponse"]["response"] == response


def test_a_result_without_a_name_has_that_of_its_id() -> None:
    result = ToolResult(call_id="lost", parts=(Text("x"),))
    (part,) = _parts(result, role=Role.TOOL)
    assert part["functionResponse"]["name"] == "lost"


def test_media_of_a_result_are_in_it_for_generation_3() -> None:
    image = Media(kind=MediaKind.IMAGE, mime="image/png", data="AA")
    (part,) = _result(Text("see"), image, model=GEMINI_3)
    blob = {"inlineData": {"mimeType": "image/png", "data": "AA"}}
    assert part["functionResponse"]["parts"] == [blob]


def test_media_of_a_result_are_beside_it_for_older_ones() -> None:
    image = Media(kind=MediaKind.IMAGE, mime="image/png", data="AA")
    result, beside = _result(Text("see"), image)
    assert "parts" not in result["functionResponse"]
    assert beside == {"inlineData": {"mimeType": "image/png", "data": "AA"}}


def test_media_by_address_are_beside_the_result() -> None:
    image = Media(kind=MediaKind.IMAGE, mime="image/png", url="https://a.example/x.png")
    _, beside = _result(Text("see"), image, model=GEMINI_3)
    assert beside["fileData"]["fileUri"] == "https://a.example/x.png"


def test_functions_go_together_where_the_first_one_stands() -> None:
    tools = (
        NativeTool("gemini", "googleSearch", b'{"googleSearch":{}}'),
        Tool(name="f", description="d", parameters=b'{"type": "object"}', strict=True),
        NativeTool("anthropic-messages", "bash", b"{}"),
        Tool(name="g"),
        Tool(name="h", custom=True),
    )
    assert _body(tools=tools)["tools"] == [
        {"googleSearch": {}},
        {
            "functionDeclarations": [
                {"name": "f", "description": "d", "parametersJsonSchema": {"type": "object"}},
                {"name": "g"},
            ]
        },
    ]


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        (ToolChoice(Choice.AUTO), {"mode": "AUTO"}),
        (ToolChoice(Choice.NONE), {"mode": "NONE"}),
        (ToolChoice(Choice.REQUIRED), {"mode": "ANY"}),
        (
            ToolChoice(Choice.REQUIRED, allowed=("f", "g")),
            {"mode": "ANY", "allowedFunctionNames": ["f", "g"]},
        ),
        (
            ToolChoice(Choice.NAMED, name="f"),
            {"mode": "ANY", "allowedFunctionNames": ["f"]},
        ),
        (
            ToolChoice(Choice.AUTO, allowed=("f", "g")),
            {"mode": "VALIDATED", "allowedFunctionNames": ["f", "g"]},
        ),
        (ToolChoice(Choice.NONE, allowed=("f",)), {"mode": "NONE"}),
    ],
    ids=str,
)
def test_the_choice_of_tools_is_written(choice: ToolChoice, config: object) -> None:
    body = _body(tools=(Tool(name="f"),), tool_choice=choice)
    assert body["toolConfig"] == {"functionCallingConfig": config}


def test_a_choice_among_no_tools_is_left_out() -> None:
    assert "toolConfig" not in _body(tool_choice=ToolChoice(Choice.AUTO))


def test_options_are_written() -> None:
    config = _config(
        max_output_tokens=5,
        stop=("x",),
        logprobs=True,
        top_logprobs=2,
        sampling=Sampling(temperature=0, top_p=0.5, top_k=3, seed=0, presence_penalty=1),
        user="u",
        parallel_tool_calls=False,
    )
    assert config == {
        "temperature": 0,
        "topP": 0.5,
        "topK": 3,
        "seed": 0,
        "presencePenalty": 1,
        "maxOutputTokens": 5,
        "stopSequences": ["x"],
        "responseLogprobs": True,
        "logprobs": 2,
    }


def test_the_form_of_the_answer_is_written() -> None:
    anything = ResponseFormat(type=Format.JSON_OBJECT)
    schema = ResponseFormat(type=Format.JSON_SCHEMA, name="n", schema=b'{"x": 1}', strict=True)
    assert _config(response_format=anything) == {"responseMimeType": "application/json"}
    assert _config(response_format=schema) == {
        "responseMimeType": "application/json",
        "responseJsonSchema": {"x": 1},
    }


THINKING: list[tuple[str, ReasoningOptions, object]] = [
    (GEMINI_2, ReasoningOptions(effort="none"), {"thinkingBudget": 0}),
    (GEMINI_2, ReasoningOptions(effort="low"), {"thinkingBudget": 1024, "includeThoughts": True}),
    (GEMINI_2, ReasoningOptions(effort="max", visible=False), {"thinkingBudget": 24576}),
    (GEMINI_2, ReasoningOptions(budget_tokens=50_000), {"thinkingBudget": 24576}),
    (GEMINI_2, ReasoningOptions(adaptive=True), {"thinkingBudget": -1}),
    (GEMINI_2, ReasoningOptions(visible=True), {"includeThoughts": True}),
    (GEMINI_2, ReasoningOptions(summary="auto"), {"includeThoughts": True}),
    (GEMINI_2, ReasoningOptions(effort="odd", visible=False), None),
    ("gemini-2.5-pro", ReasoningOptions(effort="none"), {"thinkingBudget": 128}),
    ("gemini-2.5-pro", ReasoningOptions(budget_tokens=50_000), {"thinkingBudget": 32768}),
    ("gemini-2.5-flash-lite", ReasoningOptions(budget_tokens=1), {"thinkingBudget": 512}),
    ("models/gemini-2.5-flash", ReasoningOptions(effort="none"), {"thinkingBudget": 0}),
    (GEMINI_3, ReasoningOptions(effort="none"), {"thinkingLevel": "minimal"}),
    (GEMINI_3, ReasoningOptions(effort="medium", visible=False), {"thinkingLevel": "medium"}),
    (GEMINI_3, ReasoningOptions(budget_tokens=7), {"thinkingBudget": 7}),
    (GEMINI_3, ReasoningOptions(adaptive=True), {"thinkingBudget": -1}),
    ("gemini-flash-latest", ReasoningOptions(effort="none"), {"thinkingLevel": "minimal"}),
    ("gemini-3-pro-preview", ReasoningOptions(effort="none"), {"thinkingLevel": "low"}),
    (
        "gemini-3-pro-preview",
        ReasoningOptions(effort="medium", visible=False),
        {"thinkingLevel": "high"},
    ),
    (
        "gemini-3.1-pro-preview",
        ReasoningOptions(effort="medium", visible=False),
        {"thinkingLevel": "medium"},
    ),
    ("gemini-2.0-flash", ReasoningOptions(effort="high"), None),
    ("gemma-3-27b-it", ReasoningOptions(effort="high"), None),
]


@pytest.mark.parametrize(("model", "options", "wire"), THINKING, ids=str)
def test_how_much_to_think_is_said_as_the_model_knows_it(
    model: str, options: ReasoningOptions, wire: object
) -> None:
    config = _config(model=model, reasoning=options) or {}
    assert config.get("thinkingConfig") == wire
