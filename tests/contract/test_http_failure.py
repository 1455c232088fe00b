"""Calls that fail below HTTP: which error, in which words, and how soon."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from backends.http import Answer
from config.schema import Timeouts
from gateway.canonical.errors import Kind, Next, UpstreamError
from tests.contract.sockets import (
    PATIENT,
    Peer,
    RawServer,
    Serve,
    failed_post,
    make_execution,
    make_upstream,
)
from tests.support import fake_upstream
from tests.support.fake_upstream import FakeUpstream

Start = Callable[[Serve], RawServer]

FRAMINGS = ["chunked", "close", "length"]

BROKE = "acme could not be reached or broke off: "


def read_events(answer: Answer) -> None:
    for _ in answer.events():
        pass


def read_body(answer: Answer) -> None:
    answer.body()


def hang_up(peer: Peer) -> None:
    peer.read_request()


def say_nothing(peer: Peer) -> None:
    peer.read_request()
    peer.read_until_closed()


def reset(peer: Peer) -> None:
    peer.read_request()
    peer.reset()


@pytest.fixture
def unused_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def full_server() -> Iterator[tuple[str, int]]:
    """A listener whose backlog is full: the kernel drops what else wants to connect."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        with socket.create_connection(server.getsockname()):
            yield server.getsockname()


class TestNoAnswer:
    def test_refused_connection(self, unused_port: int) -> None:
        error = failed_post(make_upstream(), f"http://127.0.0.1:{unused_port}/")
        assert error.failure.message == BROKE + "connection refused"

    def test_name_that_does_not_resolve(self) -> None:
        error = failed_post(make_upstream(), "http://nowhere.invalid/v1")
        assert error.failure.message == BROKE + "its host name does not resolve"

    @pytest.mark.parametrize(
        "url", ["http://", "http://[::1", f"http://{'x' * 64}.example/", "http://a b/"]
    )
    def test_url_that_is_none(self, url: str) -> None:
        error = failed_post(make_upstream(), url)
        assert (error.failure.kind, error.failure.status) == (Kind.UPSTREAM, 502)

    def test_plain_server_where_tls_was_expected(self, raw_server: Start) -> None:
        server = raw_server(lambda peer: peer.sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
        error = failed_post(make_upstream(), f"https://127.0.0.1:{server.port}/")
        assert error.failure.message == BROKE + "TLS failed"

    def test_connection_that_closes_without_an_answer(self, raw_server: Start) -> None:
        error = failed_post(make_upstream(), raw_server(hang_up).url)
        assert error.failure.message == BROKE + "the connection closed without an answer"

    def test_connection_that_is_reset_without_an_answer(self, raw_server: Start) -> None:
        error = failed_post(make_upstream(), raw_server(reset).url)
        assert error.failure.message == BROKE + "connection reset"

    @pytest.mark.parametrize(
        "sent",
        [
            pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", id="other-protocol"),
            pytest.param(b"HTTP/1.1 abc\r\n\r\n", id="status-that-is-no-number"),
            pytest.param(b"HTTP/1.1 200 " + b"x" * 70_000, id="endless-status-line"),
            pytest.param(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n", id="many-headers"),
        ],
    )
    def test_answer_that_is_not_http(self, raw_server: Start, sent: bytes) -> None:
        error = failed_post(make_upstream(), raw_server(lambda peer: peer.answer(sent)).url)
        assert (error.failure.kind, error.failure.status) == (Kind.UPSTREAM, 502)

    def test_next_candidate_may_be_tried(self, unused_port: int) -> None:
        error = failed_post(make_upstream(), f"http://127.0.0.1:{unused_port}/")
        assert (error.next, error.status) == (Next.CANDIDATE, None)

    @pytest.mark.parametrize("serve", [hang_up, reset])
    def test_nothing_is_sent_a_second_time(self, raw_server: Start, serve: Serve) -> None:
        server = raw_server(serve)
        failed_post(make_upstream(), server.url)
        assert server.connections == 1

    @pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
    def test_answer_that_invites_to_try_again_is_handed_out(
        self, fake: FakeUpstream, status: int
    ) -> None:
        answer = fake_upstream.Answer(status, headers=(("Retry-After", "0"),))
        fake.script = fake_upstream.in_order(answer)
        with make_upstream().post(
            fake.url, headers={}, body=b"", execution=make_execution()
        ) as got:
            assert got.status == status
        assert len(fake.requests) == 1


class TestTimeLimits:
    """Each tiny in turn, with the others long: the one that is named must be the one that ended."""

    def timed_out(
        self, url: str, read: Callable[[Answer], object] = read_body, **limits: float
    ) -> UpstreamError:
        timeouts = Timeouts(
            connect_s=limits.get("connect_s", PATIENT.connect_s),
            first_byte_s=limits.get("first_byte_s", PATIENT.first_byte_s),
            silence_s=limits.get("silence_s", PATIENT.silence_s),
        )
        began = time.monotonic()
        error = failed_post(make_upstream(timeouts=timeouts), url, read)
        assert time.monotonic() - began < 5
        assert (error.failure.kind, error.failure.status) == (Kind.TIMEOUT, 504)
        assert (error.next, error.status) == (Next.CANDIDATE, None)
        return error

    def test_connect(self, full_server: tuple[str, int]) -> None:
        host, port = full_server
        error = self.timed_out(f"http://{host}:{port}/", connect_s=0.2)
        assert error.failure.message == "acme did not connect within 0.2 s"

    def test_tls_connect(self, full_server: tuple[str, int]) -> None:
        host, port = full_server
        error = self.timed_out(f"https://{host}:{port}/", connect_s=0.2)
        assert error.failure.message == "acme did not connect within 0.2 s"

    def test_tls_handshake(self, raw_server: Start) -> None:
        server = raw_server(Peer.read_until_closed)
        error = self.timed_out(f"https://127.0.0.1:{server.port}/", connect_s=0.2)
        assert error.failure.message == "acme did not connect within 0.2 s"

    def test_first_byte(self, raw_server: Start) -> None:
        error = self.timed_out(raw_server(say_nothing).url, first_byte_s=0.2)
        assert error.failure.message == "acme did not send a first byte within 0.2 s"

    def test_first_byte_after_the_last_call_of_the_same_connection(self, raw_server: Start) -> None:
        """Its limits on silence are not those of the next call's wait."""

        def serve(peer: Peer) -> None:
            peer.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            say_nothing(peer)

        upstream = make_upstream(timeouts=Timeouts(connect_s=10, first_byte_s=0.2, silence_s=30))
        server = raw_server(serve)
        with upstream.post(server.url, headers={}, body=b"", execution=make_execution()) as answer:
            answer.body()
        error = failed_post(upstream, server.url)
        assert (server.connections, error.failure.message) == (
            1,
            "acme did not send a first byte within 0.2 s",
        )

    @pytest.mark.parametrize("read", [read_body, read_events])
    @pytest.mark.parametrize("sent", [b"", b"data: 1\n\n"], ids=["headers", "first-event"])
    @pytest.mark.parametrize("framing", FRAMINGS)
    def test_silence(
        self, fake: FakeUpstream, framing: str, sent: bytes, read: Callable[[Answer], None]
    ) -> None:
        pieces = [sent, threading.Event(), b"data: 2\n\n"]
        answer = fake_upstream.Answer(body=pieces if sent else pieces[1:], framing=framing)
        fake.script = fake_upstream.in_order(answer)
        error = self.timed_out(fake.url, read, silence_s=0.2)
        assert error.failure.message == "acme did not go on within 0.2 s"

    def test_answer_that_goes_on_may_take_longer_than_any_limit(self, raw_server: Start) -> None:
        """Many pauses of a third of the limit, together twice as long."""

        def serve(peer: Peer) -> None:
            peer.answer(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
            pause = threading.Event()
            for _ in range(6):
                pause.wait(0.1)
                peer.sock.sendall(b": ping\n\n")

        timeouts = Timeouts(connect_s=0.3, first_byte_s=0.3, silence_s=0.3)
        began = time.monotonic()
        with make_upstream(timeouts=timeouts).post(
            raw_server(serve).url, headers={}, body=b"", execution=make_execution()
        ) as answer:
            frames = list(answer.events())
        assert (len(frames), time.monotonic() - began > 0.5) == (6, True)


class TestWords:
    """What people read tells what failed, and nothing that they must not see."""

    URLS = ("http://127.0.0.1:{port}/se-cret?key=se-cret", "http://user:se-cret@127.0.0.1:{port}/")

    @pytest.mark.parametrize("url", URLS, ids=["path-and-query", "user-info"])
    @pytest.mark.parametrize("serve", [hang_up, reset, say_nothing])
    def test_no_url_and_no_secret_is_told(self, raw_server: Start, serve: Serve, url: str) -> None:
        server = raw_server(serve)
        timeouts = Timeouts(connect_s=10, first_byte_s=0.2, silence_s=10)
        with pytest.raises(UpstreamError) as raised:
            self.post_with_key(url.format(port=server.port), timeouts)
        told = f"{raised.value} {raised.value.failure} {raised.value.__cause__}"
        assert re.findall(r"se-cret|127\.0\.0\.1|http:|0x[0-9a-f]+", told) == []

    def test_header_that_cannot_be_sent_is_not_told(self, fake: FakeUpstream) -> None:
        with (
            pytest.raises(UpstreamError) as raised,
            make_upstream().post(
                fake.url,
                headers={"Authorization": "Bearer se-cret\nx"},
                body=b"",
                execution=make_execution(),
            ),
        ):
            pass
        assert "se-cret" not in f"{raised.value} {raised.value.failure}"

    @pytest.mark.parametrize("word", ["refused", "certificate", "ssl", "proxy", "incompleteread"])
    def test_words_of_the_url_are_not_taken_for_the_reason(
        self, raw_server: Start, word: str
    ) -> None:
        error = failed_post(make_upstream(), f"{raw_server(reset).url}/{word}")
        assert error.failure.message == BROKE + "connection reset"

    @pytest.mark.parametrize("word", ["refused", "certificate", "ssl", "proxy"])
    def test_words_of_the_host_are_not_taken_for_the_reason(self, word: str) -> None:
        error = failed_post(make_upstream(), f"http://{word}.invalid/")
        assert error.failure.message == BROKE + "its host name does not resolve"

    @staticmethod
    def post_with_key(url: str, timeouts: Timeouts) -> None:
        headers = {"Authorization": "Bearer se-cret"}
        with make_upstream(timeouts=timeouts).post(
            url, headers=headers, body=b"se-cret", execution=make_execution()
        ):
            pass
