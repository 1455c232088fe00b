"""Sources of chat answers: `annotations`, and the lists that search providers give -> citations.

Source: https://platform.openai.com/docs/guides/tools-web-search?api-mode=chat
Source: https://docs.perplexity.ai/api-reference/chat-completions-post (`citations`,
`search_results`: the whole list in every chunk)
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.canonical.content import Citation, Opaque
from gateway.canonical.events import TextEnded


class CitationReader:
    """Gathers an answer's citations until the text that they speak of is whole.

    Some upstreams give them before the text, some after it. Their positions count from the begin
    of all text, the canonical ones from that of their own part.
    """

    def __init__(self) -> None:
        self._cited: list[Citation] = []
        self._sources: list[Citation] = []
        self._length = 0
        self._begin = 0
        self._in_text = False

    def read_answer(self, wire: dict[str, Any]) -> None:
        """Read what stands beside the choices."""
        results, urls = wire.get("search_results"), wire.get("citations")
        if isinstance(results, list) and results:
            found = [_citation(result) for result in results if isinstance(result, dict)]
            self._sources = [source for source in found if source.url]
        elif isinstance(urls, list) and urls:
            self._sources = [Citation(url=url) for url in urls if isinstance(url, str)]

    def read_delta(self, delta: dict[str, Any]) -> None:
        """Read the annotations of a message or delta."""
        annotations = delta.get("annotations")
        for annotation in annotations if isinstance(annotations, list) else ():
            cited = annotation.get("url_citation") if isinstance(annotation, dict) else None
            if isinstance(cited, dict):
                self._cited.append(_citation(cited))

    def text(self, text: str) -> None:
        """Take note of a piece of text."""
        if not self._in_text:
            self._in_text, self._begin = True, self._length
        self._length += len(text)

    def interrupt(self) -> Iterator[TextEnded]:
        """Take note that something else than text begins."""
        if self._in_text:
            yield from self.end()
        self._in_text = False

    def end(self, signature: Opaque | None = None) -> Iterator[TextEnded]:
        """End the text that is open, where anything is cited or it is signed."""
        citations = self._cited or self._sources
        if citations or signature:
            moved = tuple(_moved(citation, self._begin) for citation in citations)
            yield TextEnded(moved, signature)
        self._cited, self._sources = [], []


def _citation(wire: dict[str, Any]) -> Citation:
    start, end = wire.get("start_index"), wire.get("end_index")
    # An empty range is how those say that do not know.
    known = isinstance(start, int) and isinstance(end, int) and 0 <= start < end < 2**53
    return Citation(
        url=_string(wire.get("url")),
        title=_string(wire.get("title")),
        quote=_string(wire.get("content")),
        start=start if known else None,
        end=end if known else None,
    )


def _moved(citation: Citation, begin: int) -> Citation:
    if citation.start is None or citation.end is None or not begin:
        return citation
    known = citation.start >= begin
    return msgspec.structs.replace(
        citation,
        start=citation.start - begin if known else None,
        end=citation.end - begin if known else None,
    )


def _string(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
