"""Tools and settings of the dialect's requests as canonical ones."""

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
    Sampling,
    Tool,
    ToolChoice,
)
from gateway.wire.openai_responses.names import MAX_NAME
from gateway.wire.openai_responses.parse_request import parse_request

OWN = "openai-responses"


def _parse(input: Any = "hi", **fields: Any) -> Request:
    return parse_request(json.dumps({"model": "m", "input": input, **fields}).encode())


def _param(input: Any = "hi", **fields: Any) -> str | None:
    with pytest.raises(GatewayError) as raised:
        _parse(input, **fields)
    assert raised.value.failure.status == 400
    return raised.value.failure.param


def test_tools() -> None:
    schema = {"type": "object", "properties": {}}
    tools = [
        {"type": "function", "name": "f", "description": "d", "parameters": schema, "strict": True},
        {"type": "function", "name": "bare", "parameters": None},
        {"type": "custom", "name": "c", "format": {"type": "text"}},
        {"type": "web_search", "filters": None},
        {
            "type": "namespace",
            "name": "crm",
            "description": "customers",
            "tools": [{"type": "function", "name": "find"}],
        },
    ]
    assert _parse(tools=tools).tools == (
        Tool(name="f", description="d", parameters=json.dumps(schema).encode(), strict=True),
        Tool(name="bare"),
        Tool(name="c", parameters=b'{"type": "text"}', custom=True),
        NativeTool(OWN, "web_search", b'{"type": "web_search", "filters": null}'),
        Tool(name="crm__find"),
    )


def test_a_long_name_within_a_namespace_stays_short_and_its_own() -> None:
    names = [f"{'x' * 60}{end}" for end in "ab"]
    tools = [{"type": "function", "name": name} for name in names]
    wire = {"type": "namespace", "name": "space", "description": "", "tools": tools}
    flat = [tool.name for tool in _parse(tools=[wire]).tools if isinstance(tool, Tool)]
    assert len(set(flat)) == 2
    assert {len(name) for name in flat} == {MAX_NAME}


@pytest.mark.parametrize(
    ("tools", "param"),
    [
        ([{}], "tools[0].type"),
        ([{"type": "function"}], "tools[0].name"),
        ([{"type": "namespace", "name": "n", "tools": [{}]}], "tools[0].tools[0].type"),
        (
            [{"type": "namespace", "name": "n", "tools": [{"type": "function"}]}],
            "tools[0].tools[0].name",
        ),
    ],
)
def test_a_faulty_tool_is_named_by_its_path(tools: Any, param: str) -> None:
    assert _param(tools=tools) == param


@pytest.mark.parametrize(
    ("wire", "choice"),
    [
        (None, None),
        ("auto", ToolChoice(Choice.AUTO)),
        ("none", ToolChoice(Choice.NONE)),
        ("required", ToolChoice(Choice.REQUIRED)),
        ({"type": "function", "name": "f"}, ToolChoice(Choice.NAMED, "f")),
        ({"type": "custom", "name": "c"}, ToolChoice(Choice.NAMED, "c")),
        (
            {"type": "function", "name": "find", "namespace": "crm"},
            ToolChoice(Choice.NAMED, "crm__find"),
        ),
        (
            {
                "type": "allowed_tools",
                "mode": "required",
                "tools": [{"type": "function", "name": "f"}, {"type": "custom", "name": "c"}],
            },
            ToolChoice(Choice.REQUIRED, allowed=("f", "c")),
        ),
    ],
)
def test_tool_choice(wire: Any, choice: ToolChoice | None) -> None:
    request = _parse(tool_choice=wire)
    assert (request.tool_choice, request.refused) == (choice, ())


@pytest.mark.parametrize(
    "wire",
    [
        {"type": "web_search"},
        {"type": "mcp", "server_label": "x"},
        {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "web_search"}]},
    ],
)
def test_a_choice_of_the_providers_tools_is_refused_by_other_dialects(wire: Any) -> None:
    assert _parse(tool_choice=wire).refused == ("tool_choice",)


@pytest.mark.parametrize("wire", ["any", 1, {"type": "allowed_tools", "mode": "most"}])
def test_a_faulty_choice_is_refused(wire: Any) -> None:
    assert (_param(tool_choice=wire) or "").startswith("tool_choice")


@pytest.mark.parametrize(
    ("wire", "format"),
    [
        (None, None),
        ({}, None),
        ({"format": {"type": "text"}, "verbosity": "medium"}, None),
        ({"format": {"type": "json_object"}}, ResponseFormat(type=Format.JSON_OBJECT)),
        (
            {
                "format": {
                    "type": "json_schema",
                    "name": "n",
                    "schema": {"type": "object"},
                    "strict": True,
                }
            },
            ResponseFormat(
                type=Format.JSON_SCHEMA, name="n", schema=b'{"type": "object"}', strict=True
            ),
        ),
    ],
)
def test_response_format(wire: Any, format: ResponseFormat | None) -> None:
    request = _parse(text=wire)
    assert (request.response_format, request.dropped) == (format, ())


def test_a_schema_has_to_be_there() -> None:
    assert _param(text={"format": {"type": "json_schema", "name": "n"}}) == "text.format.schema"


@pytest.mark.parametrize(
    ("wire", "options"),
    [
        (None, None),
        ({}, None),
        ({"effort": None}, None),
        ({"effort": "low"}, ReasoningOptions(effort="low")),
        ({"summary": "auto"}, ReasoningOptions(visible=True, summary="auto")),
        ({"generate_summary": "concise"}, ReasoningOptions(visible=True, summary="concise")),
    ],
)
def test_reasoning_options(wire: Any, options: ReasoningOptions | None) -> None:
    assert _parse(reasoning=wire).reasoning == options


def test_faulty_reasoning_options_are_named() -> None:
    assert _param(reasoning={"effort": 1}) == "reasoning.effort"


def test_sampling_and_bounds() -> None:
    request = _parse(temperature=0, top_p=0.5, max_output_tokens=9, parallel_tool_calls=False)
    assert request.sampling == Sampling(temperature=0.0, top_p=0.5)
    assert (request.max_output_tokens, request.parallel_tool_calls) == (9, False)


def test_logprobs_come_with_their_include() -> None:
    request = _parse(include=["message.output_text.logprobs"], top_logprobs=3)
    assert (request.logprobs, request.top_logprobs) == (True, 3)


def test_top_logprobs_alone_ask_for_nothing() -> None:
    assert _parse(top_logprobs=3).top_logprobs is None


@pytest.mark.parametrize(
    ("fields", "user"),
    [
        ({"user": "u"}, "u"),
        ({"safety_identifier": "s"}, "s"),
        ({"user": "u", "safety_identifier": "s"}, "u"),
    ],
)
def test_the_clients_own_user(fields: dict[str, Any], user: str) -> None:
    assert _parse(**fields).user == user


@pytest.mark.parametrize(
    ("fields", "dropped"),
    [
        ({"logit_bias": {"1": 2}}, ("logit_bias",)),
        ({"prompt_cache_key": "k", "max_tool_calls": 2}, ("max_tool_calls", "prompt_cache_key")),
        ({"text": {"verbosity": "low"}}, ("text.verbosity",)),
        ({"reasoning": {"context": "all_turns"}}, ("reasoning.context",)),
        ({"truncation": "auto", "service_tier": "flex"}, ("service_tier", "truncation")),
        ({"include": ["file_search_call.results"]}, ("include.file_search_call.results",)),
        ({"store": True, "metadata": {"a": "b"}}, ("metadata", "store")),
        ({"user": "u", "safety_identifier": "s"}, ("safety_identifier",)),
        (
            {
                "store": False,
                "truncation": "disabled",
                "service_tier": "auto",
                "metadata": {},
                "stream": False,
                "include": ["reasoning.encrypted_content"],
                "logit_bias": None,
            },
            (),
        ),
    ],
)
def test_what_an_answer_can_do_without_is_dropped_by_name(
    fields: dict[str, Any], dropped: tuple[str, ...]
) -> None:
    request = _parse(**fields)
    assert (request.dropped, request.refused) == (dropped, ())


def test_a_mark_for_the_prompt_cache_is_dropped_by_name() -> None:
    part = {"type": "input_text", "text": "x", "prompt_cache_breakpoint": {"mode": "explicit"}}
    assert _parse([{"content": [part]}]).dropped == ("prompt_cache_breakpoint",)


@pytest.mark.parametrize(
    "fields",
    [{"prompt": {"id": "p"}}, {"previous_response_id": "r"}, {"conversation": "c"}],
)
def test_what_is_stored_elsewhere_is_refused_by_name(fields: dict[str, Any]) -> None:
    assert _parse(**fields).refused == tuple(fields)
