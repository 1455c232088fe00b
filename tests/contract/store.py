"""Attempts as the tests of the store make them."""

from typing import Any

from gateway.canonical.attempt import AttemptRecord, Outcome
from gateway.store.attempts import AttemptStore, Filter

NOW = 1_700_000_000.0


def attempt(**fields: Any) -> AttemptRecord:
    """An attempt, with what the test says and otherwise plain."""
    plain = {
        "call_id": "qw.1",
        "seq": 1,
        "owner": "alice",
        "dialect": "openai-chat",
        "asked_model": "a:m",
        "instance": "a",
        "model": "m",
        "credential_id": "c0",
        "started_at": NOW,
        "finished_at": NOW + 1,
        "outcome": Outcome.SUCCESS,
    }
    return AttemptRecord(**{**plain, **fields})


def numbered(count: int, *, start: int = 0) -> list[AttemptRecord]:
    """Attempts that can be told apart by `seq`."""
    return [attempt(seq=number) for number in range(start, start + count)]


def stored(store: AttemptStore, **wanted: Any) -> list[AttemptRecord]:
    """What is stored, oldest first."""
    rows = store.list(Filter(**wanted), limit=1000)
    return [record for _, record in reversed(rows)]
