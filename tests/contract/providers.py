"""Configured instances of provider rows, and calls of them."""

from collections.abc import Mapping

from backends.hosted import HostedBackend
from backends.providers import HOSTED, Provider
from config.schema import Backend, HttpClient
from gateway.canonical.call import Call, Candidate
from gateway.canonical.events import Event
from gateway.canonical.request import Dialect
from gateway.credentials.credential import Credential
from gateway.execution.execution import Execution
from tests.contract.sockets import PATIENT

PROVIDERS = {provider.kind: provider for provider in HOSTED}
KEY = Credential("c0", "sk-upstream-key")
BODY = b'{ "model" : "x:y", "messages": [], "unknown": 1.50, "stream":true }'
MODEL = "vendor/model-1"


def make_backend(kind: str, **settings: str | None) -> HostedBackend:
    """An instance of a provider's row."""
    provider: Provider = PROVIDERS[kind]
    config = Backend(id="acme", kind=kind, **settings)
    return HostedBackend(config, provider, timeouts=PATIENT, client=HttpClient())


def run(
    backend: HostedBackend,
    *,
    stream: bool = True,
    headers: Mapping[str, str] | None = None,
    key: Credential = KEY,
) -> list[Event]:
    """Call an instance once and return the events of its answer."""
    call = Call(
        id="t.1",
        owner="",
        dialect=Dialect.OPENAI_CHAT,
        model="x:y",
        stream=stream,
        candidates=(),
        deadline_at=0.0,
        headers=dict(headers or {}),
    )
    candidate = Candidate("acme", MODEL)
    return list(backend.stream(Execution(call, BODY), candidate, credential=key))
