"""Streams: canonical events -> frames, one content block after the other.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from collections import deque
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Raw

from gateway.canonical.content import Reasoning
from gateway.canonical.events import (
    Event,
    Failed,
    Finished,
    NativeBlock,
    NativeFrame,
    ReasoningDelta,
    ReasoningEnded,
    RefusalDelta,
    Silence,
    TextDelta,
    TextEnded,
    ToolCallDelta,
    ToolCallEnded,
    ToolCallStarted,
    Usage,
)
from gateway.canonical.request import Dialect
from gateway.wire.anthropic_messages.citations import render_citation
from gateway.wire.anthropic_messages.endings import render_stop_reason, render_usage
from gateway.wire.anthropic_messages.errors import render_error_frame
from gateway.wire.anthropic_messages.render_answer import (
    render_call_signature,
    render_message,
    render_reasoning,
    render_text_signature,
)
from gateway.wire.codec import Reply
from gateway.wire.opaque import UNSIGNED, wrap
from gateway.wire.sse import comment

_OWN = Dialect.ANTHROPIC_MESSAGES
PING = b'event: ping\ndata: {"type": "ping"}\n\n'

_encode = msgspec.json.Encoder().encode
_object_decoder = msgspec.json.Decoder(dict[str, Raw])
_type_decoder = msgspec.json.Decoder(str)

_Members = dict[str, Any]


class _Block:
    """A content block that is not yet sent to its end."""

    def __init__(self, kind: str, start: _Members | Raw) -> None:
        self.kind = kind
        self.start = start
        self.deltas: list[_Members] = []
        """Pieces that wait until the blocks before it are whole."""
        self.ended = False
        self.is_unsigned = kind == "thinking"
        """Whether it is thinking that needs a signature before its end."""


class StreamRenderer:
    """Renders one answer's events as SSE frames; native frames of this dialect pass as they are.

    The dialect has one open block at a time. What comes while a tool call is under way waits in its
    own block until that call is whole.
    """

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._usage: Usage | None = None
        self._frames: list[bytes] = []
        self._blocks: deque[_Block] = deque()
        """The first is the one that the client is being told of."""
        self._calls: dict[int, tuple[str, _Block]] = {}
        self._index = 0
        self._begun = False
        self._native = False

    def render(self, events: Iterable[Event]) -> bytes:
        """Render the next events; empty when none of them shows."""
        for event in events:
            self._event(event)
        rendered = b"".join(self._frames)
        self._frames.clear()
        return rendered

    def _event(self, event: Event) -> None:
        match event:
            case NativeFrame(data):
                self._native = True
                self._frames.append(data)
            case TextDelta() | TextEnded() | RefusalDelta() | ReasoningDelta() | ReasoningEnded():
                self._prose(event)
            case ToolCallStarted() | ToolCallDelta() | ToolCallEnded():
                self._tool_call(event)
            case NativeBlock(dialect, _, data):
                if dialect == _OWN:
                    self._native_block(Raw(data))
            case Usage():
                self._usage = event
            case Silence():
                # Before `message_start` no event is due, not even this one.
                self._frames.append(PING if self._begun else comment("keepalive"))
            case Failed(failure):
                self._frames.append(render_error_frame(failure))
            case Finished():
                self._finish(event)
            case _:
                pass

    def _prose(
        self, event: TextDelta | TextEnded | RefusalDelta | ReasoningDelta | ReasoningEnded
    ) -> None:
        match event:
            case TextDelta(text):
                self._say("text", {"type": "text_delta", "text": text}, says=text)
            case RefusalDelta(text):
                self._say("refusal", {"type": "text_delta", "text": text}, says=text)
            case ReasoningDelta(text):
                self._say("thinking", {"type": "thinking_delta", "thinking": text}, says=text)
            case TextEnded(citations, signature):
                if block := self._current("text"):
                    for citation in citations:
                        rendered = render_citation(citation)
                        self._delta(block, {"type": "citations_delta", "citation": rendered})
                    self._end(block)
                if signature:
                    carrier = render_text_signature(signature)
                    self._end(self._begin("redacted_thinking", carrier))
            case ReasoningEnded():
                self._end_reasoning(event)

    def _say(self, kind: str, delta: _Members, *, says: str) -> None:
        if says:
            block = self._current(kind) or self._begin(kind, dict(_STARTS[kind]))
            self._delta(block, delta)

    def _end_reasoning(self, event: ReasoningEnded) -> None:
        block = self._current("thinking")
        if block is None:
            part = Reasoning(signature=event.signature, redacted=event.redacted, id=event.id)
            wire = render_reasoning(part)
            if wire is None:
                return
            if wire["type"] != "thinking":
                self._end(self._begin("redacted_thinking", wire))
                return
            block = self._begin("thinking", dict(_STARTS["thinking"]))
        self._sign(block, event)
        self._end(block)

    def _sign(self, block: _Block, ended: ReasoningEnded) -> None:
        block.is_unsigned = False
        opaque = ended.signature or UNSIGNED
        signature = wrap(opaque, own=_OWN, redacted=ended.redacted, id=ended.id)
        self._delta(block, {"type": "signature_delta", "signature": signature})

    def _tool_call(self, event: ToolCallStarted | ToolCallDelta | ToolCallEnded) -> None:
        match event:
            case ToolCallStarted(index, id, name):
                start = {"type": "tool_use", "id": id, "name": name, "input": {}}
                self._calls[index] = (id, self._begin("tool_use", start))
            case ToolCallDelta(index, piece):
                if piece and (call := self._calls.get(index)):
                    self._delta(call[1], {"type": "input_json_delta", "partial_json": piece})
            case ToolCallEnded(index, signature):
                id, block = self._calls.get(index, ("", None))
                if block is None or block.ended:
                    return
                if signature:
                    carrier = _Block("redacted_thinking", render_call_signature(id, signature))
                    carrier.ended = True
                    self._blocks.insert(self._blocks.index(block) + 1, carrier)
                self._end(block)

    def _native_block(self, data: Raw) -> None:
        """Show a block whole, its input in a piece of its own as the API does."""
        deltas: list[_Members] = []
        start: Any = data
        try:
            members = _object_decoder.decode(data)
            type = _type_decoder.decode(members.get("type", Raw(b'""')))
        except (msgspec.DecodeError, RecursionError):
            return
        if type.endswith("tool_use") and "input" in members:
            piece = bytes(members["input"]).decode()
            deltas.append({"type": "input_json_delta", "partial_json": piece})
            start = members | {"input": Raw(b"{}")}
        block = self._begin("native", start)
        for delta in deltas:
            self._delta(block, delta)
        self._end(block)

    def _finish(self, finished: Finished) -> None:
        if self._native:
            return
        for block in list(self._blocks):
            if not block.ended:
                self._end(block)
        self._start_message()
        stop_reason = render_stop_reason(
            finished.reason, stop_sequence=finished.stop_sequence, tools=bool(self._calls)
        )
        delta = {
            "stop_reason": stop_reason,
            "stop_sequence": finished.stop_sequence,
            "stop_details": None,
        }
        self._send("message_delta", {"delta": delta, "usage": render_usage(self._usage)})
        self._send("message_stop", {})

    def _current(self, kind: str) -> _Block | None:
        """The block that a piece of text goes on with."""
        last = self._blocks[-1] if self._blocks else None
        return last if last and last.kind == kind and not last.ended else None

    def _begin(self, kind: str, start: _Members | Raw) -> _Block:
        last = self._blocks[-1] if self._blocks else None
        # Only calls can be under way side by side; any other block ends where the next begins.
        if last and last.kind != "tool_use" and not last.ended:
            self._end(last)
        block = _Block(kind, start)
        self._blocks.append(block)
        if self._blocks[0] is block:
            self._show(block)
        return block

    def _delta(self, block: _Block, delta: _Members) -> None:
        if block.ended:
            return
        if self._blocks[0] is block:
            self._send("content_block_delta", {"index": self._index, "delta": delta})
        else:
            block.deltas.append(delta)

    def _end(self, block: _Block) -> None:
        """End a block, and show those that waited for it."""
        if block.is_unsigned:
            self._sign(block, ReasoningEnded())
        block.ended = True
        while self._blocks and self._blocks[0].ended:
            self._send("content_block_stop", {"index": self._index})
            self._blocks.popleft()
            self._index += 1
            if self._blocks:
                self._show(self._blocks[0])

    def _show(self, block: _Block) -> None:
        self._start_message()
        self._send("content_block_start", {"index": self._index, "content_block": block.start})
        for delta in block.deltas:
            self._send("content_block_delta", {"index": self._index, "delta": delta})
        block.deltas.clear()

    def _start_message(self) -> None:
        if not self._begun:
            self._begun = True
            self._send("message_start", {"message": render_message(self._reply, self._usage)})

    def _send(self, type: str, members: _Members) -> None:
        data = _encode({"type": type, **members})
        self._frames.append(b"event: " + type.encode() + b"\ndata: " + data + b"\n\n")


_STARTS: dict[str, _Members] = {
    "text": {"type": "text", "text": ""},
    "refusal": {"type": "text", "text": ""},
    "thinking": {"type": "thinking", "thinking": "", "signature": ""},
}
