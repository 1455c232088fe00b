"""Whole chat completions, as their users know them: see `native` and `render_answer`."""

from gateway.wire.openai_chat.native import parse_native
from gateway.wire.openai_chat.render_answer import render_response

__all__ = ["parse_native", "render_response"]
