"""Images, recordings and files of the chat dialect: content parts <-> `Media`.

Source: https://platform.openai.com/docs/api-reference/chat/create#chat_create-messages
Source: https://openrouter.ai/docs/features/multimodal/overview (`video_url`, URLs in `file_data`,
`images` of an answer)
"""

import base64
from typing import Any
from urllib.parse import unquote_to_bytes

from gateway.canonical.content import Media, MediaKind

_PDF = "application/pdf"
_KINDS = {"image": MediaKind.IMAGE, "audio": MediaKind.AUDIO, "video": MediaKind.VIDEO}
_AUDIO_FORMATS = {"mpeg": "mp3", "wave": "wav", "vnd.wave": "wav"}
_MIMES = {
    MediaKind.IMAGE: "image/png",
    MediaKind.AUDIO: "audio/wav",
    MediaKind.VIDEO: "video/mp4",
    MediaKind.DOCUMENT: _PDF,
}
"""For data that nobody said the type of: a data URL without one is text."""


def parse_url(url: str, *, kind: MediaKind, detail: str | None = None) -> Media:
    """Read a URL, which may hold the data itself.

    Args:
        kind: what it is where its type does not say.
    """
    if url[:5].lower() != "data:":
        return Media(kind=kind, url=url, detail=detail)
    header, _, payload = url[5:].partition(",")
    mime, *parameters = header.split(";")
    if "base64" not in (parameter.strip().lower() for parameter in parameters):
        payload = base64.b64encode(unquote_to_bytes(payload)).decode()
    return Media(kind=kind_of(mime, default=kind), mime=mime or None, data=payload, detail=detail)


def parse_file(data: str) -> Media:
    """Read a file's data: a URL, or base64 of what the dialect takes by default."""
    if data[:5].lower() == "data:" or data[:4].lower() == "http":
        return parse_url(data, kind=MediaKind.DOCUMENT)
    return Media(kind=MediaKind.DOCUMENT, mime=_PDF, data=data)


def parse_audio(data: str, *, format: str | None) -> Media:
    """Read a recording; its type is named as Gemini does, the one other dialect that takes any."""
    return Media(kind=MediaKind.AUDIO, mime=f"audio/{format}" if format else None, data=data)


def kind_of(mime: str, *, default: MediaKind) -> MediaKind:
    """Tell the kind of a MIME type."""
    if not mime:
        return default
    return _KINDS.get(mime.partition("/")[0].lower(), MediaKind.DOCUMENT)


def render_media(media: Media) -> dict[str, Any]:
    """Write a content part of a user message."""
    if media.file_id is not None:
        return {"type": "file", "file": {"file_id": media.file_id}}
    url = media_url(media)
    match media.kind:
        case MediaKind.IMAGE:
            image = {"url": url, **({"detail": media.detail} if media.detail else {})}
            return {"type": "image_url", "image_url": image}
        case MediaKind.VIDEO:
            return {"type": "video_url", "video_url": {"url": url}}
        case MediaKind.AUDIO if media.data is not None:
            audio = {"data": media.data, "format": _audio_format(media)}
            return {"type": "input_audio", "input_audio": audio}
        case _:
            # A file without a name is refused.
            name = media.name or "document." + _mime(media).rpartition("/")[2]
            return {"type": "file", "file": {"filename": name, "file_data": url}}


def media_url(media: Media) -> str:
    """Write where a medium is: its URL, or a URL that holds its data."""
    if media.data is None:
        return media.url or ""
    return f"data:{_mime(media)};base64,{media.data}"


def _mime(media: Media) -> str:
    return media.mime or _MIMES[media.kind]


def _audio_format(media: Media) -> str:
    subtype = _mime(media).rpartition("/")[2].partition(";")[0].removeprefix("x-").lower()
    return _AUDIO_FORMATS.get(subtype, subtype)
