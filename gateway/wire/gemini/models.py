"""The models of the gateway as a client of this dialect lists them.

Source: https://ai.google.dev/api/models
"""

from collections.abc import Iterable
from typing import Any

import msgspec

_METHODS = ["generateContent", "countTokens"]


def render_model(id: str) -> bytes:
    """Write one model."""
    return msgspec.json.encode(_model(id))


def render_models(ids: Iterable[str], *, next_page_token: str | None = None) -> bytes:
    """Write one page of models.

    Args:
        next_page_token: asks for the next page; None = this is the last one.
    """
    page: dict[str, Any] = {"models": [_model(id) for id in ids]}
    if next_page_token is not None:
        page["nextPageToken"] = next_page_token
    return msgspec.json.encode(page)


def _model(id: str) -> dict[str, Any]:
    return {
        "name": f"models/{id}",
        "displayName": id,
        "supportedGenerationMethods": _METHODS,
    }
