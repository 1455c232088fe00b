"""Token counts, both ways."""

import pytest

from gateway.canonical.errors import UpstreamError
from gateway.wire.anthropic_messages.count import parse_count, render_count
from tests.unit.gateway.wire.anthropic_messages.exchanges import Exchange, cases, recorded


def test_a_count_is_written_and_read() -> None:
    assert parse_count(render_count(671), instance="up") == 671


@pytest.mark.parametrize("exchange", cases(recorded("count_tokens")))
def test_a_recorded_count_is_read(exchange: Exchange) -> None:
    assert parse_count(exchange.body.encode(), instance="up") > 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"input_tokens":"5"}',
        b'{"type":"error","error":{"type":"api_error","message":"x"}}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_count_is_an_error(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        parse_count(body, instance="up")
