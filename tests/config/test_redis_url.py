from __future__ import annotations

import pytest

from proxy_core.config.redis_url import complaint, password, shown


@pytest.mark.parametrize(
    ("url", "place", "secret"),
    [
        ("redis://localhost", "localhost:6379/0", ""),
        ("redis://me:pass%20word@host:7000/3", "host:7000/3", "pass%20word"),
        ("rediss://:secret@[::1]:6380?ssl_ca_certs=/ca.pem", "[::1]:6380/0", "secret"),
        ("REDIS://host/1/", "host:6379/1", ""),
    ],
)
def test_addresses_are_shown_without_their_password(url: str, place: str, secret: str) -> None:
    pytest.importorskip("redis")
    assert complaint(url) is None
    assert (shown(url), password(url)) == (place, secret)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://:secret@host", "unknown scheme"),
        ("redis+tls://:secret@host", "unknown scheme"),
        ("host:6379", "unknown scheme"),
        ("redis://:secret@host:port", "no address"),
        ("redis://:secret@[::1", "no address"),
        ("redis://", "no host"),
        ("redis://:secret@host/name", "database"),
        ("redis://:secret@host?protocol=3", "part that is not known"),
        ("redis://:secret@host/0#1", "part that is not known"),
    ],
)
def test_what_is_wrong_is_told_without_quoting_it(url: str, reason: str) -> None:
    told = complaint(url)
    assert told
    assert reason in told[0]
    assert "secret" not in " ".join(told)
