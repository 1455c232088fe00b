"""generateContent requests: wire -> canonical.

Source: https://ai.google.dev/api/generate-content#request-body
"""

from collections.abc import Iterator
from itertools import groupby

import msgspec
from msgspec import Raw

from gateway.canonical.content import AnyPart, Reasoning, Text, ToolCall, ToolResult
from gateway.canonical.request import Message, Request, Role
from gateway.wire.gemini.losses import Losses
from gateway.wire.gemini.members import Members, list_items
from gateway.wire.gemini.parse_config import parse_config
from gateway.wire.gemini.parse_parts import CallBook, PartReader
from gateway.wire.gemini.parse_tools import parse_tool_config, parse_tools
from gateway.wire.json_body import bad_request

_ROLES = {
    "": Role.USER,
    "user": Role.USER,
    "model": Role.ASSISTANT,
    "function": Role.USER,
    "tool": Role.USER,
}

_strings = msgspec.json.Decoder(str)


def parse_request(body: bytes) -> Request:
    """Read a generateContent request into the canonical model.

    The model and whether to stream are in the URL and not in the value.

    Raises:
        GatewayError: 400, with the faulty field as `param`.
    """
    try:
        return _parse(Members(body, ""))
    except RecursionError:
        raise bad_request("the request JSON is nested too deep") from None
    except UnicodeDecodeError as error:
        raise bad_request(f"the request body is not UTF-8: {error.reason}") from None


def _parse(request: Members) -> Request:
    losses = Losses()
    messages = _messages(request, losses)
    tools = parse_tools(request, losses)
    choice = parse_tool_config(request, losses)
    options = parse_config(request.members("generationConfig"), losses)
    if request.raw("cachedContent"):
        losses.refuse("cachedContent")
    # Clients send an empty list of them, which says nothing.
    if list(request.items("safetySettings")):
        losses.drop("safetySettings")
    losses.drop_rest(request, silent=("model",))
    return msgspec.structs.replace(
        options,
        messages=messages,
        tools=tools,
        tool_choice=choice,
        dropped=losses.dropped,
        refused=losses.refused,
    )


def _messages(request: Members, losses: Losses) -> tuple[Message, ...]:
    """Read all turns; those that follow each other with one role become one."""
    contents = [Members(value, path) for value, path in request.items("contents")]
    turns = [(_role(content), list(content.items("parts"))) for content in contents]
    for content in contents:
        losses.drop_rest(content)
    calls = CallBook({id for _, parts in turns for part in parts for id in _given_ids(part)})
    reader = PartReader(calls, losses)
    system = tuple(_system(request, reader))
    pieces = [piece for role, parts in turns for piece in _turn(role, parts, reader=reader)]
    messages = [
        Message(role, _parts(role, [part for _, part in group]))
        for role, group in groupby(pieces, key=lambda piece: piece[0])
    ]
    if not messages:
        raise bad_request("contents is empty; send at least one part", param="contents")
    return (Message(Role.SYSTEM, system), *messages) if system else tuple(messages)


def _role(content: Members) -> Role:
    role = _ROLES.get((content.text("role") or "").lower())
    if role is None:
        path = content.path_of("role")
        raise bad_request(f"{path} must be 'user' or 'model'", param=path)
    return role


def _turn(
    role: Role, values: list[tuple[Raw, str]], *, reader: PartReader
) -> Iterator[tuple[Role, AnyPart]]:
    """Read one turn; its tool results come first, as they answer the turn before it."""
    parts = [(part, path) for value, path in values if (part := reader.read(value, path))]
    for part, _ in parts:
        if isinstance(part, ToolResult):
            yield Role.TOOL, part
    for part, path in parts:
        if isinstance(part, ToolCall) and role is not Role.ASSISTANT:
            raise bad_request(f"{path}.functionCall must be in a turn of the model", param=path)
        if not isinstance(part, ToolResult):
            yield role, part


def _parts(role: Role, parts: list[AnyPart]) -> tuple[AnyPart, ...]:
    return _join(parts) if role is Role.ASSISTANT else tuple(parts)


def _join(parts: list[AnyPart]) -> tuple[AnyPart, ...]:
    """Join what the model wrote in one piece and a stream brought in many.

    A client keeps a streamed answer as the chunks that came. A signature ends a piece: what
    another provider signed is only good with all of its text.
    """
    joined: list[AnyPart] = []
    for part in parts:
        last = joined[-1] if joined else None
        match last, part:
            case Text(signature=None, citations=()), Text():
                joined[-1] = Text(last.text + part.text, signature=part.signature)
            case Reasoning(signature=None), Reasoning(redacted=False):
                joined[-1] = msgspec.structs.replace(part, text=last.text + part.text)
            case _:
                joined.append(part)
    return tuple(joined)


def _given_ids(part: tuple[Raw, str]) -> Iterator[str]:
    """The ids that a part gives to a tool call."""
    members = Members(*part)
    for name in ("functionCall", "functionResponse"):
        if (inner := members.members(name)) and (id := inner.text("id")):
            yield id


def _system(request: Members, reader: PartReader) -> Iterator[AnyPart]:
    """Read the system instruction: a content, a list of parts, or plain text."""
    value = request.raw("systemInstruction")
    if value is None:
        return
    if value.startswith(b'"'):
        if text := _strings.decode(value):
            yield Text(text)
        return
    path = request.path_of("systemInstruction")
    for item, place in list_items(Raw(value), path):
        part = Members(item, place)
        inner = list(part.items("parts")) if "parts" in part else [(item, place)]
        for text_part, text_place in inner:
            if read := reader.read(text_part, text_place):
                yield read
