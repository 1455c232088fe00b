"""Chunks of an upstream's answer -> canonical events, streamed or whole.

A part of the kind of the one before it goes on with it, as streams cut text anywhere; a signature
ends a block. What is of a wrong type is passed over.

Source: https://ai.google.dev/api/generate-content#generatecontentresponse
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.canonical.content import Media, Opaque
from gateway.canonical.events import (
    Event,
    Finished,
    Logprobs,
    MediaProduced,
    NativeBlock,
    ReasoningDelta,
    ReasoningEnded,
    Started,
    TextDelta,
    TextEnded,
    TokenLogprob,
    ToolCallDelta,
    ToolCallEnded,
    ToolCallStarted,
)
from gateway.canonical.request import Dialect
from gateway.wire.gemini.finish import parse_finish_reason
from gateway.wire.gemini.grounding import Grounding
from gateway.wire.gemini.media import file_media, inline_media
from gateway.wire.gemini.parse_parts import ANNOTATIONS, KNOWN
from gateway.wire.gemini.usage import parse_usage
from gateway.wire.opaque import Wrapped, unwrap

_NOT_OF_AN_ID = re.compile(r"[^A-Za-z0-9_-]+")
_MAX_ID = 24

_encode = msgspec.json.Encoder().encode


class _Block:
    """A block of text or of thought that may go on."""

    def __init__(self, *, is_thought: bool) -> None:
        self.is_thought = is_thought
        self.pieces: list[str] = []
        self.signed: Wrapped | None = None

    @property
    def signature(self) -> Opaque | None:
        """What signs it, which is its end."""
        return self.signed.signature if self.signed else None


class AnswerReader:
    """Reads one answer, chunk by chunk; of several candidates the first."""

    def __init__(self) -> None:
        self._started = False
        self._block: _Block | None = None
        self._calls = 0
        self._id = ""
        self._grounding = Grounding()
        self._usage: dict[str, Any] | None = None
        self._reason: str | None = None

    @property
    def is_finished(self) -> bool:
        """Whether the answer said why it ended."""
        return self._reason is not None

    def read(self, chunk: dict[str, Any]) -> Iterator[Event]:
        """Read one chunk, which is no error."""
        if not self._started:
            yield self._start(chunk)
        usage = chunk.get("usageMetadata")
        if isinstance(usage, dict) and usage:
            self._usage = usage
        feedback = chunk.get("promptFeedback")
        if isinstance(feedback, dict) and feedback.get("blockReason"):
            self._reason = "content_filter"
        candidate = first_candidate(chunk)
        if candidate is not None:
            yield from self._candidate(candidate)

    def end(self) -> Iterator[Event]:
        """Give the events that close the answer."""
        yield from self._close(is_last=True)
        if self._usage is not None:
            yield parse_usage(self._usage)
        reason = self._reason or ""
        yield Finished("tool_calls" if reason == "stop" and self._calls else reason)

    def _start(self, chunk: dict[str, Any]) -> Started:
        self._started = True
        model, id = chunk.get("modelVersion"), chunk.get("responseId")
        self._id = _NOT_OF_AN_ID.sub("", id)[:_MAX_ID] if isinstance(id, str) else ""
        return Started(
            model if isinstance(model, str) else "", id if isinstance(id, str) and id else None
        )

    def _candidate(self, candidate: dict[str, Any]) -> Iterator[Event]:
        self._grounding.read(candidate)
        content = candidate.get("content")
        parts = content.get("parts") if isinstance(content, dict) else None
        for part in parts if isinstance(parts, list) else ():
            if isinstance(part, dict):
                yield from self._part(part)
        tokens = tuple(_logprobs(candidate.get("logprobsResult")))
        if tokens:
            yield Logprobs(tokens)
        reason = parse_finish_reason(candidate.get("finishReason"))
        if reason is not None:
            self._reason = reason

    def _part(self, part: dict[str, Any]) -> Iterator[Event]:
        signed = _signature(part.get("thoughtSignature"))
        signature = signed.signature if signed else None
        text = part.get("text")
        kind = "text" if text else _kind(part)
        content = part.get(kind)
        if kind == "text":
            piece = text if isinstance(text, str) else ""
            yield from self._piece(piece, is_thought=bool(part.get("thought")), signed=signed)
        elif kind == "functionCall":
            if isinstance(content, dict):
                yield from self._call(content, signature)
        elif kind in ("inlineData", "fileData"):
            media = _media(kind, content, signature=signature)
            if media:
                yield from self._close()
                yield MediaProduced(media)
        else:
            yield from self._close()
            yield NativeBlock(Dialect.GEMINI.value, kind, _encode(part))

    def _piece(self, piece: str, *, is_thought: bool, signed: Wrapped | None) -> Iterator[Event]:
        if not piece and signed is None:
            return
        block = self._block
        # What was withheld has no text, so the text before it is not its own.
        withheld = signed is not None and signed.redacted
        if block and (block.is_thought is not is_thought or block.signed or withheld):
            yield from self._close()
        if self._block is None:
            self._block = _Block(is_thought=is_thought)
        self._block.signed = signed
        if piece:
            self._block.pieces.append(piece)
            yield ReasoningDelta(piece) if is_thought else TextDelta(piece)

    def _call(self, call: dict[str, Any], signature: Opaque | None) -> Iterator[Event]:
        name, id, arguments = call.get("name"), call.get("id"), call.get("args")
        if not isinstance(name, str) or not name:
            return
        yield from self._close()
        index = self._calls
        self._calls += 1
        if not isinstance(id, str) or not id:
            # Clients of other dialects tell the calls of a whole conversation apart by their ids.
            id = "_".join(filter(None, ("call", self._id, str(index))))
        yield ToolCallStarted(index, id, name)
        yield ToolCallDelta(index, _encode(arguments if arguments is not None else {}).decode())
        yield ToolCallEnded(index, signature)

    def _close(self, *, is_last: bool = False) -> Iterator[Event]:
        """End the block that is open, if one is."""
        block, self._block = self._block, None
        if block is None:
            return
        if block.is_thought:
            signed = block.signed
            redacted, id = (signed.redacted, signed.id) if signed else (False, None)
            yield ReasoningEnded(block.signature, redacted, id)
        else:
            citations = self._grounding.claim("".join(block.pieces), is_last=is_last)
            yield TextEnded(citations, block.signature)


def first_candidate(chunk: dict[str, Any]) -> dict[str, Any] | None:
    """The candidate of a chunk that is read: the one of index 0, which is left out as a 0."""
    candidates = chunk.get("candidates")
    for candidate in candidates if isinstance(candidates, list) else ():
        if isinstance(candidate, dict) and not candidate.get("index"):
            return candidate
    return None


def _signature(value: object) -> Wrapped | None:
    if not isinstance(value, str) or not value:
        return None
    return unwrap(value, own=Dialect.GEMINI.value)


def _kind(part: dict[str, Any]) -> str:
    """The member that says what a part is, not only something about it."""
    named = [name for name, value in part.items() if value is not None]
    known = (name for name in named if name in KNOWN)
    other = (name for name in named if name not in ANNOTATIONS)
    return next(known, None) or next(other, "text")


def _media(kind: str, content: object, *, signature: Opaque | None) -> Media | None:
    if not isinstance(content, dict):
        return None
    mime = content.get("mimeType")
    data, uri = content.get("data"), content.get("fileUri")
    if kind == "inlineData" and isinstance(mime, str) and isinstance(data, str):
        return inline_media(mime, data, signature=signature)
    if kind == "fileData" and isinstance(uri, str):
        return file_media(uri, mime if isinstance(mime, str) else None, signature=signature)
    return None


def _logprobs(result: object) -> Iterator[TokenLogprob]:
    """Read how likely the tokens were; a token without its figure is passed over."""
    if not isinstance(result, dict):
        return
    chosen, tops = result.get("chosenCandidates"), result.get("topCandidates")
    tops = tops if isinstance(tops, list) else []
    for index, token in enumerate(chosen if isinstance(chosen, list) else ()):
        pair = _token(token)
        if pair is None:
            continue
        top = tops[index].get("candidates") if index < len(tops) and _is_dict(tops[index]) else None
        others = (_token(other) for other in (top if isinstance(top, list) else ()))
        yield TokenLogprob(*pair, tuple(other for other in others if other is not None))


def _token(value: object) -> tuple[str, float] | None:
    if not isinstance(value, dict):
        return None
    token, logprob = value.get("token"), value.get("logProbability", 0.0)
    if isinstance(token, str) and isinstance(logprob, int | float):
        return token, float(logprob)
    return None


def _is_dict(value: object) -> bool:
    return isinstance(value, dict)
