"""The forms in which one secret may stand in a text: as it is, escaped, encoded."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus


def escaped(secret: bytes) -> set[bytes]:
    """The secret and what it looks like within a JSON string, in either spelling of what is not ASCII."""
    text = secret.decode("utf-8", "surrogateescape")
    within = {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    slashed = {form.replace("/", "\\/") for form in within}
    return {secret, *(form.encode("utf-8", "surrogateescape") for form in within | slashed)}


def url_encoded(secret: bytes) -> set[bytes]:
    return {quote(secret, safe="").encode(), quote(secret).encode(), quote_plus(secret).encode()}


def base64_encoded(secret: bytes) -> set[bytes]:
    """The base64 of the secret wherever it stands in what was encoded: the characters that depend on it alone."""
    forms = set()
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + secret)
        first = (0, 2, 3)[offset]
        last = (offset + len(secret)) * 8 // 6
        inner = encoded[first:last]
        forms |= {inner, inner.replace(b"+", b"-").replace(b"/", b"_")}
    return forms


def all_forms(secret: bytes) -> set[bytes]:
    """Every form that is found again: plain, in JSON, in JSON within JSON, in a URL, in base64."""
    twice = {form for once in escaped(secret) for form in escaped(once)}
    return twice | url_encoded(secret) | base64_encoded(secret)
