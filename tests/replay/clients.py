"""Sends an exchange's request to the gateway: over plain HTTP, and through OpenAI's own SDK."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import httpx2
import openai

from tests.replay.exchange import Exchange
from tests.support.gateway import Gateway


@dataclass
class Outcome:
    """What a client sent and what it got."""

    sent: bytes
    """The body, as it left the client."""
    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    items: int = 0
    """How many completions or chunks the SDK made of it."""
    error: Exception | None = None
    """What the SDK raised."""


def over_http(gateway: Gateway, exchange: Exchange) -> Outcome:
    """Send the request in a way of writing JSON that no client library has."""
    request = {**exchange.request, "model": exchange.selector}
    body = json.dumps(request, ensure_ascii=False, indent=1, separators=(" , ", " :")).encode()
    reply = gateway.post(body, headers={"Content-Type": "application/json"})
    headers = {name.lower(): value for name, value in reply.headers.items()}
    return Outcome(body, reply.status, headers, reply.body)


def through_sdk(gateway: Gateway, exchange: Exchange) -> Outcome:
    """Let the SDK send the request and read the answer to its end."""
    fields = {**exchange.request, "model": exchange.selector}
    known = {name: fields.pop(name) for name in ("model", "messages", "stream") if name in fields}
    tee = _Tee()
    with closing(httpx2.Client(transport=tee, timeout=60.0)) as http:
        client = openai.OpenAI(base_url=gateway.url, api_key="any", max_retries=0, http_client=http)
        items, error = 0, None
        try:
            answer: Any = client.chat.completions.create(**known, extra_body=fields)
            items = sum(1 for _ in answer) if exchange.request.get("stream") else 1
        except openai.APIError as raised:
            error = raised
        return Outcome(tee.sent, tee.status, tee.headers, b"".join(tee.pieces), items, error)


CLIENTS = {"http": over_http, "sdk": through_sdk}


class _Tee(httpx2.HTTPTransport):
    """The SDK's own transport, with a copy of what passes."""

    def __init__(self) -> None:
        super().__init__()
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
