"""How an upstream is reached: connections kept, proxies, certificates."""

import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backends.http import Answer
from config.schema import HttpClient, Timeouts
from tests.contract.open_call import SOON_S, calling
from tests.contract.sockets import (
    Peer,
    RawServer,
    Serve,
    failed_post,
    make_upstream,
    post,
)
from tests.support import answers, fake_upstream
from tests.support.fake_upstream import FakeUpstream
from tests.support.polling import wait_for

Start = Callable[[Serve], RawServer]

EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
BROKE = "acme could not be reached or broke off: "
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


def read_status(answer: Answer) -> int:
    answer.body()
    return answer.status


class TestConnections:
    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(EMPTY, id="empty"),
            pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", id="length"),
            pytest.param(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
                id="chunked",
            ),
            pytest.param(b"HTTP/1.1 429 No\r\nContent-Length: 2\r\n\r\n{}", id="refusal"),
        ],
    )
    def test_is_kept_for_the_next_call(self, raw_server: Start, answer: bytes) -> None:
        def serve(peer: Peer) -> None:
            for _ in range(3):
                peer.answer(answer)

        server = raw_server(serve)
        upstream = make_upstream()
        for _ in range(3):
            post(upstream, server.url, read_status)
        assert server.connections == 1

    def test_that_the_upstream_closed_meanwhile_is_replaced(self, raw_server: Start) -> None:
        server = raw_server(lambda peer: peer.answer(EMPTY))
        upstream = make_upstream()
        post(upstream, server.url, read_status)
        wait_for(lambda: not server.open_connections, what="the close")
        assert (post(upstream, server.url, read_status), server.connections) == (200, 2)

    def test_whose_answer_was_not_read_is_not_used_again(self, fake: FakeUpstream) -> None:
        first = fake_upstream.Answer(body=(b"{}", threading.Event()), framing="chunked")
        fake.script = fake_upstream.in_order(first, answers.whole())
        upstream = make_upstream()
        post(upstream, fake.url, lambda answer: answer.status)
        assert post(upstream, fake.url, read_status) == 200

    def test_many_calls_at_once_have_one_each(self, raw_server: Start) -> None:
        everybody = threading.Barrier(20)

        def serve(peer: Peer) -> None:
            peer.read_request()
            everybody.wait(10)
            peer.sock.sendall(EMPTY)

        server = raw_server(serve)
        upstream = make_upstream()
        threads = [
            threading.Thread(target=post, args=(upstream, server.url, read_status))
            for _ in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (server.connections, everybody.broken) == (20, False)


@pytest.fixture
def without_proxy_variables(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that names no proxy."""
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


class TestProxy:
    @pytest.fixture
    def environment(self, without_proxy_variables: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
        return without_proxy_variables

    @pytest.fixture
    def asked(self) -> list[bytes]:
        """The request lines that the proxy was sent."""
        return []

    @pytest.fixture
    def proxy(self, raw_server: Start, asked: list[bytes]) -> RawServer:
        """Answers 218 to whatever is asked through it."""

        def serve(peer: Peer) -> None:
            asked.append(peer.read_request().split(b"\r\n")[0])
            peer.sock.sendall(b"HTTP/1.1 218 By Proxy\r\nContent-Length: 0\r\n\r\n")

        return raw_server(serve)

    def test_of_the_configuration_is_used(self, proxy: RawServer, asked: list[bytes]) -> None:
        upstream = make_upstream(client=HttpClient(proxy=proxy.url))
        status = post(upstream, "http://upstream.invalid/v1", read_status)
        assert (status, asked) == (218, [b"POST http://upstream.invalid/v1 HTTP/1.1"])

    def test_of_the_configuration_is_used_for_tls(
        self, proxy: RawServer, asked: list[bytes]
    ) -> None:
        upstream = make_upstream(client=HttpClient(proxy=proxy.url))
        failed_post(upstream, "https://upstream.invalid/v1")
        assert asked[0].startswith(b"CONNECT upstream.invalid:443 ")

    def test_of_the_environment_is_not_used(
        self, environment: pytest.MonkeyPatch, proxy: RawServer, fake: FakeUpstream
    ) -> None:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            environment.setenv(name, proxy.url)
        fake.script = fake_upstream.in_order(answers.whole())
        assert post(make_upstream(), fake.url, read_status) == 200

    def test_of_the_environment_is_used_where_it_is_trusted(
        self, environment: pytest.MonkeyPatch, proxy: RawServer
    ) -> None:
        environment.setenv("http_proxy", proxy.url)
        upstream = make_upstream(client=HttpClient(trust_environment_proxy=True))
        assert post(upstream, "http://upstream.invalid/v1", read_status) == 218

    def test_of_the_environment_is_not_used_for_what_it_excepts(
        self, environment: pytest.MonkeyPatch, proxy: RawServer, fake: FakeUpstream
    ) -> None:
        environment.setenv("http_proxy", proxy.url)
        environment.setenv("no_proxy", "127.0.0.1")
        fake.script = fake_upstream.in_order(answers.whole())
        upstream = make_upstream(client=HttpClient(trust_environment_proxy=True))
        assert post(upstream, fake.url, read_status) == 200

    def test_of_the_configuration_wins_over_the_environment(
        self, environment: pytest.MonkeyPatch, proxy: RawServer, fake: FakeUpstream
    ) -> None:
        environment.setenv("http_proxy", "http://127.0.0.1:1")
        environment.setenv("no_proxy", "*")
        client = HttpClient(trust_environment_proxy=True, proxy=proxy.url)
        assert post(make_upstream(client=client), fake.url, read_status) == 218

    def test_is_given_its_own_user_and_password(self, raw_server: Start) -> None:
        heads: list[bytes] = []

        def serve(peer: Peer) -> None:
            heads.append(peer.read_request())
            peer.sock.sendall(EMPTY)

        url = raw_server(serve).url.replace("//", "//user:pass@")
        post(make_upstream(client=HttpClient(proxy=url)), "http://upstream.invalid/", read_status)
        assert b"Proxy-Authorization: Basic dXNlcjpwYXNz\r\n" in heads[0]

    def test_that_is_down_is_told_as_such(self) -> None:
        client = HttpClient(proxy="http://user:se-cret@127.0.0.1:1")
        error = failed_post(make_upstream(client=client), "http://upstream.invalid/v1")
        assert error.failure.message == BROKE + "the proxy failed"

    def test_that_refuses_is_told_as_such(self, raw_server: Start) -> None:
        refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
        client = HttpClient(proxy=raw_server(lambda peer: peer.answer(refusal)).url)
        error = failed_post(make_upstream(client=client), "https://upstream.invalid/v1")
        assert error.failure.message == BROKE + "the proxy failed"

    def test_does_not_hold_up_a_cancelled_call(self, raw_server: Start) -> None:
        asked = threading.Event()

        def serve(peer: Peer) -> None:
            peer.read_request()
            asked.set()
            peer.read_until_closed()

        upstream = make_upstream(client=HttpClient(proxy=raw_server(serve).url))
        with calling("http://upstream.invalid/", read_status, upstream=upstream) as call:
            assert asked.wait(10)
            assert call.cancel() < SOON_S

    def test_does_not_lift_the_limit_on_silence(self, raw_server: Start) -> None:
        def serve(peer: Peer) -> None:
            peer.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{")
            peer.read_until_closed()

        client = HttpClient(proxy=raw_server(serve).url)
        timeouts = Timeouts(connect_s=6, first_byte_s=6, silence_s=0.2)
        upstream = make_upstream(timeouts=timeouts, client=client)
        began = time.monotonic()
        failed_post(upstream, "http://upstream.invalid/")
        assert time.monotonic() - began < 3


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that only its own file vouches for."""
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=upstream"
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    try:
        subprocess.run([*command.split(), *names, *files], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("needs the openssl program to make a certificate")
    return folder / "certificate.pem"


class TestTls:
    @pytest.fixture
    def start(self, certificate: Path) -> Iterator[Start]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_name("key.pem"))
        servers: list[RawServer] = []

        def start(serve: Serve) -> RawServer:
            servers.append(RawServer(serve, tls=context))
            return servers[-1]

        yield start
        for server in servers:
            server.close()

    @pytest.fixture
    def client(self, certificate: Path) -> HttpClient:
        return HttpClient(ca_bundle=str(certificate))

    def test_certificate_of_an_unknown_authority_is_not_trusted(self, start: Start) -> None:
        error = failed_post(make_upstream(), start(lambda peer: peer.answer(EMPTY)).url)
        assert error.failure.message == BROKE + "its TLS certificate is not trusted"

    def test_nothing_is_sent_to_who_is_not_trusted(self, start: Start) -> None:
        sent: list[bytes] = []
        failed_post(make_upstream(), start(lambda peer: sent.append(peer.read_request())).url)
        assert sent == []

    def test_authorities_of_the_configuration_are_trusted(
        self, start: Start, client: HttpClient
    ) -> None:
        server = start(lambda peer: peer.answer(EMPTY))
        assert post(make_upstream(client=client), server.url, read_status) == 200

    def test_certificate_of_another_name_is_not_trusted(
        self, start: Start, client: HttpClient
    ) -> None:
        server = start(lambda peer: peer.answer(EMPTY))
        error = failed_post(make_upstream(client=client), f"https://localhost:{server.port}/")
        assert error.failure.message == BROKE + "its TLS certificate is not trusted"

    def test_connection_is_kept_for_the_next_call(self, start: Start, client: HttpClient) -> None:
        def serve(peer: Peer) -> None:
            peer.answer(EMPTY)
            peer.answer(EMPTY)

        server = start(serve)
        upstream = make_upstream(client=client)
        post(upstream, server.url, read_status)
        post(upstream, server.url, read_status)
        assert server.connections == 1

    @pytest.mark.parametrize(
        "head",
        [
            pytest.param(b"", id="headers"),
            pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{", id="length"),
            pytest.param(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{", id="close"),
        ],
    )
    def test_cancelled_call_ends_at_once(
        self, start: Start, client: HttpClient, head: bytes
    ) -> None:
        waiting = threading.Event()

        def serve(peer: Peer) -> None:
            peer.answer(head)
            waiting.set()
            peer.read_until_closed()

        upstream = make_upstream(client=client)
        with calling(start(serve).url, read_status, upstream=upstream) as call:
            assert waiting.wait(10)
            assert call.cancel() < SOON_S

    def test_silence_is_limited(self, start: Start, client: HttpClient) -> None:
        def serve(peer: Peer) -> None:
            peer.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{")
            peer.read_until_closed()

        timeouts = Timeouts(connect_s=6, first_byte_s=6, silence_s=0.2)
        error = failed_post(make_upstream(timeouts=timeouts, client=client), start(serve).url)
        assert error.failure.message == "acme did not go on within 0.2 s"
