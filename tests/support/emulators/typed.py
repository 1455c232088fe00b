"""Checks JSON against a vendor's own typed dictionaries, down to the last member.

Nothing is converted. What a dictionary does not name is refused, as the vendors' APIs do.
"""

import functools
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
)

from typing_extensions import get_type_hints, is_typeddict

from tests.support.emulators.said import Refused

_WRAPPERS = (Annotated, Required, NotRequired)
_LISTS = (list, Iterable, Sequence)
_TELLING = ("type", "role")
"""Members by which variants are told apart."""
_PLAIN = (str, bool, int, float, type(None))


def check(value: object, shape: Any, *, at: str = "") -> None:
    """Check that a value is of a shape.

    Raises:
        Refused: it is not; the words say where.
    """
    if fault := _fault(value, shape, at):
        raise Refused(fault)


def _fault(value: object, shape: Any, at: str) -> str | None:
    origin = get_origin(shape)
    if origin in _WRAPPERS:
        return _fault(value, get_args(shape)[0], at)
    if origin in (Union, types.UnionType):
        return _of_union(value, get_args(shape), at)
    if origin is Literal:
        return None if value in get_args(shape) else f"{at}: {value!r} is not {get_args(shape)}"
    if is_typeddict(shape):
        return _of_dictionary(value, shape, at)
    if origin is not None and origin in _LISTS:
        return _of_list(value, get_args(shape)[0], at)
    if origin in (dict, Mapping) or shape is dict:
        return None if isinstance(value, dict) else f"{at}: not an object"
    if shape is Any or shape is object:
        return None
    return _of_plain(value, shape, at)


def _of_plain(value: object, shape: Any, at: str) -> str | None:
    fits = (
        shape in _PLAIN
        and isinstance(value, shape)
        and not (isinstance(value, bool) and shape is not bool)
    )
    widened = shape is float and isinstance(value, int) and not isinstance(value, bool)
    return None if fits or widened else f"{at}: {value!r:.80} is not {shape}"


def _of_union(value: object, shapes: Sequence[Any], at: str) -> str | None:
    """Of all that could have been meant, complain of what came farthest and tells most."""
    faults = []
    for shape in shapes:
        fault = _fault(value, shape, at)
        if fault is None:
            return None
        faults.append(fault)
    return max(faults, key=_tells)


def _tells(fault: str) -> tuple[bool, int]:
    place = fault.partition(":")[0]
    return place.rpartition(".")[2] not in _TELLING, len(place)


def _of_list(value: object, shape: Any, at: str) -> str | None:
    if not isinstance(value, list):
        return f"{at}: not a list"
    faults = (_fault(item, shape, f"{at}[{number}]") for number, item in enumerate(value))
    return next(filter(None, faults), None)


def _of_dictionary(value: object, shape: Any, at: str) -> str | None:
    if not isinstance(value, dict):
        return f"{at}: not an object"
    hints = _hints(shape)
    # What tells the variants apart first, so that a fault is told of the one that was meant.
    for name in sorted(value, key=lambda name: name not in _TELLING):
        if name not in hints:
            return f"{at}.{name}: unknown member of {shape.__name__}"
        if fault := _fault(value[name], hints[name], f"{at}.{name}"):
            return fault
    missing = sorted(_required(shape).difference(value))
    return f"{at}: {missing} missing" if missing else None


@functools.cache
def _hints(shape: Any) -> Mapping[str, Any]:
    return get_type_hints(shape, include_extras=True)


@functools.cache
def _required(shape: Any) -> frozenset[str]:
    """The members that have to be there.

    A class whose annotations are text does not know by itself which of them say so.
    """
    said = {name: get_origin(hint) for name, hint in _hints(shape).items()}
    required = {name for name, origin in said.items() if origin is Required}
    optional = {name for name, origin in said.items() if origin is NotRequired}
    return frozenset(required | (shape.__required_keys__ - optional))
