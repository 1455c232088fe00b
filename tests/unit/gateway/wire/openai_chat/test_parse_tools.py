"""Tools of chat requests in canonical words."""

import json
from typing import Any

import pytest

from gateway.canonical.errors import GatewayError
from gateway.canonical.request import Choice, NativeTool, Request, Tool, ToolChoice
from gateway.wire.openai_chat.parse_request import parse_request
from gateway.wire.openai_chat.reasoning import OWN

HI = {"role": "user", "content": "hi"}


def _parse(**fields: object) -> Request:
    return parse_request(json.dumps({"model": "m", "messages": [HI], **fields}).encode())


TOOLS: list[Any] = [
    pytest.param(
        {
            "type": "function",
            "function": {"name": "f", "description": "d", "parameters": {"a": 1.0}, "strict": True},
        },
        Tool(name="f", description="d", parameters=b'{"a": 1.0}', strict=True),
        id="function",
    ),
    pytest.param(
        {"function": {"name": "f", "parameters": None}}, Tool(name="f"), id="without-type"
    ),
    pytest.param(
        {"type": "function", "function": {"name": "f"}, "cache_control": {"type": "ephemeral"}},
        Tool(name="f", cache="5m"),
        id="cache",
    ),
    pytest.param(
        {"type": "custom", "custom": {"name": "g", "format": {"type": "text"}}},
        Tool(name="g", parameters=b'{"type": "text"}', custom=True),
        id="custom",
    ),
    pytest.param(
        {"type": "openrouter:web_search", "x": 1},
        NativeTool(OWN, "openrouter:web_search", b'{"type": "openrouter:web_search", "x": 1}'),
        id="of-the-provider",
    ),
]


@pytest.mark.parametrize(("wire", "tool"), TOOLS)
def test_a_tool_is_read(wire: object, tool: Tool | NativeTool) -> None:
    assert _parse(tools=[wire]).tools == (tool,)


@pytest.mark.parametrize("tools", [None, []])
def test_no_tools_are_none(tools: object) -> None:
    assert _parse(tools=tools).tools == ()


ALLOWED = {
    "type": "allowed_tools",
    "allowed_tools": {
        "mode": "required",
        "tools": [
            {"type": "function", "function": {"name": "f"}},
            {"type": "custom", "custom": {"name": "g"}},
        ],
    },
}


@pytest.mark.parametrize(
    ("wire", "choice"),
    [
        pytest.param(None, None, id="null"),
        pytest.param("auto", ToolChoice(Choice.AUTO), id="auto"),
        pytest.param("none", ToolChoice(Choice.NONE), id="none"),
        pytest.param("required", ToolChoice(Choice.REQUIRED), id="required"),
        pytest.param("any", ToolChoice(Choice.REQUIRED), id="any"),
        pytest.param(
            {"type": "function", "function": {"name": "f"}},
            ToolChoice(Choice.NAMED, "f"),
            id="function",
        ),
        pytest.param(
            {"type": "custom", "custom": {"name": "g"}}, ToolChoice(Choice.NAMED, "g"), id="custom"
        ),
        pytest.param(ALLOWED, ToolChoice(Choice.REQUIRED, allowed=("f", "g")), id="allowed"),
    ],
)
def test_a_tool_choice_is_read(wire: object, choice: ToolChoice | None) -> None:
    assert _parse(tool_choice=wire).tool_choice == choice


WRONG: list[Any] = [
    ({"tools": [{}]}, "tools[0].function"),
    ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
    ({"tools": [{"type": "function", "function": {"name": ""}}]}, "tools[0].function.name"),
    ({"tools": [{"type": "custom", "custom": {"name": ""}}]}, "tools[0].custom.name"),
    (
        {"tools": [{"function": {"name": "f", "parameters": [1]}}]},
        "tools[0].function.parameters",
    ),
    ({"tool_choice": "sometimes"}, "tool_choice"),
    ({"tool_choice": {"type": "web_search"}}, "tool_choice"),
    ({"tool_choice": {"function": {"name": 1}}}, "tool_choice.function.name"),
    ({"function_call": {}}, "function_call.name"),
]


@pytest.mark.parametrize(("fields", "param"), WRONG, ids=[str(case[0])[:90] for case in WRONG])
def test_what_is_wrong_is_a_400_that_names_it(fields: dict[str, object], param: str) -> None:
    with pytest.raises(GatewayError) as caught:
        _parse(**fields)
    assert (caught.value.failure.status, caught.value.failure.param) == (400, param)
