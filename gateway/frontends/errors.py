"""Turns every failure of a request into the client's own error shape, with its status."""

import logging

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from gateway.canonical.errors import Failure, GatewayError, Kind
from gateway.frontends import dialects
from gateway.frontends.delivery import CALL_ID_HEADER
from gateway.wire.codecs import CODECS

_KINDS = {
    400: Kind.INVALID_REQUEST,
    404: Kind.NOT_FOUND,
    405: Kind.METHOD_NOT_ALLOWED,
    413: Kind.TOO_LARGE,
}

log = logging.getLogger(__name__)


def register(app: Flask) -> None:
    """Register the handlers for all routes of the app, known or not."""

    @app.errorhandler(GatewayError)
    def refused(error: GatewayError) -> Response:
        response = _response(error.failure)
        if error.call_id:
            response.headers[CALL_ID_HEADER] = error.call_id
        return response

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        response = _response(_failure(app, error))
        for name, value in error.get_headers():
            if name in ("Allow", "Retry-After"):
                response.headers[name] = value
        return response

    @app.errorhandler(Exception)
    def crashed(_: Exception) -> Response:
        log.exception("%s %s failed", request.method, request.path)
        message = "the gateway failed on this request; its log says why"
        return _response(Failure(kind=Kind.INTERNAL, message=message, status=500))


def _failure(app: Flask, error: HTTPException) -> Failure:
    status = error.code or 500
    limit = app.config["MAX_CONTENT_LENGTH"]
    messages = {
        404: f"no such path: {request.method} {request.path[:200]}",
        405: f"{request.method} is not allowed on {request.path[:200]}",
        413: f"the request body is larger than the {limit} bytes that are allowed",
    }
    return Failure(
        kind=_KINDS.get(status, Kind.INVALID_REQUEST if status < 500 else Kind.INTERNAL),
        message=messages.get(status, error.description or error.name),
        status=status,
    )


def _response(failure: Failure) -> Response:
    render_error = CODECS[dialects.of_request()].render_error
    response = Response(render_error(failure), status=failure.status, mimetype="application/json")
    if failure.retry_after_s:
        response.headers["Retry-After"] = str(failure.retry_after_s)
    return response
