"""Error bodies: `{"message", "id"}`, some with an `error_type`. https://docs.cohere.com/reference/errors"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from proxy_core.errors import Fault, FaultKind, kind_of_status
from proxy_core.protocols.cohere.names import text_in
from proxy_core.wire.json import dumps, loads

_LONGEST_TEXT = 500
_KIND_OF_STATUS: dict[int, FaultKind] = {
    498: FaultKind.PERMISSION,  # blocked by the usage guidelines
    499: FaultKind.UPSTREAM,  # cancelled, though not by us
}
_TOO_LONG = re.compile(
    r"too many tokens: (?!max tokens)|context length|prompt (is )?too long|exceeds the (model's )?(context|limit of)",
    re.IGNORECASE,
)
_SPENT = re.compile(r"calls? ?/ ?month|per month|monthly|billing limit|payment method", re.IGNORECASE)
"""A trial key's monthly calls come as 429, and no waiting helps."""


def read_fault(status: int, headers: Mapping[str, str], body: bytes) -> Fault:
    raw = _parsed(body)
    message = _message(raw) or body.decode("utf-8", "replace").strip()[:_LONGEST_TEXT]
    return Fault(
        _kind(status, message, raw),
        message or f"The backend answered {status} without a word.",
        status=status,
        raw_type=text_in(raw.get("error_type")) or None if isinstance(raw, dict) else None,
        retry_after=_retry_after(headers),
        detail=raw,
    )


def fault_in(raw: dict[str, Any]) -> Fault | None:
    """The error that a body of status 200 or an event holds."""
    if "message" not in raw or not isinstance(raw["message"], str):
        return None
    return Fault(_kind(502, raw["message"], raw), raw["message"], detail=raw)


def _kind(status: int, message: str, raw: Any) -> FaultKind:
    by_status = _KIND_OF_STATUS.get(status) or kind_of_status(status)
    too_long = isinstance(raw, dict) and raw.get("error_type") == "TOO_MANY_TOKENS"
    if by_status in (FaultKind.INVALID_REQUEST, FaultKind.TOO_LARGE, FaultKind.UPSTREAM):
        return FaultKind.CONTEXT_LENGTH if too_long or _TOO_LONG.search(message) else by_status
    if by_status is FaultKind.RATE_LIMIT and _SPENT.search(message):
        return FaultKind.BILLING
    return by_status


def _message(raw: Any) -> str:
    """Validation speaks of several fields at once, then as a list."""
    said = (raw.get("message") or raw.get("detail") or raw.get("error")) if isinstance(raw, dict) else None
    if isinstance(said, str) or not said:
        return said or ""
    return dumps(said).decode()[:_LONGEST_TEXT]


def _parsed(body: bytes) -> Any:
    try:
        return loads(body)
    except (ValueError, RecursionError):
        return None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, from a number or a date."""
    given = {name.lower(): value.strip() for name, value in headers.items()}
    value = given.get("retry-after", "")
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return float(value)
    try:
        then, now = parsedate_to_datetime(value), parsedate_to_datetime(given.get("date", ""))
        return max(0.0, (then - now).total_seconds())
    except (ValueError, TypeError):  # one of them is no date, or has no zone
        return None
