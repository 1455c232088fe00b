"""The models that the gateway lists, in the shape of the client that asks; see `dialects`."""

from collections.abc import Sequence
from typing import Any

import msgspec
from flask import Blueprint, Response, request

from gateway.canonical.errors import Failure, GatewayError, Kind
from gateway.canonical.request import Dialect
from gateway.frontends import dialects
from gateway.frontends.access import Access
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
    """What the enabled instances list, by `<instance>:<model>`."""

    def __init__(self, runtime: Runtime, access: Access) -> None:
        self._access = access
        self._kinds = {
            f"{instance.id}:{model}": instance.kind
            for instance in runtime.instances
            for model in instance.models
        }

    def listed(self) -> Response:
        """All of them, or a page of them."""
        self._check()
        ids = list(self._kinds)
        match dialects.of_listing():
            case Dialect.ANTHROPIC_MESSAGES:
                return _json(_anthropic_page(ids))
            case Dialect.GEMINI:
                size = _number("pageSize", default=50)
                page, token = _page(ids, size=size, after=request.args.get("pageToken"))
                return _bytes(render_models(page, next_page_token=token))
            case _:
                data = [_openai(id, kind) for id, kind in self._kinds.items()]
                return _json({"object": "list", "data": data})

    def one(self, id: str) -> Response:
        """One of them."""
        self._check(id)
        match dialects.of_listing():
            case Dialect.ANTHROPIC_MESSAGES:
                return _json(_anthropic(id))
            case Dialect.GEMINI:
                return _bytes(render_model(id))
            case _:
                return _json(_openai(id, self._kinds[id]))

    def _check(self, id: str | None = None) -> None:
        """Check who asks, and that what is asked for is there.

        Raises:
            GatewayError: 401, 403 or 404.
        """
        self._access.owner(
            request.headers,
            remote_address=request.remote_addr or "",
            query_key=request.args.get("key", ""),
        )
        if id is not None and id not in self._kinds:
            raise _unknown(id)


def _openai(id: str, kind: str) -> dict[str, Any]:
    return {"id": id, "object": "model", "created": 0, "owned_by": kind}


def _anthropic(id: str) -> dict[str, Any]:
    return {"type": "model", "id": id, "display_name": id, "created_at": _CREATED_AT}


def _anthropic_page(ids: list[str]) -> dict[str, Any]:
    """One page by `limit`, `after_id` and `before_id`.

    Source: https://platform.claude.com/docs/en/api/models-list
    """
    size = _number("limit", default=20)
    before = request.args.get("before_id")
    if before is not None:
        earlier = ids[: _position(ids, before)]
        page: Sequence[str] = earlier[-size:]
        more = len(earlier) > size
    else:
        page, token = _page(ids, size=size, after=request.args.get("after_id"))
        more = token is not None
    return {
        "data": [_anthropic(id) for id in page],
        "has_more": more,
        "first_id": page[0] if page else None,
        "last_id": page[-1] if page else None,
    }


def _page(ids: Sequence[str], *, size: int, after: str | None) -> tuple[Sequence[str], str | None]:
    """The ids that follow `after`, and the last of them when there are more."""
    start = _position(ids, after) + 1 if after else 0
    page = ids[start : start + size]
    return page, page[-1] if start + size < len(ids) else None


def _position(ids: Sequence[str], id: str) -> int:
    if id not in ids:
        raise bad_request(f"no such model to page from: {id[:200]}")
    return ids.index(id)


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
    return Response(body, mimetype="application/json")


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
