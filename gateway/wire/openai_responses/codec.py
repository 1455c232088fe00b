"""The responses dialect, as frontends and backends use it."""

from gateway.canonical.request import Dialect
from gateway.wire.codec import Codec
from gateway.wire.openai_responses.envelope import parse_envelope, render_native
from gateway.wire.openai_responses.errors import parse_error, render_error
from gateway.wire.openai_responses.features import SUPPORT
from gateway.wire.openai_responses.native import NativeStream
from gateway.wire.openai_responses.parse_answer import StreamParser, parse_answer, parse_native
from gateway.wire.openai_responses.parse_request import parse_request
from gateway.wire.openai_responses.render_request import render_request
from gateway.wire.openai_responses.render_response import render_response
from gateway.wire.openai_responses.render_stream import StreamRenderer

CODEC = Codec(
    dialect=Dialect.OPENAI_RESPONSES,
    support=SUPPORT,
    parse_envelope=parse_envelope,
    parse_request=parse_request,
    render_response=render_response,
    renderer=StreamRenderer,
    render_error=render_error,
    render_request=render_request,
    render_native=render_native,
    parse_answer=parse_answer,
    parse_native=parse_native,
    stream_parser=StreamParser,
    native_reader=NativeStream,
    parse_error=parse_error,
    trailer="[DONE]",
)
