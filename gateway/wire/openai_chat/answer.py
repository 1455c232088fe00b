"""Chat answers of upstreams, whole or as chunks -> canonical events.

One reader for both: a message is a delta that says everything at once.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from gateway.canonical.content import Media, MediaKind
from gateway.canonical.events import (
    Event,
    Finished,
    Logprobs,
    MediaProduced,
    ReasoningDelta,
    ReasoningEnded,
    RefusalDelta,
    Started,
    TextDelta,
    TokenLogprob,
    ToolCallDelta,
    ToolCallEnded,
    Usage,
)
from gateway.wire.openai_chat.citations import CitationReader
from gateway.wire.openai_chat.errors import parse_error_chunk
from gateway.wire.openai_chat.media import parse_url
from gateway.wire.openai_chat.reasoning import OWN, ReasoningReader
from gateway.wire.openai_chat.tool_calls import ToolCallReader
from gateway.wire.openai_chat.usage import BROKEN_OFF, parse_finish_reason, parse_usage
from gateway.wire.upstream_errors import truncated

_CALLED = ("", "stop")
"""Finish reasons that some upstreams give, and OpenAI when a call was forced, where a tool was
called."""

_MAX_LOGPROB = 1e9
"""A number over this is none, and an integer may be too large for a float."""


class AnswerReader:
    """Reads one answer: its first choice, as a canonical answer is one.

    Attributes:
        finished: whether the choice said why it finished.
    """

    def __init__(self, instance: str) -> None:
        self._instance = instance
        self._started = False
        self._choice: int | None = None
        self._reason = ""
        self._usage: Usage | None = None
        self._citations = CitationReader()
        self._said = False
        self._calls = ToolCallReader()
        self._reasoning = ReasoningReader(self._calls.ids)
        self.finished = False

    def read(self, wire: dict[str, Any]) -> Iterator[Event]:
        """Read a chunk or a completion.

        Raises:
            UpstreamError: the choice ends with an error.
        """
        choices = wire.get("choices")
        choice = self._own_choice(choices if isinstance(choices, list) else ())
        if not self._started and (choice or wire.get("id")):
            yield self._start(wire)
        self._read_usage(wire)
        self._citations.read_answer(wire)
        if choice:
            yield from self._read_choice(choice)

    def read_alone(self, index: int, text: str, *, reasoning: str) -> Event | None:
        """Read a piece of text or of reasoning that came alone.

        Returns:
            None where it has to be read with the rest of its chunk.
        """
        if not self._started or index != self._choice or bool(text) is bool(reasoning):
            return None
        if reasoning:
            return self._reasoning.go_on(reasoning)
        self._said = True
        self._citations.text(text)
        self._reasoning.interrupt()
        return TextDelta(text)

    def end(self) -> Iterator[Event]:
        """Give the events that close the answer."""
        if not self._started:
            yield self._start({})
        yield from self._citations.end(self._reasoning.text_signature)
        yield from self._calls.end()
        for call, signature in self._reasoning.signatures.items():
            if call in self._calls.ids:
                yield ToolCallEnded(self._calls.ids[call], signature)
            elif signature.origin == OWN:
                yield ReasoningEnded(signature, id=call)
        if self._usage:
            yield self._usage
        reason = parse_finish_reason(self._reason)
        yield Finished("tool_calls" if reason in _CALLED and self._calls.ids else reason)

    def _start(self, wire: dict[str, Any]) -> Started:
        self._started = True
        id = _string(wire.get("id")) or None
        self._calls.begin(id)
        return Started(_string(wire.get("model")), id)

    def _own_choice(self, choices: Iterable[object]) -> dict[str, Any] | None:
        for choice in choices:
            if isinstance(choice, dict):
                index = choice.get("index")
                index = index if isinstance(index, int) else 0
                if self._choice is None:
                    self._choice = index
                if index == self._choice:
                    return choice
        return None

    def _read_choice(self, choice: dict[str, Any]) -> Iterator[Event]:
        if choice.get("error"):
            raise parse_error_chunk(instance=self._instance, wire=choice, frame=b"")
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            # The whole message, where nothing has been said of it yet.
            delta = choice.get("message") if not self._said else None
        if isinstance(delta, dict):
            yield from self._read_delta(delta)
        logprobs = choice.get("logprobs")
        if isinstance(logprobs, dict) and (tokens := _tokens(logprobs)):
            yield Logprobs(tokens)
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason:
            if reason in BROKEN_OFF:
                raise truncated(self._instance)
            self.finished = True
            self._reason = reason

    def _read_delta(self, delta: dict[str, Any]) -> Iterator[Event]:
        self._citations.read_delta(delta)
        for event in self._said_by(delta):
            self._said = True
            if isinstance(event, TextDelta):
                self._citations.text(event.text)
            elif not isinstance(event, ToolCallDelta):
                yield from self._citations.interrupt()
            if not isinstance(event, ReasoningDelta | ReasoningEnded | ToolCallDelta):
                self._reasoning.interrupt()
            yield event

    def _said_by(self, delta: dict[str, Any]) -> Iterator[Event]:
        yield from self._reasoning.read(delta)
        content = delta.get("content")
        if isinstance(content, str):
            if content:
                yield TextDelta(content)
        elif isinstance(content, list):
            yield from _parts(content)
        refusal = delta.get("refusal")
        if isinstance(refusal, str) and refusal:
            yield RefusalDelta(refusal)
        yield from _images(delta.get("images"))
        yield from _audio(delta.get("audio"))
        yield from self._calls.read(delta)

    def _read_usage(self, wire: dict[str, Any]) -> None:
        usage = wire.get("usage")
        if usage is None and isinstance(groq := wire.get("x_groq"), dict):
            usage = groq.get("usage")
        if isinstance(usage, dict):
            self._usage = parse_usage(usage)


def _parts(content: list[Any]) -> Iterator[Event]:
    """Read a content that is a list of parts, as Mistral's is when the model thinks."""
    for part in content:
        if isinstance(part, str):
            yield from _text(part)
        if not isinstance(part, dict):
            continue
        match part.get("type"):
            case "thinking":
                yield from _thinking(part.get("thinking"))
            case "image_url":
                yield from _images([part])
            case _:
                yield from _text(part.get("text"))


def _text(text: object) -> Iterator[Event]:
    if isinstance(text, str) and text:
        yield TextDelta(text)


def _thinking(thinking: object) -> Iterator[Event]:
    for piece in thinking if isinstance(thinking, list) else [thinking]:
        text = piece.get("text") if isinstance(piece, dict) else piece
        if isinstance(text, str) and text:
            yield ReasoningDelta(text)


def _images(images: object) -> Iterator[Event]:
    for image in images if isinstance(images, list) else ():
        url = image.get("image_url") if isinstance(image, dict) else None
        url = url.get("url") if isinstance(url, dict) else url
        if isinstance(url, str) and url:
            yield MediaProduced(parse_url(url, kind=MediaKind.IMAGE))


def _audio(audio: object) -> Iterator[Event]:
    """Read a recording: its words as text, and when it is whole the sound."""
    if not isinstance(audio, dict):
        return
    yield from _text(audio.get("transcript"))
    data = audio.get("data")
    # In a stream the sound comes in pieces of a type that only the request names.
    if isinstance(data, str) and data and isinstance(audio.get("expires_at"), int):
        yield MediaProduced(Media(kind=MediaKind.AUDIO, data=data))


def _tokens(logprobs: dict[str, Any]) -> tuple[TokenLogprob, ...]:
    tokens = []
    for name in ("content", "refusal"):
        entries = logprobs.get(name)
        for entry in entries if isinstance(entries, list) else ():
            pair = _logprob(entry)
            if pair:
                top = entry.get("top_logprobs")
                others = map(_logprob, top if isinstance(top, list) else ())
                tokens.append(TokenLogprob(*pair, top=tuple(filter(None, others))))
    return tuple(tokens)


def _logprob(entry: object) -> tuple[str, float] | None:
    if not isinstance(entry, dict):
        return None
    token, logprob = entry.get("token"), entry.get("logprob")
    if isinstance(token, str) and isinstance(logprob, int | float) and abs(logprob) < _MAX_LOGPROB:
        return token, float(logprob)
    return None


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""
