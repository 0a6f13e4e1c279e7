"""Fake secrets of the tests, made when they run."""

from __future__ import annotations

from tests.redaction.corpus import FORMS, Maker

_MAKER = Maker(7)


def made(family: str) -> str:
    return _MAKER.string(FORMS[family].replace("@", ""))


GITHUB = made("github-classic")
ANTHROPIC = made("anthropic")
STRIPE = made("stripe-live")
OWN = made("openrouter")
PASSWORD = 'Zx9"q\\7/k\té!'
"""Needs escapes of all kinds."""
KEY_BLOCK = "\n".join(
    [
        "-----BEGIN RSA PRIVATE " + "KEY-----",
        *(_MAKER.string("{b64:64}") for _ in range(8)),
        "-----END RSA PRIVATE " + "KEY-----",
    ]
)
