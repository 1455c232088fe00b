"""Every chat exchange passes through the gateway as if it were not there, errors included."""

import json
import re
from collections.abc import Callable, Iterable

import openai
import pytest

from tests.replay.clients import CLIENTS, Outcome
from tests.replay.conftest import KEYS
from tests.replay.exchange import CHUNKINGS, Chunking, Exchange, chat, own, recorded
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway

Send = Callable[[Gateway, Exchange], Outcome]

EXCHANGES = chat([*own(), *recorded()])

KEY_STATUSES = (401, 429)


def every(exchanges: Iterable[Exchange]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A test for each exchange, in every chunking, through every client."""
    cases = [pytest.param(exchange, id=exchange.id) for exchange in exchanges]

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        chunked = pytest.mark.parametrize("chunking", CHUNKINGS.values(), ids=CHUNKINGS.keys())
        sent = pytest.mark.parametrize("send", CLIENTS.values(), ids=CLIENTS.keys())
        return pytest.mark.parametrize("exchange", cases)(chunked(sent(test)))

    return decorate


def is_good(exchange: Exchange) -> bool:
    return exchange.status == 200 and exchange.stream_error is None


def breaks_off(exchange: Exchange) -> bool:
    return exchange.stream_error is not None and exchange.has_output


def breaks_at_once(exchange: Exchange) -> bool:
    return exchange.stream_error is not None and not exchange.has_output


def is_refused(exchange: Exchange) -> bool:
    return 400 <= exchange.status < 500 and exchange.status not in KEY_STATUSES


def native_error(exchange: Exchange) -> bool:
    """Whether an error body has the shape that OpenAI's clients read."""
    wire = json.loads(exchange.body)
    error = wire.get("error")
    return isinstance(error, dict) and isinstance(error.get("message"), str)


def words(exchange: Exchange) -> list[str]:
    """What an error body says to a human, whatever its shape."""
    wire = json.loads(exchange.body)
    error = wire.get("error", wire)
    if isinstance(error, str):
        return [error]
    said = error.get("message") or error.get("detail") or error.get("title")
    return [said] if isinstance(said, str) else [part["msg"] for part in said]


def owned_fields_replaced(sent: bytes, exchange: Exchange) -> bytes:
    """The client's bytes with the upstream's model in place of the selector."""
    selector, model = (json.dumps(text).encode() for text in (exchange.selector, exchange.model))
    replaced, times = re.subn(
        rb'("model"\s*:\s*)' + re.escape(selector), lambda found: found[1] + model, sent
    )
    assert times == 1
    return replaced


def openai_error(body: bytes) -> dict[str, object]:
    error = json.loads(body)["error"]
    assert isinstance(error["message"], str)
    assert isinstance(error["type"], str)
    return dict(error)


@pytest.fixture
def outcome(
    exchange: Exchange, chunking: Chunking, send: Send, gateway: Gateway, upstream: FakeUpstream
) -> Outcome:
    """Play the exchange once."""
    upstream.script = lambda request: chunking.answer(exchange)
    return send(gateway, exchange)


@every(EXCHANGES)
def test_the_upstream_gets_the_clients_bytes_but_for_the_model(
    exchange: Exchange, outcome: Outcome, upstream: FakeUpstream
) -> None:
    assert upstream.requests[0].body == owned_fields_replaced(outcome.sent, exchange)
    assert upstream.requests[0].path == f"/{exchange.provider}/v1/chat/completions"


@every(filter(is_good, EXCHANGES))
def test_the_client_gets_the_upstreams_bytes(exchange: Exchange, outcome: Outcome) -> None:
    assert outcome.status == 200
    assert outcome.body == exchange.body
    assert outcome.error is None


@pytest.mark.parametrize("chunking", CHUNKINGS.values(), ids=CHUNKINGS.keys())
@pytest.mark.parametrize("send", [CLIENTS["sdk"]], ids=["sdk"])
@pytest.mark.parametrize(
    "exchange", [pytest.param(e, id=e.id) for e in EXCHANGES if is_good(e) and e.is_sse]
)
def test_the_sdk_reads_as_many_chunks_as_the_upstream_sent(
    exchange: Exchange, outcome: Outcome
) -> None:
    assert outcome.items == len([frame for frame in exchange.frames if frame != "[DONE]"])


@every(filter(is_refused, EXCHANGES))
def test_a_refused_request_reaches_the_client_with_the_upstreams_status_and_words(
    exchange: Exchange, outcome: Outcome
) -> None:
    assert outcome.status == exchange.status
    if native_error(exchange):
        assert outcome.body == exchange.body
    else:
        message = str(openai_error(outcome.body)["message"])
        assert all(said in message for said in words(exchange))


@every(exchange for exchange in EXCHANGES if exchange.status == 401)
def test_refused_keys_are_all_tried_and_then_said_to_be_the_operators_fault(
    exchange: Exchange, outcome: Outcome, upstream: FakeUpstream
) -> None:
    assert upstream.keys == [f"{exchange.provider}-{key}" for key in KEYS]
    assert outcome.status == 502
    assert openai_error(outcome.body)["code"] == "upstream_credentials_exhausted"


@every(exchange for exchange in EXCHANGES if exchange.status == 429)
def test_rate_limited_keys_are_all_tried_and_then_the_client_is_told_when_to_come_back(
    exchange: Exchange, outcome: Outcome, upstream: FakeUpstream
) -> None:
    assert upstream.keys == [f"{exchange.provider}-{key}" for key in KEYS]
    assert outcome.status == 429
    assert 1 <= int(outcome.headers["retry-after"]) <= 60
    assert openai_error(outcome.body)["type"] == "rate_limit_error"


@every(exchange for exchange in EXCHANGES if exchange.status >= 500)
def test_a_broken_upstream_is_a_502_without_its_words(exchange: Exchange, outcome: Outcome) -> None:
    assert outcome.status == 502
    error = openai_error(outcome.body)
    assert error["type"] == "api_error"
    assert error["message"] == (
        f"{exchange.provider} answered with status {exchange.status}; "
        "nothing was wrong with the request"
    )


@every(filter(breaks_off, EXCHANGES))
def test_an_error_after_output_is_the_last_frame_that_the_client_gets(
    exchange: Exchange, outcome: Outcome
) -> None:
    assert outcome.status == 200
    assert outcome.body == exchange.body
    assert b"[DONE]" not in outcome.body


@every(filter(breaks_at_once, EXCHANGES))
def test_an_error_before_output_has_a_real_status(exchange: Exchange, outcome: Outcome) -> None:
    error = exchange.stream_error
    assert error is not None
    said = error.get("status_code") or error.get("code")
    assert outcome.status == (said if isinstance(said, int) else 502)
    assert openai_error(outcome.body)["message"]


@pytest.mark.parametrize("chunking", CHUNKINGS.values(), ids=CHUNKINGS.keys())
@pytest.mark.parametrize("send", [CLIENTS["sdk"]], ids=["sdk"])
@pytest.mark.parametrize(
    "exchange", [pytest.param(e, id=e.id) for e in EXCHANGES if not is_good(e)]
)
def test_the_sdk_raises_whatever_went_wrong(exchange: Exchange, outcome: Outcome) -> None:
    assert isinstance(outcome.error, openai.APIError)
