from __future__ import annotations

from typing import Any

import pytest

from proxy_core.errors import Fault, FaultKind
from proxy_core.protocols.gemini.faults import read_fault, write_fault, write_stream_fault
from proxy_core.turn.events import Failed
from proxy_core.wire.json import dumps
from tests.protocols.gemini.streams import read
from tests.recordings import cases

ERRORS = [case for status in (400, 404, 429) for case in cases("generateContent", status=status)]
_TYPES = "type.googleapis.com/google.rpc."


def error_body(code: int, message: str, status: str, *details: dict[str, Any]) -> bytes:
    error = {"code": code, "message": message, "status": status, **({"details": list(details)} if details else {})}
    return dumps({"error": error})


@pytest.mark.parametrize("recording", ERRORS)
def test_recorded_errors_come_back_as_they_were(recording) -> None:
    status = recording.index["status"]
    fault = read_fault(status, {}, dumps(recording.reply))
    assert fault.kind in (FaultKind.NOT_FOUND, FaultKind.RATE_LIMIT, FaultKind.AUTHENTICATION)
    written = write_fault(fault)
    if fault.kind is not FaultKind.AUTHENTICATION:
        assert written == recording.reply


def test_t34_an_invalid_key_is_an_authentication_fault() -> None:
    info = {"@type": _TYPES + "ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}
    fault = read_fault(400, {}, error_body(400, "API key not valid.", "INVALID_ARGUMENT", info))
    assert (fault.kind, fault.code, fault.http_status) == (FaultKind.AUTHENTICATION, "API_KEY_INVALID", 401)
    error = write_fault(fault)["error"]
    assert (error["code"], error["status"], error["details"]) == (401, "UNAUTHENTICATED", [info])
    bare = read_fault(400, {}, error_body(400, "API key not valid. Please pass a valid API key.", "INVALID_ARGUMENT"))
    assert bare.kind is FaultKind.AUTHENTICATION


@pytest.mark.parametrize(
    ("delay", "message", "headers", "seconds"),
    [
        ("48s", "quota", {}, 48.0),
        ("3.5s", "quota", {"retry-after": "9"}, 3.5),
        (None, "quota\nPlease retry in 48.939935699s.", {}, 48.939935699),
        (None, "quota", {"Retry-After": "9"}, 9.0),
        ("soon", "quota", {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
    ],
)
def test_t64_when_to_try_again(delay: str | None, message: str, headers: dict[str, str], seconds: float | None) -> None:
    details = [{"@type": _TYPES + "RetryInfo", "retryDelay": delay}] if delay else []
    fault = read_fault(429, headers, error_body(429, message, "RESOURCE_EXHAUSTED", *details))
    assert (fault.kind, fault.retry_after) == (FaultKind.RATE_LIMIT, seconds)


@pytest.mark.parametrize(
    ("status", "message", "word", "kind"),
    [
        (400, "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
         "INVALID_ARGUMENT", FaultKind.CONTEXT_LENGTH),
        (400, "Request payload size exceeds the limit: 20971520 bytes.", "INVALID_ARGUMENT", FaultKind.TOO_LARGE),
        (400, "Gemini API free tier is not available in your country. Please enable billing.", "FAILED_PRECONDITION",
         FaultKind.BILLING),
        (400, "Unknown name \"x\"", "INVALID_ARGUMENT", FaultKind.INVALID_REQUEST),
        (403, "no", "PERMISSION_DENIED", FaultKind.PERMISSION),
        (404, "no", "NOT_FOUND", FaultKind.NOT_FOUND),
        (500, "An internal error has occurred.", "INTERNAL", FaultKind.UPSTREAM),
        (503, "The model is overloaded.", "UNAVAILABLE", FaultKind.OVERLOADED),
        (504, "late", "DEADLINE_EXCEEDED", FaultKind.TIMEOUT),
        (418, "tea", "SOMETHING_NEW", FaultKind.INVALID_REQUEST),
    ],
)  # fmt: skip
def test_t76_kinds(status: int, message: str, word: str, kind: FaultKind) -> None:
    fault = read_fault(status, {}, error_body(status, message, word))
    assert (fault.kind, fault.message, fault.raw_type, fault.http_status) == (kind, message, word, status)


def test_an_error_wrapped_in_an_array_is_read() -> None:
    body = b"[" + error_body(429, "slow", "RESOURCE_EXHAUSTED") + b"]"
    assert read_fault(429, {}, body).kind is FaultKind.RATE_LIMIT


@pytest.mark.parametrize("body", [b"", b"<html>Bad Gateway</html>", b"[]", b"{}", b"7", b"\xff", b'{"error": "no"}'])
def test_bodies_that_are_no_error_of_geminis(body: bytes) -> None:
    fault = read_fault(502, {"retry-after": "2"}, body)
    assert (fault.kind, fault.http_status, fault.retry_after) == (FaultKind.UPSTREAM, 502, 2)
    assert fault.message


def test_the_field_at_fault() -> None:
    violation = {
        "@type": _TYPES + "BadRequest",
        "fieldViolations": [{"field": "contents[0].parts", "description": "x"}],
    }
    assert read_fault(400, {}, error_body(400, "bad", "INVALID_ARGUMENT", violation)).field == "contents[0].parts"


@pytest.mark.parametrize(
    ("kind", "code", "word"),
    [
        (FaultKind.INVALID_REQUEST, 400, "INVALID_ARGUMENT"),
        (FaultKind.CONTEXT_LENGTH, 400, "INVALID_ARGUMENT"),
        (FaultKind.AUTHENTICATION, 401, "UNAUTHENTICATED"),
        (FaultKind.BILLING, 402, "FAILED_PRECONDITION"),
        (FaultKind.PERMISSION, 403, "PERMISSION_DENIED"),
        (FaultKind.NOT_FOUND, 404, "NOT_FOUND"),
        (FaultKind.TOO_LARGE, 413, "INVALID_ARGUMENT"),
        (FaultKind.RATE_LIMIT, 429, "RESOURCE_EXHAUSTED"),
        (FaultKind.TIMEOUT, 504, "DEADLINE_EXCEEDED"),
        (FaultKind.OVERLOADED, 529, "UNAVAILABLE"),
        (FaultKind.UPSTREAM, 502, "UNAVAILABLE"),
        (FaultKind.INTERNAL, 500, "INTERNAL"),
    ],
)
def test_faults_in_geminis_words(kind: FaultKind, code: int, word: str) -> None:
    assert write_fault(Fault(kind, "m")) == {"error": {"code": code, "message": "m", "status": word}}


def test_what_a_client_acts_upon_is_written() -> None:
    fault = Fault(FaultKind.RATE_LIMIT, "m", retry_after=2.5, field="contents", code="insufficient_quota")
    error = write_fault(fault)["error"]
    kinds = {detail["@type"].removeprefix(_TYPES): detail for detail in error["details"]}
    assert kinds["RetryInfo"]["retryDelay"] == "2.5s"
    assert kinds["BadRequest"]["fieldViolations"][0]["field"] == "contents"
    assert kinds["ErrorInfo"]["reason"] == "insufficient_quota"
    again = read_fault(429, {}, dumps({"error": error}))
    assert (again.kind, again.retry_after, again.field, again.code) == (fault.kind, 2.5, "contents", fault.code)


def test_t62_the_fault_of_a_stream_is_read_as_such() -> None:
    (failed,) = read(write_stream_fault(Fault(FaultKind.OVERLOADED, "busy")))
    assert isinstance(failed, Failed)
    assert (failed.fault.kind, failed.fault.message, failed.fault.http_status) == (FaultKind.OVERLOADED, "busy", 529)
