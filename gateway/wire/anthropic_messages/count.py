"""Token counts of a request: `POST /v1/messages/count_tokens`, its answer both ways.

Source: https://platform.claude.com/docs/en/api/messages-count-tokens
"""

import msgspec
from msgspec import Struct

from gateway.wire.anthropic_messages.errors import parse_inner_error
from gateway.wire.upstream_errors import decode_error, garbage


class _Count(Struct):
    input_tokens: int


_decoder = msgspec.json.Decoder(_Count)


def render_count(input_tokens: int) -> bytes:
    """Write a count as a client of this dialect reads it."""
    return msgspec.json.encode({"input_tokens": input_tokens})


def parse_count(body: bytes, *, instance: str) -> int:
    """Read an upstream's count.

    Raises:
        UpstreamError: the body is an error all the same, or is no count.
    """
    try:
        return _decoder.decode(body).input_tokens
    except (ValueError, RecursionError):
        pass
    wire = decode_error(body)
    if isinstance(wire, dict) and wire.get("error"):
        raise parse_inner_error(instance, wire=wire)
    raise garbage(instance, "no count of tokens")
