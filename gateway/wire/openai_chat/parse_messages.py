"""Chat messages: wire -> canonical messages.

Tool messages that follow each other become one message, and so do assistant messages.
"""

from typing import Any

import msgspec
from msgspec import Raw, Struct

from gateway.canonical.collect import collect
from gateway.canonical.content import (
    AnyPart,
    Media,
    MediaKind,
    NativePart,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from gateway.canonical.events import Event
from gateway.canonical.request import Message, Role
from gateway.wire.json_body import bad_request
from gateway.wire.opaque import sign_last_text
from gateway.wire.openai_chat.media import parse_url
from gateway.wire.openai_chat.parse_content import (
    parse_cache,
    parse_content,
    with_cache,
)
from gateway.wire.openai_chat.reading import (
    ABSENT,
    LeftOut,
    is_empty_list,
    is_null,
    is_string,
    read,
    read_fields,
)
from gateway.wire.openai_chat.reasoning import ReasoningReader

_ROLES = {
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
    "tool": Role.TOOL,
    "function": Role.TOOL,
}
_MERGED = (Role.ASSISTANT, Role.TOOL)

_COMMON = frozenset({"role", "content", "cache_control"})
_KNOWN = {
    Role.SYSTEM: _COMMON,
    Role.USER: _COMMON,
    Role.ASSISTANT: _COMMON
    | {"tool_calls", "function_call", "refusal", "audio", "images"}
    | {"reasoning", "reasoning_content", "reasoning_details"},
    Role.TOOL: _COMMON | {"name", "tool_call_id"},
}


class _Function(Struct):
    name: str
    arguments: Raw = ABSENT


class _Custom(Struct):
    name: str
    input: str = ""


class _Call(Struct):
    id: str | None = None
    type: str | None = None
    function: _Function | None = None
    custom: _Custom | None = None


class _Url(Struct):
    url: str


class _Image(Struct):
    image_url: _Url


class _Message(Struct):
    """Every member that is read, of messages of all roles."""

    role: str
    content: Raw = ABSENT
    cache_control: Raw = ABSENT
    name: str | None = None
    tool_call_id: str | None = None
    tool_calls: list[_Call] | None = None
    function_call: _Function | None = None
    refusal: str | None = None
    audio: Raw = ABSENT
    images: list[_Image] | None = None
    reasoning: Raw = ABSENT
    reasoning_content: Raw = ABSENT
    reasoning_details: Raw = ABSENT


_message_decoder = msgspec.json.Decoder(_Message)
_string_decoder = msgspec.json.Decoder(str)
_any_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


class MessageReader:
    """Reads the messages of one request, in order."""

    def __init__(self, left: LeftOut) -> None:
        self._left = left
        self._messages: list[tuple[Role, list[AnyPart]]] = []
        self._calls: dict[str, ToolCall] = {}
        self._unnamed = 0
        self._last_unnamed: str | None = None

    def read(self, wire: Raw, *, path: str) -> None:
        """Read the next message.

        Raises:
            GatewayError: 400, with the faulty field as `param`.
        """
        message = read(wire, _message_decoder, path=path)
        role = _ROLES.get(message.role)
        if role is None:
            known = ", ".join(_ROLES)
            raise bad_request(
                f"{message.role[:50]!r} is no role; use one of {known}", param=f"{path}.role"
            )
        fields = read_fields(wire, path=path)
        # Answers have empty lists, which clients send back.
        said = {name: value for name, value in fields.items() if not is_empty_list(value)}
        self._left.drop_unknown(said, _KNOWN[role], at="messages")
        parts = self._parts(message, role, path=path)
        cache = parse_cache(message.cache_control, path=f"{path}.cache_control")
        if cache and parts:
            parts[-1] = with_cache(parts[-1], cache)
        self._add(role, parts, path=path)

    def messages(self) -> tuple[Message, ...]:
        """All messages that were read."""
        return tuple(Message(role, tuple(parts)) for role, parts in self._messages)

    def _parts(self, message: _Message, role: Role, *, path: str) -> list[AnyPart]:
        if role is Role.ASSISTANT:
            return self._assistant(message, path=path)
        parts = parse_content(message.content, self._left, path=f"{path}.content")
        if role is Role.TOOL:
            return [self._result(message, parts, path=path)]
        return parts

    def _add(self, role: Role, parts: list[AnyPart], *, path: str) -> None:
        if role is not Role.ASSISTANT and not parts:
            raise bad_request(f"{path}.content is empty", param=f"{path}.content")
        if role in _MERGED and self._messages and self._messages[-1][0] is role:
            self._messages[-1][1].extend(parts)
        elif parts:
            self._messages.append((role, parts))

    def _assistant(self, message: _Message, *, path: str) -> list[AnyPart]:
        if not is_null(message.audio):
            self._left.refused.add("messages.audio")
        calls = self._tool_calls(message, path=path)
        reader = ReasoningReader({call.id for call in calls})
        thoughts = collect(_reasoning_events(message, reader, path=path)).parts
        content = parse_content(message.content, self._left, path=f"{path}.content")
        said = [part for part in content if not (isinstance(part, Text) and not part.text)]
        refusal = [Refusal(message.refusal)] if message.refusal else []
        images = [
            parse_url(image.image_url.url, kind=MediaKind.IMAGE) for image in message.images or ()
        ]
        signed = [
            msgspec.structs.replace(call, signature=reader.signatures.get(call.id))
            for call in calls
        ]
        if reader.text_signature:
            sign_last_text(said, reader.text_signature)
        self._calls.update((call.id, call) for call in signed)
        return [*thoughts, *said, *refusal, *images, *signed]

    def _tool_calls(self, message: _Message, *, path: str) -> list[ToolCall]:
        calls = []
        for index, wire in enumerate(message.tool_calls or ()):
            id = wire.id or self._new_id()
            at = f"{path}.tool_calls[{index}]"
            if wire.custom:
                calls.append(ToolCall(id, wire.custom.name, wire.custom.input, custom=True))
            elif wire.function:
                arguments = _arguments(wire.function, path=f"{at}.function")
                calls.append(ToolCall(id, wire.function.name, arguments))
            else:
                raise bad_request(f"{at} names no function", param=f"{at}.function")
        if message.function_call:
            function = message.function_call
            arguments = _arguments(function, path=f"{path}.function_call")
            calls.append(ToolCall(self._new_id(), function.name, arguments))
        return calls

    def _new_id(self) -> str:
        """Name a call that has no id, as those of the old `function_call`."""
        self._last_unnamed = f"call_{self._unnamed}"
        self._unnamed += 1
        return self._last_unnamed

    def _result(self, message: _Message, content: list[AnyPart], *, path: str) -> ToolResult:
        id = message.tool_call_id or (self._last_unnamed if message.role == "function" else None)
        if id is None:
            raise bad_request(
                "a tool message names the call that it answers in tool_call_id",
                param=f"{path}.tool_call_id",
            )
        if not content:
            raise bad_request(f"{path}.content is empty", param=f"{path}.content")
        call = self._calls.get(id)
        parts = [part for part in content if isinstance(part, Text | Media | NativePart)]
        cache = next((p.cache for p in reversed(parts) if not isinstance(p, NativePart)), None)
        return ToolResult(
            call_id=id,
            parts=tuple(_without_cache(part) for part in parts),
            name=message.name or (call.name if call else None),
            custom=bool(call and call.custom),
            cache=cache or parse_cache(message.cache_control, path=f"{path}.cache_control"),
        )


def _reasoning_events(message: _Message, reader: ReasoningReader, *, path: str) -> list[Event]:
    fields = {
        "reasoning": message.reasoning,
        "reasoning_content": message.reasoning_content,
        "reasoning_details": message.reasoning_details,
    }
    return list(
        reader.read(
            {
                name: read(value, _any_decoder, path=f"{path}.{name}")
                for name, value in fields.items()
                if not is_null(value)
            }
        )
    )


def _arguments(function: _Function, *, path: str) -> str:
    """A call's arguments as JSON text; some clients send the object itself."""
    if is_null(function.arguments):
        return "{}"
    if is_string(function.arguments):
        return read(function.arguments, _string_decoder, path=f"{path}.arguments")
    read(function.arguments, _any_decoder, path=f"{path}.arguments")
    return bytes(function.arguments).decode()


def _without_cache(part: Text | Media | NativePart) -> Text | Media | NativePart:
    if isinstance(part, NativePart) or not part.cache:
        return part
    return msgspec.structs.replace(part, cache=None)
