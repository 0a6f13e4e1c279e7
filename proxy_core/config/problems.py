"""What is wrong with a configuration: every problem at once, each with its place and its remedy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """`field` is what the user would write (`--port`, `PROXY_PORT`, `backends.groq.base_url`).

    `source` is where it stands: a file's name, "environment", "command line".
    """

    field: str
    reason: str
    remedy: str
    source: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        place = (
            f"{self.source}:{self.line}: " if self.source and self.line else f"{self.source}: " if self.source else ""
        )
        return f"{place}{self.field}: {self.reason} {self.remedy}"


class ConfigError(Exception):
    """Raised once with all problems. Its text never holds a secret's value."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))
