"""The lineage of calls: one row for each candidate that was tried.

Never holds a secret: a key is known by its id.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import Engine, String, delete, insert, select

from gateway.canonical.attempt import AttemptRecord, Outcome
from gateway.store.tables import attempts

MAX_PAGE = 1000
_MAX_INTEGER = 2**63 - 1
_MAX_CHARS = {
    column.name: column.type.length for column in attempts.c if isinstance(column.type, String)
}


class Filter(Struct, frozen=True, kw_only=True):
    """Which attempts are wanted; None = any."""

    call_id: str | None = None
    owner: str | None = None
    instance: str | None = None
    outcome: Outcome | None = None
    before_id: int | None = None
    """Only rows older than this one: the last of the page before."""


class AttemptStore:
    """Writes and reads attempts."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, records: Sequence[AttemptRecord]) -> None:
        """Write records in one transaction.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database did not take them.
        """
        if not records:
            return
        with self._engine.begin() as connection:
            connection.execute(insert(attempts), [_row(record) for record in records])

    def list(self, wanted: Filter, *, limit: int) -> Sequence[tuple[int, AttemptRecord]]:
        """Read a page, newest first: (row id, record).

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database did not answer.
        """
        query = select(attempts).order_by(attempts.c.id.desc()).limit(min(limit, MAX_PAGE + 1))
        for name in ("call_id", "owner", "instance", "outcome"):
            if (value := getattr(wanted, name)) is not None:
                query = query.where(attempts.c[name] == _storable(name, value))
        if wanted.before_id is not None:
            query = query.where(attempts.c.id < wanted.before_id)
        with self._engine.connect() as connection:
            return [_record(row._asdict()) for row in connection.execute(query)]

    def forget(self, *, before: float, most: int) -> int:
        """Delete up to `most` attempts that ended before a time, and tell how many there were.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database did not do it.
        """
        old = select(attempts.c.id).where(attempts.c.finished_at < before).limit(most)
        with self._engine.begin() as connection:
            return connection.execute(delete(attempts).where(attempts.c.id.in_(old))).rowcount


def _row(record: AttemptRecord) -> dict[str, Any]:
    # A database may refuse what text may hold, and a refusal would lose the whole group.
    return {name: _storable(name, value) for name, value in asdict(record).items()}


def _storable(name: str, value: object) -> Any:
    if isinstance(value, str):
        plain = value.replace("\x00", "").encode(errors="replace").decode()
        return plain[: _MAX_CHARS[name]]
    if isinstance(value, int):
        return max(-_MAX_INTEGER, min(value, _MAX_INTEGER))
    return value


def _record(row: dict[str, Any]) -> tuple[int, AttemptRecord]:
    id = row.pop("id")
    row["outcome"] = Outcome(row["outcome"])
    return id, AttemptRecord(**row)
