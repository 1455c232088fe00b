"""Gemini's `models/{model}:{verb}` under each version that its clients use, in Google's shapes."""

from flask import Blueprint, Response, request
from msgspec.structs import replace

from gateway.canonical.errors import Failure, GatewayError, Kind
from gateway.frontends.frontend import Adjust, Frontend
from gateway.wire.codec import Envelope
from gateway.wire.gemini.envelope import Envelope as GeminiEnvelope
from gateway.wire.json_body import bad_request

VERSIONS = ("", "/v1", "/v1beta", "/v1beta1")


def blueprint(frontend: Frontend) -> Blueprint:
    """Make the routes of the Gemini dialect."""
    routes = Blueprint("gemini", __name__)

    def act(target: str) -> Response:
        model, _, verb = target.rpartition(":")
        match verb:
            case "generateContent":
                return frontend.generate(adjust=_asked(model))
            case "streamGenerateContent":
                return _stream(frontend, model)
            case "countTokens":
                return frontend.count_tokens(adjust=_asked(model))
            case _:
                raise _unknown(verb or target)

    for number, version in enumerate(VERSIONS):
        routes.add_url_rule(
            f"{version}/models/<path:target>", f"act_{number}", act, methods=["POST"]
        )
    return routes


def _stream(frontend: Frontend, model: str) -> Response:
    """Stream as server-sent events, or, as Google does without `alt=sse`, as one JSON array."""
    as_array = request.args.get("alt", "json") != "sse"
    return frontend.generate(
        adjust=_asked(model, streams=True, as_array=as_array),
        mimetype="application/json" if as_array else None,
    )


def _asked(model: str, *, streams: bool = False, as_array: bool = False) -> Adjust:
    """Put into an envelope what the URL says."""
    if not model.strip():
        raise bad_request("the path names no model; write models/<model>:<verb>", param="model")

    def adjust(envelope: Envelope) -> Envelope:
        assert isinstance(envelope, GeminiEnvelope)
        return replace(envelope, model=model, streams=streams, as_array=as_array)

    return adjust


def _unknown(verb: str) -> GatewayError:
    return GatewayError(
        Failure(
            kind=Kind.NOT_FOUND,
            message=f"{verb[:100]} is not served; there are generateContent, "
            "streamGenerateContent and countTokens",
            status=404,
        )
    )
