"""Where a text's words come from: the dialect's five kinds of location <-> canonical citations.

A location's numbers count characters, pages or blocks of a source that only the provider has; they
do not cross. A citation always speaks of the whole text block that it stands in.

Source: https://platform.claude.com/docs/en/build-with-claude/citations
"""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from gateway.canonical.content import Citation


def parse_citation(wire: Mapping[str, Any]) -> Citation:
    """Read one location; what is missing or of another type is unknown."""
    url = _string(wire.get("url"))
    title = _string(wire.get("title")) or _string(wire.get("document_title"))
    source = _string(wire.get("source"))
    if source and url is None and "://" in source:
        url = source
    return Citation(
        url=url,
        title=title,
        quote=_string(wire.get("cited_text")),
        file_id=_string(wire.get("file_id")),
    )


def spanning(citation: Citation, length: int) -> Citation:
    """Say that a citation speaks of all `length` characters of its text block."""
    return replace(citation, start=0, end=length)


def render_citation(citation: Citation) -> dict[str, Any]:
    """Write a citation with every field that its kind requires.

    What only the provider of the source could know is empty or counts from the start.
    """
    quote = citation.quote or ""
    if citation.url is not None:
        return {
            "type": "web_search_result_location",
            "cited_text": quote,
            "url": citation.url,
            "title": citation.title,
            "encrypted_index": "",
        }
    return {
        "type": "char_location",
        "cited_text": quote,
        "document_index": 0,
        "document_title": citation.title,
        "start_char_index": 0,
        "end_char_index": len(quote),
        "file_id": citation.file_id,
    }


def _string(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
