"""The query of a candidate: which parameters set something, and what they take."""

import pytest

from gateway.routing.grammar import parse_selector
from gateway.routing.parameters import Defaults, defaults_of
from gateway.routing.selector_error import SelectorError
from gateway.routing.tree import leaves

GOOD = [
    pytest.param("", Defaults(), id="nothing"),
    pytest.param("temperature=0.2", Defaults(temperature=0.2), id="temperature"),
    pytest.param("temperature=0", Defaults(temperature=0.0), id="the-lowest-temperature"),
    pytest.param("temperature=2.0", Defaults(temperature=2.0), id="the-highest-temperature"),
    pytest.param("temperature=1e-1", Defaults(temperature=0.1), id="exponent"),
    pytest.param("temperature=.5", Defaults(temperature=0.5), id="no-digit-before-the-point"),
    pytest.param("temperature=%30%2e5", Defaults(temperature=0.5), id="escaped"),
    pytest.param("top_p=0.9", Defaults(top_p=0.9), id="top-p"),
    pytest.param("topP=1", Defaults(top_p=1.0), id="top-p-as-gemini-says-it"),
    pytest.param("max_tokens=500", Defaults(max_output_tokens=500), id="max-tokens"),
    pytest.param(
        "max_output_tokens=2147483647",
        Defaults(max_output_tokens=2147483647),
        id="the-most-output-tokens",
    ),
    pytest.param("reasoning_effort=high", Defaults(reasoning_effort="high"), id="effort"),
    *(
        pytest.param(
            f"parallel_tool_calls={word}",
            Defaults(parallel_tool_calls=truth),
            id=f"parallel-tool-calls-{word}",
        )
        for word, truth in {
            "1": True,
            "true": True,
            "Yes": True,
            "on": True,
            "0": False,
            "FALSE": False,
            "no": False,
            "off": False,
        }.items()
    ),
    pytest.param(
        "note=x&temperature=1&note=y&top_p=0.5",
        Defaults(temperature=1.0, top_p=0.5),
        id="others-set-nothing",
    ),
    pytest.param("Temperature=9", Defaults(), id="names-have-one-case"),
]
BAD = [
    pytest.param("temperature=", "a number from 0 to 2 for temperature, not ''", id="empty"),
    pytest.param("temperature", "a number from 0 to 2 for temperature, not ''", id="no-value"),
    pytest.param("temperature=2.1", "a number from 0 to 2 for temperature, not '2.1'", id="over"),
    pytest.param("temperature=-1", "a number from 0 to 2 for temperature, not '-1'", id="under"),
    pytest.param("temperature=nan", "a number from 0 to 2 for temperature, not 'nan'", id="nan"),
    pytest.param("temperature=inf", "a number from 0 to 2 for temperature, not 'inf'", id="inf"),
    pytest.param("temperature=1_0", "a number from 0 to 2 for temperature, not '1_0'", id="_"),
    pytest.param("top_p=1.01", "a number from 0 to 1 for top_p, not '1.01'", id="top-p"),
    pytest.param("topP=x", "a number from 0 to 1 for topP, not 'x'", id="named-as-written"),
    pytest.param(
        "max_tokens=1.5",
        "a whole number from 0 to 2147483647 for max_tokens, not '1.5'",
        id="fraction",
    ),
    pytest.param(
        "max_tokens=2147483648",
        "a whole number from 0 to 2147483647 for max_tokens, not '2147483648'",
        id="too-many-tokens",
    ),
    pytest.param(
        f"max_tokens={'9' * 5000}",
        f"a whole number from 0 to 2147483647 for max_tokens, not '{'9' * 40}...'",
        id="thousands-of-digits",
    ),
    pytest.param(
        "reasoning_effort=",
        "a word like 'high' for reasoning_effort, not ''",
        id="no-effort",
    ),
    pytest.param(
        "reasoning_effort=very+high",
        "a word like 'high' for reasoning_effort, not 'very high'",
        id="two-words",
    ),
    pytest.param(
        "parallel_tool_calls=maybe",
        "true or false for parallel_tool_calls, not 'maybe'",
        id="neither",
    ),
]


@pytest.mark.parametrize(("query", "defaults"), GOOD)
def test_a_query_sets_what_a_request_may_leave_open(query: str, defaults: Defaults) -> None:
    (leaf,) = leaves(parse_selector(f"a:m?{query}"))
    assert defaults_of(leaf.parameters) == defaults


@pytest.mark.parametrize(("query", "expected"), BAD)
def test_a_setting_of_a_wrong_value_is_refused(query: str, expected: str) -> None:
    with pytest.raises(SelectorError) as caught:
        parse_selector(f"a:m?{query}")
    assert caught.value.expected == expected
