"""Answers one generation request, in whatever dialect: parse, resolve, submit, render.

Owns what all dialects do alike. What differs is in the codec and in the routes.
"""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from flask import Response, request

from gateway.canonical.call import Call
from gateway.canonical.collect import collect
from gateway.canonical.errors import GatewayError
from gateway.canonical.events import Event, NativeBody, Usage
from gateway.canonical.request import Dialect, Operation
from gateway.frontends.access import Access
from gateway.frontends.body import read_body
from gateway.frontends.delivery import Delivery
from gateway.runtime import Runtime
from gateway.web import Asked
from gateway.wire.codec import Codec, Envelope, ParseEnvelope, Reply
from gateway.wire.codecs import CODECS

ROUTE_HEADERS = ("X-Queueway-Route", "X-LIP-Route")

Adjust = Callable[[Envelope], Envelope]


class Frontend:
    """One dialect's way through a web process."""

    def __init__(
        self, runtime: Runtime, access: Access, *, delivery: Delivery, dialect: Dialect
    ) -> None:
        self._runtime = runtime
        self._access = access
        self._delivery = delivery
        self._codec = CODECS[dialect]

    @property
    def codec(self) -> Codec:
        """The dialect."""
        return self._codec

    def owner(self) -> str:
        """Name the owner of the current request.

        Raises:
            GatewayError: 401 or 403.
        """
        return self._access.owner(
            request.headers,
            remote_address=request.remote_addr or "",
            # Reading an empty query costs as much as the rest of this.
            query_key=request.args.get("key", "") if request.query_string else "",
        )

    def generate(self, *, adjust: Adjust | None = None, mimetype: str | None = None) -> Response:
        """Answer the current request with a generated answer.

        Args:
            adjust: puts into the envelope what stands elsewhere than in the body.
            mimetype: of a stream that is not server-sent events.
        Raises:
            GatewayError: the request is refused, or failed before the response began.
        """
        codec = self._codec
        owner, body, envelope = self._read(codec.parse_envelope, adjust)
        call = self._call(owner, envelope, operation=Operation.GENERATE)
        reply = Reply(
            id=call.id.rpartition("-")[2],
            created=int(time.time()),
            model=call.model,
            envelope=envelope,
        )
        if call.stream:
            with _naming(call):
                return self._delivery.stream(
                    call,
                    body,
                    client=_client(),
                    render=codec.renderer(reply).render,
                    mimetype=mimetype,
                )
        return self._whole(call, body, render=partial(_render_whole, codec, reply=reply))

    def count_tokens(self, *, adjust: Adjust | None = None) -> Response:
        """Answer the current request with the number of its tokens.

        Raises:
            GatewayError: the request is refused, or failed.
        """
        counting = self._codec.counting
        assert counting is not None
        owner, body, envelope = self._read(counting.parse_envelope, adjust)
        call = self._call(owner, envelope, operation=Operation.COUNT_TOKENS)
        return self._whole(call, body, render=partial(_render_count, counting.render_answer))

    def embed(self, parse: ParseEnvelope) -> Response:
        """Answer the current request with embeddings.

        Raises:
            GatewayError: the request is refused, or failed.
        """
        owner, body, envelope = self._read(parse, None)
        call = self._call(owner, envelope, operation=Operation.EMBED)
        return self._whole(call, body, render=_native_bytes)

    def _read(self, parse: ParseEnvelope, adjust: Adjust | None) -> tuple[str, bytes, Envelope]:
        server = self._runtime.config.server
        owner = self.owner()
        body = read_body(limit=server.max_request_body_bytes)
        envelope = parse(body, max_depth=server.max_json_depth)
        return owner, body, adjust(envelope) if adjust else envelope

    def _call(self, owner: str, envelope: Envelope, *, operation: Operation) -> Call:
        headers = request.headers
        header = next((value for name in ROUTE_HEADERS if (value := headers.get(name))), None)
        asked = Asked(
            dialect=self._codec.dialect,
            operation=operation,
            model=envelope.model,
            stream=envelope.streams and operation is Operation.GENERATE,
            headers={
                name.lower(): value
                for name, value in headers.items()
                if name.lower() in self._runtime.client_headers
            },
        )
        route = self._runtime.router.resolve(envelope.model, header=header)
        return self._runtime.web.new_call(asked, owner=owner, route=route)

    def _whole(
        self, call: Call, body: bytes, *, render: Callable[[list[Event]], bytes]
    ) -> Response:
        with _naming(call):
            return self._delivery.whole(
                call, body, client=_client(), render=render, render_error=self._codec.render_error
            )


@contextmanager
def _naming(call: Call) -> Iterator[None]:
    """Put the call's id onto the error that ends the block."""
    try:
        yield
    except GatewayError as error:
        error.call_id = call.id
        raise


def _client() -> socket.socket | None:
    """The client's socket, where the server tells; it shows when the client leaves."""
    client: socket.socket | None = request.environ.get("gunicorn.socket")
    return client


def _render_whole(codec: Codec, events: list[Event], *, reply: Reply) -> bytes:
    return _native_bytes(events) or codec.render_response(collect(events), reply)


def _native_bytes(events: list[Event]) -> bytes:
    return b"".join(event.data for event in events if isinstance(event, NativeBody))


def _render_count(render: Callable[[int], bytes], events: list[Event]) -> bytes:
    counts = [event.input_tokens for event in events if isinstance(event, Usage)]
    return _native_bytes(events) or render(counts[-1] if counts else 0)
