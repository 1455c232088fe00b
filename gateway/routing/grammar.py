"""The selector grammar: text -> tree. Pure.

    selector = [ globals ] arm { "|" arm }                     tried in order
    arm      = leg | leg "^" leg ... | leg "!" leg ...         one | by weight | side by side
    leg      = { "[" entry { "," entry } "]" } leaf
    leaf     = [ instance ":" ] model [ "?" query ]
    globals  = "{" entry { "," entry } "}"

`|` binds loosest, then `^` and `!`, which do not mix in an arm. White space around a token is
dropped. The first `:` of a leaf separates the instance, the first `?` the query; a model may
contain `:` and `/`. In a query, `|` `^` `!` are written %7C %5E %21. Braces and brackets behind
the beginning of a leaf are text of the model. Nothing nests but those brackets, which are counted.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gateway.routing.annotations import (
    MAX_TIMEOUT_S,
    Annotations,
    Entry,
    closing,
    entries,
    read_annotations,
    skip_space,
)
from gateway.routing.parameters import read_query
from gateway.routing.selector_error import SelectorError, quoted
from gateway.routing.tree import (
    Affinity,
    Arm,
    Branch,
    Leaf,
    Leg,
    Race,
    Selector,
    Single,
    Weighted,
)

MAX_SELECTOR_BYTES = 65_536
MAX_LEAVES = 256
MAX_RACE_LEGS = 16
MAX_BRACKET_DEPTH = 16

_A_LEAF = "instance:model or a model"
_SEPARATORS = "|^!"
_PATH_MARK = re.compile(r"[\[\]|^!?]")
_QUERY_MARK = re.compile(r"[|^!]")
_GLOBAL = re.compile(
    r"(?<!\$)\{\s*(?:ttft_timeout|affinity|session_sticky|client_sticky)\s*[=,}]", re.IGNORECASE
)
_CONTROL = {"Cc", "Zl", "Zp"}
_STICKY = {"session_sticky": Affinity.SESSION, "client_sticky": Affinity.CLIENT}


class _Read(NamedTuple):
    """A leg as read, before it is known what kind of arm it is in."""

    annotations: Annotations
    leaf: Leaf
    end: int
    """Of the leaf: the position of a separator or the end of the text."""


def parse_selector(text: str) -> Selector:
    """Read a selector.

    >>> [leaf.key for leaf in leaves(parse_selector("a:b:c | d:e"))]
    ['a:b:c', 'd:e']

    Raises:
        SelectorError: it cannot be read, or is over a bound.
    """
    _check_text(text)
    position, ttft_timeout_s, affinity = _globals(text, skip_space(text, 0))
    arms: list[Arm] = []
    count = 0
    while True:
        legs, separators = _legs(text, position, room=MAX_LEAVES - count)
        count += len(legs)
        arms.append(_arm(text, legs, separators=separators))
        position = legs[-1].end + 1
        if legs[-1].end == len(text):
            return Selector(tuple(arms), ttft_timeout_s, affinity)


def _check_text(text: str) -> None:
    """Refuse what is too long, or is no text that could be sent on."""
    try:
        data = text[: MAX_SELECTOR_BYTES + 1].encode()
    except UnicodeEncodeError as error:
        expected = "Unicode text, not half a surrogate pair"
        raise SelectorError(text, error.start, expected=expected) from None
    if len(data) > MAX_SELECTOR_BYTES:
        position = len(data[:MAX_SELECTOR_BYTES].decode(errors="ignore"))
        expected = f"the end: {MAX_SELECTOR_BYTES} bytes are the most"
        raise SelectorError(text, position, expected=expected)


def _globals(text: str, position: int) -> tuple[int, int | None, Affinity | None]:
    """Read the block of settings, if there is one.

    Returns:
        the position behind it, the timeout, the affinity.
    """
    if not text.startswith("{", position):
        return position, None, None
    end = closing(text, position)
    ttft_timeout_s: int | None = None
    affinity: Affinity | None = None
    for entry in entries(text, position + 1, end=end, example="ttft_timeout=60"):
        if entry.name == "ttft_timeout":
            if ttft_timeout_s is not None:
                raise SelectorError(text, entry.position, expected="ttft_timeout once, not again")
            ttft_timeout_s = entry.number(text, maximum=MAX_TIMEOUT_S)
            continue
        found = _affinity(text, entry)
        if affinity is not None:
            raise SelectorError(text, entry.position, expected="an affinity once, not again")
        affinity = found
    position = skip_space(text, end + 1)
    if text.startswith("{", position):
        raise SelectorError(
            text, position, expected=f"one {{...}} at the beginning, then {_A_LEAF}"
        )
    return position, ttft_timeout_s, affinity


def _affinity(text: str, entry: Entry) -> Affinity:
    if sticky := _STICKY.get(entry.name):
        entry.without_value(text)
        return sticky
    if entry.name != "affinity":
        expected = f"ttft_timeout or affinity, not {quoted(entry.name)}"
        raise SelectorError(text, entry.position, expected=expected)
    try:
        return Affinity((entry.value or "").lower())
    except ValueError:
        expected = "affinity=session or affinity=client"
        raise SelectorError(text, entry.value_position, expected=expected) from None


def _legs(text: str, position: int, *, room: int) -> tuple[list[_Read], list[int]]:
    """Read the legs of one arm, and the positions of the separators between them."""
    legs: list[_Read] = []
    separators: list[int] = []
    while True:
        if len(legs) == room:
            expected = f"the end: {MAX_LEAVES} candidates are the most"
            raise SelectorError(text, position, expected=expected)
        leg = _leg(text, position)
        legs.append(leg)
        if leg.end == len(text) or text[leg.end] == "|":
            return legs, separators
        if separators and text[leg.end] != text[separators[0]]:
            expected = (
                f"'{text[separators[0]]}' as before: an arm is drawn from by weight (^) "
                "or is a race (!), not both"
            )
            raise SelectorError(text, leg.end, expected=expected)
        separators.append(leg.end)
        position = leg.end + 1


def _arm(text: str, legs: Sequence[_Read], *, separators: Sequence[int]) -> Arm:
    if separators and text[separators[0]] == "!":
        return _race(text, legs, separators=separators)
    _refuse(text, legs, names=("handicap",), where="in a race: a:m!b:m")
    if separators or {"weight", "first"} & legs[0].annotations.values.keys():
        return _weighted(text, legs)
    return Single(legs[0].leaf)


def _race(text: str, legs: Sequence[_Read], *, separators: Sequence[int]) -> Race:
    _refuse(text, legs, names=("weight", "first"), where="in an arm without '!': a:m^b:m")
    if len(legs) > MAX_RACE_LEGS:
        expected = f"at most {MAX_RACE_LEGS} candidates in a race"
        raise SelectorError(text, separators[MAX_RACE_LEGS - 1], expected=expected)
    return Race(tuple(Leg(leg.leaf, leg.annotations.values.get("handicap", 0)) for leg in legs))


def _weighted(text: str, legs: Sequence[_Read]) -> Weighted:
    firsts = [found for leg in legs if (found := leg.annotations.entries.get("first"))]
    if len(firsts) > 1:
        raise SelectorError(text, firsts[1].position, expected="one [first] in an arm, not two")
    return Weighted(
        tuple(
            Branch(
                leg.leaf,
                weight=leg.annotations.values.get("weight", 1),
                first="first" in leg.annotations.values,
            )
            for leg in legs
        )
    )


def _refuse(text: str, legs: Sequence[_Read], *, names: Sequence[str], where: str) -> None:
    for leg in legs:
        for name, entry in leg.annotations.entries.items():
            if name in names:
                raise SelectorError(text, entry.position, expected=f"[{name}] only {where}")


def _leg(text: str, position: int) -> _Read:
    annotations, position = read_annotations(text, skip_space(text, position))
    leaf, end = _leaf(text, skip_space(text, position), values=annotations.values)
    return _Read(annotations, leaf, end)


def _leaf(text: str, start: int, *, values: Mapping[str, int]) -> tuple[Leaf, int]:
    """Read a leaf up to the separator behind it."""
    path_end, end = _leaf_ends(text, start)
    if not text[start:path_end].strip():
        raise SelectorError(text, start, expected=_missing(text, start, path_end=path_end))
    colon = text.find(":", start, path_end)
    model_start = colon + 1 if colon >= 0 else start
    if not text[model_start:path_end].strip():
        raise SelectorError(text, model_start, expected="a model after ':'")
    _check_path(text, start, end=path_end)
    leaf = Leaf(
        instance=_name(text, start, end=colon) if colon >= 0 else "",
        model=_name(text, model_start, end=path_end),
        parameters=read_query(text, path_end + 1, end=end) if path_end < end else (),
        ttft_timeout_s=values.get("ttft_timeout"),
        min_context=values.get("min_context"),
        max_context=values.get("max_context"),
    )
    return leaf, end


def _missing(text: str, start: int, *, path_end: int) -> str:
    """Say what should be where no leaf is."""
    if text.startswith("?", path_end):
        return "a model before '?'"
    before = text[:start].rstrip()[-1:]
    after = text[path_end : path_end + 1]
    for separator in (before, after):
        if separator and separator in _SEPARATORS:
            side = "after" if separator == before else "before"
            return f"{_A_LEAF} {side} '{separator}'"
    return _A_LEAF


def _leaf_ends(text: str, start: int) -> tuple[int, int]:
    """Find the end of a leaf's path and the end of the leaf."""
    opened: list[int] = []
    for mark in _PATH_MARK.finditer(text, start):
        at = mark.start()
        if mark[0] == "[":
            opened.append(at)
            if len(opened) > MAX_BRACKET_DEPTH:
                expected = f"at most {MAX_BRACKET_DEPTH} brackets in one another"
                raise SelectorError(text, at, expected=expected)
        elif mark[0] == "]":
            if not opened:
                raise SelectorError(text, at, expected="'[' before this ']'")
            opened.pop()
        elif mark[0] == "?":
            _refuse_open(text, opened)
            query_mark = _QUERY_MARK.search(text, at)
            return at, query_mark.start() if query_mark else len(text)
        elif not opened:
            return at, at
    _refuse_open(text, opened)
    return len(text), len(text)


def _refuse_open(text: str, opened: Sequence[int]) -> None:
    if opened:
        raise SelectorError(text, opened[-1], expected="']' for this '['")


def _check_path(text: str, start: int, *, end: int) -> None:
    path = text[start:end]
    if (bar := path.find("|")) >= 0:
        raise SelectorError(text, start + bar, expected="no '|' in brackets")
    setting = _GLOBAL.search(path)
    if setting and setting.end() <= path.rfind("}") + 1:
        expected = "a setting of the whole call only at the beginning of the selector"
        raise SelectorError(text, start + setting.start(), expected=expected)


def _name(text: str, start: int, *, end: int) -> str:
    """Take a name without the white space around it."""
    name = text[start:end].strip()
    if name.isprintable():
        return name
    start = text.index(name, start)
    for position, char in enumerate(name, start):
        if unicodedata.category(char) in _CONTROL:
            raise SelectorError(text, position, expected="no control character in a name")
    return name
