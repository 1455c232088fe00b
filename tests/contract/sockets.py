"""Servers for what the scripted upstream is too well-behaved for, and posts to them."""

import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from backends.http import Answer, HttpUpstream
from config.schema import HttpClient, Timeouts
from gateway.canonical.call import Call
from gateway.canonical.errors import Failure, Kind, UpstreamError
from gateway.canonical.request import Dialect
from gateway.execution.execution import Execution

INSTANCE = "acme"
PATIENT = Timeouts(connect_s=6, first_byte_s=6, silence_s=6)
"""Long for a test on loopback, short for whoever waits for it to fail."""
CANCELLED = Failure(kind=Kind.CANCELLED, message="the call was cancelled", status=499)

_LIMIT_S = 20.0

Serve = Callable[["Peer"], None]


class Peer:
    """The other end of one connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    def read_head(self) -> bytes:
        """Read up to the blank line behind a request's headers."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = self.sock.recv(1)
            if not byte:
                raise ConnectionError("the client left")
            head += byte
        return head

    def read_request(self) -> bytes:
        """Read a request with its body, and return both."""
        head = self.read_head()
        lines = head.decode("latin-1").lower().split("\r\n")
        sizes = [int(line.split(":")[1]) for line in lines if line.startswith("content-length")]
        body = b""
        while len(body) < sum(sizes):
            body += self.sock.recv(sum(sizes) - len(body))
        return head + body

    def answer(self, data: bytes) -> None:
        """Read a request and send these bytes."""
        self.read_request()
        self.sock.sendall(data)

    def read_until_closed(self) -> None:
        """Wait until the client has closed."""
        while self.sock.recv(65_536):
            pass

    def reset(self) -> None:
        """Close as an operating system does whose process was killed."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class RawServer:
    """A listener on loopback; `serve` plays the other end of each connection in a thread.

    A connection that the client leaves is over without a word. Everything else that `serve` raises
    is in `faults`.
    """

    def __init__(self, serve: Serve, *, tls: ssl.SSLContext | None = None) -> None:
        self.connections = 0
        self.faults: list[Exception] = []
        self._serve = serve
        self._tls = tls
        self._threads: list[threading.Thread] = []
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def open_connections(self) -> int:
        """How many there are now."""
        return len(self._open)

    def close(self) -> None:
        """Close everything and wait for the threads."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()
        for sock in list(self._open):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            sock.settimeout(_LIMIT_S)
            self._open.add(sock)
            thread = threading.Thread(target=self._play, args=(sock,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _play(self, plain: socket.socket) -> None:
        sock = plain
        try:
            if self._tls:
                sock = self._tls.wrap_socket(plain, server_side=True)
                self._open.add(sock)
            self._serve(Peer(sock))
        except OSError:
            pass
        except Exception as fault:  # noqa: BLE001 - it belongs to the test, which reads `faults`
            self.faults.append(fault)
        finally:
            self._open -= {plain, sock}
            sock.close()
            plain.close()


def make_upstream(
    *, timeouts: Timeouts = PATIENT, client: HttpClient | None = None
) -> HttpUpstream:
    """The HTTP side of an instance."""
    return HttpUpstream(INSTANCE, timeouts=timeouts, client=client or HttpClient())


def make_execution(*, stream: bool = True, headers: dict[str, str] | None = None) -> Execution:
    """An execution that is only just beginning."""
    call = Call(
        id="t.1",
        owner="",
        dialect=Dialect.OPENAI_CHAT,
        model="acme:m",
        stream=stream,
        candidates=(),
        deadline_at=0.0,
        headers=headers or {},
    )
    return Execution(call, b'{"model":"acme:m","messages":[]}')


def post(
    upstream: HttpUpstream,
    url: str,
    read: Callable[[Answer], object],
    *,
    execution: Execution | None = None,
    body: bytes = b"{}",
) -> object:
    """Post and return what `read` made of the answer."""
    execution = execution or make_execution()
    with upstream.post(url, headers={}, body=body, execution=execution) as answer:
        return read(answer)


def failed_post(
    upstream: HttpUpstream,
    url: str,
    read: Callable[[Answer], object] = lambda answer: answer.body(),
    *,
    execution: Execution | None = None,
) -> UpstreamError:
    """Post and return the error that it must end with."""
    with pytest.raises(UpstreamError) as raised:
        post(upstream, url, read, execution=execution)
    return raised.value
