"""Brings the database of a deployment up to date, or says why that cannot be done."""

from pathlib import Path

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
        if is_up_to_date(engine):
            return False
        upgrade(engine)
    except DatabaseUrlError as error:
        raise DatabaseUnusable(str(error)) from None
    except (SQLAlchemyError, ModuleNotFoundError) as error:
        raise DatabaseUnusable(_words(error)) from None
    return True


def _words(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"{error.name} is not installed: pip install 'queueway[postgresql]'"
    return f"the database does not answer: {str(getattr(error, 'orig', error)).strip()}"
