"""The providers, as data: one row a kind.

A provider that needs behaviour of its own is not a row but a file beside this one.
"""

from collections.abc import Iterable
from enum import StrEnum
from types import MappingProxyType

from msgspec import Struct

from config.kinds import KindRules
from gateway.canonical.request import Dialect

_NOTHING: MappingProxyType[str, str] = MappingProxyType({})
_NO_HEADERS: MappingProxyType[str, tuple[str, ...]] = MappingProxyType({})
_NO_MEMBERS: MappingProxyType[str, str | None] = MappingProxyType({})


class Listing(StrEnum):
    """How a provider lists its models; the shapes are in `listing`."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"
    OLLAMA = "ollama"
    NONE = "none"
    """It has no listing; its models are those of the configuration, or its default."""


class ModelNames(Struct, frozen=True, kw_only=True):
    """How the upstream's id of a model comes from what a selector calls it."""

    prefixes: tuple[str, ...] = ()
    """The first of them that stands before it is taken off, once."""
    drops_vendor: bool = False
    """Whether `vendor/` is taken off then; a first part with a dot is a host, and stays."""
    endings: tuple[str, ...] = ()
    """It has one of them; the first is put behind it when it has none."""

    def upstream(self, name: str) -> str:
        """Return the upstream's id of a model."""
        prefix = next((prefix for prefix in self.prefixes if name.startswith(prefix)), "")
        name = name.removeprefix(prefix)
        vendor, slash, rest = name.partition("/")
        if self.drops_vendor and slash and "." not in vendor:
            name = rest
        return name + self.endings[0] if self.endings and not name.endswith(self.endings) else name


class Provider(Struct, frozen=True, kw_only=True):
    """What is known of a provider before any configuration."""

    kind: str
    key_family: str | None
    """Of `config.environment`; None = it needs no key, but takes one that is configured."""
    base_url: str | None
    """None = the configuration says it: a custom kind."""
    default_model: str | None = None
    """None = no model of it is known before it is asked."""
    docs: str
    """The provider's page on its API."""
    dialects: tuple[Dialect, ...] = (Dialect.OPENAI_CHAT,)
    """What it speaks; a client of another dialect is translated to the first."""
    dialect_of_model: tuple[tuple[str, Dialect], ...] = ()
    """Where each model is served in one dialect only: (beginning of the model's id, dialect).

    The first that fits counts, and a model that none fits is served in the first of `dialects`.
    """
    model_names: ModelNames = ModelNames()
    placeholder_key: str | None = None
    """Sent as the key when none is configured, as its own clients do; it is not checked."""
    aliases: tuple[str, ...] = ()
    """What it answers to in selectors besides its kind; reserved like the kind."""
    listing: Listing = Listing.OPENAI
    listing_url: str | None = None
    """Where the listing is, when it is not below the base URL."""
    vendor: str | None = None
    """The first part of the canonical ids of its models; None = its kind.

    An id that is `vendor/model` already stays as it is. Custom kinds have their prefix instead.
    """
    client_headers: MappingProxyType[str, tuple[str, ...]] = _NO_HEADERS
    """Upstream header -> the client's headers, in lower case, that may set it; the first wins."""
    static_headers: MappingProxyType[str, str] = _NOTHING
    """Upstream header -> the setting of the instance that sets it when the client does not."""
    members: MappingProxyType[str, str | None] = _NO_MEMBERS
    """Member of a translated request -> what it is called here; None = it is refused here."""

    @property
    def custom(self) -> bool:
        """Whether the configuration says where it is and what it is called."""
        return self.base_url is None

    @property
    def prefixes(self) -> tuple[str, ...]:
        """What selectors may call its instances, whatever their ids; custom ones say it."""
        return () if self.custom else (self.kind, *self.aliases)

    def dialect_for(self, client: Dialect, model: str) -> Dialect:
        """Choose the dialect of a call: the client's own where the model is served in it.

        Args:
            model: the upstream's id.
        """
        if self.dialect_of_model:
            name = model.lower()
            fitting = (
                dialect for start, dialect in self.dialect_of_model if name.startswith(start)
            )
            return next(fitting, self.dialects[0])
        return client if client in self.dialects else self.dialects[0]


_CHAT_AND_RESPONSES = (Dialect.OPENAI_CHAT, Dialect.OPENAI_RESPONSES)
_OPENAI_HEADERS = MappingProxyType({"OpenAI-Beta": ("openai-beta",)})
_ANTHROPIC_HEADERS = MappingProxyType(
    {"anthropic-version": ("anthropic-version",), "anthropic-beta": ("anthropic-beta",)}
)

_HOSTED = (
    Provider(
        kind="openai-responses",
        key_family="openai",
        base_url="https://api.openai.com/v1",
        default_model="gpt-4o-mini",
        docs="https://platform.openai.com/docs/api-reference/responses",
        dialects=(Dialect.OPENAI_RESPONSES,),
        vendor="openai",
        client_headers=_OPENAI_HEADERS,
    ),
    Provider(
        kind="openai-legacy",
        key_family="openai",
        base_url="https://api.openai.com/v1",
        default_model="gpt-4o-mini",
        docs="https://platform.openai.com/docs/api-reference/chat",
        vendor="openai",
        client_headers=_OPENAI_HEADERS,
    ),
    Provider(
        kind="anthropic",
        key_family="anthropic",
        base_url="https://api.anthropic.com",
        default_model="claude-3-5-haiku-20241022",
        docs="https://platform.claude.com/docs/en/api/messages",
        dialects=(Dialect.ANTHROPIC_MESSAGES,),
        listing=Listing.ANTHROPIC,
        client_headers=_ANTHROPIC_HEADERS,
    ),
    Provider(
        kind="gemini",
        key_family="gemini",
        base_url="https://generativelanguage.googleapis.com",
        default_model="gemini-2.0-flash",
        docs="https://ai.google.dev/api/generate-content",
        dialects=(Dialect.GEMINI,),
        listing=Listing.GEMINI,
        vendor="google",
    ),
    Provider(
        kind="openrouter",
        key_family="openrouter",
        base_url="https://openrouter.ai/api/v1",
        default_model="openai/gpt-4o-mini",
        docs="https://openrouter.ai/docs/api-reference/overview",
        dialects=_CHAT_AND_RESPONSES,
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
        dialects=_CHAT_AND_RESPONSES,
        members=MappingProxyType({"stream_options": None, "max_completion_tokens": "max_tokens"}),
    ),
    Provider(
        kind="huggingface",
        key_family="huggingface",
        base_url="https://router.huggingface.co/v1",
        default_model="openai/gpt-oss-120b:fastest",
        docs="https://huggingface.co/docs/inference-providers/index",
    ),
    Provider(
        kind="opencode-go",
        key_family="opencode-go",
        base_url="https://opencode.ai/zen/go/v1",
        docs="https://opencode.ai/docs/go/",
        dialects=tuple(Dialect),
        dialect_of_model=(
            ("claude-", Dialect.ANTHROPIC_MESSAGES),
            ("minimax-", Dialect.ANTHROPIC_MESSAGES),
            ("qwen", Dialect.ANTHROPIC_MESSAGES),
            ("gemini-", Dialect.GEMINI),
            ("gpt-", Dialect.OPENAI_RESPONSES),
        ),
        model_names=ModelNames(prefixes=("opencode-go/",)),
        client_headers=_ANTHROPIC_HEADERS,
    ),
    Provider(
        kind="opencode-zen",
        key_family="opencode-zen",
        base_url="https://opencode.ai/zen/v1",
        docs="https://opencode.ai/docs/zen/",
        dialects=tuple(Dialect),
        dialect_of_model=(
            ("claude-", Dialect.ANTHROPIC_MESSAGES),
            ("qwen", Dialect.ANTHROPIC_MESSAGES),
            ("gemini-", Dialect.GEMINI),
            ("gpt-", Dialect.OPENAI_RESPONSES),
        ),
        model_names=ModelNames(prefixes=("opencode-zen/", "opencode/")),
        client_headers=_ANTHROPIC_HEADERS,
    ),
)

_LOCAL = (
    Provider(
        kind="ollama",
        key_family=None,
        base_url="http://localhost:11434/v1",
        docs="https://docs.ollama.com/api/openai-compatibility",
        model_names=ModelNames(prefixes=("ollama/", "ollama:"), drops_vendor=True),
        placeholder_key="ollama",
    ),
    Provider(
        kind="ollama-cloud",
        key_family=None,
        base_url="http://localhost:11434/v1",
        docs="https://docs.ollama.com/cloud",
        model_names=ModelNames(
            prefixes=("ollama-cloud/", "ollama-cloud:"),
            drops_vendor=True,
            endings=("-cloud", ":cloud"),
        ),
        placeholder_key="ollama",
        listing=Listing.OLLAMA,
        listing_url="https://ollama.com/api/tags",
    ),
    Provider(
        kind="llamacpp",
        key_family=None,
        base_url="http://localhost:8080/v1",
        docs="https://github.com/ggml-org/llama.cpp/tree/master/tools/server",
        model_names=ModelNames(prefixes=("llamacpp/", "llamacpp:")),
        placeholder_key="llamacpp",
        aliases=("llama.cpp",),
    ),
    Provider(
        kind="lmstudio",
        key_family=None,
        base_url="http://localhost:1234/v1",
        docs="https://lmstudio.ai/docs/developer/openai-compat",
        model_names=ModelNames(prefixes=("lmstudio/", "lmstudio:")),
        placeholder_key="lmstudio",
        aliases=("lm-studio",),
    ),
    Provider(
        kind="vllm",
        key_family=None,
        base_url="http://localhost:8000/v1",
        docs="https://docs.vllm.ai/en/stable/serving/openai_compatible_server.html",
        dialects=_CHAT_AND_RESPONSES,
        model_names=ModelNames(prefixes=("vllm/", "vllm:")),
        placeholder_key="vllm",
    ),
)

_CUSTOM = (
    Provider(
        kind="custom-openai-legacy-compatible",
        key_family=None,
        base_url=None,
        docs="https://platform.openai.com/docs/api-reference/chat",
        client_headers=_OPENAI_HEADERS,
    ),
    Provider(
        kind="custom-openai-responses-compatible",
        key_family=None,
        base_url=None,
        docs="https://platform.openai.com/docs/api-reference/responses",
        dialects=(Dialect.OPENAI_RESPONSES,),
        client_headers=_OPENAI_HEADERS,
    ),
    Provider(
        kind="custom-anthropic-compatible",
        key_family=None,
        base_url=None,
        docs="https://platform.claude.com/docs/en/api/messages",
        dialects=(Dialect.ANTHROPIC_MESSAGES,),
        listing=Listing.ANTHROPIC,
        client_headers=_ANTHROPIC_HEADERS,
    ),
)

HOSTED: tuple[Provider, ...] = (*_HOSTED, *_LOCAL, *_CUSTOM)
"""Every provider that is reached over HTTP, in the order in which people are shown them."""

LOCAL_STUB = "local-stub"
LOCAL_STUB_PREFIXES = (LOCAL_STUB, "stub")

KINDS: MappingProxyType[str, KindRules] = MappingProxyType(
    {LOCAL_STUB: KindRules(prefixes=LOCAL_STUB_PREFIXES)}
    | {
        provider.kind: KindRules(
            key_family=provider.key_family, prefixes=provider.prefixes, custom=provider.custom
        )
        for provider in HOSTED
    }
)
"""Every kind, as the configuration needs to know it."""

CLIENT_HEADERS: frozenset[str] = frozenset(
    alias
    for provider in HOSTED
    for aliases in provider.client_headers.values()
    for alias in aliases
)
"""The client's headers that some provider takes."""


def list_prefixes(providers: Iterable[Provider] = HOSTED) -> list[tuple[str, str]]:
    """List (prefix, kind) of every kind, without those that a configuration gives to custom ones.

    A test holds that no prefix is there twice, in whatever case.
    """
    stub = [(prefix, LOCAL_STUB) for prefix in LOCAL_STUB_PREFIXES]
    return stub + [(prefix, row.kind) for row in providers for prefix in row.prefixes]
