"""Tools of chat requests, and which of them to call: wire -> canonical."""

import msgspec
from msgspec import Raw, Struct

from gateway.canonical.request import Choice, NativeTool, Tool, ToolChoice
from gateway.wire.json_body import bad_request
from gateway.wire.openai_chat.parse_content import parse_cache
from gateway.wire.openai_chat.reading import (
    ABSENT,
    LeftOut,
    is_null,
    is_string,
    read,
    read_fields,
    read_string,
)
from gateway.wire.openai_chat.reasoning import OWN


class _Function(Struct):
    name: str
    description: str | None = None
    parameters: Raw = ABSENT
    strict: bool | None = None


class _Custom(Struct):
    name: str
    description: str | None = None
    format: Raw = ABSENT


class _Named(Struct):
    name: str


class _Allowed(Struct):
    type: str | None = None
    function: _Named | None = None
    custom: _Named | None = None


class _AllowedTools(Struct):
    mode: str
    tools: list[_Allowed]


class _Choice(Struct):
    """Every form of `tool_choice` that is an object."""

    type: str | None = None
    function: _Named | None = None
    custom: _Named | None = None
    allowed_tools: _AllowedTools | None = None


_FUNCTION_FIELDS = frozenset(_Function.__struct_fields__)
_CUSTOM_FIELDS = frozenset(_Custom.__struct_fields__)

_function_decoder = msgspec.json.Decoder(_Function)
_custom_decoder = msgspec.json.Decoder(_Custom)
_choice_decoder = msgspec.json.Decoder(_Choice)
_named_decoder = msgspec.json.Decoder(_Named)
_any_decoder = msgspec.json.Decoder()

_MODES = {
    "auto": Choice.AUTO,
    "none": Choice.NONE,
    "required": Choice.REQUIRED,
    # Mistral's word.
    "any": Choice.REQUIRED,
}


def parse_tool(wire: Raw, left: LeftOut, *, path: str) -> Tool | NativeTool:
    """Read one of `tools`; of a type that is not known it is a tool of the provider's.

    Raises:
        GatewayError: 400, with the faulty field as `param`.
    """
    fields = read_fields(wire, path=path)
    type = "function"
    if not is_null(fields.get("type", ABSENT)):
        type = read_string(fields["type"], path=f"{path}.type")
    if type not in ("function", "custom"):
        return NativeTool(OWN, type, bytes(wire))
    left.drop_unknown(fields, ("type", "cache_control", type), at="tools")
    if is_null(fields.get(type, ABSENT)):
        raise bad_request(f"{path} has no {type}", param=f"{path}.{type}")
    if type == "custom":
        return _custom(fields["custom"], left, path=f"{path}.custom")
    tool = parse_function(fields["function"], left, path=f"{path}.function")
    cache = parse_cache(fields.get("cache_control", ABSENT), path=f"{path}.cache_control")
    return msgspec.structs.replace(tool, cache=cache)


def parse_function(wire: Raw, left: LeftOut, *, path: str) -> Tool:
    """Read a function, of a tool or of the old `functions`."""
    function = read(wire, _function_decoder, path=path)
    if not function.name:
        raise bad_request(f"{path}.name is empty", param=f"{path}.name")
    left.drop_unknown(read_fields(wire, path=path), _FUNCTION_FIELDS, at="tools.function")
    return Tool(
        name=function.name,
        description=function.description,
        parameters=_schema(function.parameters, path=f"{path}.parameters"),
        strict=function.strict,
    )


def parse_tool_choice(wire: Raw, *, path: str = "tool_choice") -> ToolChoice | None:
    """Read a `tool_choice`; None when it is absent or null."""
    if is_null(wire):
        return None
    if is_string(wire):
        return ToolChoice(_mode(read_string(wire, path=path), path=path))
    choice = read(wire, _choice_decoder, path=path)
    if choice.allowed_tools:
        allowed = choice.allowed_tools
        names = [named.name for tool in allowed.tools if (named := tool.function or tool.custom)]
        mode = _mode(allowed.mode, path=f"{path}.allowed_tools.mode")
        return ToolChoice(mode, allowed=tuple(names))
    named = choice.function or choice.custom
    if named is None:
        raise bad_request(f"{path} names no tool", param=path)
    return ToolChoice(Choice.NAMED, named.name)


def parse_function_choice(wire: Raw) -> ToolChoice | None:
    """Read the old `function_call` of a request."""
    if is_null(wire):
        return None
    if is_string(wire):
        return ToolChoice(_mode(read_string(wire, path="function_call"), path="function_call"))
    return ToolChoice(Choice.NAMED, read(wire, _named_decoder, path="function_call").name)


def _custom(wire: Raw, left: LeftOut, *, path: str) -> Tool:
    custom = read(wire, _custom_decoder, path=path)
    if not custom.name:
        raise bad_request(f"{path}.name is empty", param=f"{path}.name")
    left.drop_unknown(read_fields(wire, path=path), _CUSTOM_FIELDS, at="tools.custom")
    return Tool(
        name=custom.name,
        description=custom.description,
        parameters=_schema(custom.format, path=f"{path}.format"),
        custom=True,
    )


def _schema(wire: Raw, *, path: str) -> bytes | None:
    """A JSON text as the client wrote it, read once so that nobody after this can fail on it."""
    if is_null(wire):
        return None
    if not isinstance(read(wire, _any_decoder, path=path), dict):
        raise bad_request(f"{path} is not an object", param=path)
    return bytes(wire)


def _mode(name: str, *, path: str) -> Choice:
    mode = _MODES.get(name)
    if mode is None:
        raise bad_request(f"{path} is one of {', '.join(_MODES)}", param=path)
    return mode
