"""What a web process reads of a chat completion request, and the native splice.

The upstream of the same dialect judges the rest; `parse_request` reads it for other dialects.
"""

import msgspec
from msgspec import Raw, Struct

from gateway.wire.json_body import bad_request, read_body
from gateway.wire.openai_chat.foreign import without_foreign
from gateway.wire.openai_chat.parse_request import parse_request
from gateway.wire.splice import splice

__all__ = ["Envelope", "parse_envelope", "parse_request", "render_native"]

_NULL = Raw(b"null")


class _Message(Struct):
    role: str
    content: Raw = _NULL


class _StreamOptions(Struct):
    include_usage: bool | None = None


class Envelope(Struct):
    """The fields that a web process reads, and the types of those that every upstream agrees on.

    Unknown fields are let through: they are the upstream's business.
    """

    model: str
    messages: list[_Message]
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    temperature: float | None = None
    top_p: float | None = None
    n: int | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    user: str | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    logit_bias: dict[str, Raw] | None = None
    tools: list[dict[str, Raw]] | None = None
    parallel_tool_calls: bool | None = None
    response_format: dict[str, Raw] | None = None
    reasoning_effort: str | None = None

    @property
    def streams(self) -> bool:
        """Whether the client asks for a stream."""
        return bool(self.stream)

    @property
    def include_usage(self) -> bool:
        """Whether a stream is to end with a chunk of token counts."""
        return bool(self.stream_options and self.stream_options.include_usage)


_envelope_decoder = msgspec.json.Decoder(Envelope)


def parse_envelope(body: bytes, *, max_depth: int) -> Envelope:
    """Check a chat completion request as far as routing and errors need it.

    Raises:
        GatewayError: 400, with the faulty field as `param`.
    """
    envelope = read_body(body, _envelope_decoder, max_depth=max_depth)
    if not envelope.model.strip():
        raise bad_request(
            "model is empty; name one, as in 'huggingface:openai/gpt-oss-120b'", param="model"
        )
    if not envelope.messages:
        raise bad_request("messages is empty; send at least one message", param="messages")
    return envelope


def render_native(body: bytes, *, model: str) -> bytes:
    """Write the upstream's model id into the client's own request.

    Nothing else changes but that reasoning of another provider's is left out: see `foreign`.

    Raises:
        ValueError: `body` is not a JSON object.
    """
    changed = without_foreign(body, model=model)
    return splice(body, {"model": msgspec.json.encode(model), **changed})
