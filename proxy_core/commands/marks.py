"""How the proxy knows its own words again, in a history that a client sends back: without memory, after a restart.

Each text of its own ends in a line `[parley 1a2b3c4d]`, a checksum over the letters and digits before it. Clients
trim, re-wrap, prefix lines (a patch's `+`) and normalise Unicode: none of that touches the checksum. Invisible
characters were not chosen because clients filter them and people copy them without knowing.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from itertools import islice

OPENING = "[parley "
_MARK = re.compile(r"\[parley ([0-9a-f]{8})\]")
_MOST_LINES = 250
_MOST_CHARACTERS = 20_000
_MOST_MARKS = 20
_BEHIND = re.compile(r"[ \t]*(?:\r?\n){0,2}")
_SCAFFOLDS = (
    re.compile(r"\s*<attempt_completion>\s*<result>\s*</result>\s*</attempt_completion>\s*"),
    re.compile(r"\s*\*\*\* Begin Patch\s*\*\*\* Add File: \S+\s*\*\*\* End Patch\s*"),
)
"""What is left of a wrapped reply when the text is taken out."""


def sealed(text: str) -> str:
    """`text` with its mark; at most 250 lines of it are told apart from what stands before them."""
    return f"{text}\n[parley {_checksum(text)}]"


def preface(text: str) -> str:
    """`text`, sealed, ready to stand in front of a model's reply."""
    return f"{sealed(text)}\n\n"


def holds_mark(text: str) -> bool:
    return OPENING in text


def without_own(text: str) -> str:
    """`text` without the proxy's own words; exactly `text` when it holds none, "" when it holds nothing else."""
    position = 0
    kept: list[str] = []
    for mark in islice(_MARK.finditer(text), _MOST_MARKS):
        start = _start_of(text, position, mark)
        if start is not None:
            kept.append(text[position:start])
            position = _BEHIND.match(text, mark.end()).end()  # pyright: ignore[reportOptionalMemberAccess]
    if not kept:
        return text
    remains = "".join([*kept, text[position:]])
    return "" if not remains.strip() or any(scaffold.fullmatch(remains) for scaffold in _SCAFFOLDS) else remains


def _start_of(text: str, floor: int, mark: re.Match[str]) -> int | None:
    """Where the words begin that the mark stands for: the checksum is tried line by line upwards."""
    start = text.rfind("\n", floor, mark.start()) + 1 or floor
    for _ in range(_MOST_LINES):
        if start <= floor or mark.start() - start > _MOST_CHARACTERS:
            return None
        start = max(text.rfind("\n", floor, start - 1) + 1, floor)
        if _checksum(text[start : mark.start()]) == mark[1]:
            return start
    return None


def _checksum(text: str) -> str:
    letters = "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text))).lower()
    return hashlib.blake2s(letters.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
