"""The chat completions dialect as a codec."""

from gateway.canonical.collect import Answer
from gateway.canonical.request import Dialect
from gateway.wire.codec import Codec, Reply
from gateway.wire.openai_chat.errors import parse_error, render_error
from gateway.wire.openai_chat.features import SUPPORT
from gateway.wire.openai_chat.native import NativeStream, parse_native
from gateway.wire.openai_chat.parse_answer import ChatStreamParser, parse_answer
from gateway.wire.openai_chat.parse_request import parse_request
from gateway.wire.openai_chat.render_answer import render_response
from gateway.wire.openai_chat.render_request import render_request
from gateway.wire.openai_chat.render_stream import StreamRenderer
from gateway.wire.openai_chat.request import Envelope, parse_envelope, render_native

_ID_PREFIX = "chatcmpl-"


def _render_response(answer: Answer, reply: Reply) -> bytes:
    return render_response(
        answer, id=_ID_PREFIX + reply.id, model=reply.model, created=reply.created
    )


def _renderer(reply: Reply) -> StreamRenderer:
    envelope = reply.envelope
    return StreamRenderer(
        id=_ID_PREFIX + reply.id,
        created=reply.created,
        include_usage=isinstance(envelope, Envelope) and envelope.include_usage,
        model=reply.model,
    )


CODEC = Codec(
    dialect=Dialect.OPENAI_CHAT,
    support=SUPPORT,
    parse_envelope=parse_envelope,
    parse_request=parse_request,
    render_response=_render_response,
    renderer=_renderer,
    render_error=render_error,
    render_request=render_request,
    render_native=render_native,
    parse_answer=parse_answer,
    parse_native=parse_native,
    stream_parser=ChatStreamParser,
    native_reader=NativeStream,
    parse_error=parse_error,
)
