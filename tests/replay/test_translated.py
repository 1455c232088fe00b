"""Every recorded answer reaches a client of each dialect, and its SDK reads what was said."""

from collections.abc import Callable, Iterable
from typing import Any

import anthropic
import openai
import pytest
from google.genai import errors

from tests.replay.clients import Outcome
from tests.replay.exchange import EXCHANGES, Exchange, Family, Verb
from tests.replay.readings import has_output, said, stream_error
from tests.replay.said import Said, translated_finish
from tests.replay.stage import Play

GENERATED = [e for e in EXCHANGES if e.verb is Verb.GENERATE]
ANSWERED = [e for e in GENERATED if e.status == 200]
WHOLE = [e for e in ANSWERED if stream_error(e) is None]
REFUSED = [e for e in GENERATED if e.status != 200]
BROKEN = [e for e in ANSWERED if stream_error(e) is not None]


def for_every_sdk(
    cases: Iterable[Exchange], *, own_too: bool = True
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A test for each exchange and the SDK of each dialect."""
    plays = [
        Play(exchange, family)
        for exchange in cases
        for family in Family
        if family is not exchange.family or (own_too and not exchange.has_numbers)
    ]
    return pytest.mark.parametrize("play", [pytest.param(play, id=play.id) for play in plays])


def heard(outcome: Outcome) -> Said:
    """What the SDK read."""
    assert outcome.error is None
    assert outcome.said is not None
    return outcome.said


@for_every_sdk(WHOLE)
def test_an_sdk_reads_the_text(play: Play, outcome: Outcome) -> None:
    assert heard(outcome).text == said(play.exchange).text


@for_every_sdk(WHOLE)
def test_an_sdk_reads_the_tool_calls(play: Play, outcome: Outcome) -> None:
    assert heard(outcome).calls == said(play.exchange).calls


@for_every_sdk(WHOLE)
def test_an_sdk_reads_why_the_answer_ended(play: Play, outcome: Outcome) -> None:
    source = play.exchange.family
    assert heard(outcome).finish == translated_finish(said(play.exchange), source, play.client)


@for_every_sdk(WHOLE, own_too=False)
def test_an_sdk_reads_the_token_counts(play: Play, outcome: Outcome) -> None:
    assert heard(outcome).tokens == said(play.exchange).tokens


STATUSES: dict[Family, dict[int, type[Exception]]] = {
    **{
        family: {
            400: openai.BadRequestError,
            403: openai.PermissionDeniedError,
            404: openai.NotFoundError,
            422: openai.UnprocessableEntityError,
            429: openai.RateLimitError,
            502: openai.InternalServerError,
        }
        for family in (Family.CHAT, Family.RESPONSES)
    },
    Family.MESSAGES: {
        400: anthropic.BadRequestError,
        402: anthropic.PaymentRequiredError,
        403: anthropic.PermissionDeniedError,
        404: anthropic.NotFoundError,
        413: anthropic.RequestTooLargeError,
        422: anthropic.UnprocessableEntityError,
        429: anthropic.RateLimitError,
        502: anthropic.InternalServerError,
    },
    Family.GEMINI: {502: errors.ServerError},
}
"""Status -> the error that the SDK of each dialect raises."""
OTHERS = {
    Family.CHAT: openai.APIStatusError,
    Family.RESPONSES: openai.APIStatusError,
    Family.MESSAGES: anthropic.APIStatusError,
    Family.GEMINI: errors.ClientError,
}


def expected_status(exchange: Exchange) -> int:
    """What a client is told: a refused key and a fault are not its own."""
    bad_key = exchange.status == 401 or b"API_KEY_INVALID" in exchange.body
    return 502 if bad_key or exchange.status >= 500 else exchange.status


@for_every_sdk(REFUSED)
def test_an_sdk_raises_its_own_error_of_the_right_status(play: Play, outcome: Outcome) -> None:
    status = expected_status(play.exchange)
    assert outcome.status == status
    assert type(outcome.error) is STATUSES[play.client].get(status, OTHERS[play.client])


@for_every_sdk(filter(has_output, BROKEN))
def test_an_sdk_raises_when_the_answer_breaks_off(play: Play, outcome: Outcome) -> None:
    assert outcome.status == 200
    bases: Any = (openai.APIError, anthropic.APIError, errors.APIError)
    assert isinstance(outcome.error, bases)


@for_every_sdk(e for e in BROKEN if not has_output(e))
def test_an_sdk_raises_when_the_answer_is_an_error(play: Play, outcome: Outcome) -> None:
    assert outcome.status != 200
    assert type(outcome.error) is STATUSES[play.client].get(outcome.status, OTHERS[play.client])
