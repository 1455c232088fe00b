"""From an upstream's refusal to what happens to the key that got it. Pure.

401     dead, until the secret changes or an operator lifts it
429     cooling, until the time that the upstream names, else for a default time
others  nothing: they do not speak of the key
"""

import calendar
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from msgspec import Struct


class Dead(Struct, frozen=True):
    """The key is not valid."""


class Cooling(Struct, frozen=True):
    """The key is to rest for this long."""

    duration_s: float


Verdict = Dead | Cooling | None


class Policy(Struct, frozen=True):
    """The bounds of a cooldown, in seconds."""

    default_cooldown_s: float = 60.0
    max_cooldown_s: float = 86_400.0

    def judge(
        self,
        status: int | None,
        headers: Mapping[str, str],
        *,
        now: float,
        body_asks_s: float | None = None,
    ) -> Verdict:
        """Decide what a response means for the key that it was given to.

        Args:
            headers: response headers, names in lower case.
            now: Unix seconds, to compare a date with that comes without one of its own.
            body_asks_s: the wait that the response's body asks for; it goes before the headers.
        """
        if status == 401:
            return Dead()
        if status != 429:
            return None
        asked_s = body_asks_s or retry_after_s(headers, now=now)
        return Cooling(min(asked_s or self.default_cooldown_s, self.max_cooldown_s))


def retry_after_s(headers: Mapping[str, str], *, now: float) -> float | None:
    """Read how long a response asks to wait, in seconds; None when it says nothing usable.

    `retry-after-ms` is finer than `retry-after` and wins. A date is taken relative to the
    response's own `date`, so that a clock that is wrong on either side does no harm.

    Source: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
    """
    milliseconds = _positive(headers.get("retry-after-ms"))
    if milliseconds:
        return milliseconds / 1000
    value = headers.get("retry-after", "").strip()
    seconds = _positive(value)
    if seconds:
        return seconds
    until = _http_date(value)
    if until is None:
        return None
    sent_at = _http_date(headers.get("date", ""))
    wait_s = until - (now if sent_at is None else sent_at)
    return wait_s if wait_s > 0 else None


def _positive(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 < number < float("inf") else None


def _http_date(text: str) -> float | None:
    """Read an IMF-fixdate, an RFC 850 date or an asctime date as Unix seconds."""
    try:
        # An asctime date names no zone; it is in UTC like the other two forms.
        return calendar.timegm(parsedate_to_datetime(text).utctimetuple())
    except (ValueError, OverflowError):
        return None
