"""Where an answer's text comes from: Gemini's grounding and citation metadata <-> canonical.

Gemini counts bytes of UTF-8, and not always from the part that it names; so a place counts where
its own words stand there.

Source: https://ai.google.dev/api/generate-content#GroundingMetadata
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from msgspec import Struct

from gateway.canonical.content import Citation


class _Support(Struct, frozen=True):
    """A place in the text, in bytes, and what it comes from."""

    sources: tuple[Citation, ...]
    start: int = 0
    end: int | None = None
    text: str | None = None


class Grounding:
    """Gathers what a candidate says of its sources until the text is whole."""

    def __init__(self) -> None:
        self._supports: list[_Support] = []
        self._citations: list[_Support] = []

    def read(self, candidate: dict[str, Any]) -> None:
        """Take what one chunk says; metadata that comes again replaces what came before."""
        metadata = candidate.get("groundingMetadata")
        if isinstance(metadata, dict) and metadata:
            self._supports = list(_supports(metadata))
        metadata = candidate.get("citationMetadata")
        if isinstance(metadata, dict) and metadata:
            self._citations = list(_cited(metadata))

    def claim(self, text: str, *, is_last: bool) -> tuple[Citation, ...]:
        """Take the citations of one whole block of text.

        Args:
            is_last: whether no text follows; then it gets also those that fit nowhere.
        """
        if not (self._supports or self._citations):
            return ()
        data = text.encode()
        claimed: list[Citation] = []
        left: list[_Support] = []
        for support in (*self._supports, *self._citations):
            place = _place(support, text, data=data)
            if place is None and not is_last:
                left.append(support)
                continue
            start, end = place or (None, None)
            claimed.extend(
                Citation(url=s.url, title=s.title, quote=s.quote, start=start, end=end)
                for s in support.sources
            )
        self._supports, self._citations = left, []
        return tuple(claimed)


def render_grounding(blocks: Iterable[tuple[int, str, tuple[Citation, ...]]]) -> dict[str, Any]:
    """Write the citations of an answer's blocks of text; empty when there are none.

    Args:
        blocks: the part that the text is, the text, and its citations.
    """
    sources: dict[Citation, int] = {}
    supports: list[dict[str, Any]] = []
    for part, text, citations in blocks:
        known = [citation for citation in citations if _cited_source(citation) != Citation()]
        for (start, end), group in groupby(known, key=lambda c: (c.start, c.end)):
            indices = [sources.setdefault(_cited_source(c), len(sources)) for c in group]
            support: dict[str, Any] = {"groundingChunkIndices": indices}
            if end is not None:
                support = {"segment": _segment(part, text, start=start or 0, end=end)} | support
            supports.append(support)
    if not supports:
        return {}
    return {
        "groundingChunks": [_chunk(source) for source in sources],
        "groundingSupports": supports,
    }


def _supports(metadata: dict[str, Any]) -> Iterator[_Support]:
    sources = [_source(chunk) for chunk in _dicts(metadata.get("groundingChunks"))]
    supports = _dicts(metadata.get("groundingSupports"))
    for support in supports:
        indices = support.get("groundingChunkIndices")
        cited = tuple(
            source
            for index in (indices if isinstance(indices, list) else ())
            if isinstance(index, int)
            and 0 <= index < len(sources)
            and (source := sources[index]) is not None
        )
        if not cited:
            continue
        segment = support.get("segment")
        yield _segment_of(segment, cited) if isinstance(segment, dict) else _Support(cited)
    if not supports:
        yield from (_Support((source,)) for source in sources if source is not None)


def _cited(metadata: dict[str, Any]) -> Iterator[_Support]:
    """Read what the model recites; the Gemini API and Vertex name the list differently."""
    for name in ("citationSources", "citations"):
        for source in _dicts(metadata.get(name)):
            citation = Citation(url=_string(source, "uri"), title=_string(source, "title"))
            if citation != Citation():
                yield _segment_of(source, (citation,))


def _segment_of(segment: dict[str, Any], sources: tuple[Citation, ...]) -> _Support:
    start, end = segment.get("startIndex"), segment.get("endIndex")
    return _Support(
        sources=sources,
        start=start if isinstance(start, int) and start > 0 else 0,
        end=end if isinstance(end, int) and end > 0 else None,
        text=_string(segment, "text"),
    )


def _source(chunk: dict[str, Any]) -> Citation | None:
    """Read where a piece of text comes from: the web, a map, an image, a document."""
    for name in ("web", "maps", "retrievedContext", "image"):
        source = chunk.get(name)
        if isinstance(source, dict):
            citation = Citation(
                url=_string(source, "uri") or _string(source, "sourceUri"),
                title=_string(source, "title"),
                quote=_string(source, "text") if name == "retrievedContext" else None,
            )
            return None if citation == Citation() else citation
    return None


def _place(support: _Support, text: str, *, data: bytes) -> tuple[int, int] | None:
    """Find a support's first character and the one past its last; None when it is not here."""
    if support.end is not None and support.end <= len(data):
        piece = data[support.start : support.end].decode(errors="ignore")
        if support.text is None or piece == support.text:
            start = len(data[: support.start].decode(errors="ignore"))
            return start, start + len(piece)
    if support.text:
        start = text.find(support.text)
        if start >= 0:
            return start, start + len(support.text)
    return None


def _segment(part: int, text: str, *, start: int, end: int) -> dict[str, Any]:
    """Write a place; as everywhere in this dialect, a 0 is left out."""
    first = len(text[:start].encode())
    piece = text[start:end]
    segment = {
        "partIndex": part,
        "startIndex": first,
        "endIndex": first + len(piece.encode()),
        "text": piece,
    }
    return {name: value for name, value in segment.items() if value != 0}


def _cited_source(citation: Citation) -> Citation:
    """What a citation cites, without the place; a page on the web has no room for its words."""
    quote = None if citation.url else citation.quote
    return Citation(url=citation.url, title=citation.title, quote=quote)


def _chunk(source: Citation) -> dict[str, Any]:
    wire = {"uri": source.url, "title": source.title, "text": source.quote}
    kind = "web" if source.url else "retrievedContext"
    return {kind: {name: value for name, value in wire.items() if value is not None}}


def _dicts(value: object) -> list[dict[str, Any]]:
    """The objects of a list, where it is one.

    What is no object keeps its place as an empty one: places are counted.
    """
    if not isinstance(value, list):
        return []
    return [item if isinstance(item, dict) else {} for item in value]


def _string(value: dict[str, Any], name: str) -> str | None:
    text = value.get(name)
    return text if isinstance(text, str) and text else None
