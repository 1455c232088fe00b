"""The writer behind the calls: nothing waits for it, and nothing is lost that can be kept."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from gateway.canonical.attempt import AttemptRecord
from gateway.store import postgresql, schema
from gateway.store.attempts import AttemptStore, Filter
from gateway.store.database import open_database, sqlite_url
from gateway.store.writer import MAX_GROUP, MAX_WAITING, Writer
from tests.contract.store import attempt, numbered, stored
from tests.support.polling import wait_for
from tests.support.postgres import PostgresServer, find_programs

LONG_S = 20.0


def _direct(function: Callable[[], None]) -> None:
    function()


class Notes:
    """Takes groups as a database would, and refuses what the test says."""

    def __init__(self, refuses: Callable[[int], Exception | None] = lambda _: None) -> None:
        self.groups: list[list[int]] = []
        self.failed = threading.Event()
        self._refuses = refuses

    def write(self, group: Sequence[int]) -> None:
        """Take a group, or raise what is said of one of it."""
        for number in group:
            if error := self._refuses(number):
                self.failed.set()
                raise error
        self.groups.append(list(group))

    @property
    def taken(self) -> list[int]:
        """Everything that was taken, in order."""
        return [number for group in self.groups for number in group]


def _written(notes: Notes, numbers: Sequence[int]) -> Writer[int]:
    """A writer that was given numbers, started and stopped."""
    writer = Writer(notes.write, run=_direct)
    for number in numbers:
        writer.add(number)
    writer.start()
    writer.stop()
    return writer


@contextmanager
def _writing(store: AttemptStore) -> Iterator[Writer[AttemptRecord]]:
    """A writer on a database; leaving the block stops it."""
    writer: Writer[AttemptRecord] = Writer(store.add, run=_direct)
    writer.start()
    try:
        yield writer
    finally:
        writer.stop()


def _add(writer: Writer[AttemptRecord], records: Sequence[AttemptRecord]) -> None:
    for record in records:
        writer.add(record)


class Tried:
    """Tells when a write has failed."""

    def __init__(self) -> None:
        self.failed = threading.Event()

    def calling(
        self, write: Callable[[Sequence[AttemptRecord]], None]
    ) -> Callable[[Sequence[AttemptRecord]], None]:
        """A write that is told of."""

        def told(group: Sequence[AttemptRecord]) -> None:
            try:
                write(group)
            except OperationalError:
                self.failed.set()
                raise

        return told


@contextmanager
def _locked(engine: Engine) -> Iterator[None]:
    """Nobody can write to a file meanwhile."""
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield
        connection.rollback()


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL that nobody else uses."""
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    server = PostgresServer(programs)
    server.start()
    yield server
    server.close()


@pytest.fixture
def own_engine(own_postgres: PostgresServer) -> Iterator[Engine]:
    """A database of that PostgreSQL, up to date."""
    engine = open_database(own_postgres.new_database())
    schema.upgrade(engine)
    yield engine
    engine.dispose()


def test_what_was_added_is_there_after_the_stop(store: AttemptStore) -> None:
    with _writing(store) as writer:
        _add(writer, numbered(3))
    assert stored(store) == numbered(3)


def test_what_was_added_is_written_without_a_stop(store: AttemptStore) -> None:
    with _writing(store) as writer:
        _add(writer, numbered(3))
        wait_for(lambda: len(stored(store)) == 3, what="the attempts")


def test_more_than_a_group_is_written_in_order(store: AttemptStore) -> None:
    with _writing(store) as writer:
        _add(writer, numbered(MAX_GROUP + 7))
    seqs = []
    before = None
    while rows := store.list(Filter(before_id=before), limit=1000):
        seqs += [record.seq for _, record in rows]
        before = rows[-1][0]
    assert seqs == list(reversed(range(MAX_GROUP + 7)))


def test_no_group_is_larger_than_its_bound() -> None:
    notes = Notes()
    _written(notes, range(2 * MAX_GROUP + 1))
    assert [len(group) for group in notes.groups] == [MAX_GROUP, MAX_GROUP, 1]


def test_what_comes_together_is_one_group() -> None:
    notes = Notes()
    _written(notes, range(5))
    assert notes.groups == [[0, 1, 2, 3, 4]]


def test_a_record_that_is_refused_does_not_take_others_with_it() -> None:
    notes = Notes(lambda number: ValueError("no") if number in (3, 700) else None)
    writer = _written(notes, range(1000))
    assert notes.taken == [number for number in range(1000) if number not in (3, 700)]
    assert writer.lost == 2


def test_while_the_database_is_away_the_newest_are_kept() -> None:
    away = threading.Event()
    away.set()
    notes = Notes(lambda _: OperationalError("INSERT", {}, Exception()) if away.is_set() else None)
    writer = Writer(notes.write, run=_direct)
    writer.start()
    writer.add(0)
    assert notes.failed.wait(LONG_S)
    for number in range(1, MAX_WAITING + 11):
        writer.add(number)
    away.clear()
    writer.stop()
    assert notes.taken == list(range(11, MAX_WAITING + 11))
    assert writer.lost == 11


def test_a_stop_does_not_wait_for_a_database_that_stands_still() -> None:
    never = threading.Event()

    def write(_: Sequence[int]) -> None:
        never.wait(LONG_S)

    writer: Writer[int] = Writer(write, run=_direct)
    writer.add(1)
    writer.start()
    began_at = time.monotonic()
    writer.stop()
    took_s = time.monotonic() - began_at
    never.set()
    assert took_s < LONG_S / 2
    assert writer.lost == 1


def test_what_a_locked_file_did_not_take_is_written_later(tmp_path: Path) -> None:
    engine = open_database(sqlite_url(tmp_path))
    schema.upgrade(engine)
    store, tried = AttemptStore(engine), Tried()
    writer: Writer[AttemptRecord] = Writer(tried.calling(store.add), run=_direct)
    with _locked(engine):
        writer.start()
        _add(writer, numbered(3))
        assert tried.failed.wait(LONG_S)
    _add(writer, numbered(2, start=3))
    writer.stop()
    assert stored(store) == numbered(5)
    engine.dispose()


def test_what_a_server_that_was_away_did_not_take_is_written_later(
    own_postgres: PostgresServer, own_engine: Engine
) -> None:
    store, tried = AttemptStore(own_engine), Tried()
    writer: Writer[AttemptRecord] = Writer(tried.calling(store.add), run=_direct)
    writer.start()
    own_postgres.kill()
    _add(writer, numbered(3))
    assert tried.failed.wait(LONG_S)
    own_postgres.start()
    _add(writer, numbered(2, start=3))
    wait_for(lambda: len(stored(store)) == 5, what="the attempts", limit_s=LONG_S)
    writer.stop()
    assert stored(store) == numbered(5)


def test_a_server_that_stands_still_is_given_up_in_time(
    own_postgres: PostgresServer, own_engine: Engine
) -> None:
    store = AttemptStore(own_engine)
    store.add([attempt()])
    own_postgres.stall()
    began_at = time.monotonic()
    with pytest.raises(OperationalError):
        store.add([attempt()])
    own_postgres.resume()
    limit_s = postgresql.ANSWER_LIMIT_S + postgresql.CONNECT_LIMIT_S
    assert time.monotonic() - began_at < limit_s + 2


def test_a_server_that_goes_on_is_used_again(
    own_postgres: PostgresServer, own_engine: Engine
) -> None:
    store = AttemptStore(own_engine)
    store.add([attempt()])
    own_postgres.kill()
    own_postgres.start()
    store.add([attempt()])
    assert len(stored(store)) == 2
