"""Which headers go up to a backend, and which come down to the client."""

from __future__ import annotations

import pytest

from proxy_core.exchange.headers import (
    answer_headers,
    header_text,
    masked,
    passed_up,
    stream_headers,
    without_own_key,
)
from proxy_core.exchange.inbound import HeaderMap
from proxy_core.exchange.step import HeaderList
from proxy_core.pipeline.lanes import Lane
from tests.exchange.making import admitted, attempt

CLIENT: HeaderList = [
    ("Host", "127.0.0.1:8000"),
    ("Authorization", "Bearer parley-client-key"),
    ("X-Api-Key", "parley-client-key"),
    ("Cookie", "parley-8000=proof"),
    ("Content-Type", "application/json; charset=utf-8"),
    ("Content-Length", "2"),
    ("Content-Encoding", "zstd"),
    ("Accept-Encoding", "gzip"),
    ("Connection", "keep-alive"),
    ("Expect", "100-continue"),
    ("Transfer-Encoding", "chunked"),
    ("X-Parley-Session", "work"),
    ("OpenAI-Beta", "assistants=v2"),
]


def names(headers: HeaderList) -> list[str]:
    return [name.lower() for name, _ in headers]


def test_a_clients_key_and_cookies_do_not_leave_with_a_request_that_has_our_key() -> None:
    assert names(passed_up(HeaderMap(CLIENT), credentials=False)) == ["content-type", "openai-beta"]


def test_a_client_with_its_own_credentials_keeps_them() -> None:
    kept = names(passed_up(HeaderMap(CLIENT), credentials=True))
    assert kept == ["authorization", "x-api-key", "cookie", "content-type", "openai-beta"]


def test_a_body_that_was_read_as_json_is_called_so() -> None:
    given = HeaderMap([("Content-Type", "text/plain")])
    assert passed_up(given, credentials=False) == [("content-type", "application/json")]


UPSTREAM = HeaderMap(
    [
        ("Content-Type", "text/event-stream"),
        ("Content-Encoding", "gzip"),
        ("Content-Length", "9"),
        ("Transfer-Encoding", "chunked"),
        ("Set-Cookie", "__cf_bm=x"),
        ("Location", "https://elsewhere.test"),
        ("Cache-Control", "no-store"),
        ("X-Parley-Backend", "of another Parley"),
        ("X-RateLimit-Remaining-Requests", "9"),
        ("Request-Id", "req_1"),
        ("OpenAI-Version", "1"),
    ]
)


def test_within_one_protocol_all_comes_down_but_what_is_of_the_connection() -> None:
    headers = answer_headers(admitted(), attempt(1), UPSTREAM, "application/json", 5)
    assert names(headers) == [
        *("content-type", "cache-control", "x-ratelimit-remaining-requests", "request-id", "openai-version"),
        *("x-parley-backend", "x-parley-model", "x-parley-lane", "content-length"),
    ]
    found = HeaderMap(headers)
    assert (found["x-parley-backend"], found["content-length"]) == ("b1", "5")


def test_across_protocols_limits_and_the_request_id_come_down() -> None:
    headers = answer_headers(admitted(), attempt(2, Lane.TRANSLATE), UPSTREAM, "application/json", 5)
    assert names(headers) == [
        *("content-type", "x-ratelimit-remaining-requests", "x-request-id"),
        *("x-parley-backend", "x-parley-model", "x-parley-lane", "x-parley-attempt", "content-length"),
    ]


def test_a_client_with_its_own_credentials_sees_what_the_provider_said() -> None:
    headers = HeaderMap(answer_headers(admitted(), attempt(1, credentials="client"), UPSTREAM, "application/json", 5))
    assert headers["location"] == "https://elsewhere.test"
    assert headers["x-parley-backend"] == "of another Parley"


@pytest.mark.parametrize("lane", [Lane.VERBATIM, Lane.TRANSLATE])
def test_a_stream_says_once_that_it_is_not_to_be_cached_and_has_no_length(lane: Lane) -> None:
    found = names(stream_headers(admitted(stream=True), attempt(1, lane), UPSTREAM))
    assert found.count("cache-control") == 1
    assert "content-length" not in found


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("Authorization", "Bearer sk-0123456789abcdef", "Bearer ...cdef"),
        ("x-api-key", "short", "..."),
        ("Cookie", "a=secret; b=secret", "a=...; b=..."),
        ("cookie", "bare", "..."),
        ("Accept", "text/html", "text/html"),
    ],
)
def test_what_is_kept_and_shown_of_a_header(name: str, value: str, shown: str) -> None:
    assert masked(name, value) == shown


def test_text_in_a_header_cannot_end_it() -> None:
    assert header_text("modèle\r\nset-cookie: x") == "mod?le??set-cookie: x"


def test_a_backend_with_the_clients_own_key_does_not_get_the_one_for_this_proxy() -> None:
    key = "parley-client-key"
    theirs = [("Authorization", "Bearer theirs"), ("x-goog-api-key", "theirs-too"), ("cookie", "a=b")]
    ours = [("X-Api-Key", key), ("API-KEY", key), ("Cookie", "parley_8000=17.seal")]
    assert without_own_key(HeaderMap([*theirs, *ours]), key).pairs == theirs
    assert without_own_key(HeaderMap([("authorization", f"Bearer {key}")]), key).pairs == []
