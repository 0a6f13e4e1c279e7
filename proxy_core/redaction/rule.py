"""What a rule is. The tables are in rules_*.py; `rules.py` joins them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

type Check = Callable[[re.Match[bytes]], bool]

GITLEAKS = "https://github.com/gitleaks/gitleaks/blob/master/config/gitleaks.toml"
GITHUB_LIST = "https://docs.github.com/en/code-security/reference/secret-security/supported-secret-scanning-patterns"

LEFT = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrtfb])|(?<=%[0-9A-F]{2})|(?<=\\u00[0-9A-Fa-f]{2}))"
"""A token begins here: not within a word, unless what looks like a letter ends an escape (`\\nsk-…`, `%3Dsk-…`)."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of secret.

    `pattern` is tried where a keyword (exact, with its case) stands, from `before` bytes ahead of it, over no more
    than `window` bytes; its group `secret`, or else all of it, is hidden. `entropy` is in bits per byte. `check`
    has the last word. `source` says where the form is documented. `documented`: doubtful forms are dropped when they
    look like an example from documentation (alphabets, runs of one letter). `bounded`: begins at a word's edge.
    `tail` must match at the keyword before `before` is tried, where the keyword alone is common.
    """

    id: str
    keywords: tuple[str, ...]
    pattern: str
    source: str
    entropy: float = 0.0
    check: Check | None = None
    before: int = 0
    window: int = 400
    documented: bool = True
    bounded: bool = True
    tail: str = ""

    def compiled(self) -> re.Pattern[bytes]:
        return re.compile(((LEFT if self.bounded else "") + f"(?:{self.pattern})").encode())


def token(id: str, prefix: str, rest: str, source: str = GITLEAKS, entropy: float = 2.5, window: int = 400) -> Rule:
    """A token that begins with `prefix`, which is literal and the keyword at once."""
    return Rule(id, (prefix,), re.escape(prefix) + rest, source, entropy, window=window)


def spellings(*words: str) -> tuple[str, ...]:
    """The ways that a name of one or more words is written in code, configuration and prose."""
    lower = [word.lower() for word in words]
    title = [word.title() for word in words]
    upper = [word.upper() for word in words]
    forms = [joint.join(case) for joint in ("_", "-", "", " ", ".") for case in (lower, title, upper)]
    forms += [joint.join([upper[0], *title[1:]]) for joint in ("_", "-", "")]
    forms += [
        lower[0] + "".join(title[1:]),
        " ".join([title[0], *lower[1:]]),
        " ".join([upper[0], *lower[1:]]),
        " ".join([upper[0], *title[1:]]),
    ]
    return tuple(dict.fromkeys(forms))
