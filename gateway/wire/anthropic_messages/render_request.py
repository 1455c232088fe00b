"""Messages requests: canonical -> wire.

Source: https://platform.claude.com/docs/en/api/messages
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Raw

from gateway.canonical.request import (
    Choice,
    Dialect,
    Format,
    NativeTool,
    Request,
    Tool,
)
from gateway.wire.anthropic_messages.render_content import render_cache, render_conversation
from gateway.wire.anthropic_messages.schema import render_schema
from gateway.wire.anthropic_messages.thinking import (
    Plan,
    Profile,
    SamplingRule,
    plan,
    profile_of,
)

_CHOICES = {
    Choice.AUTO: "auto",
    Choice.REQUIRED: "any",
    Choice.NAMED: "tool",
    Choice.NONE: "none",
}
_NO_PARAMETERS = Raw(b'{"type":"object","properties":{}}')
_MAX_TEMPERATURE = 1.0
_schema_decoder = msgspec.json.Decoder(dict[str, Raw])


def render_request(request: Request, *, model: str, stream: bool) -> bytes:
    """Write a canonical request; what the dialect cannot say is left out."""
    profile = profile_of(model)
    planned = plan(request, profile)
    wire = {"model": model, "max_tokens": planned.max_tokens, **_prompt(request, planned)}
    wire |= _sampling(request, profile, thinks=planned.thinks)
    if request.stop:
        wire["stop_sequences"] = request.stop
    if request.user:
        wire["metadata"] = {"user_id": request.user}
    if stream:
        wire["stream"] = True
    return msgspec.json.encode(wire)


def render_count_request(request: Request, *, model: str) -> bytes:
    """Write a request to count tokens: what is counted, and nothing about the answer."""
    planned = plan(request, profile_of(model))
    return msgspec.json.encode({"model": model, **_prompt(request, planned)})


def _prompt(request: Request, planned: Plan) -> dict[str, Any]:
    """What the model is told, and how it is to think and to write."""
    system, messages = render_conversation(request.messages)
    wire: dict[str, Any] = {"messages": messages}
    if system is not None:
        wire["system"] = system
    if tools := list(_tools(request)):
        wire["tools"] = tools
        if choice := _tool_choice(request):
            wire["tool_choice"] = choice
    if planned.thinking:
        wire["thinking"] = planned.thinking
    if config := _output_config(request, planned):
        wire["output_config"] = config
    return wire


def _tools(request: Request) -> Iterator[dict[str, Any] | Raw]:
    for tool in request.tools:
        if isinstance(tool, NativeTool):
            if tool.dialect == Dialect.ANTHROPIC_MESSAGES:
                yield Raw(tool.data)
        elif not tool.custom:
            yield _tool(tool)


def _tool(tool: Tool) -> dict[str, Any]:
    wire: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        wire["description"] = tool.description
    wire["input_schema"] = _schema(tool.parameters)
    if tool.strict:
        # Older models do not know the field, and false is what they do anyway.
        wire["strict"] = True
    return wire | render_cache(tool.cache)


def _schema(parameters: bytes | None) -> Raw | dict[str, Any]:
    """The schema of a tool's input, which has to be there and to say that it is an object."""
    if parameters is None:
        return _NO_PARAMETERS
    try:
        members = _schema_decoder.decode(parameters)
    except (msgspec.DecodeError, RecursionError):
        return _NO_PARAMETERS
    return Raw(parameters) if "type" in members else {"type": "object", **members}


def _tool_choice(request: Request) -> dict[str, Any] | None:
    choice, parallel = request.tool_choice, request.parallel_tool_calls
    if choice is None:
        # Serial calls can only be asked for within a choice; this is the one that is the default.
        return {"type": "auto", "disable_parallel_tool_use": True} if parallel is False else None
    wire: dict[str, Any] = {"type": _CHOICES[choice.mode]}
    if choice.mode is Choice.NAMED:
        wire["name"] = choice.name
    if parallel is not None and choice.mode is not Choice.NONE:
        wire["disable_parallel_tool_use"] = not parallel
    return wire


def _output_config(request: Request, planned: Plan) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if planned.effort:
        config["effort"] = planned.effort
    form = request.response_format
    if form and form.type is Format.JSON_SCHEMA and form.schema is not None:
        config["format"] = {"type": "json_schema", "schema": render_schema(Raw(form.schema))}
    return config


def _sampling(request: Request, profile: Profile, *, thinks: bool) -> dict[str, Any]:
    """The sampling options that may stand together; the API refuses the others with a 400."""
    if thinks or profile.sampling is SamplingRule.NONE:
        return {}
    sampling = request.sampling
    wire: dict[str, Any] = {}
    if sampling.temperature is not None:
        # Other dialects count up to 2.
        wire["temperature"] = min(sampling.temperature, _MAX_TEMPERATURE)
    paired = wire and profile.sampling is SamplingRule.NO_PAIR
    if sampling.top_p is not None and not paired:
        wire["top_p"] = sampling.top_p
    if sampling.top_k is not None:
        wire["top_k"] = sampling.top_k
    return wire
