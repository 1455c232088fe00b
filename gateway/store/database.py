"""The connection to the database.

Owns how a URL becomes an engine. How its schema is made is in `schema`.
"""

from pathlib import Path
from sqlite3 import Connection

from sqlalchemy import URL, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

VERSION = "0001"
"""The last migration: what this version works with."""
BUSY_TIMEOUT_S = 10.0
"""How long a writer waits for another process's transaction."""

_POSTGRESQL = ("postgres", "postgresql")
_NOT_A_URL = (
    "DATABASE_URL is not a URL of a database; in a password, '@' is written %40 and '/' %2F"
)


class DatabaseUrlError(ValueError):
    """The URL names no database that can be used; the message never shows it."""


def sqlite_url(state_dir: Path) -> str:
    """The database of a deployment that names none: a file beside the rest of its state."""
    return f"sqlite:///{state_dir.resolve() / 'queueway.db'}"


def open_database(url: str) -> Engine:
    """Make an engine; it connects when it is first used.

    Args:
        url: sqlite:///path, postgresql:// or, as Heroku writes it, postgres://.
    Raises:
        DatabaseUrlError: it is none of these.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # What it says may quote a piece of the password.
        raise DatabaseUrlError(_NOT_A_URL) from None
    scheme = parsed.drivername.partition("+")[0]
    if scheme in _POSTGRESQL:
        return _open_postgresql(parsed)
    if scheme != "sqlite":
        raise DatabaseUrlError("DATABASE_URL is not of sqlite or postgresql")
    engine = create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT_S})
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def is_up_to_date(engine: Engine) -> bool:
    """Whether the schema is the one that this version works with.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database cannot be reached.
    """
    if not inspect(engine).has_table("alembic_version"):
        return False
    with engine.connect() as connection:
        versions = connection.execute(text("SELECT version_num FROM alembic_version"))
        return [row[0] for row in versions] == [VERSION]


def _open_postgresql(url: URL) -> Engine:
    if "@" in (url.host or ""):
        # Else the error of the connection would name the rest of a password as the host.
        raise DatabaseUrlError(_NOT_A_URL)
    try:
        # Imported where it is needed: it is an extra.
        from gateway.store.postgresql import connect
    except ModuleNotFoundError as error:
        remedy = "pip install 'queueway[postgresql]'"
        raise DatabaseUrlError(f"{error.name} is not installed: {remedy}") from None
    engine = create_engine(url.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    event.listen(engine, "do_connect", lambda *given: connect(*given[2], **given[3]))
    return engine


def _prepare_sqlite(connection: Connection, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
