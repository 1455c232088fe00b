"""Options of generateContent requests: tools, choices, sampling, and what has no place."""

import json
from typing import Any

import pytest

from gateway.canonical.errors import GatewayError
from gateway.canonical.request import (
    Choice,
    Format,
    NativeTool,
    ReasoningOptions,
    Request,
    ResponseFormat,
    Tool,
    ToolChoice,
)
from gateway.wire.gemini.codec import CODEC
from gateway.wire.gemini.count import (
    parse_count_envelope,
    parse_count_request,
    render_count_request,
)

HI: dict[str, Any] = {"role": "user", "parts": [{"text": "hi"}]}


def _request(**fields: object) -> Request:
    return CODEC.parse_request(json.dumps({"contents": [HI], **fields}).encode())


def _config(**fields: object) -> Request:
    return _request(generationConfig=fields)


def test_tools_are_read() -> None:
    schema = {"type": "object", "properties": {"some_name": {"type": "string"}}}
    tools = [
        {"google_search": {"x": 1}},
        {
            "functionDeclarations": [
                {"name": "a", "description": "d", "parameters_json_schema": schema},
                {
                    "name": "b",
                    "parameters": {
                        "type": "OBJECT",
                        "properties": {"some_name": {"type": "STRING"}},
                    },
                },
                {"name": "c", "behavior": "BLOCKING"},
            ],
            "codeExecution": {},
        },
    ]
    request = _request(tools=tools)
    assert request.tools == (
        NativeTool("gemini", "googleSearch", b'{"googleSearch":{"x": 1}}'),
        Tool(name="a", description="d", parameters=json.dumps(schema).encode()),
        Tool(name="b", parameters=json.dumps(schema, separators=(",", ":")).encode()),
        Tool(name="c"),
        NativeTool("gemini", "codeExecution", b'{"codeExecution":{}}'),
    )
    assert request.dropped == ("tools.functionDeclarations.behavior",)


@pytest.mark.parametrize(
    ("config", "choice"),
    [
        ({}, None),
        ({"mode": "AUTO"}, ToolChoice(Choice.AUTO)),
        ({"mode": 1}, ToolChoice(Choice.AUTO)),
        ({"mode": "MODE_UNSPECIFIED"}, None),
        ({"mode": "any"}, ToolChoice(Choice.REQUIRED)),
        ({"mode": "ANY", "allowedFunctionNames": ["f"]}, ToolChoice(Choice.NAMED, name="f")),
        (
            {"mode": "ANY", "allowed_function_names": ["f", "g"]},
            ToolChoice(Choice.REQUIRED, allowed=("f", "g")),
        ),
        ({"mode": "NONE"}, ToolChoice(Choice.NONE)),
        (
            {"mode": "VALIDATED", "allowedFunctionNames": ["f", "g"]},
            ToolChoice(Choice.AUTO, allowed=("f", "g")),
        ),
    ],
    ids=str,
)
def test_the_choice_of_tools_is_read(config: object, choice: ToolChoice | None) -> None:
    assert _request(toolConfig={"functionCallingConfig": config}).tool_choice == choice


@pytest.mark.parametrize(
    ("config", "options"),
    [
        ({}, None),
        ({"thinkingBudget": -1}, ReasoningOptions(adaptive=True, visible=False)),
        ({"thinkingBudget": 0}, ReasoningOptions(effort="none", visible=False)),
        (
            {"thinking_budget": "512", "include_thoughts": True},
            ReasoningOptions(budget_tokens=512, visible=True),
        ),
        ({"thinkingLevel": "HIGH"}, ReasoningOptions(effort="high", visible=False)),
        ({"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED"}, None),
    ],
    ids=str,
)
def test_how_much_to_think_is_read(config: object, options: ReasoningOptions | None) -> None:
    assert _config(thinkingConfig=config).reasoning == options


@pytest.mark.parametrize(
    ("config", "form"),
    [
        ({"responseMimeType": "text/plain"}, None),
        ({"responseMimeType": "application/json"}, ResponseFormat(type=Format.JSON_OBJECT)),
        (
            {"responseMimeType": "application/json", "responseJsonSchema": {"type": "string"}},
            ResponseFormat(type=Format.JSON_SCHEMA, schema=b'{"type": "string"}'),
        ),
        (
            {"response_mime_type": "application/json", "response_schema": {"type": "STRING"}},
            ResponseFormat(type=Format.JSON_SCHEMA, schema=b'{"type":"string"}'),
        ),
        (
            {"responseFormat": [{"text": {"mimeType": "application/json", "schema": {}}}]},
            ResponseFormat(type=Format.JSON_SCHEMA, schema=b"{}"),
        ),
    ],
    ids=str,
)
def test_the_form_of_the_answer_is_read(
    config: dict[str, Any], form: ResponseFormat | None
) -> None:
    assert _config(**config).response_format == form


def test_sampling_is_read() -> None:
    request = _config(
        temperature=0.5, topP=1, top_k=40.0, seed=1, presencePenalty=-1, frequencyPenalty=0.1,
        candidateCount=2, responseLogprobs=True, logprobs=3, stopSequences="x",
    )  # fmt: skip
    sampling = request.sampling
    assert (sampling.temperature, sampling.top_p, sampling.top_k) == (0.5, 1, 40)
    assert (sampling.seed, sampling.presence_penalty, sampling.frequency_penalty) == (1, -1, 0.1)
    assert (request.choices, request.logprobs, request.top_logprobs) == (2, True, 3)
    assert request.stop == ("x",)


DROPPED: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({"safetySettings": [{}]}, ("safetySettings",)),
    ({"safetySettings": []}, ()),
    ({"labels": {"a": "b"}}, ("labels",)),
    ({"new_field": 1}, ("newField",)),
    ({"model": "models/x"}, ()),
    ({"toolConfig": {"retrievalConfig": {}}}, ("toolConfig.retrievalConfig",)),
    ({"generationConfig": {"x": 1}}, ("generationConfig.x",)),
    ({"contents": [HI | {"x": 1}, HI | {"x": 2}]}, ("contents.x",)),
    ({"contents": {"parts": {"text": "a", "fps": {}}}}, ("contents.parts.fps",)),
]
REFUSED: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({"responseModalities": ["TEXT", "IMAGE"]}, ("responseModalities",)),
    ({"responseModalities": ["TEXT"]}, ()),
    ({"responseModalities": [1]}, ()),
    ({"responseModalities": [3]}, ("responseModalities",)),
    ({"speechConfig": {}}, ("speechConfig",)),
    ({"responseMimeType": "text/x.enum"}, ("responseMimeType",)),
    ({"responseFormat": {"audio": {}}}, ("responseFormat.audio",)),
]


@pytest.mark.parametrize(("fields", "names"), DROPPED, ids=[str(fields) for fields, _ in DROPPED])
def test_what_an_answer_can_do_without_is_named(
    fields: dict[str, Any], names: tuple[str, ...]
) -> None:
    request = CODEC.parse_request(json.dumps({"contents": [HI]} | fields).encode())
    assert (request.dropped, request.refused) == (names, ())


@pytest.mark.parametrize(("config", "names"), REFUSED, ids=[str(config) for config, _ in REFUSED])
def test_what_asks_for_another_answer_is_named(
    config: dict[str, Any], names: tuple[str, ...]
) -> None:
    request = _config(**config)
    assert request.refused == tuple(f"generationConfig.{name}" for name in names)
    assert request.dropped == ()


def test_content_from_a_cache_is_named() -> None:
    assert _request(cachedContent="cachedContents/x").refused == ("cachedContent",)


def test_a_piece_of_a_video_is_named() -> None:
    part = {"fileData": {"fileUri": "u"}, "videoMetadata": {"startOffset": "1s"}}
    assert _request(contents={"parts": part}).refused == ("contents.parts.videoMetadata",)


@pytest.mark.parametrize(
    ("body", "written"),
    [
        (b'{"contents": [ ],  "x":1.0}', b'{"contents": [ ],  "x":1.0}'),
        (b'{"model": "models/a",  "x":1.0}', b'{"model": "models/g",  "x":1.0}'),
        (
            b'{"generateContentRequest": {"model": "models/a"}}',
            b'{"generateContentRequest": {"model": "models/a"}}',
        ),
    ],
)
def test_only_a_model_that_is_there_is_written_over(body: bytes, written: bytes) -> None:
    assert CODEC.render_native(body, model="g") == written


@pytest.mark.parametrize("body", [b"[]", b"", b"x", b'"model"'])
def test_a_native_body_has_to_be_an_object(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        CODEC.render_native(body, model="g")


@pytest.mark.parametrize(
    "body",
    [
        {"contents": [HI]},
        {"generateContentRequest": {"model": "models/x", "contents": [HI]}},
        {"generate_content_request": {"contents": [HI], "model": "models/x"}},
    ],
    ids=["bare", "camel", "snake"],
)
def test_what_is_to_be_counted_is_read(body: object) -> None:
    wire = json.dumps(body).encode()
    parse_count_envelope(wire, max_depth=9)
    request = parse_count_request(wire)
    assert request.last_user_text == "hi"
    assert json.loads(render_count_request(request, model="g")) == {
        "generateContentRequest": {"model": "models/g", "contents": [HI]}
    }


@pytest.mark.parametrize("body", [{}, {"generateContentRequest": {}}], ids=str)
def test_nothing_to_count_is_refused(body: object) -> None:
    with pytest.raises(GatewayError) as caught:
        parse_count_envelope(json.dumps(body).encode(), max_depth=9)
    assert caught.value.failure.param == "contents"
