"""Records as rows, and their sums by day."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, date, datetime
from typing import Any

from proxy_core.usage.record import Record
from proxy_core.usage.tables import DIMENSIONS, MEASURES, SESSION_DIMENSIONS
from proxy_core.wire.json import dumps

_MAX_TEXT = 300
_MAX_COUNT = 2**53
"""What a number in JSON can still say exactly."""
_NAMES = [f.name for f in fields(Record) if f.name not in ("tries", "redactions")]
_TALLIES = ("input", "cache_read", "cache_write", "output", "reasoning")


def row_of(record: Record) -> dict[str, Any]:
    """A row for the table of requests: whatever came, a database can take it."""
    row = {name: _clean(getattr(record, name)) for name in _NAMES}
    row["attempts"] = len(record.tries)
    row["tries"] = _json(list(record.tries))
    row["redacted"] = _clean(sum(record.redactions.values()))
    row["redactions"] = _json(dict(record.redactions))
    return row


def _clean(value: Any) -> Any:
    match value:
        case bool():
            return int(value)
        case int():
            return max(0, min(value, _MAX_COUNT))
        case float():
            return value if math.isfinite(value) else None
        case str():
            return _clean_text(value[:_MAX_TEXT])
        case _:
            return value


def _clean_text(text: str) -> str:
    """PostgreSQL takes no NUL, neither database half a surrogate pair."""
    text = text.replace("\0", "")
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _json(value: Any) -> str:
    return _clean_text(dumps(value).decode("utf-8", "replace"))


def sums_by_day(rows: Iterable[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What rows add to `daily` and to `daily_sessions`, in the order of their keys: writers that go through the same
    keys in the same order cannot lock each other out."""
    daily: dict[tuple[Any, ...], list[float]] = {}
    sessions: dict[tuple[Any, ...], list[float]] = {}
    for row in rows:
        key, measures = _key(row), measures_of(row)
        _add(daily, key, measures)
        _add(sessions, (*key, row["session"]), measures)
    return _listed(daily, DIMENSIONS), _listed(sessions, SESSION_DIMENSIONS)


def _add(sums: dict[tuple[Any, ...], list[float]], key: tuple[Any, ...], measures: Sequence[float]) -> None:
    known = sums.get(key)
    sums[key] = [a + b for a, b in zip(known, measures, strict=True)] if known else list(measures)


def _listed(sums: dict[tuple[Any, ...], list[float]], dimensions: tuple[str, ...]) -> list[dict[str, Any]]:
    return [dict(zip((*dimensions, *MEASURES), (*key, *sums[key]), strict=True)) for key in sorted(sums)]


def day_of(time: float) -> date:
    """The day in UTC."""
    return datetime.fromtimestamp(time, UTC).date()


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    served = row["served"] or row["model"]
    named = (row["backend"], served, row["model"], row["project"], row["agent"])
    return (day_of(row["time"]), *(name or "" for name in named))


def measures_of(row: Mapping[str, Any]) -> list[float]:
    """In the order of MEASURES. No truth values among them: PostgreSQL does not add these."""
    outcome, priced, counted = row["outcome"], row["cost"] is not None, row["source"] is not None
    first = row["first_token"]
    return [
        1,
        int(outcome in ("answered", "local", "cut")),
        *(int(outcome == other) for other in ("failed", "cancelled", "refused")),
        row["attempts"],
        *(row[name] or 0 for name in _TALLIES),
        int(priced),
        int(counted and not priced),
        int(row["source"] == "estimated"),
        int(first is not None),
        *(row[name] for name in ("tool_calls", "redacted", "loops", "losses")),
        row["cost"] or 0.0,
        row["duration"] or 0.0,
        first or 0.0,
    ]
