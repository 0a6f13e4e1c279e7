"""What is asked of the usage database, checked before anything is looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from proxy_core.errors import invalid

DEFAULT_DAYS = 30
MAX_DAYS = 3650
FILTERS = ("backend", "project", "session", "model", "agent")
DEFAULT_LIMIT, MAX_LIMIT = 50, 1000
MAX_EXPORT = 100_000
_MAX_NAME = 300


@dataclass(frozen=True, slots=True)
class Question:
    """`days` counts today, in UTC. A filter that is None does not filter.

    `model` is the one asked for or the one served, or `backend:model`. `limit` and `before` (an id: only older rows)
    are for lists of requests.
    """

    days: int | None = None
    backend: str | None = None
    project: str | None = None
    session: str | None = None
    model: str | None = None
    agent: str | None = None
    limit: int = DEFAULT_LIMIT
    before: int | None = None

    @property
    def filters(self) -> dict[str, str]:
        named = {
            "backend": self.backend,
            "project": self.project,
            "session": self.session,
            "model": self.model,
            "agent": self.agent,
        }
        return {name: value for name, value in named.items() if value is not None}

    def since(self, today: date | None = None) -> date | None:
        """The first day that counts."""
        if self.days is None:
            return None
        return (today or datetime.now(UTC).date()) - timedelta(days=self.days - 1)


def sums_question(query: Mapping[str, str]) -> Question:
    """Raises ParleyError that names the parameter."""
    _check_names(query, ("days",))
    return replace(Question(days=_number(query, "days", MAX_DAYS) or DEFAULT_DAYS), **_filters(query))


def rows_question(query: Mapping[str, str], default: int = DEFAULT_LIMIT, most: int = MAX_LIMIT) -> Question:
    """All days where none are given. Raises ParleyError that names the parameter."""
    _check_names(query, ("days", "limit", "before"))
    question = Question(
        days=_number(query, "days", MAX_DAYS),
        limit=_number(query, "limit", most) or default,
        before=_number(query, "before", 2**62),
    )
    return replace(question, **_filters(query))


def _check_names(query: Mapping[str, str], more: tuple[str, ...]) -> None:
    """A filter that is misspelt and ignored would give the sums of everything. `key` is the client's key."""
    known = (*more, *FILTERS)
    for name in query:
        if name not in known and name != "key":
            raise invalid(f"There is no parameter '{name[:40]}'; known: {', '.join(known)}.", name[:40])


def _number(query: Mapping[str, str], name: str, most: int) -> int | None:
    """Left empty counts as not given."""
    text = query.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:20]) <= most):
        raise invalid(f"'{name}' must be a whole number from 1 to {most}, not {text[:40]!r}.", name)
    return int(text)


def _filters(query: Mapping[str, str]) -> dict[str, Any]:
    filters = {}
    for name in FILTERS:
        value = query.get(name, "").strip()
        if not value:
            continue
        if len(value) > _MAX_NAME or not value.isprintable():
            raise invalid(f"'{name}' must be at most {_MAX_NAME} printable characters.", name)
        filters[name] = value
    return filters
