"""The Messages dialect as one value."""

from gateway.canonical.request import Dialect
from gateway.wire.anthropic_messages.count import parse_count, render_count
from gateway.wire.anthropic_messages.envelope import parse_envelope, render_native
from gateway.wire.anthropic_messages.errors import parse_error, render_error
from gateway.wire.anthropic_messages.features import SUPPORT
from gateway.wire.anthropic_messages.native import NativeReader, parse_native
from gateway.wire.anthropic_messages.parse_answer import StreamParser, parse_answer
from gateway.wire.anthropic_messages.parse_request import parse_request
from gateway.wire.anthropic_messages.render_answer import render_response
from gateway.wire.anthropic_messages.render_request import render_count_request, render_request
from gateway.wire.anthropic_messages.render_stream import StreamRenderer
from gateway.wire.codec import Codec, Counting

CODEC = Codec(
    dialect=Dialect.ANTHROPIC_MESSAGES,
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
    native_reader=NativeReader,
    parse_error=parse_error,
    counting=Counting(
        parse_envelope=parse_envelope,
        parse_request=parse_request,
        render_answer=render_count,
        render_request=lambda request, model: render_count_request(request, model=model),
        parse_answer=lambda body, instance: parse_count(body, instance=instance),
    ),
)
