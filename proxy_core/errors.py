"""Faults: what went wrong with an exchange, in one vocabulary for all protocols.

    ParleyError     raised by our own code; carries the Fault that the client is to see

A Fault is data: a protocol's `write_fault` puts it in that protocol's own shape, its `read_fault`
makes one of an upstream's error body.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class FaultKind(StrEnum):
    INVALID_REQUEST = "invalid_request"
    CONTEXT_LENGTH = "context_length"
    AUTHENTICATION = "authentication"
    BILLING = "billing"
    PERMISSION = "permission"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    CONFLICT = "conflict"
    TOO_LARGE = "too_large"
    UPGRADE_REQUIRED = "upgrade_required"
    RATE_LIMIT = "rate_limit"
    TIMEOUT = "timeout"
    OVERLOADED = "overloaded"
    UPSTREAM = "upstream"
    """The backend failed: a 5xx, an unreadable answer, a refused connection."""
    CUT = "cut"
    """The backend's stream ended without its protocol's terminal event."""
    INTERNAL = "internal"


STATUS_OF_KIND: dict[FaultKind, int] = {
    FaultKind.INVALID_REQUEST: 400,
    FaultKind.CONTEXT_LENGTH: 400,
    FaultKind.AUTHENTICATION: 401,
    FaultKind.BILLING: 402,
    FaultKind.PERMISSION: 403,
    FaultKind.NOT_FOUND: 404,
    FaultKind.METHOD_NOT_ALLOWED: 405,
    FaultKind.CONFLICT: 409,
    FaultKind.TOO_LARGE: 413,
    FaultKind.UPGRADE_REQUIRED: 426,
    FaultKind.RATE_LIMIT: 429,
    FaultKind.TIMEOUT: 504,
    FaultKind.OVERLOADED: 529,
    FaultKind.UPSTREAM: 502,
    FaultKind.CUT: 502,
    FaultKind.INTERNAL: 500,
}

_KIND_OF_STATUS: dict[int, FaultKind] = {
    400: FaultKind.INVALID_REQUEST,
    401: FaultKind.AUTHENTICATION,
    402: FaultKind.BILLING,
    403: FaultKind.PERMISSION,
    404: FaultKind.NOT_FOUND,
    405: FaultKind.METHOD_NOT_ALLOWED,
    408: FaultKind.TIMEOUT,
    409: FaultKind.CONFLICT,
    413: FaultKind.TOO_LARGE,
    422: FaultKind.INVALID_REQUEST,
    426: FaultKind.UPGRADE_REQUIRED,
    429: FaultKind.RATE_LIMIT,
    500: FaultKind.UPSTREAM,
    503: FaultKind.OVERLOADED,
    504: FaultKind.TIMEOUT,
    529: FaultKind.OVERLOADED,
}


def kind_of_status(status: int) -> FaultKind:
    """The kind that an HTTP status alone suggests; a protocol's reader may know better from the body."""
    if status in _KIND_OF_STATUS:
        return _KIND_OF_STATUS[status]
    return FaultKind.INVALID_REQUEST if 400 <= status < 500 else FaultKind.UPSTREAM


@dataclass(slots=True)
class Fault:
    """One failure as the client is to hear it.

    `message` is one sentence that says what was wrong and what to do. `field` is the path of the request
    field at fault (`messages[2].content[0].type`), in the client's protocol. `status` is the HTTP status;
    None means the kind's own. `code` and `raw_type` are the upstream's words, kept because clients act on
    them. `retry_after` is in seconds.
    """

    kind: FaultKind
    message: str
    status: int | None = None
    field: str | None = None
    code: str | None = None
    raw_type: str | None = None
    retry_after: float | None = None
    allow: str = "POST"
    """The methods that a METHOD_NOT_ALLOWED names."""
    detail: Any = None

    @property
    def http_status(self) -> int:
        return self.status if self.status is not None else STATUS_OF_KIND[self.kind]


class ParleyError(Exception):
    """Raised by our own code when an exchange cannot go on; the fault is what the client gets."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def invalid(message: str, field: str | None = None) -> ParleyError:
    return ParleyError(Fault(FaultKind.INVALID_REQUEST, message, field=field))


def not_found(message: str, field: str | None = None) -> ParleyError:
    return ParleyError(Fault(FaultKind.NOT_FOUND, message, field=field))
