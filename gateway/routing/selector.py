"""The selector grammar: text -> tree.

    selector = leaf { "|" leaf }
    leaf     = [ instance ":" ] model

White space around a token is dropped. The first `:` of a leaf separates the instance; the rest
belongs to the model, which may contain `:` and `/`.
"""

from msgspec import Struct

MAX_SELECTOR_CHARS = 65_536


class SelectorError(ValueError):
    """A selector that cannot be read; the message names the column, counted from 1."""


class Leaf(Struct, frozen=True):
    """One candidate as written; `instance` is empty for a model alone."""

    instance: str
    model: str


class Failover(Struct, frozen=True):
    """Arms that are tried in order."""

    arms: tuple[Leaf, ...]


def parse_selector(text: str) -> Failover:
    """Read a selector.

    >>> parse_selector("a:b:c|m").arms
    (Leaf(instance='a', model='b:c'), Leaf(instance='', model='m'))

    Raises:
        SelectorError: an arm is empty, or an instance or a model is.
    """
    if len(text) > MAX_SELECTOR_CHARS:
        raise SelectorError(f"the selector is longer than {MAX_SELECTOR_CHARS} characters")
    arms = []
    column = 1
    for arm in text.split("|"):
        arms.append(_parse_leaf(arm, column))
        column += len(arm) + 1
    return Failover(tuple(arms))


def _parse_leaf(text: str, column: int) -> Leaf:
    column += len(text) - len(text.lstrip())
    head, colon, tail = text.lstrip().partition(":")
    instance, model = (head.strip(), tail.strip()) if colon else ("", head.strip())
    if colon and not instance:
        raise SelectorError(f"column {column}: expected an instance before ':'")
    if not model:
        what = "a model after ':'" if colon else "instance:model or a model"
        column += len(head + colon)
        raise SelectorError(f"column {column}: expected {what}")
    return Leaf(instance, model)
