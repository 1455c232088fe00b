"""Token counts of chat upstreams, in every provider's manner."""

from typing import Any

import pytest

from gateway.canonical.events import Usage
from gateway.wire.openai_chat.usage import parse_usage, render_usage


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        pytest.param({}, Usage(0, 0), id="nothing"),
        pytest.param(
            {
                "prompt_tokens": 9,
                "completion_tokens": 8,
                "prompt_tokens_details": {"cached_tokens": 7, "cache_write_tokens": 1},
                "completion_tokens_details": {"reasoning_tokens": 6},
            },
            Usage(9, 8, cached_tokens=7, cache_write_tokens=1, reasoning_tokens=6),
            id="openai",
        ),
        pytest.param(
            {"prompt_tokens": 9, "completion_tokens": 8, "prompt_cache_hit_tokens": 7},
            Usage(9, 8, cached_tokens=7),
            id="deepseek",
        ),
        pytest.param(
            {
                "prompt_tokens": 9,
                "completion_tokens": 8,
                "cached_tokens": 7,
                "reasoning_tokens": 6,
                "prompt_tokens_details": None,
                "completion_tokens_details": None,
            },
            Usage(9, 8, cached_tokens=7, reasoning_tokens=6),
            id="together",
        ),
        pytest.param(
            {
                "prompt_tokens": 331,
                "completion_tokens": 11,
                "total_tokens": 613,
                "completion_tokens_details": {"reasoning_tokens": 271},
            },
            Usage(331, 282, reasoning_tokens=271),
            id="xai-counts-reasoning-apart",
        ),
        pytest.param(
            {"completion_tokens": 1, "reasoning_tokens": 5},
            Usage(0, 1, reasoning_tokens=1),
            id="more-reasoning-than-output",
        ),
        pytest.param(
            {"prompt_tokens": -1, "completion_tokens": 2**70, "total_tokens": True},
            Usage(0, 0),
            id="no-counts",
        ),
    ],
)
def test_usage_is_read_in_every_manner(usage: dict[str, Any], counts: Usage) -> None:
    assert parse_usage(usage) == counts


def test_counts_are_shown_as_they_are_read() -> None:
    usage = Usage(30, 20, cached_tokens=5, cache_write_tokens=4, reasoning_tokens=7)
    assert parse_usage(render_usage(usage)) == usage
