"""Tool calls as this dialect writes them: ids of few characters, and input that is an object."""

import hashlib
import re

import msgspec
from msgspec import Raw

_FOREIGN = re.compile(r"[^a-zA-Z0-9_-]")
_object = msgspec.json.Decoder(dict[str, Raw])
_any = msgspec.json.Decoder(Raw)


def tool_id(id: str) -> str:
    """Write a tool call's id in the letters that the API takes.

    The same id becomes the same text every time, in the call and in its result, and different ids
    stay different.
    """
    if id and not _FOREIGN.search(id):
        return id
    digest = hashlib.blake2b(id.encode(errors="surrogatepass"), digest_size=6).hexdigest()
    return f"{_FOREIGN.sub('_', id)}_{digest}"


def tool_input(arguments: str) -> Raw:
    """Write a call's arguments as the object that they have to be; numbers keep their digits.

    Models also write nothing, another type or broken JSON. Nothing is an empty object; anything
    else is kept as the member `value`, so that the next turn shows what the model really wrote.
    """
    if not arguments.strip():
        return Raw(b"{}")
    text = arguments.encode(errors="replace")
    try:
        _object.decode(text)
        return Raw(text)
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        value = bytes(_any.decode(text))
    except (msgspec.DecodeError, RecursionError):
        value = msgspec.json.encode(text.decode())
    return Raw(b'{"value":' + value + b"}")
