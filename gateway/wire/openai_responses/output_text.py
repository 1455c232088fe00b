"""What an answer's text carries beside its words: annotations and logprobs.

Source: https://platform.openai.com/docs/api-reference/responses/object
"""

from collections.abc import Iterable
from typing import Any

from gateway.canonical.content import Citation
from gateway.canonical.events import TokenLogprob
from gateway.wire.openai_responses.reading import integer, objects, string


def parse_citations(annotations: object) -> tuple[Citation, ...]:
    """Read annotations; those that cite nothing are left out.

    A file of a container is told without its place in the text, as no other dialect could open it.
    """
    citations = []
    for wire in objects(annotations):
        if url := string(wire.get("url")):
            citations.append(
                Citation(
                    url=url,
                    title=string(wire.get("title")) or None,
                    start=integer(wire.get("start_index")),
                    end=integer(wire.get("end_index")),
                )
            )
        elif file_id := string(wire.get("file_id")):
            title = string(wire.get("filename")) or None
            citations.append(Citation(file_id=file_id, title=title))
    return tuple(citations)


def render_annotations(citations: Iterable[Citation], text: str) -> list[dict[str, Any]]:
    """Render citations of a part of text; one that names neither a page nor a file has no place.

    A citation that does not say where it belongs is given the whole part.
    """
    annotations: list[dict[str, Any]] = []
    for citation in citations:
        if citation.url:
            annotations.append(
                {
                    "type": "url_citation",
                    "start_index": citation.start or 0,
                    "end_index": len(text) if citation.end is None else citation.end,
                    "url": citation.url,
                    "title": citation.title or "",
                }
            )
        elif citation.file_id:
            annotations.append(
                {
                    "type": "file_citation",
                    "file_id": citation.file_id,
                    "filename": citation.title or "",
                    "index": citation.start or 0,
                }
            )
    return annotations


def parse_logprobs(logprobs: object) -> tuple[TokenLogprob, ...]:
    """Read the logprobs of a part of text, or of a piece of it."""
    return tuple(
        TokenLogprob(
            string(wire.get("token")),
            _number(wire.get("logprob")),
            tuple(
                (string(top.get("token")), _number(top.get("logprob")))
                for top in objects(wire.get("top_logprobs"))
            ),
        )
        for wire in objects(logprobs)
    )


def render_logprobs(tokens: Iterable[TokenLogprob]) -> list[dict[str, Any]]:
    """Render the logprobs of a part of text, or of a piece of it."""
    return [
        {
            **_logprob(token.token, token.logprob),
            "top_logprobs": [_logprob(text, logprob) for text, logprob in token.top],
        }
        for token in tokens
    ]


def _logprob(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode(errors="replace"))}


def _number(value: object) -> float:
    return value if isinstance(value, float) else float(integer(value) or 0)
