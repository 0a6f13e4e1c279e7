"""Everything that can go wrong with an attempt, and what becomes of it: the rows of the matrix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from proxy_core.config.settings import Failover
from proxy_core.errors import FaultKind
from tests.failover.speaking import PROTOCOLS, SSE, failing, good, overload_event, partly
from tests.failover.upstream import Asked, Deed

type Make = Callable[[str, Asked], Deed]
INFO = "type.googleapis.com/google.rpc.ErrorInfo"
RETRY = "type.googleapis.com/google.rpc.RetryInfo"
SHORT = 0.15
"""Seconds after which a backend that keeps silent is given up, where a test is about that."""


@dataclass(frozen=True)
class Row:
    """`status` and `kind` are what the client hears when there is nothing else to try. `moves`: the next is tried.

    `retry_after` is the client's header then; an error of its own protocol it gets as the vendor said it. `vendors`:
    whose fault it is; all by default. `text` is what a stream has shown before it broke: then nothing else is tried,
    since the client has seen it.
    """

    name: str
    make: Make
    status: int
    kind: FaultKind
    message: str
    moves: bool = True
    retry_after: str | None = None
    vendors: tuple[str, ...] = ("openai_chat", "openai_responses", "anthropic", "gemini")
    streams: tuple[bool, ...] = (False, True)
    text: str = ""
    base: str = ""
    failover: Failover = field(default_factory=Failover)
    timeout: float = 20

    def vendor_for(self, number: int) -> str:
        return self.vendors[number % len(self.vendors)]


def refusing(status: int, message: str, code: str = "", headers: Sequence[tuple[str, str]] = (), **words: str) -> Make:
    """`words` by vendor: its type or status where its usual one for the HTTP status is not meant."""

    def make(vendor: str, asked: Asked) -> Deed:
        chat = words.get("openai", "")
        word = words.get(vendor, chat if vendor.startswith("openai") else "")
        return Deed([failing(vendor, status, message, word, code)], status, headers=headers)

    return make


def google(status: int, message: str, word: str, details: list[Any]) -> Make:
    return lambda vendor, asked: Deed([failing(vendor, status, message, word, details=details)], status)


def raw(deed: Deed) -> Make:
    return lambda vendor, asked: deed


def opening(vendor: str, asked: Asked, *more: bytes, then: Any = "end") -> Deed:
    """A stream that has begun but generated nothing."""
    return Deed([*partly(vendor, asked)[0], *more], content_type=SSE, then=then)


def begun(vendor: str, asked: Asked, *more: bytes, then: Any = "end") -> Deed:
    """A stream of which the client has seen something."""
    first, some = partly(vendor, asked)
    return Deed([*first, *some, *more], content_type=SSE, then=then)


def in_one_read(deed: Deed) -> Deed:
    return replace(deed, chunks=[b"".join(deed.chunks)])


def half(vendor: str, asked: Asked) -> Deed:
    """Whole: the first half of the body. Stream: nothing generated yet. Then the connection is cut."""
    if asked.streams:
        return opening(vendor, asked, then="cut")
    body = good(vendor, asked).chunks[0]
    return Deed([body[: len(body) // 2]], then="cut")


def empty(vendor: str, asked: Asked) -> Deed:
    return Deed(content_type=SSE if asked.streams else "application/json")


_K = FaultKind
_INVALID = "invalid_request_error"
WORDS: dict[FaultKind, tuple[str, str, str, str]] = {
    # what a client is told: chat's type, Responses' code or type, Anthropic's type, Gemini's status
    _K.AUTHENTICATION: ("authentication_error", "invalid_api_key", "authentication_error", "UNAUTHENTICATED"),
    _K.BILLING: ("insufficient_quota", "insufficient_quota", "billing_error", "FAILED_PRECONDITION"),
    _K.PERMISSION: ("permission_error", "permission_error", "permission_error", "PERMISSION_DENIED"),
    _K.NOT_FOUND: ("invalid_request_error", "invalid_request_error", "not_found_error", "NOT_FOUND"),
    _K.TIMEOUT: ("timeout_error", "timeout", "timeout_error", "DEADLINE_EXCEEDED"),
    _K.CONFLICT: ("invalid_request_error", "invalid_request_error", "conflict_error", "ABORTED"),
    _K.RATE_LIMIT: ("rate_limit_error", "rate_limit_exceeded", "rate_limit_error", "RESOURCE_EXHAUSTED"),
    _K.OVERLOADED: ("service_unavailable_error", "server_is_overloaded", "overloaded_error", "UNAVAILABLE"),
    _K.UPSTREAM: ("server_error", "server_error", "api_error", "UNAVAILABLE"),
    _K.CUT: ("server_error", "server_error", "api_error", "UNAVAILABLE"),
    _K.INVALID_REQUEST: (_INVALID, _INVALID, _INVALID, "INVALID_ARGUMENT"),
    _K.TOO_LARGE: ("invalid_request_error", "request_too_large", "request_too_large", "INVALID_ARGUMENT"),
}


def word_for(row: Row, client: str) -> str:
    """Codex takes an overload in a stream as final, but tries again after `server_error` (T65)."""
    if client == "openai_responses" and row.text:
        return "server_error"
    if client == "gemini" and row.status == 500:
        return "INTERNAL"
    return WORDS[row.kind][PROTOCOLS.index(client)]


BUSY = "You are too fast."
LIMITED = (FaultKind.RATE_LIMIT, BUSY)
DOWN = FaultKind.UPSTREAM
HTTP_DATE = "Fri, 15 Jan 2100 08:00:30 GMT"


def limited(*headers: tuple[str, str], message: str = BUSY) -> Make:
    return refusing(429, message, "rate_limit_exceeded", headers, openai="rate_limit_error")


OVERLOADED = refusing(529, "Overloaded.", openai="overloaded_error")
QUICK = Failover(first_byte=SHORT)
PART = "A part "

ROWS: tuple[Row, ...] = (
    # no answer at all
    Row("connection refused", raw(Deed()), 502, DOWN, "no connection", base="http://127.0.0.1:1"),
    Row("no such host", raw(Deed()), 502, DOWN, "no connection", base="http://parley.invalid:81"),
    Row("TLS to a server that has none", raw(Deed()), 502, DOWN, "does not speak TLS", base="https://127.0.0.1:{port}"),
    Row(
        "TLS to a server that says nothing",
        raw(Deed()),
        504,
        FaultKind.TIMEOUT,
        "no connection within 0.15 seconds",
        base="https://127.0.0.1:{silent}",
        failover=Failover(connect=SHORT),
    ),
    Row("reset before the head", raw(Deed(then="reset")), 502, DOWN, "Backend 'one' failed: "),
    Row(
        "no first byte",
        raw(Deed(then="silence")),
        504,
        FaultKind.TIMEOUT,
        "no answer within 0.15 seconds",
        failover=QUICK,
    ),
    # error statuses that another key or model may not give
    Row(
        "401",
        refusing(401, "Bad key.", "invalid_api_key", openai="authentication_error"),
        401,
        FaultKind.AUTHENTICATION,
        "Bad key.",
    ),
    Row(
        "402",
        refusing(402, "Pay first.", "insufficient_quota", openai="insufficient_quota"),
        402,
        FaultKind.BILLING,
        "Pay first.",
    ),
    Row("403", refusing(403, "Not yours.", openai="permission_error"), 403, FaultKind.PERMISSION, "Not yours."),
    Row(
        "404",
        refusing(404, "No such model.", openai="invalid_request_error"),
        404,
        FaultKind.NOT_FOUND,
        "No such model.",
    ),
    Row("408", refusing(408, "Too slow.", openai="timeout_error"), 408, FaultKind.TIMEOUT, "Too slow."),
    Row("409", refusing(409, "Try again.", openai="invalid_request_error"), 409, FaultKind.CONFLICT, "Try again."),
    Row("429", limited(), 429, *LIMITED),
    Row("429 retry-after", limited(("retry-after", "17")), 429, *LIMITED, retry_after="17"),
    Row("429 retry-after date", limited(("retry-after", HTTP_DATE)), 429, *LIMITED, retry_after=HTTP_DATE),
    Row("429 retry-after-ms", limited(("retry-after-ms", "1500")), 429, *LIMITED, retry_after="1.5"),
    Row(
        "429 x-ratelimit",
        limited(("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "6m0s")),
        429,
        *LIMITED,
        retry_after="360",
    ),
    Row(
        "429 anthropic-ratelimit",
        limited(
            ("anthropic-ratelimit-requests-remaining", "0"),
            ("anthropic-ratelimit-requests-reset", "2100-01-15T08:00:30Z"),
        ),
        429,
        *LIMITED,
        retry_after="86400",
    ),
    Row(
        "429 in words",
        limited(message="Please try again in 1m30s."),
        429,
        FaultKind.RATE_LIMIT,
        "Please try again in 1m30s.",
        retry_after="90",
    ),
    Row(
        "429 RetryInfo",
        google(429, BUSY, "RESOURCE_EXHAUSTED", [{"@type": RETRY, "retryDelay": "39s"}]),
        429,
        *LIMITED,
        retry_after="39",
        vendors=("gemini",),
    ),
    Row("500", refusing(500, "Oops."), 500, DOWN, "Oops."),
    Row("502", refusing(502, "Oops."), 502, DOWN, "Oops."),
    Row(
        "503",
        refusing(503, "Not now.", openai="overloaded_error", anthropic="overloaded_error"),
        503,
        FaultKind.OVERLOADED,
        "Not now.",
    ),
    Row("504", refusing(504, "Too slow.", openai="timeout_error"), 504, FaultKind.TIMEOUT, "Too slow."),
    Row("529", OVERLOADED, 529, FaultKind.OVERLOADED, "Overloaded."),
    Row("502 of a gateway", raw(Deed([b"<html>Bad gateway</html>"], 502, "text/html")), 502, DOWN, ""),
    Row("500 without a body", raw(Deed([], 500)), 500, DOWN, ""),
    Row(
        "Gemini's invalid key",
        google(400, "API key not valid.", "INVALID_ARGUMENT", [{"@type": INFO, "reason": "API_KEY_INVALID"}]),
        401,
        FaultKind.AUTHENTICATION,
        "API key not valid.",
        vendors=("gemini",),
    ),
    # errors inside a 200
    Row(
        "error as the first event",
        lambda vendor, asked: Deed([overload_event(vendor)], content_type=SSE),
        529,
        FaultKind.OVERLOADED,
        "The model is overloaded.",
        streams=(True,),
    ),
    Row(
        "error after the opening events",
        lambda vendor, asked: opening(vendor, asked, overload_event(vendor)),
        529,
        FaultKind.OVERLOADED,
        "The model is overloaded.",
        streams=(True,),
    ),
    Row(
        "error as the whole body",
        lambda vendor, asked: Deed([failing(vendor, 529, "Not now.", _OVERLOAD.get(vendor, ""))]),
        529,
        FaultKind.OVERLOADED,
        "Not now.",
        streams=(False,),
    ),
    # answers that are none
    Row("empty", empty, 502, FaultKind.CUT, ""),
    Row("no JSON", raw(Deed([b"Hello!"])), 502, DOWN, "", streams=(False,)),
    Row("cut before any content", half, 502, DOWN, "Backend 'one' failed: "),
    Row(
        "clean end before any content",
        lambda vendor, asked: opening(vendor, asked),
        502,
        FaultKind.CUT,
        "",
        streams=(True,),
    ),
    Row(
        "silence before any content",
        lambda vendor, asked: opening(vendor, asked, then="hold"),
        504,
        FaultKind.TIMEOUT,
        "no byte for 0.15 seconds",
        streams=(True,),
        timeout=SHORT,
    ),
    Row(
        "too slow as a whole",
        lambda vendor, asked: opening(vendor, asked, then="hold") if asked.streams else Deed([b" "], then="hold"),
        504,
        FaultKind.TIMEOUT,
        "not complete after 0.15 seconds",
        failover=Failover(total=SHORT),
    ),
    Row(
        "error after content that the client has not seen",
        lambda vendor, asked: in_one_read(begun(vendor, asked, overload_event(vendor))),
        529,
        FaultKind.OVERLOADED,
        "The model is overloaded.",
        streams=(True,),
    ),
    # after content: nothing else is tried, the client hears of it
    Row(
        "cut after content",
        lambda vendor, asked: begun(vendor, asked, then="cut"),
        200,
        DOWN,
        "Backend 'one' failed: ",
        moves=False,
        streams=(True,),
        text=PART,
    ),
    Row(
        "clean end after content",
        lambda vendor, asked: begun(vendor, asked),
        200,
        FaultKind.CUT,
        "",
        moves=False,
        streams=(True,),
        text=PART,
    ),
    Row(
        "error after content",
        lambda vendor, asked: replace(begun(vendor, asked, then="wait"), rest=[overload_event(vendor)]),
        200,
        FaultKind.OVERLOADED,
        "The model is overloaded.",
        moves=False,
        streams=(True,),
        text=PART,
    ),
    Row(
        "silence after content",
        lambda vendor, asked: begun(vendor, asked, then="hold"),
        200,
        FaultKind.TIMEOUT,
        "no byte for 0.15 seconds",
        moves=False,
        streams=(True,),
        text=PART,
        timeout=SHORT,
    ),
    # faults of the request: the client hears them at once
    Row(
        "400",
        refusing(400, "messages: too odd", openai="invalid_request_error"),
        400,
        FaultKind.INVALID_REQUEST,
        "messages: too odd",
        moves=False,
    ),
    Row(
        "413",
        refusing(413, "Too large.", openai="invalid_request_error", gemini="INVALID_ARGUMENT"),
        413,
        FaultKind.TOO_LARGE,
        "Too large.",
        moves=False,
    ),
    Row(
        "422",
        refusing(422, "Not so.", openai="invalid_request_error", gemini="INVALID_ARGUMENT"),
        422,
        FaultKind.INVALID_REQUEST,
        "Not so.",
        moves=False,
    ),
)
_OVERLOAD = {"gemini": "UNAVAILABLE", "anthropic": "overloaded_error"} | dict.fromkeys(
    ("openai_chat", "openai_responses"), "overloaded_error"
)
