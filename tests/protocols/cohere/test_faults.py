from __future__ import annotations

import json

import pytest

from proxy_core.errors import FaultKind
from proxy_core.protocols.cohere import COHERE


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "invalid request: message must be at least 1 token long", FaultKind.INVALID_REQUEST),
        (400, "too many tokens: size limit exceeded by 11326 tokens.", FaultKind.CONTEXT_LENGTH),
        (400, "too many tokens: total number of tokens in the prompt cannot exceed 4081", FaultKind.CONTEXT_LENGTH),
        (400, "too many tokens: max tokens must be less than or equal to 4096", FaultKind.INVALID_REQUEST),
        (401, "invalid api token", FaultKind.AUTHENTICATION),
        (402, "Please add or update your payment method", FaultKind.BILLING),
        (403, "forbidden", FaultKind.PERMISSION),
        (404, "model 'x' not found", FaultKind.NOT_FOUND),
        (422, "unprocessable", FaultKind.INVALID_REQUEST),
        (429, "You are past the per minute request limit, please wait and try again later.", FaultKind.RATE_LIMIT),
        (429, "You are using a Trial key, which is limited to 1000 API calls / month.", FaultKind.BILLING),
        (498, "blocked", FaultKind.PERMISSION),
        (499, "request cancelled", FaultKind.UPSTREAM),
        (500, "internal server error", FaultKind.UPSTREAM),
        (501, "not implemented", FaultKind.UPSTREAM),
        (503, "unavailable", FaultKind.OVERLOADED),
        (504, "timed out", FaultKind.TIMEOUT),
    ],
)
def test_kinds(status: int, message: str, kind: FaultKind) -> None:
    fault = COHERE.read_fault(status, {}, json.dumps({"message": message, "id": "x"}).encode())
    assert (fault.kind, fault.status, fault.message) == (kind, status, message)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>Bad Gateway</html>", "<html>Bad Gateway</html>"),
        (b"", "The backend answered 502 without a word."),
        (b'{"detail": [{"loc": ["body"]}]}', '[{"loc":["body"]}]'),
        (b"[]", "[]"),
    ],
)
def test_other_bodies(body: bytes, message: str) -> None:
    assert COHERE.read_fault(502, {}, body).message == message


def test_how_long_to_wait() -> None:
    def wait(**headers: str) -> float | None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return COHERE.read_fault(429, named, b'{"message": "slow down"}').retry_after

    assert wait(Retry_After="7") == 7
    assert wait(retry_after="Thu, 13 Aug 2026 11:16:30 GMT", date="Thu, 13 Aug 2026 11:16:00 GMT") == 30
    assert wait(retry_after="soon") is None
    assert wait() is None
