"""Asks a provider which models it has.

Owns the shapes of the providers' listings, their pages, and what of a listing cannot be used. Every
number that could make one endless is bounded here. Does not know what a listing is kept for.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

import msgspec

from backends.http import HttpUpstream
from backends.providers import HOSTED, Provider
from backends.providers import Listing as Shape
from backends.redaction import redact
from backends.wires import WIRES, Wire, versioned
from config.schema import Backend as BackendConfig
from config.schema import Config, HttpClient, Timeouts
from gateway import __version__
from gateway.canonical.errors import Failure, Kind, Next, UpstreamError
from gateway.canonical.listing import BadModelId, Listing, Model, Source, canonical_id
from gateway.canonical.request import Dialect
from gateway.execution.execution import Cancellation

MAX_BYTES = 16 * 1024 * 1024
"""Of all pages of one listing."""
MAX_PAGES = 50
MAX_WARNINGS = 20
MAX_NAME_CHARS = 256

_CONNECT_S = 10.0
_REASON_CHARS = 200
_LONG_SECRET_CHARS = 16
"""A shorter key could be a word, such as `ollama`, that ids have in them."""


class _Page(msgspec.Struct, frozen=True):
    """One page of a listing."""

    rows: object
    next: str | None
    """What asks for the page after it."""


class _Unreadable(ValueError):
    """A page that is not what it should be; the message says why."""


@dataclass(frozen=True, kw_only=True)
class _Form:
    """One shape of listings."""

    dialect: Dialect
    """Whose key header and version it is asked with."""
    path: str
    rows: str
    """The member with the rows."""
    ids: tuple[str, ...]
    """A row's members with its id; the first that it has counts."""
    name: str = ""
    """A row's member with its name for people."""
    query: tuple[tuple[str, str], ...] = ()
    cursor: str = ""
    """The parameter that asks for the next page; empty = there is one page."""
    next_page: Callable[[Mapping[str, Any]], object] = lambda _: None

    def read(self, body: bytes) -> _Page:
        """Read a page.

        Raises:
            _Unreadable: it is not a listing.
        """
        try:
            page = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise _Unreadable("its listing is not JSON") from None
        if isinstance(page, list):
            return _Page(page, None)
        if not isinstance(page, dict) or not isinstance(page.get(self.rows), list):
            raise _Unreadable("its listing has no list of models")
        cursor = self.next_page(page)
        return _Page(page[self.rows], cursor if isinstance(cursor, str) and cursor else None)

    def model(self, row: object, *, vendor: str) -> Model:
        """Read a row.

        Raises:
            BadModelId: its model cannot be used.
        """
        if not isinstance(row, dict):
            raise BadModelId("it is not an object")
        id = next((row[name] for name in self.ids if name in row), None)
        if not isinstance(id, str):
            raise BadModelId("it has no id")
        native = id.strip().removeprefix("models/")
        name = row.get(self.name)
        return Model(
            canonical_id=canonical_id(native, vendor=vendor),
            native_id=native,
            display_name=_shown(name) if isinstance(name, str) else None,
        )


_FORMS: Mapping[Shape, _Form] = MappingProxyType(
    {
        # https://platform.openai.com/docs/api-reference/models/list; the name is OpenRouter's.
        Shape.OPENAI: _Form(
            dialect=Dialect.OPENAI_CHAT, path="/models", rows="data", ids=("id",), name="name"
        ),
        # https://platform.claude.com/docs/en/api/models-list
        Shape.ANTHROPIC: _Form(
            dialect=Dialect.ANTHROPIC_MESSAGES,
            path="/models",
            rows="data",
            ids=("id",),
            name="display_name",
            query=(("limit", "1000"),),
            cursor="after_id",
            next_page=lambda page: page.get("last_id") if page.get("has_more") else None,
        ),
        # https://ai.google.dev/api/models#method:-models.list
        Shape.GEMINI: _Form(
            dialect=Dialect.GEMINI,
            path="/models",
            rows="models",
            ids=("name",),
            name="displayName",
            query=(("pageSize", "1000"),),
            cursor="pageToken",
            next_page=lambda page: page.get("nextPageToken"),
        ),
        # https://docs.ollama.com/api/tags
        Shape.OLLAMA: _Form(
            dialect=Dialect.OPENAI_CHAT, path="/api/tags", rows="models", ids=("model", "name")
        ),
    }
)

_PROVIDERS = {provider.kind: provider for provider in HOSTED}


def vendor_of(config: BackendConfig) -> str:
    """The first part of the canonical ids of an instance's models."""
    provider = _PROVIDERS.get(config.provider_kind)
    own = provider.vendor if provider else None
    return config.backend_prefix or own or config.provider_kind


def origin_of(config: BackendConfig) -> str | None:
    """Say where an instance is listed and how its models are named; None = it is not asked."""
    provider = _PROVIDERS.get(config.provider_kind)
    if provider is None or config.models or provider.listing is Shape.NONE:
        return None
    return f"{vendor_of(config)} {provider.listing} {_url(config, provider)}"


def build_listers(config: Config) -> dict[str, "Lister"]:
    """Build a lister for each enabled instance whose provider is asked, by id."""
    return {
        backend.id: Lister(
            backend, client=config.http_client, timeout_s=config.model_inventory.fetch_timeout_s
        )
        for backend in config.backends
        if backend.enabled and origin_of(backend)
    }


class Lister:
    """Lists the models of one configured instance."""

    def __init__(
        self,
        config: BackendConfig,
        *,
        client: HttpClient,
        timeout_s: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        """
        Args:
            timeout_s: of a whole listing, all its pages.
        """
        self._instance = config.id
        provider = _PROVIDERS[config.provider_kind]
        self._url = _url(config, provider)
        self._form = _FORMS[provider.listing]
        self._vendor = vendor_of(config)
        # A listing elsewhere is public; a key goes nowhere but to the base URL.
        self._elsewhere = _is_elsewhere(config, provider)
        self._placeholder = provider.placeholder_key or ""
        self._timeout_s = timeout_s
        self._now = now
        limits = Timeouts(
            connect_s=min(_CONNECT_S, timeout_s), first_byte_s=timeout_s, silence_s=timeout_s
        )
        self._upstream = HttpUpstream(config.id, timeouts=limits, client=client)

    def fetch(self, secret: str) -> Listing:
        """List all models.

        Args:
            secret: the key to ask with; empty = none.
        Raises:
            UpstreamError: no listing came, or one without a model that can be used. Its message
                does not have the key.
        """
        models: dict[str, Model] = {}
        warnings = _Warnings()
        number = 0
        for page in self._pages(secret, warnings):
            assert isinstance(page.rows, list)
            for row in page.rows:
                number += 1
                try:
                    model = self._form.model(row, vendor=self._vendor)
                except BadModelId as error:
                    warnings.add(f"row {number} was left out: {error}")
                else:
                    models.setdefault(model.native_id, model)
        if not models:
            reasons = ("its listing has no usable model", *warnings.all()[:1])
            raise self._failed(": ".join(reasons))
        return Listing(
            source=Source.REMOTE,
            models=tuple(models.values()),
            loaded_at=self._now(),
            warnings=warnings.all(),
        )

    def _pages(self, secret: str, warnings: "_Warnings") -> Iterator[_Page]:
        stop = Cancellation()
        late = self._failed(f"its listing took longer than {self._timeout_s:g} s", status=504)
        timer = threading.Timer(self._timeout_s, stop.cancel, args=(late.failure,))
        timer.daemon = True
        timer.start()
        try:
            yield from self._read_pages(secret, warnings, stop=stop)
        except _Unreadable as error:
            raise self._failed(str(error)) from None
        except UpstreamError:
            if stop.failure:
                raise late from None
            raise
        finally:
            timer.cancel()

    def _read_pages(
        self, secret: str, warnings: "_Warnings", *, stop: Cancellation
    ) -> Iterator[_Page]:
        left = MAX_BYTES
        cursors: set[str] = set()
        query = dict(self._form.query)
        for _ in range(MAX_PAGES):
            body = self._get(query, secret, limit=left, stop=stop)
            left -= len(body)
            page = self._form.read(body)
            yield page
            if page.next is None or not self._form.cursor:
                return
            if page.next in cursors:
                warnings.add("a page names itself as the next one; what follows was left out")
                return
            cursors.add(page.next)
            query[self._form.cursor] = page.next
        warnings.add(f"it has more than {MAX_PAGES} pages; the others were left out")

    def _get(
        self, query: Mapping[str, str], secret: str, *, limit: int, stop: Cancellation
    ) -> bytes:
        url = f"{self._url}?{urlencode(query)}" if query else self._url
        with self._upstream.get(url, headers=self._headers(secret), cancellation=stop) as answer:
            if not 200 <= answer.status < 300:
                raise self._refused(answer.status, redact(answer.error_body(), secret))
            body = answer.body(limit=limit)
        return redact(body, secret) if len(secret) >= _LONG_SECRET_CHARS else body

    def _headers(self, secret: str) -> dict[str, str]:
        wire: Wire = WIRES[self._form.dialect]
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": f"queueway/{__version__}",
            **wire.headers,
        }
        key = "" if self._elsewhere else secret or self._placeholder
        if key:
            headers[wire.key_header] = f"{wire.key_prefix}{key}"
        return headers

    def _refused(self, status: int, body: bytes) -> UpstreamError:
        said = " ".join(body.decode(errors="replace").split())[:_REASON_CHARS]
        return self._failed(f"model discovery HTTP status {status}{': ' if said else ''}{said}")

    def _failed(self, reason: str, *, status: int = 502) -> UpstreamError:
        kind = Kind.TIMEOUT if status == 504 else Kind.UPSTREAM
        failure = Failure(kind=kind, message=f"{self._instance}: {reason}", status=status)
        return UpstreamError(failure, next=Next.CANDIDATE)


class _Warnings:
    """What is said of a listing, and no more than can be read."""

    def __init__(self) -> None:
        self._said: list[str] = []
        self._more = 0

    def add(self, warning: str) -> None:
        """Say one thing more."""
        if len(self._said) < MAX_WARNINGS:
            self._said.append(warning)
        else:
            self._more += 1

    def all(self) -> tuple[str, ...]:
        """All of it."""
        rest = (f"and {self._more} more",) if self._more else ()
        return (*self._said, *rest)


def _is_elsewhere(config: BackendConfig, provider: Provider) -> bool:
    """Whether the listing is not where calls go. An instance with a URL of its own has it there."""
    return provider.listing_url is not None and config.base_url in (None, provider.base_url)


def _url(config: BackendConfig, provider: Provider) -> str:
    if provider.listing_url and _is_elsewhere(config, provider):
        return provider.listing_url
    base_url = config.base_url or provider.base_url or ""
    form = _FORMS[provider.listing]
    if provider.listing is Shape.OLLAMA:
        return base_url.removesuffix("/v1") + form.path
    return versioned(base_url, WIRES[form.dialect].version) + form.path


def _shown(name: str) -> str | None:
    """A name as it may be printed."""
    clean = "".join(character for character in name if character.isprintable()).strip()
    return clean[:MAX_NAME_CHARS] or None
