"""Canonical requests -> response requests for an upstream.

Nothing is asked to be stored, so reasoning is asked for in its encrypted form and sent back so.

Source: https://platform.openai.com/docs/api-reference/responses/create
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Raw

from gateway.canonical.content import (
    AnyPart,
    Media,
    MediaKind,
    NativePart,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from gateway.canonical.request import (
    Choice,
    Dialect,
    Format,
    Message,
    NativeTool,
    ReasoningOptions,
    Request,
    ResponseFormat,
    Role,
    Tool,
    ToolChoice,
)
from gateway.wire.openai_responses.media import render_media
from gateway.wire.openai_responses.output_text import render_annotations
from gateway.wire.openai_responses.parse_request import ENCRYPTED_REASONING, TEXT_LOGPROBS

_OWN = Dialect.OPENAI_RESPONSES

_THINKS = re.compile(r"(?:^|/)(?:o[1-9](?:-|$)|codex-|gpt-[5-9](?!.*chat))")
"""Models that think unasked: their thoughts have to come back for them to go on from there."""

_LEAST_TOKENS = 16
"""The API refuses a bound below it."""

_EFFORTS = ((4096, "low"), (16384, "medium"))
"""Up to how many tokens of thinking an effort stands for; `high` for more."""


def render_request(request: Request, *, model: str, stream: bool) -> bytes:
    """Write a canonical request; what the dialect cannot say is left out."""
    instructions, messages = _instructions(request.messages)
    wire: dict[str, Any] = {"model": model}
    if instructions:
        wire["instructions"] = instructions
    wire["input"] = [item for message in messages for item in _items(message)]
    wire |= {"stream": stream, "store": False}
    settings = {
        "include": _include(request, model),
        "tools": [tool for wanted in request.tools for tool in _tool(wanted)],
        "tool_choice": _tool_choice(request),
        "parallel_tool_calls": request.parallel_tool_calls,
        "max_output_tokens": _bound(request.max_output_tokens),
        "temperature": request.sampling.temperature,
        "top_p": request.sampling.top_p,
        "top_logprobs": request.top_logprobs if request.logprobs else None,
        "reasoning": _reasoning(request.reasoning),
        "text": _text_format(request.response_format),
        "user": request.user,
    }
    wire |= {name: value for name, value in settings.items() if value not in (None, [], {})}
    return msgspec.json.encode(wire)


def _instructions(messages: tuple[Message, ...]) -> tuple[str, tuple[Message, ...]]:
    """Take the system's words from the front, where they are one piece of text."""
    if messages and messages[0].role is Role.SYSTEM:
        first = messages[0].parts
        if len(first) == 1 and isinstance(first[0], Text) and first[0].text:
            return first[0].text, messages[1:]
    return "", messages


def _items(message: Message) -> Iterator[Any]:
    if message.role is Role.ASSISTANT:
        yield from _said(message.parts)
    elif message.role is Role.TOOL:
        for part in message.parts:
            if isinstance(part, ToolResult):
                yield _result(part)
            elif isinstance(part, NativePart) and part.dialect == _OWN:
                yield Raw(part.data)
    else:
        yield {
            "type": "message",
            "role": message.role.value,
            "content": _content(message.parts),
        }


def _said(parts: Iterable[AnyPart]) -> Iterator[Any]:
    """The items of an assistant's turn; text and refusals that follow each other are a message."""
    content: list[dict[str, Any]] = []
    for part in parts:
        if isinstance(part, Text):
            annotations = render_annotations(part.citations, part.text)
            content.append({"type": "output_text", "text": part.text, "annotations": annotations})
            continue
        if isinstance(part, Refusal):
            content.append({"type": "refusal", "refusal": part.text})
            continue
        item = _item(part)
        if item is None:
            continue
        if content:
            yield _message(content)
            content = []
        yield item
    if content:
        yield _message(content)


def _message(content: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": content}


def _item(part: AnyPart) -> Any:
    match part:
        case ToolCall(id, name, arguments, custom=True):
            return {"type": "custom_tool_call", "call_id": id, "name": name, "input": arguments}
        case ToolCall(id, name, arguments):
            call = {"type": "function_call", "call_id": id, "name": name}
            return {**call, "arguments": arguments or "{}"}
        case Reasoning():
            return _thought(part)
        case NativePart(dialect=dialect, data=data) if dialect == _OWN:
            return Raw(data)
        case Media(kind=MediaKind.IMAGE, data=str(data)):
            # The item needs an id; nothing is stored under it.
            id = "ig_" + hashlib.blake2b(data.encode(), digest_size=16).hexdigest()
            image = {"type": "image_generation_call", "id": id}
            return {**image, "status": "completed", "result": data}
        case _:
            return None


def _thought(part: Reasoning) -> dict[str, Any] | None:
    """Reasoning that only another provider can verify, or that none can, would be refused."""
    if part.signature is None or part.signature.origin != _OWN:
        return None
    summary = [{"type": "summary_text", "text": part.text}] if part.text else []
    id = {"id": part.id} if part.id else {}
    return {
        "type": "reasoning",
        **id,
        "summary": summary,
        "encrypted_content": part.signature.data,
    }


def _result(result: ToolResult) -> dict[str, Any]:
    type = "custom_tool_call_output" if result.custom else "function_call_output"
    return {"type": type, "call_id": result.call_id, "output": _content(result.parts)}


def _content(parts: Iterable[AnyPart]) -> str | list[Any]:
    """Input parts; one piece of text is plain text, as every compatible upstream reads that."""
    content: list[Any] = []
    for part in parts:
        if isinstance(part, Text):
            content.append({"type": "input_text", "text": part.text})
        elif isinstance(part, Media):
            content.append(render_media(part))
        elif isinstance(part, NativePart) and part.dialect == _OWN:
            content.append(Raw(part.data))
    content = [part for part in content if part is not None]
    match content:
        case []:
            return ""
        case [{"type": "input_text", "text": str(text)}]:
            return text
        case _:
            return content


def _bound(max_output_tokens: int | None) -> int | None:
    """The most tokens; clients ask for a single one to see whether a model is there."""
    if max_output_tokens is None or max_output_tokens < 1:
        return max_output_tokens
    return max(max_output_tokens, _LEAST_TOKENS)


def _include(request: Request, model: str) -> list[str]:
    """What is wanted beside the output; a model that does not think refuses encrypted thoughts."""
    asked = request.reasoning is not None and request.reasoning.effort != "none"
    thought = any(
        isinstance(part, Reasoning) and _thought(part)
        for message in request.messages
        for part in message.parts
    )
    thinks = asked or thought or _THINKS.search(model) is not None
    include = [ENCRYPTED_REASONING] if thinks else []
    return [*include, TEXT_LOGPROBS] if request.logprobs else include


def _tool(tool: Tool | NativeTool) -> Iterator[Any]:
    if isinstance(tool, NativeTool):
        if tool.dialect == _OWN:
            yield Raw(tool.data)
        return
    wire: dict[str, Any] = {"type": "custom" if tool.custom else "function", "name": tool.name}
    if tool.description is not None:
        wire["description"] = tool.description
    if tool.parameters is not None:
        wire["format" if tool.custom else "parameters"] = Raw(tool.parameters)
    if not tool.custom:
        # Unset, the API takes it for true and refuses or rewrites most schemas.
        wire["strict"] = bool(tool.strict)
    yield wire


def _tool_choice(request: Request) -> Any:
    choice = request.tool_choice
    if choice is None:
        return None
    if choice.mode is Choice.NAMED:
        return _named(request, choice.name or "")
    if choice.allowed and choice.mode is not Choice.NONE:
        return _allowed(request, choice)
    return choice.mode.value


def _allowed(request: Request, choice: ToolChoice) -> dict[str, Any]:
    tools = [_named(request, name) for name in choice.allowed]
    return {"type": "allowed_tools", "mode": choice.mode.value, "tools": tools}


def _named(request: Request, name: str) -> dict[str, str]:
    custom = any(
        isinstance(tool, Tool) and tool.custom and tool.name == name for tool in request.tools
    )
    return {"type": "custom" if custom else "function", "name": name}


def _reasoning(options: ReasoningOptions | None) -> dict[str, str] | None:
    if options is None:
        return None
    wire = {}
    if effort := options.effort or _effort(options.budget_tokens):
        wire["effort"] = effort
    if summary := options.summary or ("auto" if options.visible else None):
        wire["summary"] = summary
    return wire


def _effort(budget_tokens: int | None) -> str | None:
    if budget_tokens is None:
        return None
    return next((effort for most, effort in _EFFORTS if budget_tokens <= most), "high")


def _text_format(wanted: ResponseFormat | None) -> dict[str, Any] | None:
    if wanted is None:
        return None
    if wanted.type is Format.JSON_OBJECT:
        return {"format": {"type": "json_object"}}
    wire: dict[str, Any] = {
        "type": "json_schema",
        # The API wants one; it means nothing.
        "name": wanted.name or "response",
        "schema": Raw(wanted.schema or b"{}"),
    }
    if wanted.description is not None:
        wire["description"] = wanted.description
    if wanted.strict is not None:
        wire["strict"] = wanted.strict
    return {"format": wire}
