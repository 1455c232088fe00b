"""Aliases: patterns of the configuration that rewrite a selector before it is read. Pure.

The first rule whose pattern is found anywhere in the selector replaces all that it finds, once;
what comes out is not looked at again. In a replacement `$1`, `${1}` and `${name}` stand for groups
and `$$` for a dollar. The longest name counts: `$1x` is the group `1x`, so `${1}x` is meant.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from gateway.routing.grammar import MAX_SELECTOR_BYTES, parse_selector
from gateway.routing.selector_error import SelectorError

MAX_ALIASED_CHARS = 512
"""Of a selector that patterns look at: one with several `.*` takes a power of the length."""

_REFERENCE = re.compile(r"\$(?:(?P<dollar>\$)|(?P<plain>\w+)|\{(?P<braced>\w+)\})", re.ASCII)


class AliasError(ValueError):
    """A rule that the configuration should not have; the message says what to do."""


class Alias:
    """One rule: a pattern and what is written in its place."""

    def __init__(self, pattern: str, replacement: str) -> None:
        """
        Raises:
            AliasError: the pattern is blank or no pattern, or the replacement is no selector or
                names a group that the pattern does not have.
        """
        if not pattern.strip():
            raise AliasError("the pattern is blank; write a regular expression")
        try:
            self._pattern = re.compile(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            raise AliasError(f"the pattern is no regular expression: {error}") from None
        try:
            parse_selector(replacement)
        except SelectorError as error:
            raise AliasError(f"the replacement is no selector: {error}") from None
        self._template = tuple(_template(replacement))
        for _, group in self._template:
            self._check(group)

    def apply(self, text: str) -> str | None:
        """Rewrite a selector; None when the pattern is not found in it.

        Raises:
            SelectorError: what comes out is too long.
        """
        matches = list(_matches(self._pattern, text))
        if not matches:
            return None
        parts = []
        size, position = 0, 0
        for match in matches:
            parts += [text[position : match.start()], self._expand(match)]
            size += len(parts[-1])
            position = match.end()
            if size > MAX_SELECTOR_BYTES:
                expected = f"a selector whose alias is at most {MAX_SELECTOR_BYTES} bytes"
                raise SelectorError(text, 0, expected=expected)
        return "".join([*parts, text[position:]])

    def _expand(self, match: re.Match[str]) -> str:
        return "".join(
            literal + (match[group] or "" if group is not None else "")
            for literal, group in self._template
        )

    def _check(self, group: str | int | None) -> None:
        known = group is None or group in self._pattern.groupindex
        if not known and not (isinstance(group, int) and group <= self._pattern.groups):
            raise AliasError(
                f"the replacement names the group '{group}', which the pattern does not have; "
                "write ${1}x for the group 1 before an x, $$ for a dollar"
            )


class Aliases:
    """The rules of a configuration, in order."""

    def __init__(self, rules: Iterable[Alias] = ()) -> None:
        self._rules = tuple(rules)

    def apply(self, text: str) -> str:
        """Rewrite a selector by the first rule that fits, without the white space around it.

        Raises:
            SelectorError: it is too long to be looked at, or becomes too long.
        """
        text = text.strip()
        if self._rules and len(text) > MAX_ALIASED_CHARS:
            expected = f"the end: {MAX_ALIASED_CHARS} characters are the most where aliases are set"
            raise SelectorError(text, MAX_ALIASED_CHARS, expected=expected)
        for rule in self._rules:
            if (rewritten := rule.apply(text)) is not None:
                return rewritten
        return text


class _Piece(NamedTuple):
    literal: str
    group: str | int | None
    """What follows the literal."""


def _template(replacement: str) -> Iterator[_Piece]:
    position = 0
    for found in _REFERENCE.finditer(replacement):
        literal = replacement[position : found.start()]
        name = found["plain"] or found["braced"]
        position = found.end()
        if name is None:
            yield _Piece(f"{literal}$", None)
        else:
            yield _Piece(literal, int(name) if name.isdigit() and len(name) < 4 else name)
    yield _Piece(replacement[position:], None)


def _matches(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Walk what a pattern finds, but for nothing right behind something: `.*` fits once."""
    end = -1
    for match in pattern.finditer(text):
        if match.start() != end or match.end() != end:
            yield match
        end = match.end()
