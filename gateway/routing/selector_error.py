"""The one way in which a selector is refused: at a column, with what was expected there. Pure."""

import unicodedata

MAX_QUOTED_CHARS = 40
"""Of what was written, in a message."""
MARGIN_CHARS = 30
"""Of the selector, shown on either side of the column."""


class SelectorError(ValueError):
    """A selector that cannot be read.

    Attributes:
        column: where, counted in characters from 1.
        expected: what was expected there, in words.
        excerpt: two lines, the selector around the column and a caret below it.
    """

    def __init__(self, text: str, position: int, *, expected: str) -> None:
        """
        Args:
            text: the whole selector.
            position: index into `text`; its length = the end.
        """
        super().__init__(f"column {position + 1}: expected {expected}")
        self.column = position + 1
        self.expected = expected
        self.excerpt = _excerpt(text, position)


def quoted(text: str) -> str:
    """Quote what was written for a message: bounded and on one line."""
    shown = text if len(text) <= MAX_QUOTED_CHARS else text[:MAX_QUOTED_CHARS] + "..."
    return f"'{''.join(map(_visible, shown))}'"


def _excerpt(text: str, position: int) -> str:
    start, end = max(0, position - MARGIN_CHARS), position + MARGIN_CHARS
    before = "".join(map(_visible, text[start:position]))
    after = "".join(map(_visible, text[position:end]))
    head, tail = "..." if start else "", "..." if end < len(text) else ""
    return f"{head}{before}{after}{tail}\n{' ' * (len(head) + sum(map(_cells, before)))}^"


def _visible(char: str) -> str:
    """What may stand for a character on a line of a terminal."""
    if char == " " or char.isprintable():
        return char
    return " " if char.isspace() else "\N{REPLACEMENT CHARACTER}"


def _cells(char: str) -> int:
    """How wide a terminal shows a character."""
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
