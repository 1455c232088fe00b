"""One frame of a Messages stream, decoded as far as every reader needs it.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from typing import Any

import msgspec
from msgspec import Raw, Struct

from gateway.wire.anthropic_messages.errors import parse_inner_error
from gateway.wire.sse import is_whole
from gateway.wire.upstream_errors import garbage, truncated

NULL = Raw(b"null")


class Delta(Struct):
    """What is new: of a content block, or in a `message_delta` of the whole message."""

    type: Any = None
    text: Any = None
    thinking: Any = None
    partial_json: Any = None
    signature: Any = None
    citation: Any = None
    stop_reason: Any = None
    stop_sequence: Any = None
    stop_details: Any = None


class Frame(Struct):
    """The members of all frames; those of another type than expected are as good as absent."""

    type: Any = None
    index: Any = None
    delta: Delta | None = None
    content_block: Raw = NULL
    message: Raw = NULL
    usage: Raw = NULL
    error: Raw = NULL


class _Bare(Struct):
    """A frame whose other members cannot be trusted."""

    type: Any = None
    error: Raw = NULL


class Head(Struct):
    """How a content block begins; `input` is kept as it is written."""

    type: Any = None
    text: Any = None
    thinking: Any = None
    signature: Any = None
    data: Any = None
    id: Any = None
    name: Any = None
    citations: Any = None
    input: Raw = NULL


_frame_decoder = msgspec.json.Decoder(Frame)
_bare_decoder = msgspec.json.Decoder(_Bare)
_head_decoder = msgspec.json.Decoder(Head)
_decode = msgspec.json.Decoder().decode


def read_frame(instance: str, data: str, *, frame: bytes | None = None) -> Frame:
    """Decode a frame's data field.

    Args:
        frame: the frame's bytes, where they matter.
    Raises:
        UpstreamError: it is an error, is no JSON object, or was cut off.
    """
    try:
        read = _frame_decoder.decode(data)
    except (ValueError, RecursionError):
        read = _bare(instance, data, frame=frame)
    if read.type == "error" or (read.error != NULL and read.type is None):
        raise parse_inner_error(instance, wire=decode_lenient(data), frame=frame)
    return read


def read_head(raw: Raw) -> Head | None:
    """Decode how a content block begins; None when it is no object."""
    try:
        return _head_decoder.decode(raw)
    except (ValueError, RecursionError):
        return None


def decode_lenient(data: str | bytes | Raw) -> Any:
    """Decode JSON of any type; None when it is none."""
    try:
        return _decode(data)
    except (ValueError, RecursionError):
        return None


def _bare(instance: str, data: str, *, frame: bytes | None) -> Frame:
    try:
        bare = _bare_decoder.decode(data)
    except (ValueError, RecursionError):
        if frame is not None and not is_whole(frame):
            raise truncated(instance) from None
        raise garbage(instance, "a frame that is not a JSON object") from None
    return Frame(type=bare.type, error=bare.error)
