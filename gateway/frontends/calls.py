"""`POST /v1/calls/{id}/cancel`: its owner ends a call."""

from flask import Blueprint, request

from gateway.canonical.errors import Failure, GatewayError, Kind
from gateway.frontends.access import Access
from gateway.runtime import Runtime


def blueprint(runtime: Runtime, access: Access) -> Blueprint:
    """Make the routes for calls."""
    routes = Blueprint("calls", __name__)

    @routes.post("/v1/calls/<call_id>/cancel")
    def cancel(call_id: str) -> dict[str, str]:
        owner = access.owner(
            request.headers,
            remote_address=request.remote_addr or "",
            query_key=request.args.get("key", ""),
        )
        if not runtime.web.cancel_for_owner(call_id, owner=owner):
            raise _unknown(call_id)
        return {"id": call_id, "object": "call", "status": "cancelled"}

    return routes


def _unknown(call_id: str) -> GatewayError:
    return GatewayError(
        Failure(
            kind=Kind.NOT_FOUND,
            message=f"you have no open call {call_id[:100]}; it may have ended",
            status=404,
            code="call_not_found",
        )
    )
