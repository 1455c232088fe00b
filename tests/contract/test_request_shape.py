"""What each provider is sent: where, with which headers, and the client's own bytes."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import requests
import responses

from backends.hosted import HostedBackend
from gateway import __version__
from gateway.canonical.errors import UpstreamError
from gateway.canonical.request import Dialect
from gateway.credentials.credential import Credential
from tests.contract.providers import BODIES, KEY, MODEL, PROVIDERS, make_backend, run
from tests.contract.shapes import SHAPES

EVERY_KIND = sorted(PROVIDERS)
GEMINI_PATH = f"/models/{MODEL}:streamGenerateContent?alt=sse"
URLS = {
    "openai-responses": "https://api.openai.com/v1/responses",
    "openai-legacy": "https://api.openai.com/v1/chat/completions",
    "anthropic": "https://api.anthropic.com/v1/messages",
    "gemini": f"https://generativelanguage.googleapis.com/v1beta{GEMINI_PATH}",
    "huggingface": "https://router.huggingface.co/v1/chat/completions",
    "openrouter": "https://openrouter.ai/api/v1/chat/completions",
    "nvidia": "https://integrate.api.nvidia.com/v1/chat/completions",
    "opencode-go": "https://opencode.ai/zen/go/v1/chat/completions",
    "opencode-zen": "https://opencode.ai/zen/v1/chat/completions",
    "ollama": "http://localhost:11434/v1/chat/completions",
    "ollama-cloud": "http://localhost:11434/v1/chat/completions",
    "llamacpp": "http://localhost:8080/v1/chat/completions",
    "lmstudio": "http://localhost:1234/v1/chat/completions",
    "vllm": "http://localhost:8000/v1/chat/completions",
    "custom-openai-legacy-compatible": "https://custom.example/v1/chat/completions",
    "custom-openai-responses-compatible": "https://custom.example/v1/responses",
    "custom-anthropic-compatible": "https://custom.example/v1/messages",
}
"""Where a client of a row's first dialect is served."""
ROOT = "http://127.0.0.1:9/root"
BELOW_ROOT = {
    Dialect.OPENAI_CHAT: "/chat/completions",
    Dialect.OPENAI_RESPONSES: "/responses",
    Dialect.ANTHROPIC_MESSAGES: "/v1/messages",
    Dialect.GEMINI: f"/v1beta{GEMINI_PATH}",
}


def first_dialect(kind: str) -> Dialect:
    """What a row speaks best."""
    return PROVIDERS[kind].dialects[0]


def ask(kind: str, backend: HostedBackend | None = None, **options: Any) -> None:
    """Call an instance of a row as a client of its first dialect does."""
    run(backend or make_backend(kind), dialect=first_dialect(kind), **options)


def model_sent(kind: str) -> str:
    """What the upstream calls the model."""
    return f"{MODEL}-cloud" if kind == "ollama-cloud" else MODEL


@pytest.fixture
def upstream() -> Iterator[responses.RequestsMock]:
    """Answers any URL with a good stream."""
    urls = {url: first_dialect(kind) for kind, url in URLS.items()}
    urls |= {ROOT + path: dialect for dialect, path in BELOW_ROOT.items()}
    with responses.RequestsMock() as mock:
        for url, dialect in urls.items():
            stream = b"".join(SHAPES[dialect].stream)
            mock.add(responses.POST, url, body=stream, content_type="text/event-stream")
        mock.assert_all_requests_are_fired = False
        yield mock


def sent(mock: responses.RequestsMock) -> requests.PreparedRequest:
    """The one request that was made."""
    (call,) = mock.calls
    return call.request


def test_every_row_is_in_this_table() -> None:
    assert sorted(URLS) == EVERY_KIND


@pytest.mark.parametrize("kind", EVERY_KIND)
class TestEveryProvider:
    def test_is_called_at_its_own_url(self, upstream: responses.RequestsMock, kind: str) -> None:
        ask(kind)
        assert (sent(upstream).method, sent(upstream).url) == ("POST", URLS[kind])

    def test_is_called_at_the_configured_root(
        self, upstream: responses.RequestsMock, kind: str
    ) -> None:
        path = BELOW_ROOT[first_dialect(kind)]
        ask(kind, make_backend(kind, base_url=ROOT))
        assert sent(upstream).url == ROOT + path

    def test_is_sent_the_clients_bytes_with_its_own_model(
        self, upstream: responses.RequestsMock, kind: str
    ) -> None:
        ask(kind)
        body = BODIES[first_dialect(kind)]
        assert sent(upstream).body == body.replace(b'"x:y"', f'"{model_sent(kind)}"'.encode())

    def test_is_sent_the_length_of_what_is_sent(
        self, upstream: responses.RequestsMock, kind: str
    ) -> None:
        ask(kind)
        assert sent(upstream).headers["Content-Length"] == str(len(sent(upstream).body))

    def test_is_sent_the_key_in_its_dialects_header(
        self, upstream: responses.RequestsMock, kind: str
    ) -> None:
        ask(kind)
        name = SHAPES[first_dialect(kind)].key_header
        scheme = "Bearer " if name == "Authorization" else ""
        assert sent(upstream).headers[name] == scheme + KEY.secret

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("Content-Type", "application/json"),
            ("Accept", "text/event-stream"),
            ("Accept-Encoding", "identity"),
            ("User-Agent", f"queueway/{__version__}"),
        ],
    )
    def test_is_sent(
        self, upstream: responses.RequestsMock, kind: str, name: str, value: str
    ) -> None:
        ask(kind)
        assert sent(upstream).headers[name] == value

    def test_is_asked_for_json_where_the_client_does_not_stream(
        self, upstream: responses.RequestsMock, kind: str
    ) -> None:
        url = URLS[kind].replace("streamGenerateContent?alt=sse", "generateContent")
        upstream.upsert(responses.POST, url, body=SHAPES[first_dialect(kind)].whole)
        ask(kind, stream=False)
        assert sent(upstream).headers["Accept"] == "application/json"

    def test_is_sent_no_header_of_the_client_that_its_row_does_not_name(
        self, upstream: responses.RequestsMock, kind: str
    ) -> None:
        theirs = ("authorization", "cookie", "host", "x-api-key", "connection", "x-forwarded-for")
        ask(kind, headers=dict.fromkeys(theirs, "of-the-client"))
        assert "of-the-client" not in sent(upstream).headers.values()

    def test_is_sent_its_placeholder_or_nothing_without_a_key(
        self, upstream: responses.RequestsMock, kind: str
    ) -> None:
        ask(kind, key=Credential("none", ""))
        word = PROVIDERS[kind].placeholder_key
        name = SHAPES[first_dialect(kind)].key_header
        assert sent(upstream).headers.get(name) == (f"Bearer {word}" if word else None)

    def test_is_sent_no_other_header(self, upstream: responses.RequestsMock, kind: str) -> None:
        ask(kind)
        dialect = first_dialect(kind)
        known = {"content-type", "content-length", "accept", "user-agent", "accept-encoding"}
        known.add(SHAPES[dialect].key_header.lower())
        if dialect is Dialect.ANTHROPIC_MESSAGES:
            known.add("anthropic-version")
        assert {name.lower() for name in sent(upstream).headers} == known


ANTHROPIC_KINDS = ["anthropic", "custom-anthropic-compatible"]


@pytest.mark.parametrize("kind", ANTHROPIC_KINDS)
@pytest.mark.parametrize(
    ("client", "version", "beta"),
    [
        pytest.param({}, "2023-06-01", None, id="of-nobody"),
        pytest.param({"anthropic-version": "2099-01-01"}, "2099-01-01", None, id="version"),
        pytest.param({"anthropic-beta": "a,b"}, "2023-06-01", "a,b", id="beta"),
    ],
)
def test_anthropic_is_sent_a_version_and_the_clients_betas(
    upstream: responses.RequestsMock,
    kind: str,
    client: Mapping[str, str],
    *,
    version: str,
    beta: str | None,
) -> None:
    ask(kind, headers=client)
    headers = sent(upstream).headers
    assert (headers["anthropic-version"], headers.get("anthropic-beta")) == (version, beta)


STATIC = {"static_referer": "https://static.example", "static_title": "Static"}


@pytest.mark.parametrize(
    ("client", "settings", "header", "value"),
    [
        pytest.param({}, {}, "HTTP-Referer", None, id="referer-of-nobody"),
        pytest.param({}, {}, "X-Title", None, id="title-of-nobody"),
        pytest.param({}, STATIC, "HTTP-Referer", "https://static.example", id="referer-static"),
        pytest.param({}, STATIC, "X-Title", "Static", id="title-static"),
        pytest.param(
            {"http-referer": "https://client.example"},
            STATIC,
            "HTTP-Referer",
            "https://client.example",
            id="clients-referer-wins",
        ),
        pytest.param({"x-title": "Client"}, STATIC, "X-Title", "Client", id="clients-title-wins"),
        pytest.param(
            {"x-openrouter-title": "Own"}, STATIC, "X-Title", "Own", id="openrouter-title"
        ),
        pytest.param(
            {"x-title": "Client", "x-openrouter-title": "Own"},
            STATIC,
            "X-Title",
            "Own",
            id="openrouter-title-wins",
        ),
        pytest.param({"x-title": ""}, STATIC, "X-Title", "Static", id="empty-title-of-the-client"),
        pytest.param(
            {"x-openrouter-categories": "a,b"},
            {},
            "X-OpenRouter-Categories",
            "a,b",
            id="categories",
        ),
        pytest.param(
            {"x-openrouter-metadata": "{}"}, {}, "X-OpenRouter-Metadata", "{}", id="metadata"
        ),
        pytest.param({"referer": "https://browser"}, {}, "HTTP-Referer", None, id="other-referer"),
    ],
)
def test_openrouter_is_told_who_calls(
    upstream: responses.RequestsMock,
    client: Mapping[str, str],
    settings: dict[str, str],
    header: str,
    value: str | None,
) -> None:
    run(make_backend("openrouter", **settings), headers=client)
    assert sent(upstream).headers.get(header) == value


def test_openai_is_sent_the_clients_beta_header(upstream: responses.RequestsMock) -> None:
    run(make_backend("openai-legacy"), headers={"openai-beta": "assistants=v2"})
    assert sent(upstream).headers["OpenAI-Beta"] == "assistants=v2"


@pytest.mark.parametrize("kind", ["huggingface", "nvidia", "openrouter"])
def test_others_are_not_sent_openais_beta_header(
    upstream: responses.RequestsMock, kind: str
) -> None:
    run(make_backend(kind), headers={"openai-beta": "assistants=v2"})
    assert "OpenAI-Beta" not in sent(upstream).headers


@pytest.mark.parametrize("kind", ["huggingface", "nvidia", "openai-legacy"])
def test_others_are_not_told_who_calls(upstream: responses.RequestsMock, kind: str) -> None:
    run(make_backend(kind), headers={"x-title": "Client", "http-referer": "https://c.example"})
    assert {"X-Title", "HTTP-Referer"}.isdisjoint(sent(upstream).headers)


def test_calls_of_one_instance_do_not_share_headers(upstream: responses.RequestsMock) -> None:
    backend = make_backend("openrouter")
    run(backend, headers={"x-title": "First"})
    run(backend)
    assert "X-Title" not in upstream.calls[1].request.headers


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirect_is_told_as_a_wrong_setting(upstream: responses.RequestsMock, status: int) -> None:
    elsewhere = {"Location": "https://elsewhere.example/se-cret"}
    upstream.replace(responses.POST, URLS["nvidia"], status=status, headers=elsewhere)
    with pytest.raises(UpstreamError) as raised:
        run(make_backend("nvidia"))
    assert raised.value.failure.message == (
        f"acme answered with a redirect ({status}); its base_url is wrong"
    )
