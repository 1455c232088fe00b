"""A client that sends exactly the given bytes and hands out exactly what came back."""

import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

TIMEOUT_S = 20.0

Body = bytes | Iterator[bytes] | None


@dataclass(frozen=True)
class Reply:
    """A whole answer."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The `error` object of the body."""
        return dict(self.json["error"])


class Client:
    """Talks to one address, a connection a request."""

    def __init__(self, port: int) -> None:
        self._port = port

    def send(
        self,
        method: str,
        path: str,
        body: Body = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request and read its whole answer.

        Args:
            body: an iterator is sent as HTTP chunks.
        """
        with self.open(method, path, body, headers=headers) as response:
            return Reply(response.status, response.headers, response.read())

    @contextmanager
    def open(
        self,
        method: str,
        path: str,
        body: Body = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[http.client.HTTPResponse]:
        """Send a request and hand out its answer as soon as its status line is there.

        Leaving the block closes the connection, read or not.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT_S)
        try:
            # A server may answer and close before it has read a body that it does not want.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request(
                    method,
                    path,
                    body,
                    dict(headers or {}),
                    encode_chunked=isinstance(body, Iterator),
                )
            with connection.getresponse() as response:
                yield response
        finally:
            connection.close()

    @contextmanager
    def waiting(self, method: str, path: str, body: bytes) -> Iterator[None]:
        """Send a request and wait for no answer; leaving the block closes the connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT_S)
        try:
            connection.request(method, path, body)
            yield
        finally:
            connection.close()


def send_raw(port: int, request: bytes) -> Reply:
    """Send bytes that need not be HTTP, and read the answer up to its end."""
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S) as connection:
        connection.sendall(request)
        response = http.client.HTTPResponse(connection)
        with closing(response):
            response.begin()
            return Reply(response.status, response.headers, response.read())


def chat_body(model: str, **fields: Any) -> bytes:
    """A small chat completion request."""
    messages = [{"role": "user", "content": "hi"}]
    return json.dumps({"model": model, "messages": messages, **fields}).encode()


def data_frames(body: bytes) -> list[str]:
    """The data fields of a stream, in order; comments are left out."""
    frames = body.replace(b"\r\n", b"\n").split(b"\n\n")
    lines = [line for frame in frames for line in frame.split(b"\n")]
    return [line[5:].strip().decode() for line in lines if line.startswith(b"data:")]
