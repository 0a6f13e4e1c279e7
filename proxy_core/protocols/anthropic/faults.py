"""Errors, whole and as the `error` event of a stream. https://platform.claude.com/docs/en/api/errors"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from proxy_core.errors import Fault, FaultKind, kind_of_status
from proxy_core.wire.json import dumps, loads
from proxy_core.wire.sse import render

_KIND_OF_TYPE: dict[str, tuple[FaultKind, int]] = {
    "invalid_request_error": (FaultKind.INVALID_REQUEST, 400),
    "authentication_error": (FaultKind.AUTHENTICATION, 401),
    "billing_error": (FaultKind.BILLING, 402),
    "permission_error": (FaultKind.PERMISSION, 403),
    "not_found_error": (FaultKind.NOT_FOUND, 404),
    "conflict_error": (FaultKind.CONFLICT, 409),
    "request_too_large": (FaultKind.TOO_LARGE, 413),
    "rate_limit_error": (FaultKind.RATE_LIMIT, 429),
    "api_error": (FaultKind.UPSTREAM, 500),
    "timeout_error": (FaultKind.TIMEOUT, 504),
    "overloaded_error": (FaultKind.OVERLOADED, 529),
}

_TYPE_OF_KIND: dict[FaultKind, str] = {
    FaultKind.INVALID_REQUEST: "invalid_request_error",
    FaultKind.CONTEXT_LENGTH: "invalid_request_error",
    FaultKind.AUTHENTICATION: "authentication_error",
    FaultKind.BILLING: "billing_error",
    FaultKind.PERMISSION: "permission_error",
    FaultKind.NOT_FOUND: "not_found_error",
    FaultKind.METHOD_NOT_ALLOWED: "invalid_request_error",
    FaultKind.CONFLICT: "conflict_error",
    FaultKind.TOO_LARGE: "request_too_large",
    FaultKind.UPGRADE_REQUIRED: "invalid_request_error",
    FaultKind.RATE_LIMIT: "rate_limit_error",
    FaultKind.TIMEOUT: "timeout_error",
    FaultKind.OVERLOADED: "overloaded_error",
    FaultKind.UPSTREAM: "api_error",
    FaultKind.CUT: "api_error",
    FaultKind.INTERNAL: "api_error",
}

_KIND_OF_MESSAGE: tuple[tuple[re.Pattern[str], FaultKind], ...] = (
    (re.compile(r"prompt is too long|exceed(s)? context limit|context window", re.I), FaultKind.CONTEXT_LENGTH),
    (re.compile(r"credit balance is too low|spend limit|usage limits", re.I), FaultKind.BILLING),
)
"""What Anthropic says under `invalid_request_error` although it is no fault of the request's form."""

_TOO_LONG = "prompt is too long"
_LIMIT = re.compile(r"(?:maximum context length|context window|maximum)[^\d]{0,40}(\d{3,})", re.I)
_PROMPT = re.compile(
    r"(\d{3,12}) (?:tokens )?(?:from|in) the (?:input )?(?:messages|prompt)|resulted in (\d{3,12})", re.I
)
_COMPLETION = re.compile(r"(\d{1,12}) (?:tokens )?(?:for|in) the completion", re.I)


def read_fault(status: int, headers: Mapping[str, str], body: bytes) -> Fault:
    try:
        value = loads(body)
    except ValueError:
        value = None
    fault = fault_of(value, status)
    fault.retry_after = _retry_after(headers)
    return fault


def fault_of(body: Any, status: int | None = None) -> Fault:
    """The fault in an error body, or in the data of an `error` event, which has no status."""
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, str):
        error = {"message": error}
    if not isinstance(error, dict):
        message = f"The backend answered with status {status}." if status else "The backend ended with an error."
        return Fault(kind_of_status(status or 502), message, status)
    raw_type, message = _text(error.get("type")), _text(error.get("message"))
    kind, native_status = _kind_of(raw_type, status)
    kind = _kind_by_message(kind, message or "")
    details = error.get("details")
    return Fault(
        kind,
        message or f"The backend answered with {raw_type or 'an error'}.",
        status or native_status,
        code=_text(details.get("error_code")) if isinstance(details, dict) else None,
        raw_type=raw_type,
        detail=details,
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _kind_of(raw_type: str | None, status: int | None) -> tuple[FaultKind, int | None]:
    if raw_type in _KIND_OF_TYPE and not _is_said_better(raw_type, status):
        return _KIND_OF_TYPE[raw_type]
    return (kind_of_status(status), status) if status else (FaultKind.UPSTREAM, None)


def _is_said_better(raw_type: str, status: int | None) -> bool:
    """Gateways in front of the vendor's servers call whatever they refuse an invalid request."""
    return raw_type == "invalid_request_error" and status is not None and status != 400


def _kind_by_message(kind: FaultKind, message: str) -> FaultKind:
    if kind is not FaultKind.INVALID_REQUEST:
        return kind
    return next((better for words, better in _KIND_OF_MESSAGE if words.search(message)), kind)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, from `retry-after` as a number or a date."""
    given = {name.lower(): value for name, value in headers.items()}
    value = given.get("retry-after", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return float(value)
    now, then = _date(given.get("date", "")), _date(value)
    return max(0.0, (then - now).total_seconds()) if now and then else None


def _date(value: str) -> datetime | None:
    try:
        return parsedate_to_datetime(value) if value else None
    except ValueError:
        return None


def write_fault(fault: Fault) -> dict[str, Any]:
    error: dict[str, Any] = {"type": _type_of(fault), "message": _message_of(fault)}
    if isinstance(fault.detail, dict) and "error_code" in fault.detail:
        error["details"] = fault.detail
    return {"type": "error", "error": error}


def write_stream_fault(fault: Fault) -> bytes:
    return render(dumps(write_fault(fault)), "error")


def _type_of(fault: Fault) -> str:
    """The vendor's own word where it says no less; other vendors use some of the same words for other things."""
    if fault.raw_type in _KIND_OF_TYPE and _KIND_OF_TYPE[fault.raw_type][0] is fault.kind:
        return fault.raw_type
    return _TYPE_OF_KIND[fault.kind]


def _message_of(fault: Fault) -> str:
    """Claude Code knows by these words alone that it must compact, or ask for fewer tokens.

    https://github.com/musistudio/claude-code-router/issues/1799
    """
    message = fault.message
    if fault.kind is not FaultKind.CONTEXT_LENGTH or _TOO_LONG in message.lower() or "context limit:" in message:
        return message
    limit, prompt, completion = (_number(pattern, message) for pattern in (_LIMIT, _PROMPT, _COMPLETION))
    if not limit or not prompt:
        return f"{_TOO_LONG}: {message}"
    if completion and prompt < limit:
        sizes = f"{prompt} + {completion} > {limit}"
        return f"input length and `max_tokens` exceed context limit: {sizes}, decrease one of them and try again"
    return f"{_TOO_LONG}: {prompt} tokens > {limit} maximum"


def _number(pattern: re.Pattern[str], message: str) -> int | None:
    match = pattern.search(message)
    return next((int(group) for group in match.groups() if group), None) if match else None
