"""Attempts in a database: what is written is read, found, paged and forgotten."""

import pytest

from gateway.canonical.attempt import Outcome
from gateway.store.attempts import MAX_PAGE, AttemptStore, Filter
from gateway.store.tables import MAX_REASON
from tests.contract.store import NOW, attempt, numbered, stored


def test_an_attempt_is_read_as_it_was_written(store: AttemptStore) -> None:
    record = attempt(
        first_output_at=NOW + 0.123456,
        reason="why",
        status=429,
        input_tokens=2**40,
        output_tokens=2,
        cached_tokens=3,
        reasoning_tokens=4,
    )
    store.add([record])
    assert stored(store) == [record]


def test_what_is_not_known_of_an_attempt_stays_unknown(store: AttemptStore) -> None:
    store.add([attempt()])
    (record,) = stored(store)
    assert (record.first_output_at, record.status) == (None, None)


def test_an_empty_group_is_nothing(store: AttemptStore) -> None:
    store.add([])
    assert stored(store) == []


def test_the_newest_come_first(store: AttemptStore) -> None:
    store.add(numbered(3))
    rows = store.list(Filter(), limit=10)
    assert [record.seq for _, record in rows] == [2, 1, 0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("call_id", "qw.2"),
        ("owner", "bob"),
        ("instance", "b"),
        ("outcome", Outcome.CANCELLED),
    ],
)
def test_a_filter_finds_those_that_fit(store: AttemptStore, name: str, value: str) -> None:
    store.add([attempt(seq=1), attempt(seq=2, **{name: value}), attempt(seq=3)])
    assert [record.seq for record in stored(store, **{name: value})] == [2]


def test_filters_are_joined_by_and(store: AttemptStore) -> None:
    store.add(
        [attempt(owner="bob"), attempt(instance="b"), attempt(seq=3, owner="bob", instance="b")]
    )
    assert [record.seq for record in stored(store, owner="bob", instance="b")] == [3]


def test_pages_that_follow_each_other_have_everything_once(store: AttemptStore) -> None:
    store.add(numbered(7))
    seen: list[int] = []
    before: int | None = None
    while rows := store.list(Filter(before_id=before), limit=3):
        seen += [record.seq for _, record in rows]
        before = rows[-1][0]
    assert seen == [6, 5, 4, 3, 2, 1, 0]


def test_a_page_has_its_bound(store: AttemptStore) -> None:
    store.add(numbered(MAX_PAGE + 5))
    assert len(store.list(Filter(), limit=10 * MAX_PAGE)) == MAX_PAGE + 1


def test_what_ended_before_a_time_is_forgotten(store: AttemptStore) -> None:
    store.add([attempt(seq=number, finished_at=NOW + number) for number in range(4)])
    assert store.forget(before=NOW + 2, most=10) == 2
    assert [record.seq for record in stored(store)] == [2, 3]


def test_no_more_is_forgotten_at_once_than_was_asked_for(store: AttemptStore) -> None:
    store.add(numbered(5))
    assert [store.forget(before=NOW + 9, most=2) for _ in range(4)] == [2, 2, 1, 0]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        pytest.param("a\x00b", "ab", id="nul"),
        pytest.param("a\ud800b", "a?b", id="lone-surrogate"),
        pytest.param("\U0001f600 \u0434", "\U0001f600 \u0434", id="beyond-ascii"),
        pytest.param("'; DROP TABLE attempts; --", "'; DROP TABLE attempts; --", id="sql"),
        pytest.param("x" * 5000, "x" * MAX_REASON, id="long"),
        pytest.param("\U0001f600" * 5000, "\U0001f600" * MAX_REASON, id="long-astral"),
    ],
)
@pytest.mark.parametrize("name", ["reason", "asked_model", "model"])
def test_odd_text_is_kept_as_far_as_it_can_be(
    store: AttemptStore, name: str, said: str, kept: str
) -> None:
    store.add([attempt(**{name: said})])
    assert getattr(stored(store)[0], name) == kept


@pytest.mark.parametrize(
    "name", ["call_id", "owner", "dialect", "asked_model", "instance", "model", "credential_id"]
)
def test_no_text_is_too_long_for_its_column(store: AttemptStore, name: str) -> None:
    store.add([attempt(**{name: "x" * 5000})])
    assert set(getattr(stored(store)[0], name)) == {"x"}


def test_a_number_that_no_column_holds_is_the_largest(store: AttemptStore) -> None:
    store.add([attempt(input_tokens=2**70, output_tokens=-(2**70))])
    (record,) = stored(store)
    assert (record.input_tokens, record.output_tokens) == (2**63 - 1, -(2**63 - 1))


@pytest.mark.parametrize("text", ["\x00", "a\ud800"])
def test_odd_text_finds_nothing_and_is_no_error(store: AttemptStore, text: str) -> None:
    store.add([attempt()])
    assert stored(store, owner=text) == []
