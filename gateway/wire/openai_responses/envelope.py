"""Response requests as a web process reads them, and as they go to an upstream of this dialect.

The upstream judges what is not read here.
"""

import msgspec
from msgspec import Raw, Struct

from gateway.wire.json_body import bad_request, read_body
from gateway.wire.opaque import is_wrapped, may_hold_wrapped
from gateway.wire.openai_responses.reading import NULL
from gateway.wire.splice import splice


class Envelope(Struct):
    """The fields that a web process reads, and the types of those that every upstream agrees on.

    Most are read for the answer, which tells the request's settings. Unknown fields are let
    through: they are the upstream's business.
    """

    model: str
    input: Raw = NULL
    stream: bool | None = None
    instructions: str | None = None
    tools: list[Raw] | None = None
    tool_choice: Raw = NULL
    parallel_tool_calls: bool | None = None
    text: dict[str, Raw] | None = None
    reasoning: dict[str, Raw] | None = None
    include: list[str] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_logprobs: int | None = None
    max_output_tokens: int | None = None
    max_tool_calls: int | None = None
    truncation: str | None = None
    store: bool | None = None
    background: bool | None = None
    metadata: dict[str, Raw] | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt: Raw = NULL
    previous_response_id: Raw = NULL
    conversation: Raw = NULL

    @property
    def streams(self) -> bool:
        """Whether the client asks for a stream."""
        return bool(self.stream)


class _ReasoningItem(Struct):
    type: str | None = None
    encrypted_content: str | None = None


class _Input(Struct):
    input: list[Raw]


envelope_decoder = msgspec.json.Decoder(Envelope)
_input_decoder = msgspec.json.Decoder(_Input)
_item_decoder = msgspec.json.Decoder(_ReasoningItem)


def parse_envelope(body: bytes, *, max_depth: int) -> Envelope:
    """Check a request as far as routing, errors and the answer need it.

    Raises:
        GatewayError: 400, with the faulty field as `param`.
    """
    envelope = read_body(body, envelope_decoder, max_depth=max_depth)
    if not envelope.model.strip():
        raise bad_request(
            "model is empty; name one, as in 'huggingface:openai/gpt-oss-120b'", param="model"
        )
    if envelope.input == NULL:
        if envelope.prompt == NULL:
            raise bad_request("input is missing; send text or a list of items", param="input")
    elif bytes(memoryview(envelope.input)[:1]) not in (b'"', b"["):
        raise bad_request("input has to be text or a list of items", param="input")
    _refuse_stored(envelope)
    return envelope


def render_native(body: bytes, *, model: str) -> bytes:
    """Write the upstream's model id into the client's own request.

    Nothing else changes but that reasoning of another provider's is left out: it was wrapped for
    the client to keep, and this upstream cannot read it.

    Raises:
        ValueError: `body` is not a JSON object.
    """
    members = {"model": msgspec.json.encode(model)}
    if may_hold_wrapped(body) and (kept := _without_foreign(body)) is not None:
        members["input"] = kept
    return splice(body, members)


def _refuse_stored(envelope: Envelope) -> None:
    for name in ("previous_response_id", "conversation"):
        if getattr(envelope, name) != NULL:
            raise bad_request(
                f"{name} is not served: no responses are stored here; send the whole conversation"
                " in input",
                param=name,
            )
    if envelope.background:
        raise bad_request(
            "background is not served: no responses are stored here for later retrieval; leave it"
            " out and stream the answer instead",
            param="background",
        )


def _without_foreign(body: bytes) -> bytes | None:
    """The input without reasoning of other providers; None when there is none of it."""
    try:
        items = _input_decoder.decode(body).input
    except msgspec.DecodeError:
        return None
    kept = [bytes(item) for item in items if not _is_foreign(item)]
    return None if len(kept) == len(items) else b"[" + b",".join(kept) + b"]"


def _is_foreign(item: Raw) -> bool:
    try:
        wire = _item_decoder.decode(item)
    except msgspec.ValidationError:
        return False
    if wire.type != "reasoning" or not wire.encrypted_content:
        return False
    return is_wrapped(wire.encrypted_content)
