"""Processes that pick and refuse keys as fast as they can, and note when they did."""

import threading
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import count
from multiprocessing import get_context

import redis

from gateway.canonical.errors import CredentialsUnavailable
from gateway.credentials.pool import CredentialPool
from tests.contract.pools import make_pool, pick, refuse
from tests.support.polling import wait_for

HOUR_S = 3600.0
READY = "processes that are ready"


@dataclass(frozen=True)
class Step:
    """One pick or one refusal. The times are of one clock for all processes of a machine."""

    process: int
    what: str
    id: str
    began_ns: int
    ended_ns: int


def hammer(url: str, orders: list[list[str]], *, threads: int) -> list[Step]:
    """Have one process for each order of the keys refuse them all, and tell all steps."""
    with ProcessPoolExecutor(len(orders), mp_context=get_context("spawn")) as executor:
        runs = [
            executor.submit(_refuse_all, url, order, (process, len(orders), threads))
            for process, order in enumerate(orders)
        ]
        return [step for run in runs for step in run.result()]


def _refuse_all(url: str, order: list[str], counts: tuple[int, int, int]) -> list[Step]:
    """Pick and refuse from several threads until no key is left."""
    process, processes, threads = counts
    client = redis.Redis.from_url(url)
    pool = make_pool(client, order)
    steps: list[Step] = []
    workers = [
        threading.Thread(target=_refuse_until_none, args=(pool, process, number, steps))
        for number in range(threads)
    ]
    client.incr(READY)
    wait_for(lambda: int(client.get(READY) or 0) == processes, what="the others", limit_s=60)
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return steps


def _refuse_until_none(pool: CredentialPool, process: int, number: int, steps: list[Step]) -> None:
    for turn in count(number):
        began_ns = time.monotonic_ns()
        try:
            id = pick(pool)
        except CredentialsUnavailable:
            return
        steps.append(Step(process, "pick", id, began_ns, time.monotonic_ns()))
        if turn % 3 == 0:
            began_ns = time.monotonic_ns()
            refuse(pool, id, 401 if turn % 2 else 429, retry_after_s=HOUR_S)
            steps.append(Step(process, "refuse", id, began_ns, time.monotonic_ns()))
