from __future__ import annotations

import pytest

from proxy_core.dashboard.access import LASTS, cookie, cookie_header, is_key, is_proof, proof
from proxy_core.exchange.inbound import HeaderMap

KEY = "parley-client-key"
NOW = 1_790_000_000.0


def test_a_proof_holds_until_it_expires() -> None:
    given = proof(KEY, NOW)
    assert is_proof(given, KEY, NOW)
    assert is_proof(given, KEY, NOW + LASTS - 1)
    assert not is_proof(given, KEY, NOW + LASTS + 1)


def test_it_is_bound_to_the_key_and_to_the_process_and_does_not_tell_the_key() -> None:
    given = proof(KEY, NOW)
    assert not is_proof(given, "another-key", NOW)
    assert not is_proof(given, KEY, NOW, secret=b"of another process")
    assert KEY not in given


def test_its_end_cannot_be_put_off() -> None:
    expires, _, seal = proof(KEY, NOW).partition(".")
    assert not is_proof(f"{int(expires) + 9999}.{seal}", KEY, NOW)


@pytest.mark.parametrize("given", ["", ".", "x", "1.", ".0", "²." + "0" * 64, "9" * 5000 + ".0", "\udcff.\udcff"])
def test_rubbish_is_no_proof(given: str) -> None:
    assert not is_proof(given, KEY, NOW)


@pytest.mark.parametrize("given", ["", "parley-client-ke", KEY + " ", "schlüssel", "\udcff"])
def test_only_the_key_is_the_key(given: str) -> None:
    assert not is_key(given, KEY)
    assert is_key(KEY, KEY)


def test_cookies() -> None:
    headers = HeaderMap([("Cookie", "a=1; parley_8000=12.ab; parley_80=x")])
    assert cookie(headers, "parley_8000") == "12.ab"
    assert cookie(headers, "parley") == ""
    assert cookie(HeaderMap([]), "a") == ""
    name, value = cookie_header("parley_8000", "12.ab")
    assert name == "set-cookie"
    assert {"HttpOnly", "SameSite=Strict", "Path=/dashboard"} <= set(value.split("; "))
    assert "Max-Age=0" in cookie_header("parley_8000", "")[1]
