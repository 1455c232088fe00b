"""Embeddings, on the native path: OpenAI's shape in, OpenAI's shape out.

Source: https://platform.openai.com/docs/api-reference/embeddings
"""

from collections.abc import Iterator

import msgspec
from msgspec import Raw, Struct

from gateway.canonical.events import Event, Finished, NativeBody, Usage
from gateway.wire.json_body import bad_request, read_body
from gateway.wire.upstream_errors import garbage


class Envelope(Struct):
    """The fields that a web process reads; the rest is the upstream's business."""

    model: str
    input: Raw

    @property
    def streams(self) -> bool:
        """Never: the answer is one document."""
        return False


class _Usage(Struct):
    prompt_tokens: int = 0


class _Answer(Struct):
    data: list[Raw]
    usage: _Usage | None = None


_envelope_decoder = msgspec.json.Decoder(Envelope)
_answer_decoder = msgspec.json.Decoder(_Answer)


def parse_envelope(body: bytes, *, max_depth: int) -> Envelope:
    """Check an embeddings request as far as routing and errors need it.

    Raises:
        GatewayError: 400, with the faulty field as `param`.
    """
    envelope = read_body(body, _envelope_decoder, max_depth=max_depth)
    if not envelope.model.strip():
        raise bad_request(
            "model is empty; name one, as in 'openai-legacy:text-embedding-3-small'", param="model"
        )
    if bytes(envelope.input) in (b"null", b'""', b"[]"):
        raise bad_request("input is empty; send a text or a list of them", param="input")
    return envelope


def parse_native(body: bytes, *, instance: str) -> Iterator[Event]:
    """Read an answer of status 200; its bytes go on as they are.

    Raises:
        UpstreamError: the body is no list of embeddings.
    """
    try:
        answer = _answer_decoder.decode(body)
    except (ValueError, RecursionError):
        raise garbage(instance, "an object that holds no embeddings") from None
    yield NativeBody(body)
    if answer.usage:
        yield Usage(answer.usage.prompt_tokens, 0)
    yield Finished("stop")
