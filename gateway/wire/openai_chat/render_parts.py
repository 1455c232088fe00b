"""Pieces of a rendered chat answer that whole answers and chunks have in common."""

from collections.abc import Sequence
from typing import Any

from gateway.canonical.content import Citation, Media, MediaKind
from gateway.canonical.events import TokenLogprob
from gateway.wire.openai_chat.media import media_url

Wire = dict[str, Any]

_FINISH_REASONS = frozenset({"stop", "length", "tool_calls", "content_filter"})


def render_finish_reason(reason: str, *, called: bool) -> str:
    """Write why an answer ended.

    Args:
        called: whether it has tool calls.
    """
    if reason in _FINISH_REASONS:
        return reason
    return "tool_calls" if called and not reason else "stop"


def render_annotations(citations: Sequence[Citation], *, offset: int) -> list[Wire]:
    """Write what is cited of the web; the dialect can cite nothing else.

    Args:
        offset: characters of the answer's text before the text that these speak of.
    """
    return [_annotation(citation, offset) for citation in citations if citation.url]


def render_logprobs(tokens: Sequence[TokenLogprob]) -> Wire:
    """Write how likely tokens were."""
    content = [
        {
            **_token(token.token, token.logprob),
            "top_logprobs": [_token(other, logprob) for other, logprob in token.top],
        }
        for token in tokens
    ]
    return {"content": content, "refusal": None}


def render_image(media: Media, *, index: int) -> Wire:
    """Write an image that the model made, as OpenRouter does."""
    return {"type": "image_url", "image_url": {"url": media_url(media)}, "index": index}


def render_audio(media: Media, *, id: str, expires_at: int) -> Wire:
    """Write a recording that the model made; its words are text of their own."""
    return {"id": id, "data": media.data or "", "expires_at": expires_at, "transcript": ""}


def is_image(media: Media) -> bool:
    """Whether a medium is an image that can be shown."""
    return media.kind is MediaKind.IMAGE and media.file_id is None


def is_recording(media: Media) -> bool:
    """Whether a medium is a recording that can be played."""
    return media.kind is MediaKind.AUDIO and media.data is not None


def _annotation(citation: Citation, offset: int) -> Wire:
    known = citation.start is not None and citation.end is not None
    source: Wire = {
        "url": citation.url,
        "title": citation.title or "",
        # An empty range is how OpenRouter says that it does not know.
        "start_index": offset + (citation.start or 0) if known else 0,
        "end_index": offset + (citation.end or 0) if known else 0,
    }
    if citation.quote:
        source["content"] = citation.quote
    return {"type": "url_citation", "url_citation": source}


def _token(token: str, logprob: float) -> Wire:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode())}
