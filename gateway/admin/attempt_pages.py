"""Pages of attempts, newest first. Needs SQLAlchemy, which most web processes never do."""

from pathlib import Path
from typing import Any

import msgspec
from flask import request
from sqlalchemy.exc import SQLAlchemyError

from config.schema import Config
from gateway.blocking import run_blocking
from gateway.canonical.attempt import Outcome
from gateway.canonical.errors import Failure, GatewayError, Kind
from gateway.store.attempts import MAX_PAGE, AttemptStore, Filter
from gateway.store.database import DatabaseUrlError, open_database, sqlite_url

DEFAULT_PAGE = 100


class AttemptPages:
    """Reads pages of the database that a configuration names."""

    def __init__(self, config: Config) -> None:
        """
        Raises:
            GatewayError: 503, the configuration names no database.
        """
        url = config.database.url or sqlite_url(Path(config.state_dir))
        try:
            self._store = AttemptStore(open_database(url))
        except DatabaseUrlError:
            raise GatewayError(_away()) from None

    def page(self) -> dict[str, Any]:
        """A page of attempts, by `call_id`, `owner`, `instance`, `outcome`, `limit`, `before`.

        Raises:
            GatewayError: 400, a parameter is wrong; 503, the database does not answer.
        """
        wanted, limit = _wanted(), _number("limit", default=DEFAULT_PAGE, most=MAX_PAGE)
        try:
            # One more than is shown: whether there is one.
            rows = run_blocking(lambda: self._store.list(wanted, limit=limit + 1))
        except SQLAlchemyError:
            raise GatewayError(_away()) from None
        data = [{"id": id, **msgspec.structs.asdict(record)} for id, record in rows[:limit]]
        return {"data": data, "has_more": len(rows) > limit}


def _wanted() -> Filter:
    outcome = request.args.get("outcome")
    if outcome is not None and outcome not in set(Outcome):
        names = ", ".join(each.value for each in Outcome)
        raise GatewayError(_bad("outcome", f"outcome is one of {names}"))
    return Filter(
        call_id=request.args.get("call_id"),
        owner=request.args.get("owner"),
        instance=request.args.get("instance"),
        outcome=Outcome(outcome) if outcome else None,
        before_id=_number("before", default=0, most=2**62) or None,
    )


def _number(name: str, *, default: int, most: int) -> int:
    value = request.args.get(name, "")
    if not value:
        return default
    if not (value.isascii() and value.isdigit() and len(value) < 20 and 0 < int(value) <= most):
        raise GatewayError(_bad(name, f"{name} is a number from 1 to {most}"))
    return int(value)


def _bad(param: str, message: str) -> Failure:
    return Failure(kind=Kind.INVALID_REQUEST, message=message, status=400, param=param)


def _away() -> Failure:
    return Failure(kind=Kind.UNAVAILABLE, message="the database does not answer", status=503)
