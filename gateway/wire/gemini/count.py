"""countTokens, both directions.

Source: https://ai.google.dev/api/tokens
"""

import msgspec

from gateway.canonical.request import Request
from gateway.wire.gemini.envelope import Body, Envelope, check_contents, model_name
from gateway.wire.gemini.members import Members
from gateway.wire.gemini.parse_answer import read_chunk
from gateway.wire.gemini.parse_request import parse_request
from gateway.wire.gemini.render_request import render_body
from gateway.wire.json_body import bad_request, read_body
from gateway.wire.upstream_errors import garbage


class _CountBody(Body):
    """What is counted: contents alone, or a whole generateContent request in either spelling."""

    generateContentRequest: Body | None = None
    generate_content_request: Body | None = None


_decoder = msgspec.json.Decoder(_CountBody)


def parse_count_envelope(body: bytes, *, max_depth: int) -> Envelope:
    """Check a countTokens request as far as routing and errors need it.

    Raises:
        GatewayError: 400, with the faulty field as `param`.
    """
    wire = read_body(body, _decoder, max_depth=max_depth)
    check_contents(wire.generateContentRequest or wire.generate_content_request or wire)
    return Envelope()


def parse_count_request(body: bytes) -> Request:
    """Read what is to be counted into the canonical model.

    Raises:
        GatewayError: 400, with the faulty field as `param`.
    """
    try:
        inner = Members(body, "").raw("generateContentRequest")
    except RecursionError:
        raise bad_request("the request JSON is nested too deep") from None
    return parse_request(body if inner is None else inner)


def render_count_request(request: Request, *, model: str) -> bytes:
    """Write a canonical request as one whose tokens are to be counted."""
    wire = {"model": model_name(model)} | render_body(request, model)
    return msgspec.json.encode({"generateContentRequest": wire})


def parse_count(body: bytes, *, instance: str) -> int:
    """Read an upstream's count.

    Raises:
        UpstreamError: the body is an error all the same, or holds no count.
    """
    total = read_chunk(body, instance=instance).get("totalTokens", 0)
    if not isinstance(total, int) or isinstance(total, bool) or total < 0:
        raise garbage(instance, "JSON that is no count of tokens")
    return total


def render_count(input_tokens: int) -> bytes:
    """Write a count as a client of this dialect reads it."""
    return msgspec.json.encode({"totalTokens": input_tokens})
