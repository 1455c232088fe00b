"""What clients send: the path, headers and body of a call in each dialect.

Owns the prompts that are measured. Must not know which systems get them.
"""

import json
import os
from collections.abc import Callable
from enum import StrEnum

IMAGE_BYTES = 10_000_000
TOOLS = 100
TOOL_BYTES = 2_000

_TEXT = "Say something short about the weather. " * 4
_MAX_TOKENS = 256
_GEMINI_VERBS = {False: "generateContent", True: "streamGenerateContent?alt=sse"}

Body = dict[str, object]


class Dialect(StrEnum):
    """What a client speaks; the values are the load client's names."""

    CHAT = "chat"
    MESSAGES = "messages"
    RESPONSES = "responses"
    GEMINI = "gemini"


class Prompt(StrEnum):
    """What a call is about. Only the chat dialect has more than the short one."""

    SHORT = "short"
    IMAGE = "image"
    """One image of 10 MB."""
    TOOLS = "tools"
    """100 tools, 200 kB of JSON in all."""


def path_of(dialect: Dialect, model: str, *, stream: bool) -> str:
    """Where a call goes."""
    match dialect:
        case Dialect.CHAT:
            return "/v1/chat/completions"
        case Dialect.MESSAGES:
            return "/v1/messages"
        case Dialect.RESPONSES:
            return "/v1/responses"
        case Dialect.GEMINI:
            return f"/v1beta/models/{model}:{_GEMINI_VERBS[stream]}"


def headers_of(dialect: Dialect) -> tuple[str, ...]:
    """What a dialect's clients send beside the key."""
    return ("anthropic-version: 2023-06-01",) if dialect is Dialect.MESSAGES else ()


def body_of(dialect: Dialect, prompt: Prompt, *, model: str, stream: bool) -> bytes:
    """Return the request body of a call.

    Raises:
        ValueError: the dialect has no such prompt.
    """
    if dialect is Dialect.CHAT:
        body = _chat(prompt, model=model, stream=stream)
    elif prompt is Prompt.SHORT:
        body = _SHORT[dialect](model) | _streamed(dialect, stream)
    else:
        raise ValueError(f"{dialect} has no prompt with {prompt}")
    return json.dumps(body).encode()


def _chat(prompt: Prompt, *, model: str, stream: bool) -> Body:
    content: object = _TEXT
    if prompt is Prompt.IMAGE:
        # Random, so that nothing on the way can make it small.
        image = os.urandom(8).hex() * (IMAGE_BYTES // 16)
        url = {"url": f"data:image/png;base64,{image}"}
        content = [{"type": "text", "text": _TEXT}, {"type": "image_url", "image_url": url}]
    body: Body = {"model": model, "messages": [{"role": "user", "content": content}]}
    if prompt is Prompt.TOOLS:
        body["tools"] = [_tool(number) for number in range(TOOLS)]
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return body


def _tool(number: int) -> Body:
    """A function with as many members and words as those of a large agent have."""
    names = ("path", "pattern", "limit", "options", "reason", "labels")
    fill = "Explains at some length what the value means and when to leave it out. "
    properties: Body = {
        name: {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}
        if name == "labels"
        else {"type": "string", "description": fill}
        for name in names
    }
    function: Body = {
        "name": f"tool_{number:03}",
        "description": "",
        "parameters": {
            "type": "object",
            "properties": properties,
            "required": list(names[:2]),
            "additionalProperties": False,
        },
    }
    tool: Body = {"type": "function", "function": function}
    missing = TOOL_BYTES - len(json.dumps(tool))
    function["description"] = (fill * (missing // len(fill) + 1))[:missing]
    return tool


def _messages(model: str) -> Body:
    messages = [{"role": "user", "content": _TEXT}]
    return {"model": model, "max_tokens": _MAX_TOKENS, "messages": messages}


def _responses(model: str) -> Body:
    return {"model": model, "input": _TEXT}


def _gemini(model: str) -> Body:
    del model  # it is in the path
    return {"contents": [{"role": "user", "parts": [{"text": _TEXT}]}]}


_SHORT: dict[Dialect, Callable[[str], Body]] = {
    Dialect.MESSAGES: _messages,
    Dialect.RESPONSES: _responses,
    Dialect.GEMINI: _gemini,
}


def _streamed(dialect: Dialect, stream: bool) -> Body:
    return {"stream": True} if stream and dialect is not Dialect.GEMINI else {}
