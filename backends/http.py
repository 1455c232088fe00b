"""HTTP to upstreams: one request, its answer as a body or as server-sent events.

Owns the four time limits and the words for a call that fails below HTTP; the sockets are in
`connection`. Retries nothing: the executor decides what is tried again.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

import requests
import urllib3
from sseclient import SSEClient

from backends.chunked import ChunkParser
from backends.connection import Adapter, Exchange, current_exchange, remember
from config.schema import HttpClient, Timeouts
from gateway.canonical.errors import Failure, Kind, Next, UpstreamError
from gateway.execution.execution import Cancellation, Execution
from gateway.wire.sse import FrameSplitter, FrameTooLarge

MAX_BODY_BYTES = 256 * 1024 * 1024
"""Of an answer that is not streamed."""
MAX_ERROR_BYTES = 256 * 1024

_READ_BYTES = 64 * 1024
_FINISH_S = 0.5
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class ServerSentEvent:
    """One frame: its bytes, and its data field; None for a frame that has none."""

    frame: bytes
    data: str | None


class HttpUpstream:
    """Sends requests to one instance's upstream."""

    def __init__(self, instance: str, *, timeouts: Timeouts, client: HttpClient) -> None:
        self._instance = instance
        self._timeouts = timeouts
        self._client = client
        self._adapter = Adapter()
        self._verify: bool | str = client.ca_bundle or True
        self._requests: dict[tuple[str, str], requests.PreparedRequest] = {}

    def post(
        self, url: str, *, headers: Mapping[str, str], body: bytes, execution: Execution
    ) -> AbstractContextManager["Answer"]:
        """Post and hand out the answer as soon as its headers are there.

        Leaving the block closes the connection unless the answer was read to its end.

        Raises:
            UpstreamError: no answer came: the name, the connection, TLS, or a time limit failed.
        """
        sized = {**headers, "Content-Length": str(len(body))}
        return self._exchange(
            "POST", url, headers=sized, body=body, cancellation=execution.cancellation
        )

    def get(
        self, url: str, *, headers: Mapping[str, str], cancellation: Cancellation
    ) -> AbstractContextManager["Answer"]:
        """Ask for a document; the answer as in `post`."""
        return self._exchange("GET", url, headers=headers, body=None, cancellation=cancellation)

    @contextmanager
    def _exchange(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        cancellation: Cancellation,
    ) -> Iterator["Answer"]:
        exchange = Exchange()
        with cancellation.aborting(exchange.abort), self._errors(exchange):
            request = self._prepared(method, url)
            request.headers = dict(headers)  # type: ignore[assignment]
            request.body = body
            response = self._send(exchange, request)
            try:
                exchange.read_timeout(self._timeouts.silence_s)
                yield Answer(self, exchange, response=response)
            finally:
                response.close()

    def _send(self, exchange: Exchange, request: requests.PreparedRequest) -> requests.Response:
        limits = (self._timeouts.connect_s, self._timeouts.first_byte_s)
        token = current_exchange.set(exchange)
        try:
            return self._adapter.send(
                request,
                stream=True,
                timeout=limits,
                verify=self._verify,
                proxies=self._proxies(request.url or ""),
            )
        except requests.RequestException:
            raise
        except ValueError:
            # It would show the header, which may be the key.
            raise self.failed("a header of the request cannot be sent") from None
        finally:
            current_exchange.reset(token)

    def _prepared(self, method: str, url: str) -> requests.PreparedRequest:
        """A request to a URL, which is taken apart and checked only once."""
        known = self._requests.get((method, url))
        if known is None:
            known = requests.Request(method, url).prepare()
            remember(self._requests, (method, url), value=known)
        return known.copy()

    def _proxies(self, url: str) -> dict[str, str]:
        if self._client.proxy:
            return {"http": self._client.proxy, "https": self._client.proxy}
        if self._client.trust_environment_proxy:
            return requests.utils.get_environ_proxies(url)
        return {}

    @contextmanager
    def _errors(self, exchange: Exchange) -> Iterator[None]:
        """Turn what fails below HTTP into an UpstreamError."""
        try:
            yield
        except (requests.ConnectTimeout, urllib3.exceptions.ConnectTimeoutError):
            raise self._timeout("connect", self._timeouts.connect_s) from None
        except requests.ReadTimeout:
            if not exchange.connected:
                raise self._timeout("connect", self._timeouts.connect_s) from None
            raise self._timeout("send a first byte", self._timeouts.first_byte_s) from None
        except requests.exceptions.ProxyError:
            raise self.failed("the proxy failed") from None
        except (urllib3.exceptions.ReadTimeoutError, TimeoutError):
            raise self._timeout("go on", self._timeouts.silence_s) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise self.failed(_reason(error)) from None
        except FrameTooLarge:
            raise self.failed("a frame of its stream has no end") from None

    def _timeout(self, what: str, limit_s: float) -> UpstreamError:
        failure = Failure(
            kind=Kind.TIMEOUT,
            message=f"{self._instance} did not {what} within {limit_s:g} s",
            status=504,
        )
        return UpstreamError(failure, next=Next.CANDIDATE)

    def failed(self, reason: str) -> UpstreamError:
        """Make the error of an upstream that cannot be talked to."""
        failure = Failure(
            kind=Kind.UPSTREAM,
            message=f"{self._instance} could not be reached or broke off: {reason}",
            status=502,
        )
        return UpstreamError(failure, next=Next.CANDIDATE)


class Answer:
    """An upstream's answer, its body not yet read."""

    def __init__(
        self, upstream: HttpUpstream, exchange: Exchange, *, response: requests.Response
    ) -> None:
        self._upstream = upstream
        self._exchange = exchange
        self._raw: Any = response.raw
        # Compressed all the same, it is for urllib3 to decode.
        plain = "content-encoding" not in response.headers
        self._chunked = ChunkParser() if self._raw.chunked and plain else None
        self.status: int = response.status_code
        self.headers = {name.lower(): value for name, value in response.headers.items()}

    @property
    def is_json(self) -> bool:
        """Whether the upstream says that its answer is one JSON document."""
        return self.headers.get("content-type", "").lower().startswith("application/json")

    def body(self, *, limit: int = MAX_BODY_BYTES) -> bytes:
        """Read the whole body.

        Raises:
            UpstreamError: it is longer than `limit` bytes.
        """
        chunks = []
        size = 0
        for chunk in self._chunks():
            size += len(chunk)
            if size > limit:
                raise self._upstream.failed(f"its answer is longer than {limit} bytes")
            chunks.append(chunk)
        return b"".join(chunks)

    def finish(self) -> None:
        """Read what little follows the last event, so that the connection can be used again."""
        self._exchange.read_timeout(_FINISH_S)
        try:
            for _ in islice(self._chunks(), 2):
                pass
        except (urllib3.exceptions.HTTPError, OSError):
            return

    def next_at_once(self, events: Iterator[ServerSentEvent]) -> ServerSentEvent | None:
        """Read what follows the last event without delay; None when nothing does.

        Args:
            events: what `events` gave, as far as it was read.
        """
        self._exchange.read_timeout(_FINISH_S)
        try:
            return next(events, None)
        except (urllib3.exceptions.HTTPError, UpstreamError, FrameTooLarge, OSError):
            return None

    def error_body(self) -> bytes:
        """Read as much of an error's body as is of use."""
        body = b""
        for chunk in self._chunks():
            body += chunk
            if len(body) > MAX_ERROR_BYTES:
                return body[:MAX_ERROR_BYTES]
        return body

    def events(self) -> Iterator[ServerSentEvent]:
        """Read server-sent events as they come.

        What follows the last blank line is yielded too: whether the stream was whole is judged by
        its terminal event.
        """
        splitter = FrameSplitter()
        for chunk in self._chunks():
            for frame in splitter.feed(chunk):
                yield ServerSentEvent(frame, _data(frame))
        rest = splitter.flush()
        if rest.strip():
            yield ServerSentEvent(rest, _data(rest))

    def _chunks(self) -> Iterator[bytes]:
        """Yield what has arrived, without waiting for more, whatever the transfer coding.

        `iter_content` would wait for whole blocks on a body that ends with its connection.
        """
        if self._chunked:
            yield from self._payload(self._chunked)
            return
        while chunk := self._raw.read1(_READ_BYTES, decode_content=True):
            yield chunk

    def _payload(self, parser: ChunkParser) -> Iterator[bytes]:
        """Yield what has arrived of a chunked body, and free the connection at its end."""
        response = self._raw._original_response
        while not parser.done:
            data = response.fp.read1(_READ_BYTES)
            if not data:
                raise urllib3.exceptions.ProtocolError("IncompleteRead")
            payload = parser.feed(data)
            if parser.done and not parser.has_excess:
                response.close()
                self._raw.release_conn()
            if payload:
                yield payload
            if parser.fault:
                raise self._upstream.failed(parser.fault)


def _data(frame: bytes) -> str | None:
    """Decode a frame's data field; None when it has none.

    Nearly all frames are one `data: ` line; those need no parser.
    """
    if frame.startswith(b"data: ") and frame.endswith(b"\n\n"):
        line = frame[6:-2]
        if b"\n" not in line and b"\r" not in line:
            return line.decode(errors="replace") or None
    # sseclient refuses a stream that was cut within a character; the standard replaces it.
    text = frame.removeprefix(_BOM).decode(errors="replace")
    events = SSEClient(iter((text.encode(),))).events()
    return next((event.data for event in events), None)


def _reason(error: Exception) -> str:
    """Say what failed without a URL or an object's address in it."""
    text = f"{type(error).__name__} {error}".lower()
    for needle, reason in (
        ("nameresolution", "its host name does not resolve"),
        ("refused", "connection refused"),
        ("certificate", "its TLS certificate is not trusted"),
        ("ssl", "TLS failed"),
        ("reset", "connection reset"),
        ("incompleteread", "the connection closed in the middle of the answer"),
        ("remotedisconnected", "the connection closed without an answer"),
        ("invalidurl", "its URL is not valid"),
    ):
        if needle in text:
            return reason
    return type(error).__name__
