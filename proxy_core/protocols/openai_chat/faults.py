"""Error bodies of OpenAI and of those who answer in its name, and OpenAI's own shape for the client.

https://developers.openai.com/api/docs/guides/error-codes
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from proxy_core.errors import Fault, FaultKind, kind_of_status
from proxy_core.protocols.openai_chat.waiting import retry_after
from proxy_core.turn.content import Extra
from proxy_core.wire import sse
from proxy_core.wire.json import dumps, loads

_LONGEST_TEXT = 500
_KIND_OF_CODE: dict[str, FaultKind] = {
    "context_length_exceeded": FaultKind.CONTEXT_LENGTH,
    "string_above_max_length": FaultKind.CONTEXT_LENGTH,
    "invalid_api_key": FaultKind.AUTHENTICATION,
    "authentication_error": FaultKind.AUTHENTICATION,
    "insufficient_quota": FaultKind.BILLING,
    "billing_hard_limit_reached": FaultKind.BILLING,
    "insufficient_balance": FaultKind.BILLING,
    "model_not_found": FaultKind.NOT_FOUND,
    "rate_limit_exceeded": FaultKind.RATE_LIMIT,
    "rate_limit_error": FaultKind.RATE_LIMIT,
    "RESOURCE_EXHAUSTED": FaultKind.RATE_LIMIT,
    "overloaded_error": FaultKind.OVERLOADED,
    "server_is_overloaded": FaultKind.OVERLOADED,
    "slow_down": FaultKind.OVERLOADED,
    "engine_overloaded_error": FaultKind.OVERLOADED,
    "UNAVAILABLE": FaultKind.OVERLOADED,
    "server_error": FaultKind.UPSTREAM,
    "invalid_request_error": FaultKind.INVALID_REQUEST,
}
_VAGUE = frozenset({FaultKind.INVALID_REQUEST, FaultKind.UPSTREAM})
"""An HTTP status says more."""
_KEY_REFUSED = re.compile(r"API_KEY_INVALID|API key not valid|invalid api key|incorrect api key", re.IGNORECASE)
_TOO_LONG = re.compile(
    r"maximum context length|max(imum)? context|context window|context length|prompt (is )?too long"
    r"|input (is )?too long|too many (input )?tokens|exceeds? the (model'?s )?(maximum|limit).*tokens",
    re.IGNORECASE,
)
_TYPE_OF_KIND: dict[FaultKind, str] = {
    FaultKind.AUTHENTICATION: "authentication_error",
    FaultKind.BILLING: "insufficient_quota",
    FaultKind.PERMISSION: "permission_error",
    FaultKind.RATE_LIMIT: "rate_limit_error",
    FaultKind.TIMEOUT: "timeout_error",
    FaultKind.OVERLOADED: "service_unavailable_error",
    FaultKind.UPSTREAM: "server_error",
    FaultKind.CUT: "server_error",
    FaultKind.INTERNAL: "server_error",
}
_CODE_OF_KIND: dict[FaultKind, str] = {
    FaultKind.CONTEXT_LENGTH: "context_length_exceeded",
    FaultKind.AUTHENTICATION: "invalid_api_key",
    FaultKind.BILLING: "insufficient_quota",
    FaultKind.RATE_LIMIT: "rate_limit_exceeded",
    FaultKind.OVERLOADED: "server_overloaded",
}
_OWN_TYPES = frozenset({"invalid_request_error", "requests", "tokens", *_TYPE_OF_KIND.values()})


def read_fault(status: int, headers: Mapping[str, str], body: bytes) -> Fault:
    raw = _parsed(body)
    error = _error_of(raw)
    if error is None:
        text = body.decode("utf-8", "replace").strip()
        fault = Fault(kind_of_status(status), _shortened(text) or f"The backend answered {status} without a word.")
    else:
        fault = _fault(error, kind_of_status(status))
    fault.status = status
    fault.detail = raw
    fault.retry_after = retry_after(headers, raw, fault.message if status in (429, 503, 529) else "")
    return fault


def fault_in(raw: Any) -> Fault | None:
    """The error that a body or chunk of status 200 holds; its code may be the status it should have had."""
    if not isinstance(raw, dict):
        return None
    if not raw.get("error") and raw.get("object") != "error":
        return None
    error = _error_of(raw) or {}
    status = _status_of(error)
    fault = _fault(error, kind_of_status(status) if status else FaultKind.UPSTREAM)
    fault.status = status
    fault.detail = raw
    fault.retry_after = retry_after({}, raw, "")
    return fault


def _parsed(body: bytes) -> Any:
    try:
        return loads(body)
    except ValueError:
        return None


def _error_of(raw: Any) -> Extra | None:
    """The object that says what went wrong, in whichever of the vendors' shapes:

    `{"error": {…}}`, `[{"error": {…}}]` (Google), `{"error": "…", "code": "…"}` (xAI), `{"message": …}` (Mistral,
    Azure's gateway), `{"detail": …}` (FastAPI servers).
    """
    if isinstance(raw, list) and raw:
        raw = raw[0]
    if not isinstance(raw, dict):
        return None
    error = raw.get("error")
    if isinstance(error, dict):
        return error
    if isinstance(error, str):
        return {**raw, "message": raw.get("message") or error}
    if "message" in raw:
        return raw
    return {"message": raw["detail"]} if raw.get("detail") else None


def _fault(error: Extra, kind: FaultKind) -> Fault:
    message = _message(error)
    code = error.get("code")
    raw_type = error.get("type") or error.get("status")
    return Fault(
        _kind(error, message, kind),
        message,
        field=error["param"] if isinstance(error.get("param"), str) else None,
        code=str(code) if code is not None else None,
        raw_type=raw_type if isinstance(raw_type, str) else None,
    )


def _message(error: Extra) -> str:
    """With what the provider behind OpenRouter said, since OpenRouter's own words are the same for all."""
    message = error.get("message")
    text = message if isinstance(message, str) else dumps(message).decode() if message else ""
    metadata = error.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    if isinstance(raw, str) and raw:
        text = f"{text}: {_shortened(raw)}"
    return text or "The backend reported an error without a message."


def _kind(error: Extra, message: str, by_status: FaultKind) -> FaultKind:
    if _KEY_REFUSED.search(message) or "API_KEY_INVALID" in str(error.get("details") or ""):
        return FaultKind.AUTHENTICATION
    if by_status in (FaultKind.INVALID_REQUEST, FaultKind.TOO_LARGE, FaultKind.UPSTREAM) and _TOO_LONG.search(message):
        return FaultKind.CONTEXT_LENGTH
    for word in (error.get("code"), error.get("type"), error.get("status")):
        kind = _KIND_OF_CODE.get(word) if isinstance(word, str) else None
        if kind and (kind not in _VAGUE or by_status == FaultKind.UPSTREAM):
            return kind
    return by_status


def _status_of(error: Extra) -> int | None:
    for word in (error.get("code"), error.get("status_code"), error.get("status")):
        number = int(word) if isinstance(word, int) or (isinstance(word, str) and word.isdigit()) else 0
        if 400 <= number < 600:
            return number
    return None


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "…"


def write_fault(fault: Fault) -> dict[str, Any]:
    own_type = fault.raw_type if fault.raw_type in _OWN_TYPES else None
    return {
        "error": {
            "message": fault.message,
            "type": own_type or _TYPE_OF_KIND.get(fault.kind, "invalid_request_error"),
            "param": fault.field,
            "code": _CODE_OF_KIND.get(fault.kind) if fault.code is None or fault.code.isdigit() else fault.code,
        }
    }


def write_stream_fault(fault: Fault) -> bytes:
    """Clients take `[DONE]` for success, so it does not follow."""
    return sse.render(dumps(write_fault(fault)))
