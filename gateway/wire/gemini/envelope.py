"""What a web process reads of a generateContent request, and the native splice.

The model and the verb stand in the URL: who reads that puts them into the envelope.
"""

import msgspec
from msgspec import Raw, Struct

from gateway.wire.gemini.foreign import without_foreign
from gateway.wire.gemini.members import is_null
from gateway.wire.json_body import bad_request, read_body
from gateway.wire.splice import splice

_NULL = Raw(b"null")


class Envelope(Struct, frozen=True, kw_only=True):
    """What is known of a request for routing, errors and the answer."""

    model: str = ""
    """As the URL names it, without `models/`."""
    streams: bool = False
    """Whether the verb is streamGenerateContent."""
    as_array: bool = False
    """Whether the stream is to be one JSON array: there was no `alt=sse`."""


class _Content(Struct):
    role: str | None = None
    parts: Raw = _NULL


class Body(Struct):
    """A body as far as it is checked before it becomes a call."""

    contents: list[_Content] | _Content | None = None


class _Model(Struct):
    model: Raw = _NULL


_body_decoder = msgspec.json.Decoder(Body)
_model_decoder = msgspec.json.Decoder(_Model)


def parse_envelope(body: bytes, *, max_depth: int) -> Envelope:
    """Check a generateContent request as far as routing and errors need it.

    Raises:
        GatewayError: 400, with the faulty field as `param`.
    """
    check_contents(read_body(body, _body_decoder, max_depth=max_depth))
    return Envelope()


def check_contents(body: Body) -> None:
    """Check that there is something to answer.

    Raises:
        GatewayError: 400.
    """
    if not body.contents:
        raise bad_request("contents is empty; send at least one content", param="contents")


def render_native(body: bytes, *, model: str) -> bytes:
    """Write the upstream's model id into the client's own request where it names one at all.

    Nothing else changes but that signatures of another provider's are left out: see `foreign`.

    Raises:
        ValueError: `body` is not a JSON object.
    """
    members = without_foreign(body, model=model)
    if not is_null(_model_decoder.decode(body).model):
        members["model"] = msgspec.json.encode(model_name(model))
    return splice(body, members) if members else body


def model_name(model: str) -> str:
    """Write a model's id as the name of Google's resource."""
    return model if model.startswith(("models/", "tunedModels/")) else f"models/{model}"
