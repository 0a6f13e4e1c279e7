from __future__ import annotations

import json
from typing import Any

import pytest

from proxy_core.errors import Fault, FaultKind
from proxy_core.protocols.anthropic.faults import read_fault, write_fault, write_stream_fault
from tests.recordings import Recording, cases


def _body(kind: str, message: str, **more: Any) -> bytes:
    return json.dumps({"type": "error", "error": {"type": kind, "message": message, **more}}).encode()


@pytest.mark.parametrize("status", [401, 404])
def test_recorded_errors_are_written_back(status: int):
    for parameter in cases("messages", stream=False, status=status):
        recording = parameter.values[0]
        if not isinstance(recording, Recording):
            pytest.skip("recordings are not at hand")
        native = recording.reply
        assert native
        fault = read_fault(status, {}, json.dumps(native).encode())
        assert fault.http_status == status
        assert write_fault(fault) == {"type": "error", "error": native["error"]}


@pytest.mark.parametrize(
    ("status", "kind", "message", "expected"),
    [
        (400, "invalid_request_error", "tools.0: bad", FaultKind.INVALID_REQUEST),
        (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum", FaultKind.CONTEXT_LENGTH),
        (
            400,
            "invalid_request_error",
            "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length",
            FaultKind.CONTEXT_LENGTH,
        ),
        (400, "invalid_request_error", "Your credit balance is too low to access the API", FaultKind.BILLING),
        (401, "authentication_error", "invalid x-api-key", FaultKind.AUTHENTICATION),
        (403, "permission_error", "no", FaultKind.PERMISSION),
        (404, "not_found_error", "model: x", FaultKind.NOT_FOUND),
        (413, "request_too_large", "too large", FaultKind.TOO_LARGE),
        (429, "rate_limit_error", "slow down", FaultKind.RATE_LIMIT),
        (500, "api_error", "Internal server error", FaultKind.UPSTREAM),
        (504, "timeout_error", "late", FaultKind.TIMEOUT),
        (529, "overloaded_error", "Overloaded", FaultKind.OVERLOADED),
        (429, "error_of_tomorrow", "x", FaultKind.RATE_LIMIT),
    ],
)
def test_kinds(status: int, kind: str, message: str, expected: FaultKind):
    fault = read_fault(status, {}, _body(kind, message))
    assert (fault.kind, fault.http_status, fault.message, fault.raw_type) == (expected, status, message, kind)


def test_t64_retry_after_is_read_in_both_forms():
    assert read_fault(529, {"Retry-After": "17"}, _body("overloaded_error", "x")).retry_after == 17
    headers = {"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}
    assert read_fault(429, headers, b"").retry_after == 30
    assert read_fault(429, {"retry-after": "soon"}, b"").retry_after is None


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": null}', b'{"error": "text"}', b'"x"'])
def test_bodies_that_are_no_error_still_make_a_fault(body: bytes):
    fault = read_fault(502, {}, body)
    assert (fault.kind, fault.http_status) == (FaultKind.UPSTREAM, 502)
    assert fault.message


@pytest.mark.parametrize("kind", list(FaultKind))
def test_every_kind_has_a_native_type(kind: FaultKind):
    error = write_fault(Fault(kind, "why"))["error"]
    read = read_fault(Fault(kind, "why").http_status, {}, json.dumps({"type": "error", "error": error}).encode())
    same = {
        FaultKind.CUT: FaultKind.UPSTREAM,
        FaultKind.INTERNAL: FaultKind.UPSTREAM,
    }
    assert read.kind is same.get(kind, kind)


def test_words_of_other_vendors_do_not_change_the_type():
    openai = Fault(FaultKind.AUTHENTICATION, "Incorrect API key", 401, raw_type="invalid_request_error")
    assert write_fault(openai)["error"]["type"] == "authentication_error"
    assert write_fault(Fault(FaultKind.UPSTREAM, "x", raw_type="server_error"))["error"]["type"] == "api_error"


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            "Requested token count exceeds the model's maximum context length of 262144 tokens. You requested a total "
            "of 262462 tokens: 230462 tokens from the input messages and 32000 tokens for the completion.",
            "input length and `max_tokens` exceed context limit: 230462 + 32000 > 262144, ",
        ),
        (
            "This model's maximum context length is 8192 tokens. However, your messages resulted in 10000 tokens.",
            "prompt is too long: 10000 tokens > 8192 maximum",
        ),
        ("The input is too big.", "prompt is too long: The input is too big."),
        ("prompt is too long: 5 tokens > 4 maximum", "prompt is too long: 5 tokens > 4 maximum"),
    ],
)
def test_a_full_context_is_said_in_the_words_that_make_claude_code_compact(message: str, shown: str):
    assert write_fault(Fault(FaultKind.CONTEXT_LENGTH, message))["error"]["message"].startswith(shown)


def test_details_with_a_code_survive():
    body = _body("invalid_request_error", "no", details={"error_code": "thread_not_found", "id": 5})
    fault = read_fault(400, {}, body)
    assert fault.code == "thread_not_found"
    assert write_fault(fault)["error"]["details"] == {"error_code": "thread_not_found", "id": 5}


def test_stream_fault_is_one_error_event():
    assert write_stream_fault(Fault(FaultKind.RATE_LIMIT, "Wait.")) == (
        b'event: error\ndata: {"type":"error","error":{"type":"rate_limit_error","message":"Wait."}}\n\n'
    )
