"""Errors, read and written.

https://platform.openai.com/docs/guides/error-codes/api-errors
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from proxy_core.errors import Fault, FaultKind, kind_of_status
from proxy_core.turn.content import Extra
from proxy_core.wire.json import loads

_KIND_OF_CODE: dict[str, FaultKind] = {
    "context_length_exceeded": FaultKind.CONTEXT_LENGTH,
    "string_above_max_length": FaultKind.INVALID_REQUEST,
    "invalid_prompt": FaultKind.INVALID_REQUEST,
    "invalid_api_key": FaultKind.AUTHENTICATION,
    "authentication_error": FaultKind.AUTHENTICATION,
    "insufficient_quota": FaultKind.BILLING,
    "billing_hard_limit_reached": FaultKind.BILLING,
    "usage_not_included": FaultKind.BILLING,
    "permission_error": FaultKind.PERMISSION,
    "model_not_found": FaultKind.NOT_FOUND,
    "not_found_error": FaultKind.NOT_FOUND,
    "rate_limit_exceeded": FaultKind.RATE_LIMIT,
    "rate_limit_error": FaultKind.RATE_LIMIT,
    "tokens": FaultKind.RATE_LIMIT,
    "requests": FaultKind.RATE_LIMIT,
    "server_is_overloaded": FaultKind.OVERLOADED,
    "slow_down": FaultKind.OVERLOADED,
    "overloaded_error": FaultKind.OVERLOADED,
    "server_error": FaultKind.UPSTREAM,
    "invalid_request_error": FaultKind.INVALID_REQUEST,
}
"""By `code`, then by `type`."""
_TOO_LONG = ("maximum context length", "context window", "prompt is too long", "context_length_exceeded")

_NATIVE: dict[FaultKind, tuple[str, str | None]] = {
    FaultKind.INVALID_REQUEST: ("invalid_request_error", None),
    FaultKind.CONTEXT_LENGTH: ("invalid_request_error", "context_length_exceeded"),
    FaultKind.AUTHENTICATION: ("invalid_request_error", "invalid_api_key"),
    FaultKind.BILLING: ("insufficient_quota", "insufficient_quota"),
    FaultKind.PERMISSION: ("permission_error", None),
    FaultKind.NOT_FOUND: ("invalid_request_error", None),
    FaultKind.METHOD_NOT_ALLOWED: ("invalid_request_error", "method_not_supported"),
    FaultKind.CONFLICT: ("invalid_request_error", None),
    FaultKind.TOO_LARGE: ("invalid_request_error", "request_too_large"),
    FaultKind.UPGRADE_REQUIRED: ("invalid_request_error", None),
    FaultKind.RATE_LIMIT: ("requests", "rate_limit_exceeded"),
    FaultKind.TIMEOUT: ("server_error", "timeout"),
    FaultKind.OVERLOADED: ("server_error", "server_is_overloaded"),
    FaultKind.UPSTREAM: ("server_error", None),
    FaultKind.CUT: ("server_error", None),
    FaultKind.INTERNAL: ("server_error", None),
}
_STREAM_CODES: dict[FaultKind, str] = {
    FaultKind.INVALID_REQUEST: "invalid_prompt",
    FaultKind.CONTEXT_LENGTH: "context_length_exceeded",
    FaultKind.BILLING: "insufficient_quota",
    FaultKind.RATE_LIMIT: "rate_limit_exceeded",
}
"""The rest is `server_error`: Codex takes `server_is_overloaded` as final, but tries again after `server_error`."""


def read_fault(status: int, headers: Mapping[str, str], body: bytes) -> Fault:
    fault = fault_of(_error_in(body), status)
    fault.retry_after = _retry_after(headers)
    return fault


def _error_in(body: bytes) -> Any:
    """The error object or text of a body; other servers behind the API write `detail` or a bare message."""
    try:
        value = loads(body)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace").strip()
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        return value
    return value.get("error") or value.get("detail") or value


def fault_of(error: Any, status: int | None) -> Fault:
    """`error` as found in a body or in a stream; without a status the error's own words decide."""
    fields: Extra = error if isinstance(error, dict) else {"message": error}
    code, type_ = _word(fields.get("code")), _word(fields.get("type"))
    message = fields.get("message")
    text = message if isinstance(message, str) and message else _substitute(status)
    return Fault(
        _kind(code, type_, text, status),
        text,
        status=status,
        field=_word(fields.get("param")),
        code=code,
        raw_type=type_,
        detail=error,
    )


def _kind(code: str | None, type_: str | None, message: str, status: int | None) -> FaultKind:
    if any(words in message.lower() for words in _TOO_LONG) and status in (None, 400, 413, 422):
        return FaultKind.CONTEXT_LENGTH
    kind = _KIND_OF_CODE.get(code or "")
    if kind:
        return kind
    if status is not None and status != 200:
        return kind_of_status(status)
    return _KIND_OF_CODE.get(type_ or "", FaultKind.UPSTREAM)


def _substitute(status: int | None) -> str:
    return f"The backend answered with status {status}." if status else "The backend ended its answer with an error."


def _word(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds. `retry-after` may also be a date."""
    named = {name.lower(): value for name, value in headers.items()}
    try:
        if "retry-after-ms" in named:
            return float(named["retry-after-ms"]) / 1000
        if "retry-after" not in named:
            return None
        return float(named["retry-after"])
    except ValueError:
        return _seconds_until(named.get("retry-after", ""), named.get("date", ""))


def _seconds_until(then: str, now: str) -> float | None:
    """Between two HTTP dates; None where either is none."""
    try:
        return max(0.0, (parsedate_to_datetime(then) - parsedate_to_datetime(now)).total_seconds())
    except (ValueError, TypeError):
        return None


def write_fault(fault: Fault) -> Extra:
    type_, code = _NATIVE[fault.kind]
    return {"error": {"message": fault.message, "type": type_, "param": fault.field, "code": code or fault.code}}


def stream_error(fault: Fault) -> Extra:
    """The `error` of a failed response. Codex reads the time to wait from the message's words."""
    message = fault.message
    if fault.kind is FaultKind.RATE_LIMIT and fault.retry_after is not None and "try again in" not in message:
        message = f"{message} Please try again in {fault.retry_after:g}s."
    return {"code": _STREAM_CODES.get(fault.kind, "server_error"), "message": message}
