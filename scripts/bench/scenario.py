"""What the provider is to answer stands in the model's name, the one field that every lane keeps."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from typing import Literal, Self

type Kind = Literal["whole", "stream", "hold"]

WORD = " token"
"""How every token begins; what follows it differs, since an answer of one word over and over is cut as a loop."""
VARIED = 2000
"""Tokens that come before one comes again."""
BURST = 50
"""Tokens in one write of a provider that generates faster than anyone reads."""
_NAMED = re.compile(rb"bench-(whole|stream|hold)-(\d+)-(\d+)")


@dataclass(frozen=True, slots=True)
class Scenario:
    """`tokens` per answer; `gap` microseconds between them, 0 for bursts. `hold` sends one token and nothing more
    until the client has gone."""

    kind: Kind
    tokens: int = 1
    gap: int = 0

    @property
    def model(self) -> str:
        return f"bench-{self.kind}-{self.tokens}-{self.gap}"

    @property
    def streamed(self) -> bool:
        return self.kind != "whole"

    @classmethod
    def named_in(cls, body: bytes) -> Self | None:
        found = _NAMED.search(body)
        if found is None:
            return None
        kind: Kind = found[1].decode()  # type: ignore[assignment]
        return cls(kind, int(found[2]), int(found[3]))


@cache
def word(number: int) -> str:
    """The text of a token."""
    return f"{WORD}{hashlib.sha256(str(number % VARIED).encode()).hexdigest()[:5]}"


def words(count: int) -> str:
    return "".join(map(word, range(count)))
