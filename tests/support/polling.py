"""Waits for what must come, and never longer than it may take."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LIMIT_S = 10.0
_PAUSE_S = 0.01


def wait_for(look: Callable[[], T], *, what: str, limit_s: float = LIMIT_S) -> T:
    """Look again and again until there is something, and return it.

    Raises:
        AssertionError: there was nothing in time; it says `what` was waited for.
    """
    end = time.monotonic() + limit_s
    while not (found := look()):
        assert time.monotonic() < end, f"{what}: not within {limit_s:g} s"
        time.sleep(_PAUSE_S)
    return found
