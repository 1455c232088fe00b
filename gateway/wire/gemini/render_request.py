"""generateContent requests: canonical -> wire.

Source: https://ai.google.dev/api/generate-content#request-body
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import msgspec
from msgspec import Raw

from gateway.canonical.content import (
    AnyPart,
    Media,
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
    Dialect,
    Message,
    NativeTool,
    Request,
    Role,
    Tool,
    ToolChoice,
)
from gateway.wire.gemini.media import render_media
from gateway.wire.gemini.render_config import render_config
from gateway.wire.gemini.thinking import is_generation_3
from gateway.wire.gemini.wire_parts import (
    NO_SIGNATURE,
    call_part,
    json_object,
    signed,
    text_part,
)

_MODES = {Choice.AUTO: "AUTO", Choice.NONE: "NONE", Choice.REQUIRED: "ANY", Choice.NAMED: "ANY"}


def render_request(request: Request, *, model: str, stream: bool) -> bytes:
    """Write a canonical request; what Gemini cannot say is left out.

    Args:
        model: decides about words that only a generation of models knows; it goes into the URL.
        stream: goes into the URL as well.
    """
    return msgspec.json.encode(render_body(request, model))


def render_body(request: Request, model: str) -> dict[str, Any]:
    """Write a canonical request as an object."""
    system = [
        part
        for message in request.messages
        if message.role is Role.SYSTEM
        for part in _parts(message.parts)
    ]
    contents = list(_contents(request.messages, model=model))
    body: dict[str, Any] = {}
    if system and contents:
        body["systemInstruction"] = {"parts": system}
    if system and not contents:
        # A request without contents is refused, and instructions alone are a prompt as well.
        contents = [{"role": "user", "parts": system}]
    body["contents"] = contents
    if tools := _tools(request.tools):
        body["tools"] = tools
    # The API refuses a choice where there is nothing to choose from.
    if tools and request.tool_choice:
        body["toolConfig"] = {"functionCallingConfig": _calling(request.tool_choice)}
    if config := render_config(request, model):
        body["generationConfig"] = config
    return body


def _contents(messages: Iterable[Message], *, model: str) -> Iterator[dict[str, Any]]:
    """Write the turns; those of one role that follow each other become one.

    Tool results stay a turn of their own: it has to have as many as the turn before it has calls.
    """
    names = {
        part.id: part.name
        for message in messages
        for part in message.parts
        if isinstance(part, ToolCall)
    }
    turns = (message for message in messages if message.role is not Role.SYSTEM)
    for role, group in groupby(turns, key=lambda message: message.role):
        parts = [part for message in group for part in message.parts]
        if role is Role.TOOL:
            wire = _results(parts, names=names, model=model)
        else:
            wire = list(_parts(parts))
        if role is Role.ASSISTANT and is_generation_3(model):
            _sign_first_call(wire)
        if wire:
            yield {"role": "model" if role is Role.ASSISTANT else "user", "parts": wire}


def _parts(parts: Iterable[AnyPart]) -> Iterator[Any]:
    for part in parts:
        if (wire := _part(part)) is not None:
            yield wire


def _part(part: AnyPart) -> dict[str, Any] | Raw | None:
    match part:
        case Text(text=text, signature=opaque) if text or _own(opaque):
            return text_part(text, signature=_own(opaque))
        case Refusal(text=text) if text:
            return text_part(text)
        case Reasoning(text=text, signature=opaque) if text or _own(opaque):
            return text_part(text, thought=True, signature=_own(opaque))
        case Media(signature=opaque):
            media = render_media(part)
            return None if media is None else signed(media, _own(opaque))
        case ToolCall(id=id, name=name, arguments=arguments, signature=opaque):
            return call_part(id=id, name=name, arguments=arguments, signature=_own(opaque))
        case NativePart(dialect=Dialect.GEMINI, data=data):
            return Raw(data)
        case _:
            return None


def _own(opaque: Opaque | None) -> str | None:
    return opaque.data if opaque and opaque.origin == Dialect.GEMINI else None


def _sign_first_call(parts: list[Any]) -> None:
    """Sign the first call of a turn where it is not; of calls made at once only that one is."""
    for part in parts:
        if isinstance(part, dict) and "functionCall" in part:
            part.setdefault("thoughtSignature", NO_SIGNATURE)
            return


def _results(parts: Iterable[AnyPart], *, names: dict[str, str], model: str) -> list[Any]:
    """Write tool results, then the media that older models do not take within a result."""
    results: list[Any] = []
    beside: list[Any] = []
    for part in parts:
        if not isinstance(part, ToolResult):
            continue
        response = {
            "id": part.call_id,
            "name": part.name or names.get(part.call_id) or part.call_id,
            "response": _response(part),
        }
        within = []
        for inner in part.parts:
            if isinstance(inner, Text) or (wire := _part(inner)) is None:
                continue
            if is_generation_3(model) and not (isinstance(wire, dict) and "fileData" in wire):
                within.append(wire)
            else:
                beside.append(wire)
        if within:
            response["parts"] = within
        results.append({"functionResponse": response})
    return results + beside


def _response(result: ToolResult) -> object:
    """Write what a tool answered: an object as it is, anything else under Google's own keys."""
    if result.is_error:
        return {"error": result.text}
    return json_object(result.text) or {"output": result.text}


def _tools(tools: Iterable[Tool | NativeTool]) -> list[Any]:
    """Write the tools; all functions go where the first one stands."""
    wire: list[Any] = []
    functions: list[dict[str, Any]] = []
    for tool in tools:
        if isinstance(tool, NativeTool):
            if tool.dialect == Dialect.GEMINI:
                wire.append(Raw(tool.data))
        elif not tool.custom:
            if not functions:
                wire.append({"functionDeclarations": functions})
            functions.append(_function(tool))
    return wire


def _function(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.parameters is not None:
        function["parametersJsonSchema"] = Raw(tool.parameters)
    return function


def _calling(choice: ToolChoice) -> dict[str, Any]:
    allowed = [choice.name] if choice.name is not None else list(choice.allowed)
    mode = _MODES[choice.mode]
    if allowed and mode == "AUTO":
        # The API takes names only with a mode that heeds them.
        mode = "VALIDATED"
    config: dict[str, Any] = {"mode": mode}
    if allowed and mode != "NONE":
        config["allowedFunctionNames"] = allowed
    return config
