"""How an upstream of each dialect is addressed: its paths, its key's header, its own headers.

Owns what is the same for every provider of a dialect; what a provider has of its own is in its row.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import quote

from gateway.canonical.request import Dialect, Operation
from gateway.wire.codec import Codec
from gateway.wire.codecs import CODECS

_VERB_PATH = "/{model}:"
_VERSIONED = re.compile(r"/v[0-9]+((alpha|beta)[0-9]*)?\Z")


@dataclass(frozen=True, kw_only=True)
class Wire:
    """One dialect as upstreams serve it."""

    codec: Codec
    paths: Mapping[Operation, str]
    """Below the version; `{model}` is the model's resource name, for Gemini."""
    version: str = ""
    """Below the base URL, unless that ends with a version itself."""
    stream_path: str | None = None
    """Where streams have a path of their own."""
    key_header: str = "Authorization"
    key_prefix: str = "Bearer "
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with every request unless the client's own, of this name in lower case, replaces it."""
    members: Mapping[str, str | None] = field(default_factory=dict)
    """As `Provider.members`."""

    def url(self, base_url: str, *, model: str, operation: Operation, stream: bool) -> str | None:
        """Where a call goes; None when the dialect has no such operation."""
        path = self.paths.get(operation)
        if path is None:
            return None
        if stream and self.stream_path:
            path = self.stream_path
        if "{model}" in path:
            path = path.replace("{model}", _resource(model))
        return versioned(base_url, self.version) + path


def versioned(base_url: str, version: str) -> str:
    """Put an API's version behind a base URL that does not end with one.

    >>> versioned("https://api.anthropic.com", "/v1")
    'https://api.anthropic.com/v1'
    >>> versioned("https://opencode.ai/zen/v1", "/v1beta")
    'https://opencode.ai/zen/v1'
    """
    return base_url if _VERSIONED.search(base_url) else base_url + version


def _resource(model: str) -> str:
    """Write a model's id as the name of Google's resource, fit for a path."""
    for collection in ("models/", "tunedModels/"):
        if model.startswith(collection):
            return collection + quote(model.removeprefix(collection), safe="")
    return "models/" + quote(model, safe="")


WIRES: Mapping[Dialect, Wire] = MappingProxyType(
    {
        Dialect.OPENAI_CHAT: Wire(
            codec=CODECS[Dialect.OPENAI_CHAT],
            paths=MappingProxyType(
                {Operation.GENERATE: "/chat/completions", Operation.EMBED: "/embeddings"}
            ),
        ),
        Dialect.OPENAI_RESPONSES: Wire(
            codec=CODECS[Dialect.OPENAI_RESPONSES],
            paths=MappingProxyType(
                {Operation.GENERATE: "/responses", Operation.EMBED: "/embeddings"}
            ),
        ),
        Dialect.ANTHROPIC_MESSAGES: Wire(
            codec=CODECS[Dialect.ANTHROPIC_MESSAGES],
            paths=MappingProxyType(
                {
                    Operation.GENERATE: "/messages",
                    Operation.COUNT_TOKENS: "/messages/count_tokens",
                }
            ),
            version="/v1",
            key_header="x-api-key",
            key_prefix="",
            headers=MappingProxyType({"anthropic-version": "2023-06-01"}),
        ),
        Dialect.GEMINI: Wire(
            codec=CODECS[Dialect.GEMINI],
            paths=MappingProxyType(
                {
                    Operation.GENERATE: _VERB_PATH + "generateContent",
                    Operation.COUNT_TOKENS: _VERB_PATH + "countTokens",
                }
            ),
            version="/v1beta",
            stream_path=_VERB_PATH + "streamGenerateContent?alt=sse",
            # In a header and never in the URL, which logs and errors show.
            key_header="x-goog-api-key",
            key_prefix="",
        ),
    }
)
