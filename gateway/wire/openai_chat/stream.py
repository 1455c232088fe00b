"""Chat completion streams, as their users know them: see `native` and `render_stream`."""

from gateway.wire.openai_chat.native import NativeStream
from gateway.wire.openai_chat.render_stream import DONE, StreamRenderer, render_failure_frame
from gateway.wire.openai_chat.usage import parse_usage
from gateway.wire.upstream_errors import truncated

__all__ = [
    "DONE",
    "NativeStream",
    "StreamRenderer",
    "parse_usage",
    "render_failure_frame",
    "truncated",
]
