"""Errors of vendors, and OpenAI's shape for the client."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy_core.errors import STATUS_OF_KIND, Fault, FaultKind
from proxy_core.protocols.openai_chat import OPENAI_CHAT


def read(status: int, body: Any, **headers: str) -> Fault:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return OPENAI_CHAT.read_fault(status, {k.replace("_", "-"): v for k, v in headers.items()}, raw)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"error": {"message": "Incorrect API key", "code": "invalid_api_key"}}, FaultKind.AUTHENTICATION),
        (429, {"error": {"message": "quota", "code": "insufficient_quota"}}, FaultKind.BILLING),
        (429, {"error": {"message": "slow", "type": "requests", "code": "rate_limit_exceeded"}}, FaultKind.RATE_LIMIT),
        (404, {"error": {"message": "no model", "code": "model_not_found"}}, FaultKind.NOT_FOUND),
        (400, {"error": {"message": "x", "code": "context_length_exceeded"}}, FaultKind.CONTEXT_LENGTH),
        (400, {"error": {"message": "prompt too long; exceeded max context length by 9"}}, FaultKind.CONTEXT_LENGTH),
        (400, {"error": {"message": "This model's maximum context length is 8192"}}, FaultKind.CONTEXT_LENGTH),
        (422, {"object": "error", "message": {"detail": [{"loc": ["body"]}]}}, FaultKind.INVALID_REQUEST),
        (400, {"code": "invalid", "error": "bad tools"}, FaultKind.INVALID_REQUEST),
        (422, {"detail": "bad"}, FaultKind.INVALID_REQUEST),
        (503, {"error": {"message": "engine overloaded"}}, FaultKind.OVERLOADED),
        (529, {}, FaultKind.OVERLOADED),
        (402, {"error": {"message": "Insufficient credits", "code": 402}}, FaultKind.BILLING),
        (500, b"<html>Bad</html>", FaultKind.UPSTREAM),
        (502, b"", FaultKind.UPSTREAM),
        (418, b"[]", FaultKind.INVALID_REQUEST),
    ],
)
def test_kinds(status: int, body: Any, kind: FaultKind) -> None:
    fault = read(status, body)
    assert (fault.kind, fault.http_status) == (kind, status)
    assert fault.message


def test_t34_an_invalid_key_under_400_is_known() -> None:
    body = [{"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}}]
    assert read(400, body).kind == FaultKind.AUTHENTICATION
    detailed = [{"error": {"code": 400, "message": "No.", "details": [{"reason": "API_KEY_INVALID"}]}}]
    assert read(400, detailed).kind == FaultKind.AUTHENTICATION


def test_t76_a_prompt_that_is_too_long_is_no_rate_limit() -> None:
    assert read(400, {"error": {"message": "prompt is too long: 9 tokens"}}).kind == FaultKind.CONTEXT_LENGTH
    assert read(429, {"error": {"message": "too many tokens per minute"}}).kind == FaultKind.RATE_LIMIT


def test_openrouter_says_whose_error_it_was() -> None:
    fault = read(429, {"error": {"code": 429, "message": "Provider returned error", "metadata": {"raw": "Slow down!"}}})
    assert fault.message == "Provider returned error: Slow down!"


RETRY_INFO = [{"error": {"message": "x", "details": [{"@type": "…RetryInfo", "retryDelay": "41s"}]}}]


@pytest.mark.parametrize(
    ("body", "headers", "seconds"),
    [
        ({}, {"retry_after": "7"}, 7),
        ({}, {"Retry_After": "2", "retry_after_ms": "1500"}, 1.5),
        ({}, {"retry_after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
        (RETRY_INFO, {}, 41),
        ({"error": {"message": "Please try again in 1m2.5s."}}, {}, 62.5),
        ({"error": {"message": "Please try again in 120ms."}}, {}, 0.12),
        ({}, {"x_ratelimit_reset_requests": "6m0s", "x_ratelimit_remaining_requests": "0"}, 360),
        (
            {},
            {
                "x_ratelimit_reset_tokens": "6m0s",
                "x_ratelimit_remaining_tokens": "900",
                "x_ratelimit_reset_requests": "2s",
                "x_ratelimit_remaining_requests": "0",
            },
            2,
        ),
        ({}, {"retry_after": "soon"}, None),
        ({}, {}, None),
    ],
)
def test_t64_how_long_to_wait(body: Any, headers: dict[str, str], seconds: float | None) -> None:
    assert read(429, body, **headers).retry_after == seconds


@pytest.mark.parametrize("kind", list(FaultKind))
def test_every_fault_has_openais_shape(kind: FaultKind) -> None:
    fault = Fault(kind, "What was wrong.", field="messages[0]")
    error = OPENAI_CHAT.write_fault(fault)["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert (error["message"], error["param"]) == ("What was wrong.", "messages[0]")
    assert (error["type"] == "invalid_request_error") == (STATUS_OF_KIND[kind] in (400, 404, 405, 409, 413, 426))


def test_t65_a_cut_stream_is_worth_another_try() -> None:
    out = OPENAI_CHAT.write_stream_fault(Fault(FaultKind.CUT, "Cut."))
    assert out.startswith(b'data: {"error":')
    assert b"invalid_request_error" not in out
    assert b"[DONE]" not in out


def test_an_error_of_openai_is_shown_as_it_came() -> None:
    error = {"message": "m", "type": "tokens", "param": "p", "code": "rate_limit_exceeded"}
    assert OPENAI_CHAT.write_fault(read(429, {"error": error})) == {"error": error}


def test_words_of_other_protocols_are_not_shown() -> None:
    fault = Fault(FaultKind.OVERLOADED, "Overloaded", raw_type="overloaded_error")
    assert OPENAI_CHAT.write_fault(fault)["error"]["type"] == "service_unavailable_error"
