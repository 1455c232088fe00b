"""Brings the database of a deployment up to date, or says why that cannot be done."""

from pathlib import Path

from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from gateway.store.database import DatabaseUrlError, is_up_to_date, open_database, sqlite_url
from gateway.store.schema import upgrade


class DatabaseUnusable(Exception):
    """The database cannot be brought up to date; the message says why and shows no URL."""


def bring_up_to_date(url: str | None, *, state_dir: Path) -> bool:
    """Upgrade a database, and tell whether there was anything to do.

    Args:
        url: None = the SQLite file of the state directory, which is made if it is not there.
    Raises:
        DatabaseUnusable: it does not answer, or is none.
    """
    if not url:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        engine = open_database(url or sqlite_url(state_dir))
    except DatabaseUrlError as error:
        raise DatabaseUnusable(str(error)) from None
    try:
        if is_up_to_date(engine):
            return False
        upgrade(engine)
    except CommandError:
        raise DatabaseUnusable(
            "the database is of another version of Queueway, which this one does not know"
        ) from None
    except SQLAlchemyError as error:
        words = str(getattr(error, "orig", error)).strip()
        raise DatabaseUnusable(f"the database does not answer: {words}") from None
    finally:
        engine.dispose()
    return True
