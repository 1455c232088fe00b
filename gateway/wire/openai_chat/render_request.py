"""Canonical requests -> chat completion requests.

Source: https://platform.openai.com/docs/api-reference/chat/create
"""

from typing import Any

import msgspec
from msgspec import Raw

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
from gateway.wire.openai_chat.manners import Manners, manners_of
from gateway.wire.openai_chat.reasoning import OWN
from gateway.wire.openai_chat.render_messages import cache_control, render_messages

Wire = dict[str, Any]

_SCHEMA_NAME = "response"

_EFFORTS = ((4_096, "low"), (16_384, "medium"))
_NO_EFFORT = "none"
_MAX_EFFORT = "high"

_encode = msgspec.json.Encoder().encode


def render_request(request: Request, *, model: str, stream: bool) -> bytes:
    """Write a canonical request; what the dialect cannot say is left out."""
    manners = manners_of(model)
    wire: Wire = {"model": model, "messages": render_messages(request.messages, manners)}
    if stream:
        wire["stream"] = True
        if manners.stream_options:
            wire["stream_options"] = {"include_usage": True}
    wire |= _tools(request, manners)
    wire |= _sampling(request, manners)
    if request.reasoning:
        wire |= _reasoning(request.reasoning, manners)
    if request.response_format:
        wire["response_format"] = _response_format(request.response_format)
    if request.logprobs:
        wire["logprobs"] = True
        wire |= _said(top_logprobs=request.top_logprobs)
    return _encode(wire)


def _said(**fields: object) -> Wire:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def _sampling(request: Request, manners: Manners) -> Wire:
    sampling = request.sampling
    wire = _said(
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        seed=sampling.seed,
        presence_penalty=sampling.presence_penalty,
        frequency_penalty=sampling.frequency_penalty,
        stop=request.stop or None,
        user=request.user,
        n=request.choices if request.choices > 1 else None,
    )
    if request.max_output_tokens is not None:
        wire[manners.max_tokens] = request.max_output_tokens
    return wire


def _tools(request: Request, manners: Manners) -> Wire:
    choice = request.tool_choice
    tools = [tool for tool in request.tools if _is_sent(tool, choice, manners=manners)]
    if not tools:
        return {}
    wire: Wire = {"tools": [_tool(tool, manners) for tool in tools]}
    if choice:
        wire["tool_choice"] = _tool_choice(choice, request.tools, manners=manners)
    return wire | _said(parallel_tool_calls=request.parallel_tool_calls)


def _is_sent(tool: Tool | NativeTool, choice: ToolChoice | None, *, manners: Manners) -> bool:
    if isinstance(tool, NativeTool):
        return tool.dialect == OWN
    narrowed = choice is not None and choice.allowed and not manners.allowed_tools
    return not narrowed or choice is None or tool.name in choice.allowed


def _tool(tool: Tool | NativeTool, manners: Manners) -> Wire | Raw:
    if isinstance(tool, NativeTool):
        return Raw(tool.data)
    text = _said(name=tool.name, description=tool.description)
    cache = cache_control(tool.cache, manners)
    if tool.custom:
        custom = text | _said(format=_raw(tool.parameters))
        return {"type": "custom", "custom": custom, **cache}
    function = text | _said(parameters=_raw(tool.parameters), strict=tool.strict)
    return {"type": "function", "function": function, **cache}


def _tool_choice(
    choice: ToolChoice, tools: tuple[Tool | NativeTool, ...], *, manners: Manners
) -> str | Wire:
    custom = {tool.name for tool in tools if isinstance(tool, Tool) and tool.custom}

    def named(name: str | None) -> Wire:
        type = "custom" if name in custom else "function"
        return {"type": type, type: {"name": name}}

    if choice.mode is Choice.NAMED:
        return named(choice.name)
    if choice.allowed and manners.allowed_tools and choice.mode is not Choice.NONE:
        allowed = {"mode": choice.mode.value, "tools": [named(name) for name in choice.allowed]}
        return {"type": "allowed_tools", "allowed_tools": allowed}
    return choice.mode.value


def _reasoning(options: ReasoningOptions, manners: Manners) -> Wire:
    if manners.thinking_object and options.effort == _NO_EFFORT:
        return {"thinking": {"type": "disabled"}}
    if not manners.reasoning_object:
        return _said(reasoning_effort=options.effort or _effort(options.budget_tokens))
    if options.effort and options.visible is None:
        return {"reasoning_effort": options.effort}
    bound = _said(effort=options.effort)
    if not bound:
        bound = _said(max_tokens=options.budget_tokens)
    if not bound and options.adaptive:
        bound = {"enabled": True}
    hidden = _said(exclude=None if options.visible is None else not options.visible)
    return {"reasoning": bound | hidden} if bound or hidden else {}


def _effort(budget_tokens: int | None) -> str | None:
    """The effort that a bound in tokens stands for, where tokens cannot be said."""
    if budget_tokens is None:
        return None
    return next((name for most, name in _EFFORTS if budget_tokens <= most), _MAX_EFFORT)


def _response_format(format: ResponseFormat) -> Wire:
    if format.type is Format.JSON_OBJECT:
        return {"type": "json_object"}
    schema = _said(
        # A schema without a name is refused.
        name=format.name or _SCHEMA_NAME,
        description=format.description,
        schema=_raw(format.schema),
        strict=format.strict,
    )
    return {"type": "json_schema", "json_schema": schema}


def _raw(data: bytes | None) -> Raw | None:
    return None if data is None else Raw(data)
