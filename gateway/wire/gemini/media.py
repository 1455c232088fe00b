"""Media of the Gemini dialect: `inlineData` and `fileData` <-> canonical."""

import re
from typing import Any
from urllib.parse import urlsplit

from gateway.canonical.content import Media, MediaKind, Opaque

_URLSAFE = re.compile(r"[-_]")
_STANDARD = str.maketrans("-_", "+/")
_KINDS = {"image": MediaKind.IMAGE, "audio": MediaKind.AUDIO, "video": MediaKind.VIDEO}
_VIDEO_HOSTS = frozenset({"youtube.com", "www.youtube.com", "m.youtube.com", "youtu.be"})
"""What the API watches itself: https://ai.google.dev/gemini-api/docs/video-understanding#youtube"""

_GOOGLE_FILES = re.compile(r"gs://|https://generativelanguage\.googleapis\.com/")
"""Files that only Google can open."""

# A table of our own: that of the standard library depends on the machine.
_EXTENSIONS = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "heic": "image/heic",
    "heif": "image/heif",
    "gif": "image/gif",
    "bmp": "image/bmp",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "aac": "audio/aac",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
    "m4a": "audio/mp4",
    "mp4": "video/mp4",
    "mpeg": "video/mpeg",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "csv": "text/csv",
    "html": "text/html",
    "xml": "text/xml",
    "json": "application/json",
}
_DEFAULT_MIMES = {
    MediaKind.IMAGE: "image/png",
    MediaKind.AUDIO: "audio/mpeg",
    MediaKind.VIDEO: "video/mp4",
    MediaKind.DOCUMENT: "application/pdf",
}


def inline_media(
    mime: str, data: str, *, name: str | None = None, signature: Opaque | None = None
) -> Media:
    """Make a medium of the bytes that came with a part."""
    return Media(
        kind=_kind(mime), mime=mime, data=standard_base64(data), name=name, signature=signature
    )


def file_media(
    uri: str, mime: str | None, *, name: str | None = None, signature: Opaque | None = None
) -> Media:
    """Make a medium of a URI: a file at Google, or anything on the web."""
    if _GOOGLE_FILES.match(uri):
        mime = mime or _guess(uri)
        return Media(kind=_kind(mime or ""), mime=mime, file_id=uri, name=name, signature=signature)
    mime = mime or _guess(uri)
    kind = _kind(mime or ("video" if _host(uri) in _VIDEO_HOSTS else ""))
    return Media(kind=kind, mime=mime, url=uri, name=name, signature=signature)


def render_media(media: Media) -> dict[str, Any] | None:
    """Write a medium as the member of a part; None when only another provider can open it."""
    if media.data is not None:
        given = media.mime or _DEFAULT_MIMES[media.kind]
        return {"inlineData": {"mimeType": given, "data": media.data}}
    uri = media.url if media.url is not None else media.file_id
    if uri is None or (media.url is None and not _GOOGLE_FILES.match(uri)):
        return None
    # A YouTube address has no media type, and is right without one.
    mime = media.mime or _guess(uri)
    if mime is None and _host(uri) not in _VIDEO_HOSTS:
        mime = _DEFAULT_MIMES[media.kind]
    return {"fileData": ({"mimeType": mime} if mime else {}) | {"fileUri": uri}}


def standard_base64(data: str) -> str:
    """Write base64 in its standard alphabet: Google's clients use the one for URLs.

    No other provider reads that one in a medium.
    """
    return data.translate(_STANDARD) if _URLSAFE.search(data) else data


def _kind(mime: str) -> MediaKind:
    return _KINDS.get(mime.partition("/")[0].lower(), MediaKind.DOCUMENT)


def _guess(uri: str) -> str | None:
    """Guess a media type from the extension in an address."""
    try:
        path = urlsplit(uri).path
    except ValueError:
        return None
    return _EXTENSIONS.get(path.rpartition(".")[2].lower())


def _host(uri: str) -> str | None:
    try:
        return urlsplit(uri).hostname
    except ValueError:
        return None
