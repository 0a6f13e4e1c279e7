"""Gemini's errors (https://cloud.google.com/apis/design/errors, https://ai.google.dev/gemini-api/docs/troubleshooting)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from proxy_core.errors import Fault, FaultKind, kind_of_status
from proxy_core.wire.json import dumps, loads

_KIND_OF_STATUS: dict[str, FaultKind] = {
    "INVALID_ARGUMENT": FaultKind.INVALID_REQUEST,
    "FAILED_PRECONDITION": FaultKind.INVALID_REQUEST,
    "OUT_OF_RANGE": FaultKind.INVALID_REQUEST,
    "UNIMPLEMENTED": FaultKind.INVALID_REQUEST,
    "UNAUTHENTICATED": FaultKind.AUTHENTICATION,
    "PERMISSION_DENIED": FaultKind.PERMISSION,
    "NOT_FOUND": FaultKind.NOT_FOUND,
    "ALREADY_EXISTS": FaultKind.CONFLICT,
    "ABORTED": FaultKind.CONFLICT,
    "RESOURCE_EXHAUSTED": FaultKind.RATE_LIMIT,
    "DEADLINE_EXCEEDED": FaultKind.TIMEOUT,
    "CANCELLED": FaultKind.TIMEOUT,
    "UNAVAILABLE": FaultKind.OVERLOADED,
    "INTERNAL": FaultKind.UPSTREAM,
    "UNKNOWN": FaultKind.UPSTREAM,
    "DATA_LOSS": FaultKind.UPSTREAM,
}
_KIND_OF_REASON: dict[str, FaultKind] = {
    "API_KEY_INVALID": FaultKind.AUTHENTICATION,
    "API_KEY_EXPIRED": FaultKind.AUTHENTICATION,
    "ACCESS_TOKEN_EXPIRED": FaultKind.AUTHENTICATION,
    "CREDENTIALS_MISSING": FaultKind.AUTHENTICATION,
    "API_KEY_SERVICE_BLOCKED": FaultKind.PERMISSION,
    "SERVICE_DISABLED": FaultKind.PERMISSION,
    "BILLING_DISABLED": FaultKind.BILLING,
}
"""An invalid key comes with HTTP 400: https://ai.google.dev/gemini-api/docs/api-key"""
_KIND_OF_WORDS: tuple[tuple[re.Pattern[str], FaultKind], ...] = (
    (re.compile(r"api key (not valid|not found|expired)", re.I), FaultKind.AUTHENTICATION),
    (
        re.compile(r"token count.*exceeds the maximum|(context|input|prompt) is too long", re.I),
        FaultKind.CONTEXT_LENGTH,
    ),
    (re.compile(r"exceeds the maximum number of (input )?tokens", re.I), FaultKind.CONTEXT_LENGTH),
    (re.compile(r"payload size exceeds", re.I), FaultKind.TOO_LARGE),
    (re.compile(r"enable billing", re.I), FaultKind.BILLING),
)
"""Google has no code of its own for these; all of them come as INVALID_ARGUMENT or FAILED_PRECONDITION."""
_VAGUE = frozenset({FaultKind.INVALID_REQUEST})

_STATUS_OF_HTTP: dict[int, str] = {
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}

_TYPES = "type.googleapis.com/google.rpc."
_RETRY_WORDS = re.compile(r"retry in ([0-9.]+)s")
_LONGEST_QUOTE = 300


def read_fault(status: int, headers: Mapping[str, str], body: bytes) -> Fault:
    try:
        value = loads(body)
    except (ValueError, RecursionError):
        return _unreadable(status, headers, body)
    while isinstance(value, list) and value:  # a stream without `alt=sse` wraps its error too
        value = value[0]
    error = value.get("error") if isinstance(value, dict) else None
    if error is None:
        return _unreadable(status, headers, body)
    fault = fault_of(error, status)
    fault.retry_after = fault.retry_after if fault.retry_after is not None else _retry_header(headers)
    return fault


def _unreadable(status: int, headers: Mapping[str, str], body: bytes) -> Fault:
    quote = " ".join(body[: 4 * _LONGEST_QUOTE].decode("utf-8", "replace").split())[:_LONGEST_QUOTE]
    message = f"The backend answered {status}: {quote}" if quote else f"The backend answered {status} without a body."
    return Fault(kind_of_status(status), message, status=status, retry_after=_retry_header(headers))


def fault_of(error: Any, status: int | None = None) -> Fault:
    """The fault in the `error` of a body or, where `status` is None, of a stream's chunk."""
    if not isinstance(error, dict):
        return Fault(kind_of_status(status or 500), str(error), status=status)
    details = [detail for detail in error.get("details") or () if isinstance(detail, dict)]
    code = error.get("code")
    if status is None:
        status = code if isinstance(code, int) and 400 <= code < 600 else 500
    message = str(error.get("message") or f"The backend answered {status}.")
    reason = _reason(details)
    word = error.get("status") if isinstance(error.get("status"), str) else None
    kind = _kind(word, reason, message, status)
    return Fault(
        kind,
        message,
        status=None if kind is FaultKind.AUTHENTICATION else status,
        field=_field(details),
        code=reason,
        raw_type=word,
        retry_after=_retry_delay(details, message),
        detail=details or None,
    )


def _kind(word: str | None, reason: str | None, message: str, status: int) -> FaultKind:
    if reason in _KIND_OF_REASON:
        return _KIND_OF_REASON[reason]
    kind = _KIND_OF_STATUS.get(word or "") or kind_of_status(status)
    if kind in _VAGUE:
        by_status = kind_of_status(status)
        return next(
            (known for words, known in _KIND_OF_WORDS if words.search(message)), by_status if status < 500 else kind
        )
    return kind


def _detail(details: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next((detail for detail in details if detail.get("@type") == _TYPES + name), {})


def _reason(details: list[dict[str, Any]]) -> str | None:
    reason = _detail(details, "ErrorInfo").get("reason")
    return reason if isinstance(reason, str) else None


def _field(details: list[dict[str, Any]]) -> str | None:
    for violation in _detail(details, "BadRequest").get("fieldViolations") or ():
        if isinstance(violation, dict) and isinstance(violation.get("field"), str):
            return violation["field"]
    return None


def _retry_delay(details: list[dict[str, Any]], message: str) -> float | None:
    delay = _detail(details, "RetryInfo").get("retryDelay")
    if isinstance(delay, str) and (seconds := _seconds(delay.removesuffix("s"))) is not None:
        return seconds
    words = _RETRY_WORDS.search(message)
    return _seconds(words.group(1)) if words else None


def _retry_header(headers: Mapping[str, str]) -> float | None:
    for name, value in headers.items():
        if name.lower() == "retry-after":
            return _seconds(value)
    return None


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None


def write_fault(fault: Fault) -> dict[str, Any]:
    """The body; https://cloud.google.com/apis/design/errors#http_mapping"""
    code = fault.http_status
    error: dict[str, Any] = {"code": code, "message": fault.message, "status": _status(fault, code)}
    details = _details(fault)
    if details:
        error["details"] = details
    return {"error": error}


def _status(fault: Fault, code: int) -> str:
    """Google's own word, except that it calls an invalid key an invalid argument, which a 401 is not."""
    if fault.raw_type in _KIND_OF_STATUS and fault.kind is not FaultKind.AUTHENTICATION:
        return fault.raw_type
    return _STATUS_OF_HTTP.get(code, "INVALID_ARGUMENT" if code < 500 else "INTERNAL")


def _details(fault: Fault) -> list[dict[str, Any]]:
    if isinstance(fault.detail, list) and fault.raw_type in _KIND_OF_STATUS:
        return fault.detail
    details: list[dict[str, Any]] = []
    if fault.code:
        details.append({"@type": _TYPES + "ErrorInfo", "reason": fault.code, "domain": "googleapis.com"})
    if fault.field:
        violation = {"field": fault.field, "description": fault.message}
        details.append({"@type": _TYPES + "BadRequest", "fieldViolations": [violation]})
    if fault.retry_after is not None:
        details.append({"@type": _TYPES + "RetryInfo", "retryDelay": f"{fault.retry_after:g}s"})
    return details


def write_stream_fault(fault: Fault) -> bytes:
    return b"data: " + dumps(write_fault(fault)) + b"\r\n\r\n"
