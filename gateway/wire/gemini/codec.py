"""The Gemini dialect as one value."""

from gateway.canonical.request import Dialect
from gateway.wire.codec import Codec, Counting
from gateway.wire.gemini.count import (
    parse_count,
    parse_count_envelope,
    parse_count_request,
    render_count,
    render_count_request,
)
from gateway.wire.gemini.envelope import parse_envelope, render_native
from gateway.wire.gemini.errors import parse_error, render_error
from gateway.wire.gemini.features import SUPPORT
from gateway.wire.gemini.native import NativeReader
from gateway.wire.gemini.parse_answer import StreamParser, parse_answer, parse_native
from gateway.wire.gemini.parse_request import parse_request
from gateway.wire.gemini.render_answer import render_response
from gateway.wire.gemini.render_request import render_request
from gateway.wire.gemini.render_stream import make_renderer

CODEC = Codec(
    dialect=Dialect.GEMINI,
    support=SUPPORT,
    parse_envelope=parse_envelope,
    parse_request=parse_request,
    render_response=render_response,
    renderer=make_renderer,
    render_error=render_error,
    render_request=render_request,
    render_native=render_native,
    parse_answer=parse_answer,
    parse_native=parse_native,
    stream_parser=StreamParser,
    native_reader=NativeReader,
    parse_error=parse_error,
    counting=Counting(
        parse_envelope=parse_count_envelope,
        parse_request=parse_count_request,
        render_answer=render_count,
        render_request=lambda request, model: render_count_request(request, model=model),
        parse_answer=lambda body, instance: parse_count(body, instance=instance),
    ),
)
