"""Which dialect the client of the current request speaks, by what its request looks like."""

from flask import request

from gateway.canonical.request import Dialect

_GOOGLE_HEADERS = ("x-goog-api-key", "x-goog-api-client")


def of_request() -> Dialect:
    """The dialect in which the client reads errors."""
    path = request.path
    if path.endswith("/models"):
        return of_listing()
    if "/models/" in path:
        return Dialect.GEMINI if request.method == "POST" else of_listing()
    if path.startswith("/v1beta"):
        return Dialect.GEMINI
    if path.startswith("/v1/messages"):
        return Dialect.ANTHROPIC_MESSAGES
    if path.startswith("/v1/responses"):
        return Dialect.OPENAI_RESPONSES
    return Dialect.OPENAI_CHAT


def of_listing() -> Dialect:
    """The dialect in which the client reads models: only its headers tell under `/v1`."""
    if "anthropic-version" in request.headers:
        return Dialect.ANTHROPIC_MESSAGES
    google = any(name in request.headers for name in _GOOGLE_HEADERS)
    if google or not request.path.startswith("/v1/"):
        return Dialect.GEMINI
    return Dialect.OPENAI_CHAT
