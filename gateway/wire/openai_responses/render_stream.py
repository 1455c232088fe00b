"""Canonical events -> a stream of this dialect.

Of messages and reasoning one is open at a time; calls of tools may be open beside it and beside
each other.

Source: https://platform.openai.com/docs/api-reference/responses-streaming
"""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Raw

from gateway.canonical.content import MediaKind, Opaque
from gateway.canonical.events import (
    Event,
    Failed,
    Finished,
    Logprobs,
    MediaProduced,
    NativeBlock,
    NativeFrame,
    ReasoningDelta,
    ReasoningEnded,
    RefusalDelta,
    Silence,
    Started,
    TextDelta,
    TextEnded,
    TokenLogprob,
    ToolCallDelta,
    ToolCallEnded,
    ToolCallStarted,
    Usage,
)
from gateway.canonical.request import Dialect
from gateway.wire.codec import Reply
from gateway.wire.openai_responses.errors import render_error_frame
from gateway.wire.openai_responses.open_items import Call, Frames, Message, Summary
from gateway.wire.openai_responses.render_items import encrypted_signature, encrypted_thought
from gateway.wire.openai_responses.render_response import items_of
from gateway.wire.openai_responses.resource import Resource, final_status
from gateway.wire.sse import comment


class StreamRenderer:
    """Renders one answer's events as SSE frames; native frames of this dialect pass as they are."""

    def __init__(self, reply: Reply) -> None:
        self._resource = Resource(reply)
        self._items = items_of(reply)
        self._frames = Frames()
        self._block: Message | Summary | None = None
        self._calls: dict[int, Call] = {}
        self._tokens: list[TokenLogprob] = []
        self._usage: Usage | None = None
        self._begun = False

    def render(self, events: Iterable[Event]) -> bytes:
        """Render the next events; empty when none of them shows."""
        return b"".join(map(self._render, events))

    def _render(self, event: Event) -> bytes:
        handler = _HANDLERS.get(type(event))
        return handler(self, event) if handler else b""

    def _native(self, event: NativeFrame) -> bytes:
        # A frame of ours that ends the stream counts on from the upstream's.
        self._frames.sequence_number += not event.data.startswith(b":")
        return event.data

    def _start(self, _event: Started) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        response = self._resource.begun()
        return self._frames.event("response.created", response=response) + self._frames.event(
            "response.in_progress", response=response
        )

    def _text(self, event: TextDelta | RefusalDelta) -> bytes:
        if not event.text:
            return b""
        opened, message = self._message()
        return opened + message.say(event.text, refuses=isinstance(event, RefusalDelta))

    def _text_ended(self, event: TextEnded) -> bytes:
        frames = b""
        if isinstance(self._block, Message):
            frames = self._block.end_part(event.citations)
        if event.signature:
            frames += self._close_block() + self._sign(event.signature)
        return frames

    def _thought(self, event: ReasoningDelta) -> bytes:
        if not event.text:
            return b""
        opened, reasoning = self._reasoning()
        return opened + reasoning.say(event.text)

    def _thought_ended(self, event: ReasoningEnded) -> bytes:
        if event.signature is None and not isinstance(self._block, Summary):
            return b""
        opened, reasoning = self._reasoning()
        self._block = None
        return opened + reasoning.end(encrypted=encrypted_thought(event))

    def _call(self, event: ToolCallStarted) -> bytes:
        frames = self._close_block()
        call = self._calls[event.index] = Call(self._frames, self._items, started=event)
        return frames + call.begin()

    def _call_delta(self, event: ToolCallDelta) -> bytes:
        call = self._calls.get(event.index)
        return call.say(event.arguments) if call and event.arguments else b""

    def _call_ended(self, event: ToolCallEnded) -> bytes:
        call = self._calls.pop(event.index, None)
        if call is None:
            return b""
        # The call is open, so its signature cannot come before it any more, only before its end.
        signed = self._sign(event.signature, call.id) if event.signature else b""
        return signed + call.end()

    def _media(self, event: MediaProduced) -> bytes:
        media = event.media
        if media.kind is not MediaKind.IMAGE or media.data is None:
            return b""
        frames = self._close_block()
        if media.signature:
            id = self._items.image_id(len(self._frames.output) + 1)
            frames += self._sign(media.signature, id)
        index = len(self._frames.output)
        begun = self._items.image(index, media, status="in_progress")
        frames += self._frames.begin(begun)
        for step in ("in_progress", "generating", "completed"):
            frames += self._frames.event(
                f"response.image_generation_call.{step}", output_index=index, item_id=begun["id"]
            )
        return frames + self._frames.finish(index, self._items.image(index, media))

    def _native_block(self, event: NativeBlock) -> bytes:
        if event.dialect != Dialect.OPENAI_RESPONSES:
            return b""
        frames = self._close_block()
        item = Raw(event.data)
        return (
            frames
            + self._frames.begin(item)
            + self._frames.finish(len(self._frames.output) - 1, item)
        )

    def _logprobs(self, event: Logprobs) -> bytes:
        self._tokens += event.tokens
        return b""

    def _count(self, event: Usage) -> bytes:
        self._usage = event
        return b""

    def _silence(self, _event: Silence) -> bytes:
        return comment("keepalive")

    def _fail(self, event: Failed) -> bytes:
        return render_error_frame(event.failure, sequence_number=self._frames.sequence_number)

    def _finish(self, event: Finished) -> bytes:
        if not self._begun:
            return b""
        # What was open when the tokens ran out is not whole.
        status = final_status(event.reason)
        frames = self._close_block(status)
        for index in sorted(self._calls):
            frames += self._calls[index].end(status)
        self._calls.clear()
        response = self._resource.finished(
            self._frames.output, usage=self._usage, reason=event.reason
        )
        return frames + self._frames.event(f"response.{response['status']}", response=response)

    def _message(self) -> tuple[bytes, Message]:
        if isinstance(self._block, Message):
            return b"", self._block
        frames = self._close_block()
        self._block = Message(self._frames, self._items, tokens=self._tokens)
        return frames + self._block.begin(), self._block

    def _reasoning(self) -> tuple[bytes, Summary]:
        if isinstance(self._block, Summary):
            return b"", self._block
        frames = self._close_block()
        self._block = Summary(self._frames, self._items)
        return frames + self._block.begin(), self._block

    def _close_block(self, status: str = "completed") -> bytes:
        block, self._block = self._block, None
        return block.end(status) if block else b""

    def _sign(self, signature: Opaque, belongs_to: str | None = None) -> bytes:
        """Tell a signature in an item of its own."""
        item = Summary(self._frames, self._items)
        return item.begin() + item.end(encrypted=encrypted_signature(signature, belongs_to))


_HANDLERS: dict[type[Event], Callable[[StreamRenderer, Any], bytes]] = {
    NativeFrame: StreamRenderer._native,
    Started: StreamRenderer._start,
    TextDelta: StreamRenderer._text,
    RefusalDelta: StreamRenderer._text,
    TextEnded: StreamRenderer._text_ended,
    ReasoningDelta: StreamRenderer._thought,
    ReasoningEnded: StreamRenderer._thought_ended,
    ToolCallStarted: StreamRenderer._call,
    ToolCallDelta: StreamRenderer._call_delta,
    ToolCallEnded: StreamRenderer._call_ended,
    MediaProduced: StreamRenderer._media,
    NativeBlock: StreamRenderer._native_block,
    Logprobs: StreamRenderer._logprobs,
    Usage: StreamRenderer._count,
    Silence: StreamRenderer._silence,
    Failed: StreamRenderer._fail,
    Finished: StreamRenderer._finish,
}
