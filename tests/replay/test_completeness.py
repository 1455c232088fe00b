"""No exchange is passed over in silence."""

import pytest

from tests.conftest import RECORDED
from tests.replay import test_native, test_translated
from tests.replay.exchange import (
    APIS,
    EXCHANGES,
    NOT_PLAYED,
    Exchange,
    Family,
    Verb,
    own,
    recorded,
)
from tests.replay.said import MEANINGS, WORDS

NOT_SERVED = {
    "batches": "batch routes are not served yet",
    "files": "file routes are not served yet",
    "models": "the model list is the gateway's own, not an upstream's",
    "responses-sub": "stored responses and the helpers beside them are not served yet",
}
"""API of a recording -> why it is not replayed."""

ANSWER_TESTS = (
    lambda exchange: test_native.is_good(exchange) and not exchange.is_array,
    lambda exchange: test_native.is_good(exchange) and exchange.is_array,
    test_native.is_refused,
    test_native.is_bad_key,
    test_native.is_rate_limited,
    test_native.is_broken,
    test_native.breaks_off,
    test_native.breaks_at_once,
)

needs_recordings = pytest.mark.skipif(
    not RECORDED.is_dir(), reason="the folder of recorded exchanges is not beside the project"
)
each = pytest.mark.parametrize("exchange", [pytest.param(e, id=e.id) for e in EXCHANGES])


@needs_recordings
def test_every_recording_is_a_case_or_is_named_as_none() -> None:
    cases = {exchange.id for exchange in EXCHANGES}
    records = {record["id"]: record["api"] for record in recorded()}
    passed_over = {id for id, api in records.items() if id not in cases and api not in NOT_SERVED}
    assert passed_over == set(NOT_PLAYED)


@needs_recordings
def test_every_reason_to_pass_over_a_recording_is_in_use() -> None:
    assert set(NOT_SERVED) == {record["api"] for record in recorded()} - set(APIS)


@needs_recordings
def test_every_answer_is_translated() -> None:
    lists = (test_translated.WHOLE, test_translated.BROKEN, test_translated.REFUSED)
    cases = {exchange.id for cases in lists for exchange in cases}
    assert cases == {e.id for e in EXCHANGES if e.verb is Verb.GENERATE}


def test_every_handwritten_exchange_is_a_case() -> None:
    assert own() != []
    assert {record["id"] for record in own()} <= {exchange.id for exchange in EXCHANGES}


def test_no_two_exchanges_have_one_name() -> None:
    names = [exchange.id for exchange in EXCHANGES]
    assert len(names) == len(set(names))


@each
def test_the_answer_of_every_case_is_checked_by_exactly_one_kind_of_test(
    exchange: Exchange,
) -> None:
    assert sum(kind(exchange) for kind in ANSWER_TESTS) == 1


def test_every_ending_has_a_word_in_every_dialect() -> None:
    meanings = {meaning for words in MEANINGS.values() for meaning in words.values()}
    assert all(set(WORDS[family]) == meanings for family in Family)
