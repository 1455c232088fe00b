"""`POST /v1/chat/completions`, `POST /v1/embeddings`, in OpenAI's shapes."""

from flask import Blueprint, Response

from gateway.canonical.errors import Failure, GatewayError, Kind
from gateway.frontends.frontend import Frontend
from gateway.wire.embeddings import parse_envelope


def blueprint(frontend: Frontend) -> Blueprint:
    """Make the routes of the OpenAI chat dialect."""
    routes = Blueprint("openai_chat", __name__)

    @routes.post("/v1/chat/completions")
    def chat_completions() -> Response:
        return frontend.generate()

    @routes.post("/v1/embeddings")
    def embeddings() -> Response:
        return frontend.embed(parse_envelope)

    @routes.route("/v1/completions", methods=["GET", "POST"])
    def completions() -> Response:
        raise GatewayError(
            Failure(
                kind=Kind.NOT_FOUND,
                message="the legacy /v1/completions is not served; use /v1/chat/completions",
                status=404,
                code="endpoint_not_found",
            )
        )

    return routes
