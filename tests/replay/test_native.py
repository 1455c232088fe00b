"""Every exchange passes through the gateway as if it were not there, errors included."""

import json
import re
from collections.abc import Callable, Iterable

import pytest

from tests.replay.clients import Outcome
from tests.replay.exchange import (
    CHUNKINGS,
    EXCHANGES,
    Exchange,
    Family,
    Verb,
)
from tests.replay.readings import has_output, stream_error
from tests.replay.stage import KEYS, PLAIN, Play, keys
from tests.support.gateway import Gateway

KEY_STATUSES = (401, 429)


def every(cases: Iterable[Exchange]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A test for each exchange, in every chunking, and through the dialect's own SDK."""
    plays = [play for exchange in cases for play in plays_of(exchange)]
    return pytest.mark.parametrize("play", [pytest.param(play, id=play.id) for play in plays])


def plays_of(exchange: Exchange) -> list[Play]:
    """How an exchange is played; no SDK asks for numbers, or for a stream that is an array."""
    plays = [Play(exchange, PLAIN, chunking) for chunking in CHUNKINGS]
    is_sdks = not exchange.is_array and not exchange.has_numbers
    if exchange.verb is Verb.GENERATE and is_sdks:
        plays.append(Play(exchange, exchange.family))
    return plays


def status_of(exchange: Exchange) -> int:
    """The status of an answer, as far as it speaks of the request: Google says 400 of a bad key."""
    return 401 if b"API_KEY_INVALID" in exchange.body else exchange.status


def is_good(exchange: Exchange) -> bool:
    return exchange.status == 200 and stream_error(exchange) is None


def breaks_off(exchange: Exchange) -> bool:
    return stream_error(exchange) is not None and has_output(exchange)


def breaks_at_once(exchange: Exchange) -> bool:
    return stream_error(exchange) is not None and not has_output(exchange)


def is_refused(exchange: Exchange) -> bool:
    return 400 <= exchange.status < 500 and status_of(exchange) not in KEY_STATUSES


def is_bad_key(exchange: Exchange) -> bool:
    return status_of(exchange) == 401


def is_rate_limited(exchange: Exchange) -> bool:
    return status_of(exchange) == 429


def is_broken(exchange: Exchange) -> bool:
    return exchange.status >= 500


def has_native_error(exchange: Exchange) -> bool:
    """Whether an error body has the shape that the dialect's clients read."""
    error = exchange.json.get("error")
    return isinstance(error, dict) and isinstance(error.get("message"), str)


def words(exchange: Exchange) -> list[str]:
    """What an error body says to a human, whatever its shape."""
    wire = exchange.json
    error = wire.get("error", wire)
    if isinstance(error, str):
        return [error]
    said = error.get("message") or error.get("detail") or error.get("title")
    return [said] if isinstance(said, str) else [part["msg"] for part in said]


def owned_fields_replaced(sent: bytes, exchange: Exchange) -> bytes:
    """The client's bytes with the upstream's model in place of the selector."""
    selector, model = exchange.selector, exchange.model
    if exchange.family is Family.GEMINI:
        if "model" not in exchange.request:
            return sent
        selector, model = f"models/{selector}", f"models/{model}"
    texts = [json.dumps(text, ensure_ascii=False).encode() for text in (selector, model)]
    replaced, times = re.subn(
        rb'("model"\s*:\s*)' + re.escape(texts[0]), lambda found: found[1] + texts[1], sent
    )
    assert times == 1
    return replaced


def error_of(exchange: Exchange, body: bytes) -> dict[str, object]:
    """The error object of a body, which has what the dialect's clients read."""
    wire = json.loads(body)
    error = dict(wire["error"])
    assert isinstance(error["message"], str)
    if exchange.family is Family.GEMINI:
        assert isinstance(error["code"], int)
        return {"type": error["status"], **error}
    if exchange.family is Family.MESSAGES:
        assert wire["type"] == "error"
    assert isinstance(error["type"], str)
    return error


RATE_LIMIT_TYPES = {Family.GEMINI: "RESOURCE_EXHAUSTED"}
SERVER_ERROR_TYPES = {Family.GEMINI: "INTERNAL"}


@every(EXCHANGES)
def test_the_upstream_gets_the_clients_bytes_but_for_the_model(
    play: Play, outcome: Outcome
) -> None:
    assert outcome.received[0].body == owned_fields_replaced(outcome.sent, play.exchange)


@every(EXCHANGES)
def test_the_upstream_is_asked_where_its_dialect_is_served(play: Play, outcome: Outcome) -> None:
    assert outcome.received[0].path == play.exchange.upstream_path


@every(e for e in EXCHANGES if is_good(e) and not e.is_array)
def test_the_client_gets_the_upstreams_bytes(play: Play, outcome: Outcome) -> None:
    assert outcome.status == 200
    assert outcome.error is None
    assert outcome.body == play.exchange.body


@every(e for e in EXCHANGES if is_good(e) and e.is_array)
def test_a_client_that_asks_for_no_events_gets_the_upstreams_chunks_in_one_array(
    play: Play, outcome: Outcome
) -> None:
    assert outcome.status == 200
    assert json.loads(outcome.body) == play.exchange.json


@every(filter(is_refused, EXCHANGES))
def test_a_refused_request_reaches_the_client_with_the_upstreams_status_and_words(
    play: Play, outcome: Outcome
) -> None:
    exchange = play.exchange
    assert outcome.status == exchange.status
    if has_native_error(exchange):
        assert outcome.body == exchange.body
    else:
        message = str(error_of(exchange, outcome.body)["message"])
        assert all(said in message for said in words(exchange))


@every(filter(is_bad_key, EXCHANGES))
def test_refused_keys_are_all_tried_and_then_said_to_be_the_operators_fault(
    play: Play, outcome: Outcome
) -> None:
    assert keys(outcome) == [f"{play.exchange.instance}-{key}" for key in KEYS]
    assert outcome.status == 502
    message = str(error_of(play.exchange, outcome.body)["message"])
    assert "your own key is fine" in message


@every(filter(is_rate_limited, EXCHANGES))
def test_rate_limited_keys_are_all_tried_and_then_the_client_is_told_when_to_come_back(
    play: Play, outcome: Outcome
) -> None:
    family = play.exchange.family
    assert keys(outcome) == [f"{play.exchange.instance}-{key}" for key in KEYS]
    assert outcome.status == 429
    assert 1 <= int(outcome.headers["retry-after"]) <= 60
    expected = RATE_LIMIT_TYPES.get(family, "rate_limit_error")
    assert error_of(play.exchange, outcome.body)["type"] == expected


@every(filter(is_broken, EXCHANGES))
def test_a_broken_upstream_is_a_502_without_its_words(play: Play, outcome: Outcome) -> None:
    exchange = play.exchange
    assert outcome.status == 502
    error = error_of(exchange, outcome.body)
    assert error["type"] == SERVER_ERROR_TYPES.get(exchange.family, "api_error")
    assert error["message"] == (
        f"{exchange.instance} answered with status {exchange.status}; "
        "nothing was wrong with the request"
    )


@every(filter(breaks_off, EXCHANGES))
def test_an_error_after_output_is_the_last_frame_that_the_client_gets(
    play: Play, outcome: Outcome
) -> None:
    assert outcome.status == 200
    assert outcome.body == play.exchange.body
    assert b"[DONE]" not in outcome.body


INNER_STATUSES = {"insufficient_quota": 429, "overloaded_error": 502}
"""Type of an error within a stream -> what a client is told when nothing came before it."""


@every(filter(breaks_at_once, EXCHANGES))
def test_an_error_before_output_has_a_real_status(play: Play, outcome: Outcome) -> None:
    error = stream_error(play.exchange)
    assert error is not None
    said = error.get("status_code") or error.get("code")
    by_type = INNER_STATUSES.get(error.get("type", ""), 502)
    assert outcome.status == (said if isinstance(said, int) else by_type)
    assert error_of(play.exchange, outcome.body)["message"]


@pytest.mark.parametrize(
    ("exchange", "name"),
    [pytest.param(e, name, id=f"{e.id}-{name}") for e in EXCHANGES for name in sorted(e.left_out)],
)
def test_a_field_that_is_not_served_yet_is_refused_by_name(
    exchange: Exchange, name: str, gateway: Gateway
) -> None:
    request = exchange.request | {"model": exchange.selector, name: exchange.left_out[name]}
    reply = gateway.client.send("POST", exchange.path, json.dumps(request).encode())
    assert (reply.status, reply.error["param"]) == (400, name)
