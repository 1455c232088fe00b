"""Names of tools that are grouped in namespaces, which no other dialect knows.

A tool `search` of the namespace `crm` is `crm__search` everywhere else.
"""

import hashlib
from collections.abc import Iterable

import msgspec
from msgspec import Raw, Struct

MAX_NAME = 64
"""Characters of a tool's name that every dialect takes."""

_DIGEST_CHARACTERS = 8


class _Named(Struct):
    name: str


class _Namespace(Struct):
    type: str
    name: str = ""
    tools: list[_Named] = []


_decoder = msgspec.json.Decoder(_Namespace)


def flatten(name: str, namespace: str | None) -> str:
    """Join a tool's name to its namespace; what is too long is cut and told apart by a digest."""
    if not namespace:
        return name
    flat = f"{namespace}__{name}"
    if len(flat) <= MAX_NAME:
        return flat
    digest = hashlib.blake2b(flat.encode(), digest_size=_DIGEST_CHARACTERS // 2).hexdigest()
    return f"{flat[: MAX_NAME - _DIGEST_CHARACTERS - 1]}_{digest}"


def namespaced(tools: Iterable[Raw]) -> dict[str, tuple[str, str]]:
    """Map the flat names of a request's tools to their namespace and name in it."""
    names = {}
    for raw in tools:
        try:
            tool = _decoder.decode(raw)
        except msgspec.DecodeError:
            continue
        if tool.type == "namespace":
            names.update({flatten(t.name, tool.name): (tool.name, t.name) for t in tool.tools})
    return names
