"""An upstream on loopback that says exactly what a test scripts, down to the single send.

Raw sockets and a thread a connection: an HTTP library would decide the chunks by itself.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import msgspec

Piece = bytes | threading.Event
"""Bytes are one send (and one HTTP chunk where those are used); an event holds up what follows it
until the test sets it."""

_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 429: "Too Many Requests"}
_POLL_S = 0.01
_READ_BYTES = 65_536


@dataclass(frozen=True)
class Answer:
    """One scripted answer."""

    status: int = 200
    headers: Sequence[tuple[str, str]] = ()
    body: Sequence[Piece] = ()
    framing: Literal["length", "chunked", "close"] = "length"
    """How the body ends: by Content-Length, as HTTP chunks, or with the connection."""
    cut_at: int | None = None
    """Close the connection after this many bytes of the body; -1 = before the status line."""
    hold: threading.Event | None = None
    """Send not even the status line before the test sets this."""


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)
    at: float
    """By `time.monotonic`, when its last byte was here."""
    left: threading.Event = field(repr=False)
    """Set once the other side has closed the connection."""

    def header(self, name: str) -> str | None:
        """The first header of a name, in any case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def authorization(self) -> str | None:
        """The Authorization header."""
        return self.header("Authorization")

    @property
    def key(self) -> str | None:
        """The bearer token."""
        scheme, _, token = (self.authorization or "").partition(" ")
        return token if scheme == "Bearer" else None

    @cached_property
    def json(self) -> Any:
        """The body, decoded."""
        return msgspec.json.decode(self.body)


Script = Callable[[Received], Answer]


class FakeUpstream:
    """Listens on an ephemeral port; `script` says what each request is answered with."""

    def __init__(self) -> None:
        self.script: Script = _unscripted
        self.faults: list[BaseException] = []
        """What went wrong in scripts; a test that left any here has not tested what it says."""
        self._received: list[Received] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._connections: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    @property
    def url(self) -> str:
        """What a base_url begins with."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def requests(self) -> list[Received]:
        """The requests so far, in the order in which they were here."""
        with self._lock:
            return list(self._received)

    @property
    def keys(self) -> list[str | None]:
        """The keys of the requests so far."""
        return [request.key for request in self.requests]

    def reset(self) -> None:
        """Forget the requests and the script."""
        with self._lock:
            self._received.clear()
        self.faults.clear()
        self.script = _unscripted

    def close(self) -> None:
        """Close the listener and every connection, and wait for the threads."""
        self._closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()
        with self._lock:
            connections, threads = list(self._connections), list(self._threads)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            with self._lock:
                self._connections.add(connection)
                self._threads = [known for known in self._threads if known.is_alive()] + [thread]
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        exchange = _Connection(connection, self._closing)
        try:
            while request := exchange.read_request():
                with self._lock:
                    self._received.append(request)
                if not exchange.send(self._answer(request)):
                    return
        except OSError:
            exchange.left.set()
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    def _answer(self, request: Received) -> Answer:
        try:
            return self.script(request)
        except Exception as fault:  # noqa: BLE001 - it belongs to the test, which reads `faults`
            self.faults.append(fault)
            return Answer(status=599)


class _Connection:
    """One connection, which may carry several exchanges."""

    def __init__(self, sock: socket.socket, closing: threading.Event) -> None:
        self._sock = sock
        self._closing = closing
        self._buffer = b""
        self.left = threading.Event()

    def read_request(self) -> Received | None:
        """Read the next request; None when the other side has closed."""
        while b"\r\n\r\n" not in self._buffer:
            if not self._fill():
                return None
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        request_line, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = request_line.split(" ")
        pairs = (line.partition(":") for line in lines)
        headers = tuple((name, value.strip()) for name, _, value in pairs)
        size = next((int(v) for name, v in headers if name.lower() == "content-length"), 0)
        while len(self._buffer) < size:
            if not self._fill():
                return None
        body, self._buffer = self._buffer[:size], self._buffer[size:]
        return Received(method, path, headers, body, time.monotonic(), self.left)

    def send(self, answer: Answer) -> bool:
        """Send an answer; False when the connection is used up."""
        if not self._wait(answer.hold) or answer.cut_at == -1:
            return False
        self._sock.sendall(_head(answer))
        left = answer.cut_at
        for piece in answer.body:
            if isinstance(piece, threading.Event):
                if not self._wait(piece):
                    return False
                continue
            if left is not None:
                piece, left = piece[:left], left - len(piece[:left])
            if piece:
                self._sock.sendall(_framed(piece, answer.framing))
            if left == 0:
                return False
        if answer.framing == "chunked":
            self._sock.sendall(b"0\r\n\r\n")
        return answer.framing != "close"

    def _wait(self, event: threading.Event | None) -> bool:
        """Wait for the test; False when the other side leaves or the server closes first."""
        while event and not event.wait(_POLL_S):
            if self._closing.is_set() or self._has_left():
                return False
        return True

    def _has_left(self) -> bool:
        try:
            gone = self._sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            gone = True
        if gone:
            self.left.set()
        return gone

    def _fill(self) -> bool:
        data = self._sock.recv(_READ_BYTES)
        self._buffer += data
        if not data:
            self.left.set()
        return bool(data)


def in_order(*answers: Answer) -> Script:
    """Answer the first request with the first answer and so on; one more is a fault."""
    remaining: Iterator[Answer] = iter(answers)
    lock = threading.Lock()

    def script(request: Received) -> Answer:
        with lock:
            answer = next(remaining, None)
        assert answer is not None, f"a request that nothing was scripted for: {request}"
        return answer

    return script


def by_key(answers: Mapping[str | None, Answer | Script]) -> Script:
    """Answer by the bearer token; an unknown one is a fault."""
    return _by(lambda request: request.key, answers)


def by_path(answers: Mapping[str | None, Answer | Script]) -> Script:
    """Answer by the first segment of the path; an unknown one is a fault."""
    return _by(lambda request: request.path.split("/")[1], answers)


def _by(
    choose: Callable[[Received], str | None], answers: Mapping[str | None, Answer | Script]
) -> Script:
    def script(request: Received) -> Answer:
        answer = answers[choose(request)]
        return answer if isinstance(answer, Answer) else answer(request)

    return script


def _unscripted(request: Received) -> Answer:
    raise AssertionError(f"no script for {request}")


def _head(answer: Answer) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Scripted')}"]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    if answer.framing == "chunked":
        lines.append("Transfer-Encoding: chunked")
    elif answer.framing == "close":
        lines.append("Connection: close")
    else:
        size = sum(len(piece) for piece in answer.body if isinstance(piece, bytes))
        lines.append(f"Content-Length: {size}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _framed(piece: bytes, framing: str) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece) if framing == "chunked" else piece
