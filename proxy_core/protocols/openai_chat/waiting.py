"""How long a backend asks to wait, in seconds."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")
_IN_WORDS = re.compile(r"(?:try again|retry) (?:in|after) ((?:\d+(?:\.\d+)?(?:ms|h|m|s))+)")
_RESETS = ("requests", "tokens")


def retry_after(headers: Mapping[str, str], body: Any, message: str) -> float | None:
    """From the headers, else Google's RetryInfo, else the words of the message; None where nothing says."""
    lower = {name.lower(): value for name, value in headers.items()}
    for found in (_milliseconds(lower.get("retry-after-ms")), _stated(lower.get("retry-after")), _retry_info(body)):
        if found is not None:
            return found
    spelled = _IN_WORDS.search(message)
    if spelled:
        return _duration(spelled[1])
    return _reset(lower)


def _milliseconds(value: str | None) -> float | None:
    number = _number(value)
    return None if number is None else number / 1000


def _stated(value: str | None) -> float | None:
    """Seconds or a date: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3"""
    if not value:
        return None
    number = _number(value)
    if number is not None:
        return number
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return _duration(value)


def _number(value: str | None) -> float | None:
    try:
        number = float(value) if value else -1.0
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None


def _duration(text: str) -> float | None:
    """`1s`, `6m0s`, `1h2m`, `120ms`."""
    match = _DURATION.fullmatch(text.strip())
    if not match or not any(match.groups()):
        return None
    hours, minutes, seconds, milliseconds = (float(group or 0) for group in match.groups())
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000


def _retry_info(body: Any) -> float | None:
    """https://cloud.google.com/apis/design/errors#error_details"""
    if isinstance(body, list) and body:
        body = body[0]
    error = body.get("error") if isinstance(body, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    for detail in details if isinstance(details, list) else ():
        delay = detail.get("retryDelay") if isinstance(detail, dict) else None
        if isinstance(delay, str):
            return _duration(delay)
    return None


def _reset(headers: Mapping[str, str]) -> float | None:
    """OpenAI's: https://developers.openai.com/api/docs/guides/rate-limits. Only the limit that is used up counts."""
    waits = [
        _duration(headers.get(f"x-ratelimit-reset-{what}", ""))
        for what in _RESETS
        if headers.get(f"x-ratelimit-remaining-{what}", "").strip() in ("0", "")
    ]
    known = [wait for wait in waits if wait is not None]
    return max(known) if known else _reset_at(headers.get("x-ratelimit-reset"))


def _reset_at(value: str | None) -> float | None:
    """OpenRouter's: milliseconds since 1970."""
    number = _number(value)
    if number is None or number < 1e12:
        return None
    return max(0.0, number / 1000 - time.time())
