"""JSON texts as no encoder of ours would write them, with what they stand for."""

import json

from hypothesis import strategies as st

SPACE = st.text(st.sampled_from(" \t\n\r"), max_size=2)

_NUMBERS = st.from_regex(
    r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,5})?([eE][+-]?[0-9]{1,3})?", fullmatch=True
)
_CHARACTERS = st.characters(exclude_categories=("Cs",))
_KEYS = st.sampled_from(["model", "messages", "stream", "x", "", "módel", 'q"uote\\', "mod\0el"])


@st.composite
def escaped(draw: st.DrawFn, text: str) -> str:
    """The JSON string of a text, some of its characters escaped that need not be."""
    pieces = []
    for character in text:
        if draw(st.booleans()):
            units = character.encode("utf-16-be")
            pieces += [f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2)]
        else:
            pieces.append(json.dumps(character, ensure_ascii=False)[1:-1])
    return '"' + "".join(pieces) + '"'


def strings() -> st.SearchStrategy[str]:
    """JSON strings."""
    return st.text(_CHARACTERS, max_size=8).flatmap(escaped)


def values() -> st.SearchStrategy[str]:
    """JSON values of any type."""
    scalars = st.sampled_from(["true", "false", "null"]) | _NUMBERS | strings()
    return st.recursive(scalars, lambda inner: _arrays(inner) | _objects(inner), max_leaves=6)


@st.composite
def members(draw: st.DrawFn, key: str | None = None) -> tuple[str, str, str]:
    """One member of an object: its key, the text up to its value, and its value's text."""
    key = draw(_KEYS) if key is None else key
    spaces = [draw(SPACE) for _ in range(4)]
    head = spaces[0] + draw(escaped(key)) + spaces[1] + ":" + spaces[2]
    return key, head, draw(values()) + spaces[3]


def _arrays(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(inner, max_size=3).map(lambda items: "[" + " ,".join(items) + "]")


def _objects(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(strings(), inner).map(lambda pair: f"{pair[0]} :{pair[1]}")
    return st.lists(pairs, max_size=3).map(lambda items: "{" + ",\n".join(items) + "}")
