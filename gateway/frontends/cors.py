"""Lets web pages of configured origins call: the answers to a browser's questions.

Source: https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from collections.abc import Sequence

from flask import Flask, Response, request

from config.schema import EVERY_ORIGIN

_MAX_AGE_S = 600
_EXPOSED = "X-Queueway-Call-Id, X-Queueway-Route-Taken, X-Queueway-Dropped, Retry-After"


def register(app: Flask, origins: Sequence[str]) -> None:
    """Answer preflight requests, and mark answers that pages of these origins may read."""
    allowed = frozenset(origins)
    if not allowed:
        return

    def is_allowed() -> bool:
        origin = request.headers.get("Origin")
        return bool(origin) and (origin in allowed or EVERY_ORIGIN in allowed)

    @app.before_request
    def preflight() -> Response | None:
        asks = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        if not asks or not is_allowed():
            return None
        response = Response(status=204)
        response.headers["Access-Control-Allow-Methods"] = "GET, POST, DELETE"
        wanted = request.headers.get("Access-Control-Request-Headers")
        if wanted:
            response.headers["Access-Control-Allow-Headers"] = wanted
        response.headers["Access-Control-Max-Age"] = str(_MAX_AGE_S)
        return response

    @app.after_request
    def mark(response: Response) -> Response:
        response.vary.add("Origin")
        if is_allowed():
            response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
            response.headers["Access-Control-Expose-Headers"] = _EXPOSED
        return response
