"""Contents of chat messages: wire -> parts.

A part of a type that is not known is a `NativePart`: only an upstream of this dialect may know it.
"""

import msgspec
from msgspec import Raw, Struct

from gateway.canonical.content import (
    AnyPart,
    Media,
    MediaKind,
    NativePart,
    Reasoning,
    Refusal,
    Text,
)
from gateway.wire.json_body import bad_request
from gateway.wire.openai_chat.media import parse_audio, parse_file, parse_url
from gateway.wire.openai_chat.reading import (
    ABSENT,
    LeftOut,
    is_list,
    is_null,
    is_string,
    read,
    read_fields,
    read_string,
)
from gateway.wire.openai_chat.reasoning import OWN

_TTLS = ("5m", "1h")


class CacheControl(Struct):
    """OpenRouter's mark of a prompt's part that is worth keeping."""

    type: str | None = None
    ttl: str | None = None


class _Image(Struct):
    url: str
    detail: str | None = None


class _Video(Struct):
    url: str


class _Audio(Struct):
    data: str
    format: str | None = None


class _File(Struct):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class _TextPart(Struct):
    text: str


class _RefusalPart(Struct):
    refusal: str


class _ImagePart(Struct):
    image_url: _Image | str


class _VideoPart(Struct):
    video_url: _Video | str


class _AudioPart(Struct):
    input_audio: _Audio


class _FilePart(Struct):
    file: _File


class _Thought(Struct):
    text: str = ""


class _ThinkingPart(Struct):
    thinking: str | list[_Thought]


_parts_decoder = msgspec.json.Decoder(list[Raw])
_cache_decoder = msgspec.json.Decoder(CacheControl)
_text_decoder = msgspec.json.Decoder(_TextPart)
_refusal_decoder = msgspec.json.Decoder(_RefusalPart)
_image_decoder = msgspec.json.Decoder(_ImagePart)
_video_decoder = msgspec.json.Decoder(_VideoPart)
_audio_decoder = msgspec.json.Decoder(_AudioPart)
_file_decoder = msgspec.json.Decoder(_FilePart)
_thinking_decoder = msgspec.json.Decoder(_ThinkingPart)

_KNOWN = {
    "text": "text",
    "refusal": "refusal",
    "image_url": "image_url",
    "video_url": "video_url",
    "input_audio": "input_audio",
    "file": "file",
    "thinking": "thinking",
}
"""Type of a part -> the member that it is about."""


def parse_content(content: Raw, left: LeftOut, *, path: str) -> list[AnyPart]:
    """Read a message's content; none when it is absent or null.

    Raises:
        GatewayError: 400, with the faulty field as `param`.
    """
    if is_null(content):
        return []
    if not is_list(content):
        return [Text(read_string(content, path=path))]
    parts = read(content, _parts_decoder, path=path)
    return [_part(part, left, path=f"{path}[{index}]") for index, part in enumerate(parts)]


def parse_cache(value: Raw, *, path: str) -> str | None:
    """Read a `cache_control`: how long to keep the prompt up to here."""
    if is_null(value):
        return None
    control = read(value, _cache_decoder, path=path)
    return control.ttl if control.ttl in _TTLS else _TTLS[0]


def with_cache(part: AnyPart, cache: str | None) -> AnyPart:
    """Mark a part, where its kind can be."""
    if cache and isinstance(part, Text | Media) and not part.cache:
        return msgspec.structs.replace(part, cache=cache)
    return part


def _part(wire: Raw, left: LeftOut, *, path: str) -> AnyPart:
    if is_string(wire):
        return Text(read_string(wire, path=path))
    fields = read_fields(wire, path=path)
    if "type" not in fields:
        raise bad_request(f"{path} has no type", param=f"{path}.type")
    type = read_string(fields["type"], path=f"{path}.type")
    if type not in _KNOWN:
        return NativePart(OWN, type, bytes(wire))
    known = ("type", "cache_control", "closed", _KNOWN[type])
    left.drop_unknown(fields, known, at="messages.content")
    cache = parse_cache(fields.get("cache_control", ABSENT), path=f"{path}.cache_control")
    return with_cache(_known_part(wire, type, path=path), cache)


def _known_part(wire: Raw, type: str, *, path: str) -> AnyPart:
    match type:
        case "text":
            return Text(read(wire, _text_decoder, path=path).text)
        case "refusal":
            return Refusal(read(wire, _refusal_decoder, path=path).refusal)
        case "image_url":
            image = read(wire, _image_decoder, path=path).image_url
            if isinstance(image, str):
                return parse_url(image, kind=MediaKind.IMAGE)
            return parse_url(image.url, kind=MediaKind.IMAGE, detail=image.detail)
        case "video_url":
            video = read(wire, _video_decoder, path=path).video_url
            url = video if isinstance(video, str) else video.url
            return parse_url(url, kind=MediaKind.VIDEO)
        case "input_audio":
            audio = read(wire, _audio_decoder, path=path).input_audio
            return parse_audio(audio.data, format=audio.format)
        case "file":
            return _file(read(wire, _file_decoder, path=path).file, path=path)
        case _:
            thinking = read(wire, _thinking_decoder, path=path).thinking
            pieces = [thinking] if isinstance(thinking, str) else [t.text for t in thinking]
            return Reasoning(text="".join(pieces))


def _file(file: _File, *, path: str) -> Media:
    if file.file_id is not None:
        return Media(kind=MediaKind.DOCUMENT, file_id=file.file_id, name=file.filename)
    if file.file_data is None:
        raise bad_request("a file needs file_data or file_id", param=f"{path}.file")
    return msgspec.structs.replace(parse_file(file.file_data), name=file.filename)
