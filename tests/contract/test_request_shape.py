"""What each provider is sent: where, with which headers, and the client's own bytes."""

from collections.abc import Iterator, Mapping

import pytest
import requests
import responses

from gateway import __version__
from gateway.canonical.errors import UpstreamError
from gateway.credentials.credential import Credential
from tests.contract.providers import BODY, KEY, MODEL, PROVIDERS, make_backend, run
from tests.support import answers

EVERY_KIND = sorted(PROVIDERS)
URLS = {
    "openai-legacy": "https://api.openai.com/v1/chat/completions",
    "huggingface": "https://router.huggingface.co/v1/chat/completions",
    "openrouter": "https://openrouter.ai/api/v1/chat/completions",
    "nvidia": "https://integrate.api.nvidia.com/v1/chat/completions",
}
STREAM = b"".join(answers.frames("hello"))


@pytest.fixture
def upstream() -> Iterator[responses.RequestsMock]:
    """Answers any URL with a good stream."""
    with responses.RequestsMock() as mock:
        for url in {*URLS.values(), "http://127.0.0.1:9/root/chat/completions"}:
            mock.add(responses.POST, url, body=STREAM, content_type="text/event-stream")
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
        run(make_backend(kind))
        assert (sent(upstream).method, sent(upstream).url) == ("POST", URLS[kind])

    def test_is_called_at_the_configured_root(
        self, upstream: responses.RequestsMock, kind: str
    ) -> None:
        run(make_backend(kind, base_url="http://127.0.0.1:9/root"))
        assert sent(upstream).url == "http://127.0.0.1:9/root/chat/completions"

    def test_is_sent_the_clients_bytes_with_its_own_model(
        self, upstream: responses.RequestsMock, kind: str
    ) -> None:
        run(make_backend(kind))
        assert sent(upstream).body == BODY.replace(b'"x:y"', f'"{MODEL}"'.encode())

    def test_is_sent_the_length_of_what_is_sent(
        self, upstream: responses.RequestsMock, kind: str
    ) -> None:
        run(make_backend(kind))
        assert sent(upstream).headers["Content-Length"] == str(len(sent(upstream).body))

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("Authorization", f"Bearer {KEY.secret}"),
            ("Content-Type", "application/json"),
            ("Accept", "text/event-stream"),
            ("Accept-Encoding", "identity"),
            ("User-Agent", f"queueway/{__version__}"),
        ],
    )
    def test_is_sent(
        self, upstream: responses.RequestsMock, kind: str, name: str, value: str
    ) -> None:
        run(make_backend(kind))
        assert sent(upstream).headers[name] == value

    def test_is_asked_for_json_where_the_client_does_not_stream(
        self, upstream: responses.RequestsMock, kind: str
    ) -> None:
        upstream.replace(responses.POST, URLS[kind], body=answers.body())
        run(make_backend(kind), stream=False)
        assert sent(upstream).headers["Accept"] == "application/json"

    def test_is_sent_no_header_of_the_client_that_its_row_does_not_name(
        self, upstream: responses.RequestsMock, kind: str
    ) -> None:
        theirs = ("authorization", "cookie", "host", "x-api-key", "connection", "x-forwarded-for")
        run(make_backend(kind), headers=dict.fromkeys(theirs, "of-the-client"))
        assert "of-the-client" not in sent(upstream).headers.values()

    def test_is_sent_no_authorization_without_a_key(
        self, upstream: responses.RequestsMock, kind: str
    ) -> None:
        run(make_backend(kind), key=Credential("none", ""))
        assert "Authorization" not in sent(upstream).headers

    def test_is_sent_no_other_header(self, upstream: responses.RequestsMock, kind: str) -> None:
        run(make_backend(kind))
        ours = {"authorization", "content-type", "content-length", "accept", "user-agent"}
        assert {name.lower() for name in sent(upstream).headers} == {*ours, "accept-encoding"}


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
