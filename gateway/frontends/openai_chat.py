"""`POST /v1/chat/completions` and what belongs to it, in OpenAI's shapes."""

import time
from functools import partial

from flask import Blueprint, Response, request

from gateway.canonical.call import Call
from gateway.canonical.collect import collect
from gateway.canonical.errors import Failure, GatewayError, Kind
from gateway.canonical.events import Event, NativeBody
from gateway.canonical.request import Dialect
from gateway.frontends.access import Access
from gateway.frontends.body import read_body
from gateway.frontends.delivery import Delivery
from gateway.runtime import Runtime
from gateway.wire.openai_chat.errors import render_error
from gateway.wire.openai_chat.request import parse_envelope
from gateway.wire.openai_chat.response import render_response
from gateway.wire.openai_chat.stream import StreamRenderer

ROUTE_HEADERS = ("X-Queueway-Route", "X-LIP-Route")


def blueprint(runtime: Runtime, access: Access, *, delivery: Delivery) -> Blueprint:
    """Make the routes of the OpenAI chat dialect."""
    routes = Blueprint("openai_chat", __name__)

    @routes.post("/v1/chat/completions")
    def chat_completions() -> Response:
        return _complete(runtime, access, delivery=delivery)

    @routes.get("/v1/models")
    def models() -> dict[str, object]:
        access.owner(request.headers, remote_address=request.remote_addr or "")
        return {"object": "list", "data": _models(runtime)}

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


def _complete(runtime: Runtime, access: Access, *, delivery: Delivery) -> Response:
    owner = access.owner(request.headers, remote_address=request.remote_addr or "")
    body = read_body(limit=runtime.config.server.max_request_body_bytes)
    envelope = parse_envelope(body, max_depth=runtime.config.server.max_json_depth)
    header = next((value for name in ROUTE_HEADERS if (value := request.headers.get(name))), None)
    call = runtime.web.new_call(
        owner=owner,
        dialect=Dialect.OPENAI_CHAT,
        model=envelope.model,
        stream=bool(envelope.stream),
        route=runtime.router.resolve(envelope.model, header=header),
        headers={
            name.lower(): value
            for name, value in request.headers.items()
            if name.lower() in runtime.client_headers
        },
    )
    client = request.environ.get("gunicorn.socket")
    try:
        if call.stream:
            renderer = StreamRenderer(
                id=_completion_id(call),
                created=int(time.time()),
                include_usage=envelope.include_usage,
            )
            return delivery.stream(call, body, client=client, render=renderer.render)
        return delivery.whole(
            call,
            body,
            client=client,
            render=partial(_render_whole, call),
            render_error=render_error,
        )
    except GatewayError as error:
        error.call_id = call.id
        raise


def _render_whole(call: Call, events: list[Event]) -> bytes:
    native = [event.data for event in events if isinstance(event, NativeBody)]
    if native:
        return b"".join(native)
    return render_response(
        collect(events), id=_completion_id(call), model=call.model, created=int(time.time())
    )


def _completion_id(call: Call) -> str:
    return "chatcmpl-" + call.id.rpartition(".")[2]


def _models(runtime: Runtime) -> list[dict[str, object]]:
    return [
        {
            "id": f"{instance.id}:{model}",
            "object": "model",
            "created": 0,
            "owned_by": instance.kind,
        }
        for instance in runtime.instances
        for model in instance.models
    ]
