"""A backend's keys: one variable, or the same numbered _1 to _20."""

from __future__ import annotations

import re
from collections.abc import Mapping

from proxy_core.config.problems import Problem
from proxy_core.config.values import secret

HIGHEST = 20


def numbered_names(name: str) -> list[str]:
    return [f"{name}_{number}" for number in range(1, HIGHEST + 1)]


def beyond_numbering(name: str, environ: Mapping[str, str]) -> list[str]:
    """Variables that look like a numbered key but have a number that is not read."""
    numbered = re.compile(rf"{re.escape(name)}_\d{{1,3}}")
    return sorted({found for found in environ if numbered.fullmatch(found)} - set(numbered_names(name)))


def read_keys(name: str, single: str | None, environ: Mapping[str, str], problems: list[Problem]) -> tuple[str, ...]:
    """The keys in order, each once. `single` is what a flag or the variable `name` says.

    Gaps in the numbering are fine. Both forms at once is a problem that names the variables.
    """
    numbered = [candidate for candidate in numbered_names(name) if environ.get(candidate, "").strip()]
    if single and numbered:
        problems.append(
            Problem(
                name,
                f"is set, and so {'is' if len(numbered) == 1 else 'are'} {', '.join(numbered)}.",
                f"Keep either {name} or the numbered ones, not both.",
            )
        )
        return ()
    found = [(name, single)] if single else [(candidate, environ[candidate]) for candidate in numbered]
    return tuple(dict.fromkeys(key for key in (_checked(*pair, problems) for pair in found) if key))


def _checked(name: str, value: str, problems: list[Problem]) -> str | None:
    try:
        return secret(value)
    except ValueError as error:
        problems.append(Problem(name, str(error), "Set it to the key alone."))
        return None
