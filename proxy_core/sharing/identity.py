"""What all proxies of one client key derive from it, so that they call clients, keys and secrets by the same names.

None of it is stored, and from what is stored a key can only be tried out, slowly.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

_PURPOSE = b"parley sharing 1"
_COST = {"n": 2**14, "r": 8, "p": 1}
"""Some 50 ms and 16 MiB for each guess at a client key (RFC 7914)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """`placeholders` is None where there is no lasting client key: a provider gets to see placeholders, and what they
    are made with must be known to nobody else."""

    owners: bytes = field(repr=False)
    keys: bytes = field(repr=False)
    placeholders: bytes | None = field(repr=False)

    def key_name(self, key: str | None) -> str | None:
        """A backend's key as it is written down."""
        if key is None:
            return None
        return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), key=self.keys, digest_size=8).hexdigest()


def identity(client_key: str | None, fallback: str = "") -> Identity:
    """`client_key` is None where none was set; `fallback` then is another word that all proxies share."""
    root = hashlib.scrypt((client_key or fallback).encode("utf-8", "surrogatepass"), salt=_PURPOSE, dklen=64, **_COST)
    return Identity(_derived(root, b"owners"), _derived(root, b"keys"), _placeholders(root) if client_key else None)


def _placeholders(root: bytes) -> bytes:
    return _derived(root, b"placeholders")


def _derived(root: bytes, purpose: bytes) -> bytes:
    return hashlib.blake2b(purpose, key=root, digest_size=32).digest()
