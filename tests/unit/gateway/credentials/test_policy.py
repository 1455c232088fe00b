"""What a refusal means for the key that got it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.credentials.policy import Cooling, Dead, Policy, Verdict, retry_after_s

NOW = 784_111_777.0
"""1994-11-06 08:49:37 UTC, the moment of RFC 9110's examples."""
IMF = "Sun, 06 Nov 1994 08:49:37 GMT"
LATER = {
    "imf": "Sun, 06 Nov 1994 08:51:07 GMT",
    "rfc850": "Sunday, 06-Nov-94 08:51:07 GMT",
    "asctime": "Sun Nov  6 08:51:07 1994",
}
"""90 s later, in the three forms of RFC 9110."""
POLICY = Policy(default_cooldown_s=60, max_cooldown_s=3600)


@pytest.mark.parametrize(
    ("status", "headers", "verdict"),
    [
        pytest.param(401, {}, Dead(), id="401"),
        pytest.param(401, {"retry-after": "5"}, Dead(), id="401-with-retry-after"),
        pytest.param(429, {}, Cooling(60), id="429-says-nothing"),
        pytest.param(429, {"retry-after": "5"}, Cooling(5), id="429-says-when"),
        pytest.param(429, {"retry-after": "junk"}, Cooling(60), id="429-says-junk"),
        pytest.param(429, {"retry-after": "99999"}, Cooling(3600), id="429-over-the-cap"),
        pytest.param(429, {"retry-after": "1e308"}, Cooling(3600), id="429-huge"),
        pytest.param(429, {"retry-after-ms": "1e308"}, Cooling(3600), id="429-huge-ms"),
        *(
            pytest.param(status, {"retry-after": "5"}, None, id=f"{status}")
            for status in (None, 200, 400, 402, 403, 404, 408, 413, 422, 500, 503, 529)
        ),
    ],
)
def test_a_status_is_judged(status: int | None, headers: dict[str, str], verdict: Verdict) -> None:
    assert POLICY.judge(status, headers, now=NOW) == verdict


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        pytest.param({}, None, id="absent"),
        pytest.param({"retry-after": ""}, None, id="empty"),
        pytest.param({"retry-after": "30"}, 30, id="integer"),
        pytest.param({"retry-after": " 30 "}, 30, id="white-space"),
        pytest.param({"retry-after": "1.5"}, 1.5, id="decimal"),
        pytest.param({"retry-after": "0"}, None, id="zero"),
        pytest.param({"retry-after": "0.0"}, None, id="decimal-zero"),
        pytest.param({"retry-after": "-1"}, None, id="negative"),
        pytest.param({"retry-after": "soon"}, None, id="junk"),
        pytest.param({"retry-after": "5, 10"}, None, id="two-values"),
        pytest.param({"retry-after": "5 s"}, None, id="unit"),
        pytest.param({"retry-after": "nan"}, None, id="nan"),
        pytest.param({"retry-after": "inf"}, None, id="inf"),
        pytest.param({"retry-after": "-inf"}, None, id="minus-inf"),
        pytest.param({"retry-after": "9" * 5000}, None, id="too-many-digits"),
        pytest.param({"retry-after": LATER["imf"]}, 90, id="imf-fixdate"),
        pytest.param({"retry-after": LATER["rfc850"]}, 90, id="rfc850-date"),
        pytest.param({"retry-after": LATER["asctime"]}, 90, id="asctime-date"),
        pytest.param({"retry-after": IMF}, None, id="date-of-now"),
        pytest.param({"retry-after": "Sun, 06 Nov 1994 08:49:36 GMT"}, None, id="past-date"),
        pytest.param({"retry-after": "Sun, 31 Nov 1994 08:49:37 GMT"}, None, id="no-such-day"),
        pytest.param({"retry-after": f"{IMF[:-3]}+99999999"}, None, id="huge-zone"),
        pytest.param({"retry-after": f"{IMF[:-3]}+{'9' * 18}"}, None, id="zone-overflow"),
        pytest.param({"retry-after": IMF.replace("1994", "9" * 11)}, None, id="year-overflow"),
        pytest.param({"retry-after": "Fri, 31 Dec 9999 23:59:59 -0100"}, None, id="year-10000"),
        pytest.param({"retry-after": "5", "retry-after-ms": "250"}, 0.25, id="ms-wins"),
        pytest.param({"retry-after-ms": "1500.5"}, 1.5005, id="decimal-ms"),
        pytest.param({"retry-after": "5", "retry-after-ms": "0"}, 5, id="zero-ms"),
        pytest.param({"retry-after": "5", "retry-after-ms": "junk"}, 5, id="junk-ms"),
        pytest.param({"retry-after": "5", "retry-after-ms": "nan"}, 5, id="nan-ms"),
        pytest.param({"retry-after": LATER["imf"], "retry-after-ms": "9"}, 0.009, id="ms-and-date"),
    ],
)
def test_how_long_to_wait_is_read(headers: dict[str, str], wait_s: float | None) -> None:
    assert retry_after_s(headers, now=NOW) == wait_s


@pytest.mark.parametrize("form", LATER)
def test_a_date_is_relative_to_the_date_of_the_response(form: str) -> None:
    headers = {"retry-after": LATER[form], "date": "Sun, 06 Nov 1994 08:50:37 GMT"}
    assert retry_after_s(headers, now=NOW + 1_000_000) == 30


def test_a_date_before_that_of_the_response_says_nothing() -> None:
    headers = {"retry-after": IMF, "date": LATER["imf"]}
    assert retry_after_s(headers, now=NOW - 1000) is None


@pytest.mark.parametrize("date", ["", "junk", IMF.replace("1994", "9" * 11)])
def test_a_date_of_the_response_that_cannot_be_read_is_replaced_by_now(date: str) -> None:
    assert retry_after_s({"retry-after": LATER["imf"], "date": date}, now=NOW) == 90


_dates = st.sampled_from([IMF, *LATER.values(), "Fri, 31 Dec 9999 23:59:59 -0100"])


@st.composite
def _spoiled(draw: st.DrawFn) -> str:
    """A date with something in it replaced."""
    date = draw(_dates)
    start = draw(st.integers(0, len(date)))
    junk = draw(st.text(st.sampled_from("0123456789:+-,. GMTNovSu") | st.characters(), max_size=20))
    return date[:start] + junk + date[draw(st.integers(start, len(date))) :]


@settings(max_examples=300)
@given(value=st.text() | _spoiled(), date=st.text() | _spoiled(), ms=st.none() | st.text())
def test_no_header_breaks_the_verdict_or_its_bounds(value: str, date: str, ms: str | None) -> None:
    headers = {"retry-after": value, "date": date} | ({} if ms is None else {"retry-after-ms": ms})
    verdict = POLICY.judge(429, headers, now=NOW)
    assert isinstance(verdict, Cooling)
    assert 0 < verdict.duration_s <= POLICY.max_cooldown_s
