"""The providers, as data: one row a kind.

A provider that needs behaviour of its own is not a row but a file beside this one.
"""

from enum import StrEnum
from types import MappingProxyType

from msgspec import Struct

from gateway.canonical.request import Dialect

_NOTHING: MappingProxyType[str, str] = MappingProxyType({})
_NO_HEADERS: MappingProxyType[str, tuple[str, ...]] = MappingProxyType({})


class Listing(StrEnum):
    """How a provider lists its models; the shapes are in `listing`."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"
    OLLAMA = "ollama"
    NONE = "none"
    """It has no listing; its models are those of the configuration, or its default."""


class Provider(Struct, frozen=True, kw_only=True):
    """What is known of a provider before any configuration."""

    kind: str
    key_family: str | None
    """Of `config.environment`; None = it takes no key."""
    base_url: str
    default_model: str
    docs: str
    """The provider's page on its API."""
    dialects: tuple[Dialect, ...] = (Dialect.OPENAI_CHAT,)
    """What it speaks; a client of another dialect is translated to the first."""
    aliases: tuple[str, ...] = ()
    """What it answers to in selectors besides its kind; reserved like the kind."""
    listing: Listing = Listing.OPENAI
    listing_url: str | None = None
    """Where the listing is, when it is not below the base URL."""
    vendor: str | None = None
    """The first part of the canonical ids of its models; None = its kind.

    An id that is `vendor/model` already stays as it is.
    """
    client_headers: MappingProxyType[str, tuple[str, ...]] = _NO_HEADERS
    """Upstream header -> the client's headers, in lower case, that may set it; the first wins."""
    static_headers: MappingProxyType[str, str] = _NOTHING
    """Upstream header -> the setting of the instance that sets it when the client does not."""


HOSTED: tuple[Provider, ...] = (
    Provider(
        kind="openai-legacy",
        key_family="openai",
        base_url="https://api.openai.com/v1",
        default_model="gpt-4o-mini",
        docs="https://platform.openai.com/docs/api-reference/chat",
        client_headers=MappingProxyType({"OpenAI-Beta": ("openai-beta",)}),
    ),
    Provider(
        kind="openai-responses",
        key_family="openai",
        base_url="https://api.openai.com/v1",
        default_model="gpt-4o-mini",
        docs="https://platform.openai.com/docs/api-reference/responses",
        dialects=(Dialect.OPENAI_RESPONSES,),
        client_headers=MappingProxyType({"OpenAI-Beta": ("openai-beta",)}),
    ),
    Provider(
        kind="anthropic",
        key_family="anthropic",
        base_url="https://api.anthropic.com",
        default_model="claude-3-5-haiku-20241022",
        docs="https://platform.claude.com/docs/en/api/messages",
        dialects=(Dialect.ANTHROPIC_MESSAGES,),
        client_headers=MappingProxyType(
            {
                "anthropic-version": ("anthropic-version",),
                "anthropic-beta": ("anthropic-beta",),
            }
        ),
    ),
    Provider(
        kind="gemini",
        key_family="gemini",
        base_url="https://generativelanguage.googleapis.com",
        default_model="gemini-2.0-flash",
        docs="https://ai.google.dev/api/generate-content",
        dialects=(Dialect.GEMINI,),
    ),
    Provider(
        kind="huggingface",
        key_family="huggingface",
        base_url="https://router.huggingface.co/v1",
        default_model="openai/gpt-oss-120b:fastest",
        docs="https://huggingface.co/docs/inference-providers/index",
    ),
    Provider(
        kind="openrouter",
        key_family="openrouter",
        base_url="https://openrouter.ai/api/v1",
        default_model="openai/gpt-4o-mini",
        docs="https://openrouter.ai/docs/api-reference/overview",
        dialects=(Dialect.OPENAI_CHAT, Dialect.OPENAI_RESPONSES),
        client_headers=MappingProxyType(
            {
                "HTTP-Referer": ("http-referer",),
                "X-Title": ("x-openrouter-title", "x-title"),
                "X-OpenRouter-Categories": ("x-openrouter-categories",),
                "X-OpenRouter-Metadata": ("x-openrouter-metadata",),
            }
        ),
        static_headers=MappingProxyType(
            {"HTTP-Referer": "static_referer", "X-Title": "static_title"}
        ),
    ),
    Provider(
        kind="nvidia",
        key_family="nvidia",
        base_url="https://integrate.api.nvidia.com/v1",
        default_model="nvidia/llama-3.1-nemotron-nano-8b-v1",
        docs="https://docs.api.nvidia.com/nim/reference/llm-apis",
        dialects=(Dialect.OPENAI_CHAT, Dialect.OPENAI_RESPONSES),
    ),
)

LOCAL_STUB = "local-stub"

KINDS: MappingProxyType[str, str | None] = MappingProxyType(
    {LOCAL_STUB: None} | {provider.kind: provider.key_family for provider in HOSTED}
)
"""Every kind -> its key family."""

CLIENT_HEADERS: frozenset[str] = frozenset(
    alias
    for provider in HOSTED
    for aliases in provider.client_headers.values()
    for alias in aliases
)
"""The client's headers that some provider takes."""
