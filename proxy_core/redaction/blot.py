"""The proxy's own keys made illegible in bytes that are kept, without changing their length."""

from __future__ import annotations

from collections.abc import Iterable

_SHORTEST = 8
"""What is shorter stands in ordinary words too."""


def blotted(data: bytes, secrets: Iterable[str]) -> bytes:
    for secret in secrets:
        known = secret.encode()
        if len(known) >= _SHORTEST and known in data:
            data = data.replace(known, b"*" * len(known))
    return data
