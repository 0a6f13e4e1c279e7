"""Tool call ids that a backend accepts.

A foreign id is replaced by a hash of itself, so that a call and its result, and the same call in later requests,
always agree. Cutting an id short instead would merge calls that share a beginning.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

from proxy_core.profiles.target import ToolIdRule

_PREFIX = "call_"
_HASH_LENGTH = 24
_SHORTEST_WITH_PREFIX = len(_PREFIX) + 16


class NamelessCalls:
    """Calls to which no id was given (Gemini's), by the ids they were written with: results without one are matched by
    name and order."""

    def __init__(self) -> None:
        self._open: list[tuple[str, str]] = []

    def __len__(self) -> int:
        return len(self._open)

    def add(self, name: str, call_id: str) -> None:
        self._open.append((name, call_id))

    def answered(self, name: str | None) -> str | None:
        """The id of the first call of that name that has no result yet, of any where None is given."""
        for index, (called, call_id) in enumerate(self._open):
            if name in (None, called):
                del self._open[index]
                return call_id
        return None


@lru_cache(maxsize=4096)
def fitted_id(tool_id: str, rule: ToolIdRule) -> str:
    """`tool_id` itself where the rule accepts it, else an accepted id that depends on nothing but the two."""
    if rule.accepts(tool_id):
        return tool_id
    length = rule.exact_length or min(rule.max_length, len(_PREFIX) + _HASH_LENGTH)
    prefix = _prefix(rule, length)
    return prefix + _hashed(tool_id, _letters(rule.alphabet), length - len(prefix))


def _prefix(rule: ToolIdRule, length: int) -> str:
    fits = length >= _SHORTEST_WITH_PREFIX and re.fullmatch(rule.alphabet + "+", _PREFIX)
    return _PREFIX if fits else ""


@lru_cache
def _letters(alphabet: str) -> str:
    """The letters and digits of a character class; its punctuation only where it has neither."""
    accepted = [chr(code) for code in range(33, 127) if re.fullmatch(alphabet, chr(code))]
    return "".join(letter for letter in accepted if letter.isalnum()) or "".join(accepted)


def _hashed(text: str, letters: str, length: int) -> str:
    number = int.from_bytes(hashlib.shake_256(text.encode("utf-8", "surrogatepass")).digest(length + 16))
    drawn = []
    for _ in range(length):
        number, index = divmod(number, len(letters))
        drawn.append(letters[index])
    return "".join(drawn)
