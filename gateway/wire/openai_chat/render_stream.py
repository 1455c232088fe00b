"""Canonical events -> chat completion chunks.

Source: https://platform.openai.com/docs/api-reference/chat/streaming
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from gateway.canonical.content import Media
from gateway.canonical.errors import Failure
from gateway.canonical.events import (
    Event,
    Failed,
    Finished,
    Logprobs,
    MediaProduced,
    NativeFrame,
    ReasoningDelta,
    ReasoningEnded,
    RefusalDelta,
    Silence,
    Started,
    TextDelta,
    TextEnded,
    ToolCallDelta,
    ToolCallEnded,
    ToolCallStarted,
    Usage,
)
from gateway.canonical.request import Dialect
from gateway.wire.openai_chat.errors import render_error
from gateway.wire.openai_chat.reasoning import (
    render_call_detail,
    render_signature,
    render_text_detail,
)
from gateway.wire.openai_chat.render_parts import (
    is_image,
    is_recording,
    render_annotations,
    render_audio,
    render_finish_reason,
    render_image,
    render_logprobs,
)
from gateway.wire.openai_chat.usage import render_usage
from gateway.wire.sse import comment

Wire = dict[str, Any]

DONE = b"data: [DONE]\n\n"

_CHOICE = b',"choices":[{"index":0,"delta":'
_CLOSING = b',"logprobs":%b,"finish_reason":%b}]}\n\n'

_FIRST = {"role": "assistant", "content": "", "refusal": None}

_encode = msgspec.json.Encoder().encode


def render_failure_frame(failure: Failure) -> bytes:
    """Render the last frame of a stream that broke; no `[DONE]` may follow it."""
    native = failure.native
    if native and native.framed and native.dialect == Dialect.OPENAI_CHAT:
        return native.data
    return b"data: " + render_error(failure) + b"\n\n"


class StreamRenderer:
    """Renders one answer's events as SSE frames; native frames of this dialect pass as they are."""

    def __init__(
        self, *, id: str, created: int, include_usage: bool, model: str | None = None
    ) -> None:
        """
        Args:
            created: Unix seconds.
            include_usage: whether the client asked for a last chunk with the token counts.
            model: as the client is told; None = as the upstream calls it.
        """
        self._include_usage = include_usage
        self._told_model = model
        self._head: Wire = {"id": id, "object": "chat.completion.chunk", "created": created}
        self._begun = False
        self._opening = b""
        self._usage: Usage | None = None
        self._calls: dict[int, ToolCallStarted] = {}
        self._details = 0
        self._images = 0
        self._block: type[Event] | None = None
        # Characters of all text, and of the text before the block of text that is open.
        self._length = 0
        self._before = 0

    def render(self, events: Iterable[Event]) -> bytes:
        """Render the next events; empty when none of them shows."""
        return b"".join(
            event.data if isinstance(event, NativeFrame) else self._render(event)
            for event in events
        )

    def _render(self, event: Event) -> bytes:
        match event:
            case Started(model):
                return b"" if self._begun else self._begin(model)
            case Usage():
                self._usage = event
                return b""
            case Silence():
                return comment("keepalive")
            case Failed(failure):
                return render_failure_frame(failure)
            case Finished(reason):
                return self._finish(reason)
            case Logprobs(tokens):
                return self._frame({}, logprobs=render_logprobs(tokens))
            case _:
                delta = self._delta(event)
                return self._frame(delta) if delta else b""

    def _delta(self, event: Event) -> Wire:
        match event:
            case TextDelta(text) if text:
                self._enter(TextDelta)
                self._length += len(text)
                return {"content": text}
            case TextEnded():
                return self._end_text(event)
            case RefusalDelta(text) if text:
                self._enter(RefusalDelta)
                return {"refusal": text}
            case ReasoningDelta(text) if text:
                return self._think(text)
            case ReasoningEnded():
                return self._end_thought(event)
            case MediaProduced(media):
                self._enter(None)
                return self._media(media)
            case _:
                return self._tool_call(event)

    def _tool_call(self, event: Event) -> Wire:
        match event:
            case ToolCallStarted(index, id, name, custom):
                self._enter(None)
                self._calls[index] = event
                type, field = ("custom", "input") if custom else ("function", "arguments")
                call = {"index": index, "id": id, "type": type, type: {"name": name, field: ""}}
                return {"tool_calls": [call]}
            case ToolCallDelta(index, arguments):
                custom = index in self._calls and self._calls[index].custom
                type, field = ("custom", "input") if custom else ("function", "arguments")
                return {"tool_calls": [{"index": index, type: {field: arguments}}]}
            case ToolCallEnded(index, signature) if signature and index in self._calls:
                self._details += 1
                id = self._calls[index].id
                detail = render_call_detail(id, signature, index=self._details - 1)
                return {"reasoning_details": [detail]}
            case _:
                return {}

    def _enter(self, block: type[Event] | None) -> None:
        """Go on in a block of this kind; the one before it is over if it is of another."""
        if block is not self._block or block is None:
            if self._block is ReasoningDelta:
                self._details += 1
            self._block = block
            self._before = self._length

    def _think(self, text: str) -> Wire:
        """Say a piece of reasoning twice, as OpenRouter does: clients that hand signatures back
        put the entries of one index together and take their text from there."""
        self._enter(ReasoningDelta)
        detail = {"type": "reasoning.text", "text": text, "index": self._details}
        return {"reasoning_content": text, "reasoning_details": [detail]}

    def _end_text(self, event: TextEnded) -> Wire:
        self._enter(TextDelta)
        self._block = None
        delta: Wire = {}
        if annotations := render_annotations(event.citations, offset=self._before):
            delta["annotations"] = annotations
        if event.signature:
            delta["reasoning_details"] = [render_text_detail(event.signature, index=self._details)]
            self._details += 1
        return delta

    def _end_thought(self, event: ReasoningEnded) -> Wire:
        has_text = self._block is ReasoningDelta
        self._enter(None)
        if event.signature is None:
            return {}
        # What belongs to text has the index that its text had.
        index = self._details - has_text
        self._details += not has_text
        detail = render_signature(event.signature, event, index=index, has_text=has_text)
        return {"reasoning_details": [detail]}

    def _media(self, media: Media) -> Wire:
        if is_image(media):
            self._images += 1
            return {"images": [render_image(media, index=self._images - 1)]}
        if is_recording(media):
            id, created = self._head["id"], self._head["created"]
            return {"audio": render_audio(media, id=f"audio_{id}", expires_at=created)}
        return {}

    def _begin(self, model: str) -> bytes:
        self._head["model"] = model if self._told_model is None else self._told_model
        self._begun = True
        # What all chunks begin with is written once: a stream is thousands of them.
        self._opening = b"data: " + _encode(self._chunk())[:-1] + _CHOICE
        return self._frame(_FIRST)

    def _finish(self, reason: str) -> bytes:
        if not self._begun:
            return b""
        reason = render_finish_reason(reason, called=bool(self._calls))
        frame = self._frame({}, finish_reason=reason)
        if self._usage and self._include_usage:
            chunk = {**self._chunk(), "choices": [], "usage": render_usage(self._usage)}
            frame += b"data: " + _encode(chunk) + b"\n\n"
        return frame + DONE

    def _frame(
        self, delta: Wire, *, logprobs: Wire | None = None, finish_reason: str | None = None
    ) -> bytes:
        first = b"" if self._begun else self._begin("")
        rest = (b"null" if logprobs is None else _encode(logprobs), _encode(finish_reason))
        return first + self._opening + _encode(delta) + _CLOSING % rest

    def _chunk(self) -> Wire:
        usage = {"usage": None} if self._include_usage else {}
        return {**self._head, "system_fingerprint": None, **usage}
