"""Images and documents of a request: the dialect's parts and data URLs <-> canonical media."""

import base64
from typing import Any
from urllib.parse import unquote_to_bytes

from gateway.canonical.content import Media, MediaKind

_SUFFIXES = {
    "application/pdf": ".pdf",
    "application/json": ".json",
    "text/csv": ".csv",
    "text/html": ".html",
    "text/markdown": ".md",
    "text/plain": ".txt",
}
_AUDIO_TYPES = {"mp3": "audio/mpeg"}


def media_of(
    value: str, *, kind: MediaKind, name: str | None = None, detail: str | None = None
) -> Media:
    """Make media of a URL; the content of a data URL is taken out of it."""
    if not value.startswith("data:"):
        return Media(kind=kind, url=value, name=name, detail=detail)
    mime, data = split_data_url(value)
    return Media(kind=kind, mime=mime, data=data, name=name, detail=detail)


def split_data_url(value: str) -> tuple[str | None, str]:
    """Split a data URL into its media type, without parameters, and its content as base64."""
    head, _, content = value.removeprefix("data:").partition(",")
    mime, *parameters = head.split(";")
    if "base64" not in parameters:
        content = base64.b64encode(unquote_to_bytes(content)).decode()
    return mime or None, content


def audio_type(format: str | None) -> str | None:
    """The media type of a recording of this format."""
    return _AUDIO_TYPES.get(format, f"audio/{format}") if format else None


def render_media(media: Media) -> dict[str, Any] | None:
    """Render an image or a document as an input part; None for what has no such part."""
    if media.kind is MediaKind.IMAGE:
        return _image(media)
    if media.kind is MediaKind.DOCUMENT:
        return _file(media)
    return None


def _image(media: Media) -> dict[str, Any]:
    part: dict[str, Any] = {"type": "input_image"}
    if media.detail:
        part["detail"] = media.detail
    if media.file_id is not None:
        part["file_id"] = media.file_id
    else:
        part["image_url"] = _data_url(media) if media.data is not None else media.url
    return part


def _file(media: Media) -> dict[str, Any]:
    if media.file_id is not None:
        return {"type": "input_file", "file_id": media.file_id}
    if media.data is None:
        return {"type": "input_file", "file_url": media.url}
    # The API tells a file's type by its name and refuses content without one.
    name = media.name or "document" + _SUFFIXES.get(media.mime or "", "")
    content = _data_url(media) if media.mime else media.data
    return {"type": "input_file", "filename": name, "file_data": content}


def _data_url(media: Media) -> str:
    return f"data:{media.mime or ''};base64,{media.data}"
