"""Remembers a worker's attempts in the database, and forgets old ones."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine

from config.schema import Config
from gateway.blocking import run_blocking
from gateway.canonical.attempt import AttemptRecord
from gateway.runtime import Runtime
from gateway.state.ticker import Lease, Ticker
from gateway.store.attempts import AttemptStore
from gateway.store.database import is_up_to_date, open_database, sqlite_url
from gateway.store.writer import Writer

DAY_S = 86_400.0
LEASE_S = 60.0
FORGET_EVERY_S = 3600.0
FORGET_AT_ONCE = 5000

log = logging.getLogger(__name__)


class SchemaIsOld(Exception):
    """The database is not ready for this version; the message says what to do."""


def open_store(config: Config) -> Engine:
    """Open the database. One that nobody named is made, or brought up to date, here.

    Raises:
        SchemaIsOld: one that was named is not up to date.
        DatabaseUrlError: what was named is no database.
        sqlalchemy.exc.SQLAlchemyError: it cannot be reached.
    """
    if config.database.url:
        engine = open_database(config.database.url)
        if not is_up_to_date(engine):
            raise SchemaIsOld("the database is not up to date: run 'queueway db upgrade'")
        return engine
    state_dir = Path(config.state_dir)
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine = open_database(sqlite_url(state_dir))
    if not is_up_to_date(engine):
        # Imported where it is needed, which is once in a database's life: it takes much memory.
        from gateway.store.schema import upgrade

        upgrade(engine)
    return engine


@contextmanager
def remembering(runtime: Runtime, engine: Engine, *, holder: str) -> Iterator[None]:
    """Forget old attempts meanwhile.

    Args:
        holder: names this process.
    """
    lease = Lease(
        runtime.redis,
        f"{runtime.config.redis.prefix}:lease:attempts",
        holder=holder,
        lasts_s=LEASE_S,
    )
    ticker = Ticker(lease, _Forgetting(AttemptStore(engine), runtime.config).work)
    ticker.start()
    try:
        yield
    finally:
        ticker.stop()


def make_writer(engine: Engine) -> Writer[AttemptRecord]:
    """Make what writes attempts behind the calls."""
    return Writer(AttemptStore(engine).add, run=run_blocking)


class _Forgetting:
    """Deletes attempts that are older than they are to be kept, once an hour."""

    def __init__(self, store: AttemptStore, config: Config) -> None:
        self._store = store
        self._keep_s = config.database.retention_days * DAY_S
        self._due_at = 0.0

    def work(self, goes_on: Callable[[], bool]) -> None:
        """Delete what is old, if it is time."""
        if time.monotonic() < self._due_at:
            return
        self._due_at = time.monotonic() + FORGET_EVERY_S
        before = time.time() - self._keep_s
        while goes_on():
            forgotten = run_blocking(lambda: self._store.forget(before=before, most=FORGET_AT_ONCE))
            if forgotten < FORGET_AT_ONCE:
                return
