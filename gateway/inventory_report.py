"""What the commands tell of models: the inventory as it is, and the proof that listings work.

Owns both documents. The proof needs no configuration, no Redis and no running gateway: it asks each
hosted provider for which the environment has a key.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from backends.listing import Lister
from backends.providers import HOSTED
from config.environment import family_keys, family_variable
from config.schema import Backend, HttpClient
from gateway.canonical.errors import UpstreamError
from gateway.canonical.instance import Instance
from gateway.canonical.listing import Listing, Model
from gateway.routing.inventory import fixed_listing
from gateway.state.inventory import Known

PROVEN = (
    "openai-responses",
    "openai-legacy",
    "anthropic",
    "gemini",
    "openrouter",
    "nvidia",
    "huggingface",
)
"""The kinds that are proven, in this order."""

ONE_S = 60.0
ALL_S = 300.0

_PROVIDERS = {provider.kind: provider for provider in HOSTED}
_AWS_REGION = ("AWS_REGION", "AWS_DEFAULT_REGION")
_AWS_SIGNALS = (
    ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    ("AWS_PROFILE",),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI",),
)
"""Variables of which one group must be set for AWS to know who calls."""


def inventory_document(
    instances: Sequence[Instance], known: Mapping[str, Known]
) -> list[dict[str, Any]]:
    """Say what each instance has, in configuration order.

    Args:
        known: what is known of those whose provider is asked, by id.
    """
    return [_instance_row(one, known.get(one.id)) for one in instances]


def prove(
    environ: Mapping[str, str],
    *,
    client: HttpClient,
    base_urls: Mapping[str, str],
    warn: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """List the models of every hosted provider for which the environment has a key.

    Args:
        base_urls: kind -> where it is asked instead of at the provider itself.
        warn: told what was left out of a listing.
    """
    ends_at = time.monotonic() + ALL_S
    proven, skipped = [], []
    for kind in PROVEN:
        family = _PROVIDERS[kind].key_family
        assert family is not None
        keys = family_keys(family, environ)
        if not keys:
            skipped.append({"id": kind, "reason": f"{family_variable(family)} is not set"})
            continue
        left_s = min(ONE_S, ends_at - time.monotonic())
        config = Backend(id=kind, kind=kind, base_url=base_urls.get(kind))
        proven.append(_proof(config, keys[0], client=client, timeout_s=left_s, warn=warn))
    skipped.append({"id": "bedrock", "reason": _bedrock_reason(environ)})
    return {"generated_at": _rfc3339(time.time()), "backends": proven, "skipped": skipped}


def _proof(
    config: Backend,
    key: str,
    *,
    client: HttpClient,
    timeout_s: float,
    warn: Callable[[str], None],
) -> dict[str, Any]:
    try:
        if timeout_s <= 0:
            return _error(config.id, f"not asked: {ALL_S:g} s are over")
        listing = Lister(config, client=client, timeout_s=timeout_s).fetch(key)
    except UpstreamError as error:
        return _error(config.id, error.failure.message)
    for warning in listing.warnings:
        warn(f"{config.id}: {warning}")
    return {
        "id": config.id,
        "status": "ok",
        "source": str(listing.source),
        "loaded_at": _rfc3339(listing.loaded_at),
        "model_count": len(listing.models),
        "models": _models(listing),
    }


def _error(id: str, reason: str) -> dict[str, Any]:
    return {"id": id, "status": "error", "model_count": 0, "models": [], "error": reason}


def _bedrock_reason(environ: Mapping[str, str]) -> str:
    """Say why Bedrock is not proven: what it would lack, and else that it is not served."""
    have = {name for name, value in environ.items() if value.strip()}
    if not have.intersection(_AWS_REGION):
        return f"{' or '.join(_AWS_REGION)} is not set"
    if not any(have.issuperset(signal) for signal in _AWS_SIGNALS):
        return "AWS credential signal is incomplete"
    return "bedrock is not a kind of backend here"


def _instance_row(instance: Instance, known: Known | None) -> dict[str, Any]:
    listing = (known.listing if known else None) or fixed_listing(instance)
    row: dict[str, Any] = {
        "id": instance.id,
        "kind": instance.kind,
        "source": str(listing.source),
        "loaded_at": _rfc3339(listing.loaded_at) if listing.loaded_at else None,
        "model_count": len(listing.models),
        "models": _models(listing),
        "warnings": list(listing.warnings),
    }
    if known and known.failure:
        failure = known.failure
        row["failure"] = {
            "reason": failure.reason,
            "at": _rfc3339(failure.at),
            "times": failure.times,
        }
    return row


def _models(listing: Listing) -> list[dict[str, str]]:
    return [_model(model) for model in sorted(listing.models, key=_order)]


def _order(model: Model) -> tuple[str, str]:
    return model.canonical_id, model.native_id


def _model(model: Model) -> dict[str, str]:
    row = {"canonical_id": model.canonical_id, "native_id": model.native_id}
    return row | {"display_name": model.display_name} if model.display_name else row


def _rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
