"""The items of a request's input -> canonical messages.

Source: https://platform.openai.com/docs/api-reference/responses/create#responses-create-input
"""

from collections.abc import Callable

import msgspec
from msgspec import Raw, Struct

from gateway.canonical.content import (
    AnyPart,
    Media,
    MediaKind,
    NativePart,
    Opaque,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from gateway.canonical.request import Dialect, Message, Role
from gateway.wire.json_body import bad_request
from gateway.wire.opaque import sign_last_text, unwrap
from gateway.wire.openai_responses.media import audio_type, media_of
from gateway.wire.openai_responses.names import flatten
from gateway.wire.openai_responses.output_text import parse_citations
from gateway.wire.openai_responses.reading import (
    NULL,
    TextOf,
    read,
    read_text_or_list,
    typed_decoder,
)

_OWN = Dialect.OPENAI_RESPONSES
_ROLES = {role.value: role for role in (Role.SYSTEM, Role.USER, Role.ASSISTANT)} | {
    "developer": Role.SYSTEM
}
# What a client says about a call that runs at the provider; everything else the model said.
_RESULTS = frozenset({"mcp_approval_response"})


class _Kind(Struct):
    type: str | None = None
    id: str | None = None
    content: Raw = NULL


class _Message(Struct):
    role: str | None = None
    content: Raw = NULL


class _Call(Struct):
    call_id: str
    name: str
    arguments: str | None = None
    input: str | None = None
    namespace: str | None = None


class _Result(Struct):
    call_id: str
    output: Raw = NULL
    name: str | None = None
    namespace: str | None = None


class _Reasoning(Struct):
    id: str | None = None
    summary: list[TextOf] | None = None
    content: list[TextOf] | None = None
    encrypted_content: str | None = None


class _Image(Struct):
    id: str | None = None
    result: str | None = None
    output_format: str | None = None


class _Text(Struct):
    text: str
    annotations: Raw = NULL
    prompt_cache_breakpoint: Raw = NULL


class _Refusal(Struct):
    refusal: str


class _InputImage(Struct):
    image_url: str | None = None
    file_id: str | None = None
    detail: str | None = None
    prompt_cache_breakpoint: Raw = NULL


class _InputFile(Struct):
    file_data: str | None = None
    file_url: str | None = None
    file_id: str | None = None
    filename: str | None = None
    prompt_cache_breakpoint: Raw = NULL


class _Recording(Struct):
    data: str
    format: str | None = None


class _InputAudio(Struct):
    input_audio: _Recording


_kind_decoder = msgspec.json.Decoder(_Kind)
_message_decoder = msgspec.json.Decoder(_Message)
_call_decoder = msgspec.json.Decoder(_Call)
_result_decoder = msgspec.json.Decoder(_Result)
_reasoning_decoder = msgspec.json.Decoder(_Reasoning)
_image_decoder = msgspec.json.Decoder(_Image)
_text_decoder = msgspec.json.Decoder(_Text)
_refusal_decoder = msgspec.json.Decoder(_Refusal)
_input_image_decoder = msgspec.json.Decoder(_InputImage)
_input_file_decoder = msgspec.json.Decoder(_InputFile)
_input_audio_decoder = msgspec.json.Decoder(_InputAudio)
_any_decoder = msgspec.json.Decoder()


class InputReader:
    """Gathers items into messages."""

    def __init__(self) -> None:
        self.dropped: set[str] = set()
        self.refused: set[str] = set()
        self._messages: list[tuple[Role, list[AnyPart]]] = []
        self._names: dict[str, str] = {}
        self._signatures: dict[str, Opaque] = {}

    def read(self, wire: Raw) -> tuple[Message, ...]:
        """Read the whole input.

        Raises:
            GatewayError: 400, with the faulty field as `param`.
        """
        items = read_text_or_list(wire, "input")
        if isinstance(items, str):
            return (Message(Role.USER, (Text(items),)),)
        for index, item in enumerate(items):
            self._item(item, f"input[{index}]")
        return tuple(
            Message(role, tuple(map(self._finished, parts))) for role, parts in self._messages
        )

    def _add(self, role: Role, *parts: AnyPart) -> None:
        joins = role in (Role.ASSISTANT, Role.TOOL)
        if joins and self._messages and self._messages[-1][0] is role:
            self._messages[-1][1].extend(parts)
        elif parts or not joins:
            self._messages.append((role, list(parts)))

    def _finished(self, part: AnyPart) -> AnyPart:
        """Complete a part with what other items say of it, which may stand after it."""
        if isinstance(part, ToolCall) and part.id in self._signatures:
            return msgspec.structs.replace(part, signature=self._signatures[part.id])
        if isinstance(part, ToolResult) and part.name is None and part.call_id in self._names:
            return msgspec.structs.replace(part, name=self._names[part.call_id])
        return part

    def _item(self, item: Raw, path: str) -> None:
        kind = read(item, _kind_decoder, path=path)
        if kind.type is None and kind.id is not None and kind.content == NULL:
            self.refused.add("item_reference")
        elif (reader := _ITEMS.get(kind.type or "message")) is not None:
            reader(self, item, path)
        else:
            self._native(item, kind.type or "")

    def _native(self, item: Raw, type: str) -> None:
        answers = type.endswith("_output") or type in _RESULTS
        self._add(Role.TOOL if answers else Role.ASSISTANT, NativePart(_OWN, type, bytes(item)))

    def _reference(self, _item: Raw, _path: str) -> None:
        self.refused.add("item_reference")

    def _message(self, item: Raw, path: str) -> None:
        wire = read(item, _message_decoder, path=path)
        role = _ROLES.get(wire.role or "user")
        if role is None:
            raise bad_request(
                f"{path}.role is {wire.role!r}; it has to be user, assistant, system or developer",
                param=f"{path}.role",
            )
        content = read_text_or_list(wire.content, f"{path}.content")
        if role is Role.ASSISTANT:
            self._said(item, content, path=path)
        elif wire.content == NULL:
            raise bad_request(f"{path}.content is missing", param=f"{path}.content")
        elif isinstance(content, str):
            self._add(role, Text(content))
        else:
            self._add(role, *self._parts(content, f"{path}.content"))

    def _said(self, item: Raw, content: str | list[Raw], *, path: str) -> None:
        if isinstance(content, str):
            parts: list[Text | Refusal | Media | NativePart] = [Text(content)]
        else:
            parts = self._parts(content, f"{path}.content")
        if any(isinstance(part, NativePart) for part in parts):
            self._native(item, "message")
        else:
            self._add(Role.ASSISTANT, *(part for part in parts if part != Text("")))

    def _call(self, item: Raw, path: str) -> None:
        wire = read(item, _call_decoder, path=path)
        name = flatten(wire.name, wire.namespace)
        self._names[wire.call_id] = name
        arguments = "{}" if wire.arguments is None else wire.arguments
        self._add(Role.ASSISTANT, ToolCall(wire.call_id, name, arguments))

    def _custom_call(self, item: Raw, path: str) -> None:
        wire = read(item, _call_decoder, path=path)
        name = flatten(wire.name, wire.namespace)
        self._names[wire.call_id] = name
        self._add(Role.ASSISTANT, ToolCall(wire.call_id, name, wire.input or "", custom=True))

    def _result(self, item: Raw, path: str, *, custom: bool = False) -> None:
        wire = read(item, _result_decoder, path=path)
        at = f"{path}.output"
        if wire.output == NULL:
            raise bad_request(f"{at} is missing", param=at)
        output = read_text_or_list(wire.output, at)
        if isinstance(output, str):
            parts: list[Text | Media | NativePart] = [Text(output)] if output else []
        else:
            read_parts = self._parts(output, at)
            parts = [part for part in read_parts if not isinstance(part, Refusal)]
        name = flatten(wire.name, wire.namespace) if wire.name else None
        result = ToolResult(call_id=wire.call_id, parts=tuple(parts), name=name, custom=custom)
        self._add(Role.TOOL, result)

    def _custom_result(self, item: Raw, path: str) -> None:
        self._result(item, path, custom=True)

    def _reasoning(self, item: Raw, path: str) -> None:
        wire = read(item, _reasoning_decoder, path=path)
        texts = [part.text for part in wire.summary or wire.content or ()]
        text = "\n\n".join(filter(None, texts))
        thought = Reasoning(text=text, id=wire.id)
        if wire.encrypted_content:
            wrapped = unwrap(wire.encrypted_content, own=_OWN)
            if wrapped.call_id is not None:
                self._signatures[wrapped.call_id] = wrapped.opaque
                return
            if wrapped.of_text:
                if self._messages and self._messages[-1][0] is Role.ASSISTANT:
                    sign_last_text(self._messages[-1][1], wrapped.opaque)
                return
            is_own = wrapped.opaque.origin == _OWN
            thought = Reasoning(
                text=text,
                signature=wrapped.signature,
                redacted=wrapped.redacted,
                # The id of an item that we made is no id of the upstream's.
                id=wire.id if is_own else wrapped.id,
            )
        # Without either it only points to what a provider has stored.
        if text or thought.signature:
            self._add(Role.ASSISTANT, thought)

    def _image(self, item: Raw, path: str) -> None:
        wire = read(item, _image_decoder, path=path)
        if not wire.result:
            self._native(item, "image_generation_call")
            return
        media = Media(
            kind=MediaKind.IMAGE,
            mime=f"image/{wire.output_format or 'png'}",
            data=wire.result,
            signature=self._signatures.get(wire.id) if wire.id else None,
        )
        self._add(Role.ASSISTANT, media)

    def _parts(self, parts: list[Raw], path: str) -> list[Text | Refusal | Media | NativePart]:
        return [self._part(part, f"{path}[{index}]") for index, part in enumerate(parts)]

    def _part(self, part: Raw, path: str) -> Text | Refusal | Media | NativePart:
        type = read(part, typed_decoder, path=path).type
        reader = _PARTS.get(type)
        return reader(self, part, path) if reader else NativePart(_OWN, type, bytes(part))

    def _text(self, part: Raw, path: str) -> Text:
        wire = read(part, _text_decoder, path=path)
        self._breakpoint(wire.prompt_cache_breakpoint)
        if wire.annotations == NULL:
            return Text(wire.text)
        annotations = read(wire.annotations, _any_decoder, path=f"{path}.annotations")
        return Text(wire.text, parse_citations(annotations))

    def _refusal(self, part: Raw, path: str) -> Refusal:
        return Refusal(read(part, _refusal_decoder, path=path).refusal)

    def _input_image(self, part: Raw, path: str) -> Media:
        wire = read(part, _input_image_decoder, path=path)
        self._breakpoint(wire.prompt_cache_breakpoint)
        if wire.file_id is not None:
            return Media(kind=MediaKind.IMAGE, file_id=wire.file_id, detail=wire.detail)
        if wire.image_url is None:
            raise bad_request(f"{path} has neither image_url nor file_id", param=path)
        return media_of(wire.image_url, kind=MediaKind.IMAGE, detail=wire.detail)

    def _input_file(self, part: Raw, path: str) -> Media:
        wire = read(part, _input_file_decoder, path=path)
        self._breakpoint(wire.prompt_cache_breakpoint)
        kind, name = MediaKind.DOCUMENT, wire.filename
        if wire.file_data is not None:
            if wire.file_data.startswith("data:"):
                return media_of(wire.file_data, kind=kind, name=name)
            return Media(kind=kind, data=wire.file_data, name=name)
        if wire.file_id is not None:
            return Media(kind=kind, file_id=wire.file_id, name=name)
        if wire.file_url is None:
            raise bad_request(f"{path} has none of file_data, file_url and file_id", param=path)
        return media_of(wire.file_url, kind=kind, name=name)

    def _input_audio(self, part: Raw, path: str) -> Media:
        recording = read(part, _input_audio_decoder, path=path).input_audio
        return Media(kind=MediaKind.AUDIO, mime=audio_type(recording.format), data=recording.data)

    def _breakpoint(self, wire: Raw) -> None:
        if wire != NULL:
            self.dropped.add("prompt_cache_breakpoint")


_ITEMS: dict[str, Callable[[InputReader, Raw, str], None]] = {
    "message": InputReader._message,
    "function_call": InputReader._call,
    "function_call_output": InputReader._result,
    "custom_tool_call": InputReader._custom_call,
    "custom_tool_call_output": InputReader._custom_result,
    "reasoning": InputReader._reasoning,
    "image_generation_call": InputReader._image,
    "item_reference": InputReader._reference,
}

_PARTS: dict[str, Callable[[InputReader, Raw, str], Text | Refusal | Media | NativePart]] = {
    "input_text": InputReader._text,
    "output_text": InputReader._text,
    "refusal": InputReader._refusal,
    "input_image": InputReader._input_image,
    "input_file": InputReader._input_file,
    "input_audio": InputReader._input_audio,
}
