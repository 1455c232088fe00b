"""Parts of a request's contents: wire -> canonical.

Gemini's tool calls often have no ids, and its tool results name their tool instead; here every
call gets an id and every result finds its call.

Source: https://ai.google.dev/api/caching#Part
"""

from collections.abc import Iterator

import msgspec
from msgspec import Raw

from gateway.canonical.content import (
    AnyPart,
    Media,
    NativePart,
    Opaque,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from gateway.canonical.request import Dialect
from gateway.wire.gemini.losses import Losses
from gateway.wire.gemini.media import file_media, inline_media
from gateway.wire.gemini.members import Members, is_null
from gateway.wire.json_body import bad_request
from gateway.wire.opaque import Wrapped, unwrap

ANNOTATIONS = frozenset(
    {"thought", "thoughtSignature", "partMetadata", "videoMetadata", "mediaResolution"}
)
"""Members of a part that say something about it; any other one is what it is."""

KNOWN = ("text", "inlineData", "fileData", "functionCall", "functionResponse")

_objects = msgspec.json.Decoder(dict[str, Raw])
_strings = msgspec.json.Decoder(str)


class CallBook:
    """Knows the tool calls of one request by id and by name."""

    def __init__(self, given_ids: set[str]) -> None:
        """
        Args:
            given_ids: the ids that the request itself has; none of them is given to another call.
        """
        self._taken = given_ids
        self._names: dict[str, str] = {}
        self._open: dict[str, list[str]] = {}
        self._count = 0

    def call(self, id: str | None, name: str) -> str:
        """Note a call and give its id: its own, or one of ours."""
        id = id or self._invent()
        self._names[id] = name
        self._open.setdefault(name, []).append(id)
        return id

    def answer(self, id: str | None, name: str) -> str:
        """Find the call that a result answers, by id or else the first open one of that name."""
        if id is None:
            id = next(iter(self._open.get(name, ())), None) or self._invent()
        waiting = self._open.get(self._names.get(id, name), [])
        if id in waiting:
            waiting.remove(id)
        return id

    def name(self, id: str) -> str | None:
        """The tool that a call names."""
        return self._names.get(id)

    def _invent(self) -> str:
        while (id := f"call_{self._count}") in self._taken:
            self._count += 1
        self._taken.add(id)
        return id


class PartReader:
    """Reads the parts of one request, in order."""

    def __init__(self, calls: CallBook, losses: Losses) -> None:
        self._calls = calls
        self._losses = losses

    def read(self, value: Raw, path: str) -> AnyPart | None:
        """Read one part; None when it says nothing.

        Raises:
            GatewayError: 400, with the faulty field as `param`.
        """
        part = Members(value, path)
        kind = next((name for name in KNOWN if name in part), None)
        if kind is None:
            return self._native(part, value)
        signed = self._signature(part)
        thought = part.flag("thought")
        read = self._known(part, kind=kind, thought=bool(thought), signed=signed)
        if part.raw("videoMetadata"):
            # It says which piece of the video is meant.
            self._losses.refuse(part.place_of("videoMetadata"))
        self._losses.drop_rest(part)
        return read

    def _known(
        self, part: Members, *, kind: str, thought: bool, signed: Wrapped | None
    ) -> AnyPart | None:
        signature = signed.signature if signed else None
        match kind:
            case "text" if thought:
                return _thought(part.text("text") or "", signed)
            case "text":
                text = part.text("text") or ""
                return Text(text, signature=signature) if text or signature else None
            case "functionCall":
                return self._call(part, signature)
            case "functionResponse":
                return self._result(part)
            case _:
                return self._media(part, signature)

    def _native(self, part: Members, value: Raw) -> NativePart | Text | None:
        kind = next((name for name in part.names if name not in ANNOTATIONS), None)
        if kind is None:
            signed = self._signature(part)
            # A signature that came without any part belongs to the text before it.
            return Text("", signature=signed.signature) if signed else None
        return NativePart(Dialect.GEMINI.value, kind, bytes(value))

    def _signature(self, part: Members) -> Wrapped | None:
        value = part.text("thoughtSignature")
        return unwrap(value, own=Dialect.GEMINI.value) if value else None

    def _media(self, part: Members, signature: Opaque | None) -> Media | None:
        if blob := part.members("inlineData"):
            mime, data = blob.required("mimeType"), blob.required("data")
            media = inline_media(mime, data, name=blob.text("displayName"), signature=signature)
            self._losses.drop_rest(blob)
            return media
        if file := part.members("fileData"):
            uri, kind = file.required("fileUri"), file.text("mimeType")
            media = file_media(uri, kind, name=file.text("displayName"), signature=signature)
            self._losses.drop_rest(file)
            return media
        return None

    def _call(self, part: Members, signature: Opaque | None) -> ToolCall | None:
        call = part.members("functionCall")
        if call is None:
            return None
        name, arguments = call.required("name"), call.raw("args")
        id = self._calls.call(call.text("id"), name)
        self._losses.drop_rest(call)
        return ToolCall(id, name, arguments.decode() if arguments else "{}", signature)

    def _result(self, part: Members) -> ToolResult | None:
        result = part.members("functionResponse")
        if result is None:
            return None
        id, name = result.text("id") or None, result.text("name")
        name = (self._calls.name(id) if id else None) or name
        if not name:
            raise bad_request(f"{result.path_of('name')} is missing", param=result.path_of("name"))
        id = self._calls.answer(id, name)
        text, is_error = _response(result.raw("response"))
        parts: list[Text | Media | NativePart] = [Text(text)]
        parts.extend(self._result_media(result))
        self._losses.drop_rest(result)
        return ToolResult(
            call_id=id,
            parts=tuple(parts),
            name=name,
            is_error=is_error,
        )

    def _result_media(self, result: Members) -> Iterator[Media | NativePart]:
        for value, path in result.items("parts"):
            part = Members(value, path)
            media = self._media(part, None)
            if media is not None:
                yield media
            elif part.names:
                yield NativePart(Dialect.GEMINI.value, part.names[0], bytes(value))


def _thought(text: str, signed: Wrapped | None) -> Reasoning | None:
    if signed is None:
        return Reasoning(text=text) if text else None
    return Reasoning(text=text, signature=signed.signature, redacted=signed.redacted, id=signed.id)


def _response(response: bytes | None) -> tuple[str, bool]:
    """Read what a tool answered, and whether it failed.

    Google's words for both are the keys `output` and `error`; without them all of it is output.
    """
    if response is None:
        return "{}", False
    try:
        members = _objects.decode(response)
    except msgspec.ValidationError:
        return response.decode(), False
    if len(members) == 1:
        (name, value), *_ = members.items()
        if name == "error" and not is_null(value):
            return _string(value), True
        if name == "output" and bytes(value).startswith(b'"'):
            return _string(value), False
    return response.decode(), False


def _string(value: Raw) -> str:
    """The string that a JSON text is, or else the text itself."""
    try:
        return _strings.decode(value)
    except msgspec.ValidationError:
        return bytes(value).decode()
