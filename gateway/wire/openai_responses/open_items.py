"""The items of a stream's output that are open, and the events that they are told by.

An item is open from its `output_item.added` to its `output_item.done`.

Source: https://platform.openai.com/docs/api-reference/responses-streaming
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.canonical.content import Citation
from gateway.canonical.events import ReasoningEnded, TokenLogprob, ToolCallStarted
from gateway.wire.openai_responses.output_text import render_logprobs
from gateway.wire.openai_responses.render_items import (
    Items,
    encrypted_thought,
    refusal_part,
    summary_part,
    text_part,
)

_encode = msgspec.json.Encoder().encode


class Frames:
    """Numbers events and keeps what they said of the output."""

    def __init__(self) -> None:
        self.sequence_number = 0
        self.output: list[Any] = []

    def event(self, type: str, **fields: Any) -> bytes:
        """Make the next event's frame."""
        data = _encode({"type": type, "sequence_number": self.sequence_number, **fields})
        self.sequence_number += 1
        # What is told as it came may be set over several lines; no line ends within its strings.
        data = data.replace(b"\n", b"").replace(b"\r", b"")
        return b"event: %s\ndata: %s\n\n" % (type.encode(), data)

    def begin(self, item: Any) -> bytes:
        """Open an item at the next place of the output."""
        self.output.append(item)
        index = len(self.output) - 1
        return self.event("response.output_item.added", output_index=index, item=item)

    def finish(self, index: int, item: Any) -> bytes:
        """Close an item."""
        self.output[index] = item
        return self.event("response.output_item.done", output_index=index, item=item)


class Message:
    """An open message and the part of it that is open."""

    def __init__(self, frames: Frames, items: Items, *, tokens: list[TokenLogprob]) -> None:
        """
        Args:
            tokens: what is known of tokens whose text has not come yet.
        """
        self._frames = frames
        self._items = items
        self._tokens = tokens
        self._index = len(frames.output)
        self._content: list[dict[str, Any]] = []
        self._open = False
        self._refuses = False
        self._pieces: list[str] = []
        self._logprobs: list[TokenLogprob] = []
        self._at: dict[str, Any] = {}

    def begin(self) -> bytes:
        """Open the message, without a part."""
        item = self._items.message(self._index, [], status="in_progress")
        self._at = {"item_id": item["id"], "output_index": self._index}
        return self._frames.begin(item)

    def say(self, piece: str, *, refuses: bool) -> bytes:
        """Add to the open part, after opening one of this kind."""
        opened = b""
        if not self._open or self._refuses is not refuses:
            opened = self.end_part() + self._begin_part(refuses)
        self._pieces.append(piece)
        if refuses:
            return opened + self._event("response.refusal.delta", delta=piece)
        logprobs = render_logprobs(self._take_tokens())
        return opened + self._event("response.output_text.delta", delta=piece, logprobs=logprobs)

    def end_part(self, citations: Sequence[Citation] = ()) -> bytes:
        """Close the open part, if one is."""
        if not self._open:
            return b""
        self._open = False
        text = "".join(self._pieces)
        if self._refuses:
            part = refusal_part(text)
            frames = self._event("response.refusal.done", refusal=text)
        else:
            self._take_tokens()
            part = text_part(text, citations, logprobs=self._logprobs)
            frames = self._annotations(part["annotations"]) + self._event(
                "response.output_text.done", text=text, logprobs=part["logprobs"]
            )
        frames += self._event("response.content_part.done", part=part)
        self._content.append(part)
        return frames

    def end(self, status: str = "completed") -> bytes:
        """Close the message."""
        part = self.end_part()
        item = self._items.message(self._index, self._content, status=status)
        return part + self._frames.finish(self._index, item)

    def _begin_part(self, refuses: bool) -> bytes:
        self._open, self._refuses = True, refuses
        self._pieces, self._logprobs = [], []
        part = refusal_part() if refuses else text_part()
        return self._event("response.content_part.added", part=part)

    def _take_tokens(self) -> list[TokenLogprob]:
        tokens = self._tokens[:]
        self._tokens.clear()
        self._logprobs += tokens
        return tokens

    def _annotations(self, annotations: list[dict[str, Any]]) -> bytes:
        return b"".join(
            self._event(
                "response.output_text.annotation.added",
                annotation_index=number,
                annotation=annotation,
            )
            for number, annotation in enumerate(annotations)
        )

    def _event(self, type: str, **fields: Any) -> bytes:
        return self._frames.event(type, **self._at, content_index=len(self._content), **fields)


class Summary:
    """An open summary of reasoning."""

    def __init__(self, frames: Frames, items: Items) -> None:
        self._frames = frames
        self._items = items
        self._index = len(frames.output)
        self._pieces: list[str] = []
        self._at: dict[str, Any] = {}

    def begin(self) -> bytes:
        """Open the item, without a summary."""
        item = self._items.reasoning(self._index)
        self._at = {"item_id": item["id"], "output_index": self._index}
        return self._frames.begin(item)

    def say(self, piece: str) -> bytes:
        """Add to the summary, which begins with its first piece."""
        opened = b""
        if not self._pieces:
            opened = self._event("response.reasoning_summary_part.added", part=summary_part())
        self._pieces.append(piece)
        return opened + self._event("response.reasoning_summary_text.delta", delta=piece)

    def end(self, _status: str = "", *, encrypted: str | None = None) -> bytes:
        """Close the item.

        Args:
            encrypted: what is to come back; None where nobody said that there is anything.
        """
        encrypted = encrypted or encrypted_thought(ReasoningEnded())
        text = "".join(self._pieces)
        frames = b""
        if self._pieces:
            frames = self._event("response.reasoning_summary_text.done", text=text)
            frames += self._event("response.reasoning_summary_part.done", part=summary_part(text))
        item = self._items.reasoning(self._index, text, encrypted=encrypted)
        return frames + self._frames.finish(self._index, item)

    def _event(self, type: str, **fields: Any) -> bytes:
        return self._frames.event(type, **self._at, summary_index=0, **fields)


class Call:
    """An open call of a client's tool."""

    def __init__(self, frames: Frames, items: Items, *, started: ToolCallStarted) -> None:
        self._frames = frames
        self._items = items
        self._index = len(frames.output)
        self._call = (started.id, started.name, started.custom)
        self._pieces: list[str] = []
        self._at: dict[str, Any] = {}

    @property
    def id(self) -> str:
        """The call's own id."""
        return self._call[0]

    def begin(self) -> bytes:
        """Open the item, without arguments."""
        item = self._items.call(self._index, self._call, arguments="", status="in_progress")
        self._at = {"item_id": item["id"], "output_index": self._index}
        return self._frames.begin(item)

    def say(self, piece: str) -> bytes:
        """Add to what the tool is called with."""
        self._pieces.append(piece)
        return self._event("delta", delta=piece)

    def end(self, status: str = "completed") -> bytes:
        """Close the item."""
        arguments = "".join(self._pieces)
        item = self._items.call(self._index, self._call, arguments=arguments, status=status)
        if self._call[2]:
            done = self._event("done", input=arguments)
        else:
            done = self._event("done", name=item["name"], arguments=arguments)
        return done + self._frames.finish(self._index, item)

    def _event(self, what: str, **fields: Any) -> bytes:
        kind = "custom_tool_call_input" if self._call[2] else "function_call_arguments"
        return self._frames.event(f"response.{kind}.{what}", **self._at, **fields)
