"""Who may see the page: a browser that was shown the client key keeps a proof of that, never the key.

The proof is bound to the key and to this process: another key or a new start ends it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping

LASTS = 12 * 3600
"""Seconds."""
_SECRET = secrets.token_bytes(32)


def is_key(given: str, key: str) -> bool:
    """In constant time, whatever was given."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), key.encode())


def proof(key: str, now: float, secret: bytes = _SECRET) -> str:
    """`now` is in seconds since 1970."""
    expires = str(int(now) + LASTS)
    return f"{expires}.{_seal(expires, key, secret)}"


def is_proof(given: str, key: str, now: float, secret: bytes = _SECRET) -> bool:
    expires, _, seal = given.partition(".")
    genuine = hmac.compare_digest(seal.encode("utf-8", "surrogatepass"), _seal(expires, key, secret).encode())
    return genuine and expires.isdigit() and now < int(expires)


def _seal(expires: str, key: str, secret: bytes) -> str:
    told = f"{expires}\n{key}".encode("utf-8", "surrogatepass")
    return hmac.new(secret, told, hashlib.sha256).hexdigest()


def cookie(headers: Mapping[str, str], name: str) -> str:
    """ "" where there is none."""
    for pair in headers.get("cookie", "").split(";"):
        key, _, value = pair.strip().partition("=")
        if key == name:
            return value
    return ""


def cookie_header(name: str, value: str) -> tuple[str, str]:
    """An empty value takes the cookie away."""
    lasts = LASTS if value else 0
    return "set-cookie", f"{name}={value}; Path=/dashboard; Max-Age={lasts}; HttpOnly; SameSite=Strict"
