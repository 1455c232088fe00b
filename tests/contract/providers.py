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
BODIES = {
    Dialect.OPENAI_CHAT: b'{ "model" : "x:y", "messages": [], "unknown": 1.50, "stream":true }',
    Dialect.OPENAI_RESPONSES: b'{ "model" : "x:y", "input": "", "unknown": 1.50, "stream":true }',
    Dialect.ANTHROPIC_MESSAGES: b'{ "model" : "x:y", "messages": [], "x": 1.50, "stream":true }',
    Dialect.GEMINI: b'{ "contents" : [], "unknown": 1.50 }',
}
"""A client's own bytes, as no encoder of ours would write them."""
BODY = BODIES[Dialect.OPENAI_CHAT]
MODEL = "model-1"
CUSTOM_ROOT = "https://custom.example/v1"


def make_backend(kind: str, **settings: str | None) -> HostedBackend:
    """An instance of a provider's row."""
    provider: Provider = PROVIDERS[kind]
    if provider.custom:
        settings = {"base_url": CUSTOM_ROOT, **settings}
    config = Backend(id="acme", kind=kind, **settings)
    return HostedBackend(config, provider, timeouts=PATIENT, client=HttpClient())


def run(
    backend: HostedBackend,
    *,
    stream: bool = True,
    headers: Mapping[str, str] | None = None,
    key: Credential = KEY,
    dialect: Dialect = Dialect.OPENAI_CHAT,
) -> list[Event]:
    """Call an instance once and return the events of its answer."""
    call = Call(
        id="t.1",
        owner="",
        dialect=dialect,
        model="x:y",
        stream=stream,
        candidates=(),
        deadline_at=0.0,
        headers=dict(headers or {}),
    )
    candidate = Candidate("acme", MODEL)
    return list(backend.stream(Execution(call, BODIES[dialect]), candidate, credential=key))
