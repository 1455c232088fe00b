"""`POST /v1/messages` and `/v1/messages/count_tokens`, in Anthropic's shapes."""

from flask import Blueprint, Response

from gateway.frontends.frontend import Frontend


def blueprint(frontend: Frontend) -> Blueprint:
    """Make the routes of the Messages dialect."""
    routes = Blueprint("anthropic_messages", __name__)

    @routes.post("/v1/messages")
    def messages() -> Response:
        return frontend.generate()

    @routes.post("/v1/messages/count_tokens")
    def count_tokens() -> Response:
        return frontend.count_tokens()

    return routes
