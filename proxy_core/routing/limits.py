"""What a provider's headers say about its limits: how long to rest, and how much is left.

https://platform.openai.com/docs/guides/rate-limits, https://docs.claude.com/en/api/rate-limits,
https://openrouter.ai/docs/api-reference/limits, RFC 9110 section 10.2.3
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from proxy_core.errors import Fault

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|s|m|h|d)")
_IN_WORDS = re.compile(
    r"(?:try again|retry|wait)(?: (?:again|in|after|for|at least))*:? ((?:\d+(?:\.\d+)? ?[a-z]+ ?(?:and )?)+)",
    re.IGNORECASE,
)
_WORDY = re.compile(r"(\d+(?:\.\d+)?) ?([a-zµ]+)", re.IGNORECASE)
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_UNITS_IN_WORDS = {
    **_UNITS,
    **dict.fromkeys(("millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("hour", "hours"), 3600.0),
    **dict.fromkeys(("day", "days"), 86400.0),
}
_YEAR_2001 = 1_000_000_000
"""Numbers above are moments, in seconds or milliseconds since 1970; below they are waits in seconds."""
LONGEST_REST = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit as the headers name it. `reset` is in seconds from now."""

    remaining: float | None
    limit: float | None
    reset: float | None

    @property
    def left(self) -> float | None:
        """The part that is left, from 0 to 1."""
        return self.remaining / self.limit if self.remaining is not None and self.limit else None


def rest_asked_for(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds to wait before the next try, as far as the headers say; `now` in seconds since 1970."""
    named = _named_wait(headers, now)
    if named is not None:
        return named
    used_up = [limit.reset for limit in limits_in(headers, now) if limit.remaining == 0 and limit.reset is not None]
    if used_up:
        return _bounded(max(used_up))
    resets = [limit.reset for limit in limits_in(headers, now) if limit.remaining is None and limit.reset is not None]
    return _bounded(min(resets)) if resets else None


def tightest(headers: Mapping[str, str], now: float) -> Limit | None:
    """The limit of which the smallest part is left; None when the headers do not say."""
    known = [limit for limit in limits_in(headers, now) if limit.left is not None]
    return min(known, key=lambda limit: limit.left or 0.0, default=None)


def limits_in(headers: Mapping[str, str], now: float) -> Iterator[Limit]:
    """`x-ratelimit-remaining-tokens` and its like, whatever order a vendor puts the words in."""
    groups: dict[str, dict[str, str]] = {}
    for name, value in headers.items():
        lower = name.lower()
        if "ratelimit" not in lower:
            continue
        words = lower.split("-")
        what = next((word for word in ("remaining", "limit", "reset") if word in words), None)
        if what:
            words.remove(what)
            groups.setdefault("-".join(words), {})[what] = value
    for group in groups.values():
        yield Limit(
            _number(group.get("remaining")), _number(group.get("limit")), wait_from(group.get("reset", ""), now)
        )


def wait_from(text: str, now: float) -> float | None:
    """Seconds from now: of a number of seconds, a duration (`6m0s`, `20ms`), a moment (RFC 3339, HTTP date, epoch in
    seconds or milliseconds)."""
    text = text.strip()
    number = _number(text)
    if number is not None:
        if number < _YEAR_2001:
            return _bounded(number)
        return _bounded((number / 1000 if number > _YEAR_2001 * 1000 else number) - now)
    durations = _DURATION.findall(text)
    if durations and "".join(amount + unit for amount, unit in durations) == text:
        return _bounded(sum(float(amount) * _UNITS[unit] for amount, unit in durations))
    moment = _moment(text)
    return _bounded(moment - now) if moment is not None else None


def rest_wanted(headers: Mapping[str, str], fault: Fault, now: float) -> float | None:
    """Seconds to wait before the next try: by the headers, else by what stood in the body, else by its words."""
    asked = rest_asked_for(headers, now)
    if asked is None:
        asked = fault.retry_after
    return wait_in_words(fault.message) if asked is None else asked


def wait_in_words(message: str) -> float | None:
    """Seconds of "Please try again in 20s", "1m30s", "850ms", "retry after 12 seconds"."""
    found = _IN_WORDS.search(message)
    if not found:
        return None
    known = [(float(amount), _UNITS_IN_WORDS.get(unit.lower())) for amount, unit in _WORDY.findall(found[1])]
    waits = [amount * unit for amount, unit in known if unit is not None]
    return _bounded(sum(waits)) if waits else None


def _named_wait(headers: Mapping[str, str], now: float) -> float | None:
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return _bounded(milliseconds / 1000)
    return wait_from(headers["retry-after"], now) if "retry-after" in headers else None


def _moment(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else None
    except ValueError:
        return None
    return number if number is not None and number == number and abs(number) != float("inf") else None


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), LONGEST_REST)
