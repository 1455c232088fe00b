"""Messages requests as far as a web process reads them, and the native splice.

The upstream of the same dialect judges the rest.
"""

import msgspec
from msgspec import Raw, Struct

from gateway.wire.anthropic_messages.foreign import without_foreign
from gateway.wire.json_body import bad_request, read_body
from gateway.wire.splice import splice


class _Message(Struct):
    role: str
    content: Raw = Raw(b"null")


class Envelope(Struct):
    """The fields that a web process reads, and the types of those that every upstream agrees on.

    Unknown fields are let through: they are the upstream's business. `max_tokens` may be absent,
    as a request to count tokens has none.
    """

    model: str
    messages: list[_Message]
    max_tokens: int | None = None
    stream: bool | None = None
    system: str | list[dict[str, Raw]] | None = None
    tools: list[dict[str, Raw]] | None = None
    tool_choice: dict[str, Raw] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    thinking: dict[str, Raw] | None = None
    metadata: dict[str, Raw] | None = None
    service_tier: str | None = None
    output_config: dict[str, Raw] | None = None
    output_format: dict[str, Raw] | None = None

    @property
    def streams(self) -> bool:
        """Whether the client asks for a stream."""
        return bool(self.stream)


_decoder = msgspec.json.Decoder(Envelope)


def parse_envelope(body: bytes, *, max_depth: int) -> Envelope:
    """Check a request as far as routing and errors need it.

    Raises:
        GatewayError: 400, with the faulty field as `param`.
    """
    envelope = read_body(body, _decoder, max_depth=max_depth)
    if not envelope.model.strip():
        raise bad_request(
            "model is empty; name one, as in 'anthropic:claude-sonnet-5'", param="model"
        )
    if not envelope.messages:
        raise bad_request("messages is empty; send at least one message", param="messages")
    return envelope


def render_native(body: bytes, *, model: str) -> bytes:
    """Write the upstream's model id into the client's own request.

    Nothing else changes but that thinking of another provider's is left out: see `foreign`.

    Raises:
        ValueError: `body` is not a JSON object.
    """
    return splice(body, {"model": msgspec.json.encode(model), **without_foreign(body)})
