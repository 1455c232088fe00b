"""Tools of a request and which of them may be called: wire -> canonical.

Source: https://ai.google.dev/api/caching#Tool
"""

from collections.abc import Iterator

import msgspec

from gateway.canonical.request import Choice, Dialect, NativeTool, Tool, ToolChoice
from gateway.wire.gemini.losses import Losses
from gateway.wire.gemini.members import Members
from gateway.wire.gemini.schema import to_json_schema
from gateway.wire.json_body import bad_request

_MODES = {0: "MODE_UNSPECIFIED", 1: "AUTO", 2: "ANY", 3: "NONE", 4: "VALIDATED"}
"""What a client means that writes enums as numbers (`$alt=json;enum-encoding=int`)."""


def parse_tools(request: Members, losses: Losses) -> tuple[Tool | NativeTool, ...]:
    """Read the functions of the client and, as they are, the tools of the provider.

    Raises:
        GatewayError: 400, with the faulty field as `param`.
    """
    tools: list[Tool | NativeTool] = []
    for value, path in request.items("tools"):
        tool = Members(value, path)
        for declaration, place in tool.items("functionDeclarations"):
            tools.append(_function(Members(declaration, place), losses))
        tools.extend(_native_tools(tool))
    return tuple(tools)


def parse_tool_config(request: Members, losses: Losses) -> ToolChoice | None:
    """Read which tools may or have to be called.

    Raises:
        GatewayError: 400, with the faulty field as `param`.
    """
    config = request.members("toolConfig")
    if config is None:
        return None
    calling = config.members("functionCallingConfig")
    losses.drop_rest(config)
    if calling is None:
        return None
    mode = calling.enum("mode", _MODES) or "MODE_UNSPECIFIED"
    allowed = calling.texts("allowedFunctionNames")
    losses.drop_rest(calling)
    match mode:
        case "ANY" if len(allowed) == 1:
            return ToolChoice(Choice.NAMED, name=allowed[0])
        case "ANY":
            return ToolChoice(Choice.REQUIRED, allowed=allowed)
        case "NONE":
            return ToolChoice(Choice.NONE)
        case "AUTO" | "VALIDATED":
            return ToolChoice(Choice.AUTO, allowed=allowed)
        case "MODE_UNSPECIFIED":
            return ToolChoice(Choice.AUTO, allowed=allowed) if allowed else None
        case _:
            path = calling.path_of("mode")
            raise bad_request(f"{path} must be AUTO, ANY, NONE or VALIDATED", param=path)


def _function(declaration: Members, losses: Losses) -> Tool:
    name = declaration.required("name")
    description = declaration.text("description")
    schema = declaration.raw("parametersJsonSchema")
    if google := declaration.raw("parameters"):
        schema = schema or convert_schema(google)
    losses.drop_rest(declaration)
    return Tool(name=name, description=description, parameters=schema)


def convert_schema(schema: bytes) -> bytes:
    """Write a schema of Google's as JSON schema."""
    return msgspec.json.encode(to_json_schema(msgspec.json.decode(schema)))


def _native_tools(tool: Members) -> Iterator[NativeTool]:
    for name in tool.names:
        value = tool.raw(name) or b"{}"
        data = msgspec.json.encode({name: msgspec.Raw(value)})
        yield NativeTool(Dialect.GEMINI.value, name, data)
