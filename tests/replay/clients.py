"""Sends an exchange's request to the gateway as plain HTTP, and keeps what came back."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx2

from tests.replay.exchange import Exchange
from tests.replay.said import Said
from tests.support.fake_upstream import Received
from tests.support.gateway import Gateway


@dataclass
class Outcome:
    """What a client sent, what the upstream got of it, and what came back."""

    sent: bytes
    """The body, as it left the client."""
    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    said: Said | None = None
    """What an SDK made of it."""
    error: Exception | None = None
    """What an SDK raised."""
    received: list[Received] = field(default_factory=list)


def over_http(gateway: Gateway, exchange: Exchange) -> Outcome:
    """Send the request in a way of writing JSON that no client library has."""
    request = dict(exchange.request)
    if "contents" not in request:
        request["model"] = exchange.selector
    elif "model" in request:
        request["model"] = f"models/{exchange.selector}"
    body = json.dumps(request, ensure_ascii=False, indent=1, separators=(" , ", " :")).encode()
    headers = {"Content-Type": "application/json"}
    reply = gateway.client.send("POST", exchange.path, body, headers=headers)
    lower = {name.lower(): value for name, value in reply.headers.items()}
    return Outcome(body, reply.status, lower, reply.body)


class Tee(httpx2.HTTPTransport):
    """The SDKs' own transport, with a copy of what passed last."""

    def __init__(self) -> None:
        super().__init__()
        self.forget()

    def forget(self) -> None:
        """Begin a new copy."""
        self.sent = b""
        self.status = 0
        self.headers: dict[str, str] = {}
        self.pieces: list[bytes] = []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.sent = request.read()
        response = super().handle_request(request)
        self.status = response.status_code
        self.headers = {name.lower(): value for name, value in response.headers.items()}
        stream = response.stream
        assert isinstance(stream, httpx2.SyncByteStream)
        response.stream = _TeeStream(stream, self.pieces)
        return response


class _TeeStream(httpx2.SyncByteStream):
    def __init__(self, stream: httpx2.SyncByteStream, pieces: list[bytes]) -> None:
        self._stream = stream
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._stream:
            self._pieces.append(piece)
            yield piece

    def close(self) -> None:
        self._stream.close()
