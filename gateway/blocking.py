"""Runs what waits without letting others run, such as SQL, where that holds up nobody.

On green threads one that waits in C stops all of them, so it is given to a real one.
"""

import sys
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")

_THREADS = 4


def run_blocking(function: Callable[[], T]) -> T:
    """Call a function and return what it returns; on green threads, in a real thread."""
    pool = _real_threads()
    if pool is None:
        return function()
    result: T = pool.apply(function)
    return result


def _real_threads() -> Any:
    """gevent's pool of real threads; None in a process that has no green ones."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("threading"):
        return None
    return _pool()


@cache
def _pool() -> Any:
    # Here and not above: only this mode needs it. Not the hub's own pool: names are resolved there,
    # and a database that stands still would keep calls from their upstreams.
    from gevent.threadpool import ThreadPool

    return ThreadPool(_THREADS)
