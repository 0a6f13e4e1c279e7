"""How long providers ask to wait, in every form that they have for it, and how much they say is left."""

from __future__ import annotations

import pytest

from proxy_core.exchange.inbound import HeaderMap
from proxy_core.routing.limits import LONGEST_REST, rest_asked_for, tightest, wait_from, wait_in_words

NOW = 1_800_000_000.0
"""2027-01-15T08:00:00Z"""


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "20"}, 20),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "-3"}, 0),
        ({"retry-after": "Fri, 15 Jan 2027 08:00:30 GMT"}, 30),
        ({"retry-after": "Fri, 15 Jan 2027 07:59:00 GMT"}, 0),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "1"}, 1),
        ({"retry-after": "99999999"}, LONGEST_REST),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert rest_asked_for(HeaderMap(headers.items()), NOW) == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        # https://platform.openai.com/docs/guides/rate-limits: durations
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, 360),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "20ms"}, 0.02),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1h2m3.5s"}, 3723.5),
        (
            {
                "x-ratelimit-remaining-requests": "59",
                "x-ratelimit-reset-requests": "1s",
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "7s",
            },
            7,
        ),
        # OpenRouter: milliseconds since 1970; others seconds
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1800000005000"}, 5),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1800000007"}, 7),
        ({"x-ratelimit-reset": "12"}, 12),
        # https://docs.claude.com/en/api/rate-limits: RFC 3339
        (
            {
                "anthropic-ratelimit-requests-remaining": "0",
                "anthropic-ratelimit-requests-reset": "2027-01-15T08:00:09Z",
            },
            9,
        ),
        (
            {
                "anthropic-ratelimit-input-tokens-remaining": "0",
                "anthropic-ratelimit-input-tokens-reset": "2027-01-15T08:00:09Z",
                "anthropic-ratelimit-output-tokens-remaining": "0",
                "anthropic-ratelimit-output-tokens-reset": "2027-01-15T10:00:59+02:00",
            },
            59,
        ),
        ({"anthropic-ratelimit-unified-reset": "1800000100"}, 100),
        ({"retry-after": "3", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1800000007"}, 3),
        ({"x-ratelimit-remaining-requests": "5", "x-ratelimit-reset-requests": "1s"}, None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "whenever"}, None),
    ],
)
def test_a_limit_that_is_used_up_says_when_it_is_restored(headers: dict[str, str], seconds: float | None) -> None:
    assert rest_asked_for(HeaderMap(headers.items()), NOW) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1), ("1m30s", 90), ("500µs", 0.0005), ("2d", LONGEST_REST), ("5x", None), ("s", None), ("1s later", None)],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert wait_from(text, NOW) == seconds


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Rate limit reached for gpt-5. Please try again in 20s. Visit …", 20),
        ("try again in 1m30s", 90),
        ("Please try again in 850ms.", 0.85),
        ("Please retry after 12 seconds.", 12),
        ("Please wait 2 minutes and 5 seconds before trying again", 125),
        ("You may retry in 1.5 hours", 5400),
        ("Please retry in 39.5s.", 39.5),
        ("Try again in 3 fortnights", None),
        ("Too many requests", None),
        ("20s", None),
    ],
)
def test_words(message: str, seconds: float | None) -> None:
    assert wait_in_words(message) == seconds


def test_head_room_is_that_of_the_tightest_limit() -> None:
    headers = {
        "x-ratelimit-limit-requests": "100",
        "x-ratelimit-remaining-requests": "90",
        "x-ratelimit-limit-tokens": "1000",
        "x-ratelimit-remaining-tokens": "250",
        "x-ratelimit-reset-tokens": "8s",
    }
    limit = tightest(headers, NOW)
    assert limit is not None
    assert (limit.left, limit.reset) == (0.25, 8)


@pytest.mark.parametrize(
    "headers",
    [{}, {"x-ratelimit-remaining": "5"}, {"x-ratelimit-limit": "0", "x-ratelimit-remaining": "0"}, {"ratelimit": "x"}],
)
def test_without_a_limit_head_room_is_unknown(headers: dict[str, str]) -> None:
    assert tightest(headers, NOW) is None
