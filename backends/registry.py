"""Builds the configured instances, and says what they list and which keys they have."""

from collections.abc import Sequence

from backends.hosted import HostedBackend
from backends.listing import origin_of, vendor_of
from backends.local_stub import KEYS, MODELS, LocalStub
from backends.providers import HOSTED, KINDS, LOCAL_STUB
from config.schema import Backend as BackendConfig
from config.schema import Config, Stub
from config.schema import Credential as CredentialConfig
from gateway.canonical.instance import Instance
from gateway.execution.ports import Backend

_PROVIDERS = {provider.kind: provider for provider in HOSTED}


def describe(config: Config) -> list[Instance]:
    """Describe the enabled instances, in configuration order."""
    return [_describe(backend) for backend in config.backends if backend.enabled]


def build_backends(config: Config) -> dict[str, Backend]:
    """Build a backend for each enabled instance, by id."""
    return {backend.id: _build(backend, config) for backend in config.backends if backend.enabled}


def _describe(backend: BackendConfig) -> Instance:
    if backend.provider_kind == LOCAL_STUB:
        models: Sequence[str] = MODELS
    else:
        default = _PROVIDERS[backend.provider_kind].default_model
        models = (default,) if default else ()
    return Instance(
        id=backend.id,
        kind=backend.provider_kind,
        models=tuple(backend.models or models),
        keys=tuple((key.id or "", key.api_key) for key in _credentials(backend)),
        prefixes=_prefixes(backend),
        configured=bool(backend.models),
        vendor=vendor_of(backend),
        origin=origin_of(backend),
    )


def _prefixes(backend: BackendConfig) -> tuple[str, ...]:
    own = backend.backend_prefix
    return (own,) if own else KINDS[backend.provider_kind].prefixes


def _build(backend: BackendConfig, config: Config) -> Backend:
    if backend.provider_kind == LOCAL_STUB:
        stub = backend.stub or Stub()
        first_key = _credentials(backend)[0].api_key
        return LocalStub(backend.id, text=stub.text, first_key=first_key)
    return HostedBackend(
        backend,
        _PROVIDERS[backend.provider_kind],
        timeouts=config.timeouts,
        client=config.http_client,
    )


def _credentials(backend: BackendConfig) -> Sequence[CredentialConfig]:
    if backend.provider_kind == LOCAL_STUB and not backend.credentials:
        return [CredentialConfig(id=f"c{n}", api_key=key) for n, key in enumerate(KEYS)]
    return backend.credentials
