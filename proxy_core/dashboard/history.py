"""What was used, out of the database, as the page's charts and tables want it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from proxy_core.dashboard.entries import finished, notable
from proxy_core.dashboard.live import KINDS
from proxy_core.errors import invalid
from proxy_core.usage.questions import Question
from proxy_core.usage.reader import UsageReader

RANGES = (1, 7, 30)
"""Days, today (UTC) counted."""
_LOOKED_AT = 1000
_FINISHED = 60
_NOTABLE = 40
_DIMENSIONS = ("model", "project", "session", "agent", "backend")
_SHARES = 50
"""Rows of a table."""
_MEASURES = (
    *("requests", "answered", "failed", "cancelled", "refused", "total_tokens", "input_tokens", "cache_read_tokens"),
    *("cache_write_tokens", "output_tokens", "reasoning_tokens", "cost_usd", "cost_unknown", "tokens_estimated"),
)


def days_of(query: Mapping[str, str]) -> int:
    """Raises ParleyError."""
    text = query.get("days", "7")
    if text not in map(str, RANGES):
        raise invalid(f"'days' must be one of {', '.join(map(str, RANGES))}, not {text[:20]!r}.", "days")
    return int(text)


def history(reader: UsageReader, days: int, now: datetime | None = None) -> dict[str, Any]:
    """Takes milliseconds at least: not for the event loop."""
    question = Question(days=days, limit=_LOOKED_AT)
    groups = _DIMENSIONS if days == 1 else (*_DIMENSIONS, "day")
    stats = reader.stats(question, groups)
    rows = reader.rows(question)
    points = reader.by_hour(question) if days == 1 else stats["by_day"]
    return {
        "days": days,
        "from": stats["from"],
        "to": stats["to"],
        "totals": _measures(stats["totals"]),
        "series": series(points, days, now or datetime.now(UTC)),
        "by": {name: [_share(row, name) for row in stats[f"by_{name}"][:_SHARES]] for name in _DIMENSIONS},
        "finished": [finished(row) for row in rows[:_FINISHED]],
        "notable": newest_of_each(event for row in rows for event in notable(row)),
    }


def newest_of_each(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """`events` come newest first."""
    kept: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    for event in events:
        if len(kept[event["kind"]]) < _NOTABLE:
            kept[event["kind"]].append(event)
    return [event for listed in kept.values() for event in listed]


def series(points: Iterable[Mapping[str, Any]], days: int, now: datetime) -> list[dict[str, Any]]:
    """One point for each hour of today or for each day, also where nothing was asked."""
    by_time = {point.get("hour") or point["day"]: point for point in points}
    return [{"at": at, **(_measures(by_time[at]) if at in by_time else _NOTHING)} for at in _times(days, now)]


def _times(days: int, now: datetime) -> list[str]:
    if days == 1:
        return [f"{now.date().isoformat()}T{hour:02}" for hour in range(24)]
    return [(now.date() - timedelta(days=days - 1 - day)).isoformat() for day in range(days)]


def _measures(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in _MEASURES}


_NOTHING: dict[str, Any] = dict.fromkeys(_MEASURES, 0)


def _share(row: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {"name": row[name], **_measures(row)}
