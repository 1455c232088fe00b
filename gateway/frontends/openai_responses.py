"""`POST /v1/responses`, in OpenAI's shapes."""

from flask import Blueprint, Response

from gateway.canonical.errors import Failure, GatewayError, Kind
from gateway.frontends.frontend import Frontend


def blueprint(frontend: Frontend) -> Blueprint:
    """Make the routes of the Responses dialect."""
    routes = Blueprint("openai_responses", __name__)

    @routes.post("/v1/responses")
    def responses() -> Response:
        return frontend.generate()

    @routes.route("/v1/responses/<path:rest>", methods=["GET", "POST", "DELETE"])
    def stored(rest: str) -> Response:
        frontend.owner()
        raise GatewayError(
            Failure(
                kind=Kind.NOT_FOUND,
                message=f"no response is stored here, so /v1/responses/{rest[:100]} is not served; "
                "keep the answer that POST /v1/responses gave",
                status=404,
                code="response_not_stored",
            )
        )

    return routes
