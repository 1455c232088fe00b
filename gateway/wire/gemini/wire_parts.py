"""Parts as Gemini writes them, the same in a request's contents and in an answer's candidate."""

from typing import Any

import msgspec
from msgspec import Raw

NO_SIGNATURE = "skip_thought_signature_validator"
"""Stands for the signature of a tool call that no Gemini model made.

Generation 3 refuses a turn whose first tool call is not signed.
Source: https://ai.google.dev/gemini-api/docs/thought-signatures#faqs
"""

_objects = msgspec.json.Decoder(dict[str, Raw])


def text_part(text: str, *, thought: bool = False, signature: str | None = None) -> dict[str, Any]:
    """Write a piece of text, or of a thought."""
    part: dict[str, Any] = {"text": text}
    if thought:
        part["thought"] = True
    return signed(part, signature)


def call_part(
    *, id: str, name: str, arguments: str, signature: str | None = None
) -> dict[str, Any]:
    """Write a tool call; arguments that are not a JSON object go as the `value` of one."""
    args: object = {}
    if arguments.strip():
        args = json_object(arguments) or {"value": arguments}
    call = {"id": id, "name": name, "args": args}
    return signed({"functionCall": {k: v for k, v in call.items() if v != ""}}, signature)


def signed(part: dict[str, Any], signature: str | None) -> dict[str, Any]:
    """Put a signature to a part, if there is one."""
    return part | {"thoughtSignature": signature} if signature else part


def json_object(text: str) -> Raw | None:
    """Take a text as the JSON object that it is; None when it is none."""
    try:
        _objects.decode(text)
        return one_line(text.encode())
    except (ValueError, RecursionError):
        return None


def one_line(data: bytes) -> Raw:
    """Take JSON text as it is, but for line ends, which would end a frame of a stream."""
    if b"\n" in data or b"\r" in data:
        data = msgspec.json.format(data, indent=-1)
    return Raw(data)
