"""The models that the gateway lists, in the shape of the client that asks; see `dialects`.

An answer has an `ETag`, so that a client that asks again is told when nothing has changed.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
from flask import Blueprint, Response, request

from gateway.canonical.errors import Failure, GatewayError, Kind
from gateway.canonical.request import Dialect
from gateway.frontends import dialects
from gateway.frontends.access import Access
from gateway.routing.inventory import Entry
from gateway.runtime import Runtime
from gateway.wire.gemini.models import render_model, render_models
from gateway.wire.json_body import bad_request

MAX_PAGE = 1000
_CREATED_AT = "1970-01-01T00:00:00Z"
"""Anthropic's form for a time that is not known."""


def blueprint(runtime: Runtime, access: Access) -> Blueprint:
    """Make the routes for models."""
    routes = Blueprint("models", __name__)
    models = _Models(runtime, access)
    for number, version in enumerate(("/v1", "/v1beta", "/v1beta1", "")):
        routes.add_url_rule(f"{version}/models", f"list_{number}", models.listed)
        routes.add_url_rule(f"{version}/models/<path:id>", f"one_{number}", models.one)
    return routes


class _Models:
    """What the enabled instances have, by `<instance>:<model>`."""

    def __init__(self, runtime: Runtime, access: Access) -> None:
        self._access = access
        self._inventory = runtime.inventory

    def listed(self) -> Response:
        """All of them, or a page of them."""
        self._check()
        entries = self._inventory().entries
        match dialects.of_listing():
            case Dialect.ANTHROPIC_MESSAGES:
                return _json(_anthropic_page(entries))
            case Dialect.GEMINI:
                size = _number("pageSize", default=50)
                page, token = _page(entries, size=size, after=request.args.get("pageToken"))
                return _bytes(render_models([one.id for one in page], next_page_token=token))
            case _:
                return _json({"object": "list", "data": [_openai(entry) for entry in entries]})

    def one(self, id: str) -> Response:
        """One of them, by either of its ids."""
        self._check()
        entry = self._inventory().entry(id)
        if entry is None:
            raise _unknown(id)
        match dialects.of_listing():
            case Dialect.ANTHROPIC_MESSAGES:
                return _json(_anthropic(entry))
            case Dialect.GEMINI:
                return _bytes(render_model(entry.id))
            case _:
                return _json(_openai(entry))

    def _check(self) -> None:
        """Check who asks.

        Raises:
            GatewayError: 401 or 403.
        """
        self._access.owner(
            request.headers,
            remote_address=request.remote_addr or "",
            query_key=request.args.get("key", ""),
        )


def _openai(entry: Entry) -> dict[str, Any]:
    return {"id": entry.id, "object": "model", "created": 0, "owned_by": entry.kind}


def _anthropic(entry: Entry) -> dict[str, Any]:
    name = entry.display_name or entry.id
    return {
        "type": "model",
        "id": entry.id,
        "display_name": name,
        "created_at": _CREATED_AT,
        "lifecycle": "active",
    }


def _anthropic_page(entries: Sequence[Entry]) -> dict[str, Any]:
    """One page by `limit`, `after_id` and `before_id`.

    Source: https://platform.claude.com/docs/en/api/models-list
    """
    size = _number("limit", default=20)
    before = request.args.get("before_id")
    if before is not None:
        earlier = entries[: _position(entries, before)]
        page = earlier[-size:]
        more = len(earlier) > size
    else:
        page, token = _page(entries, size=size, after=request.args.get("after_id"))
        more = token is not None
    return {
        "data": [_anthropic(entry) for entry in page],
        "has_more": more,
        "first_id": page[0].id if page else None,
        "last_id": page[-1].id if page else None,
    }


def _page(
    entries: Sequence[Entry], *, size: int, after: str | None
) -> tuple[Sequence[Entry], str | None]:
    """What follows `after`, and the last id of it when there is more."""
    start = _position(entries, after) + 1 if after else 0
    page = entries[start : start + size]
    return page, page[-1].id if start + size < len(entries) else None


def _position(entries: Sequence[Entry], id: str) -> int:
    for position, entry in enumerate(entries):
        if entry.id == id:
            return position
    raise bad_request(f"no such model to page from: {id[:200]}")


def _number(name: str, *, default: int) -> int:
    value = request.args.get(name, "")
    if not value:
        return default
    if not value.isascii() or not value.isdigit() or not 0 < int(value[:6]) <= MAX_PAGE:
        raise bad_request(f"{name} is a number from 1 to {MAX_PAGE}", param=name)
    return int(value)


def _json(value: object) -> Response:
    return _bytes(msgspec.json.encode(value))


def _bytes(body: bytes) -> Response:
    response = Response(body, mimetype="application/json")
    response.set_etag(hashlib.sha256(body).hexdigest()[:32])
    response.make_conditional(request)
    return response


def _unknown(id: str) -> GatewayError:
    return GatewayError(
        Failure(
            kind=Kind.NOT_FOUND,
            message=f"no such model: {id[:200]}; GET /v1/models lists those that there are",
            status=404,
            code="model_not_found",
            param="model",
        )
    )
