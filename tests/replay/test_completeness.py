"""No exchange is passed over in silence."""

import pytest

from tests.conftest import RECORDED
from tests.replay.exchange import chat, own, recorded
from tests.replay.test_chat import (
    EXCHANGES,
    KEY_STATUSES,
    breaks_at_once,
    breaks_off,
    is_good,
    is_refused,
)

NOT_SERVED = {
    "batches": "batch routes are not served yet",
    "count_tokens": "the Anthropic dialect is not served yet",
    "countTokens": "the Gemini dialect is not served yet",
    "files": "file routes are not served yet",
    "generateContent": "the Gemini dialect is not served yet",
    "messages": "the Anthropic dialect is not served yet",
    "models": "the model list is the gateway's own, not an upstream's",
    "responses": "the Responses dialect is not served yet",
    "responses-sub": "the Responses dialect is not served yet",
    "streamGenerateContent": "the Gemini dialect is not served yet",
}
"""API of a recording -> why it is not replayed."""

needs_recordings = pytest.mark.skipif(
    not RECORDED.is_dir(), reason="the folder of recorded exchanges is not beside the project"
)


@needs_recordings
def test_every_recording_is_a_case_or_is_named_as_none() -> None:
    cases = {exchange.id for exchange in EXCHANGES}
    passed_over = {
        exchange.id
        for exchange in recorded()
        if exchange.id not in cases and exchange.api not in NOT_SERVED
    }
    assert passed_over == set()


@needs_recordings
def test_every_reason_to_pass_over_a_recording_is_in_use() -> None:
    assert set(NOT_SERVED) == {exchange.api for exchange in recorded()} - {"chat"}


def test_every_handwritten_exchange_is_a_case() -> None:
    assert own() != []
    assert chat(own()) == own()


@pytest.mark.parametrize("exchange", [pytest.param(e, id=e.id) for e in EXCHANGES])
def test_the_answer_of_every_case_is_checked_by_exactly_one_kind_of_test(exchange: object) -> None:
    assert sum(kind(exchange) for kind in ANSWER_TESTS) == 1


ANSWER_TESTS = (
    is_good,
    is_refused,
    breaks_off,
    breaks_at_once,
    lambda exchange: exchange.status in KEY_STATUSES,
    lambda exchange: exchange.status >= 500,
)
