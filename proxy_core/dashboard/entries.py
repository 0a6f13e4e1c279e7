"""Requests as the page shows them, be they under way, just over, or out of the database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil
from typing import Any

from proxy_core.exchange.attempt import Attempt
from proxy_core.exchange.visit import Visit
from proxy_core.wire.json import loads

_CHARACTERS_PER_TOKEN = 4
_STATES = {"answered": "done", "local": "done"}
"""Of outcomes; the others are called by their own name."""


def running(id: str, visit: Visit) -> dict[str, Any]:
    """A request under way. Times are in seconds since 1970; `estimated` says that nobody has counted the tokens yet."""
    exchange, admitted = visit.exchange, visit.admitted
    attempt = exchange.attempt if exchange else None
    return {
        "id": id,
        "time": visit.started,
        "state": "streaming" if exchange and exchange.committed else "waiting",
        "asked": admitted.model if admitted else "",
        "protocol": visit.call.protocol if visit.call else "",
        "agent": visit.agent,
        "session": visit.session.id if visit.session else "",
        "project": visit.project,
        "route": visit.route,
        "attempts": len(exchange.history) if exchange else 0,
        **_upstream(attempt),
        **_tokens_so_far(attempt),
    }


def _upstream(attempt: Attempt | None) -> dict[str, Any]:
    if attempt is None:
        return {"backend": None, "served": None}
    return {"backend": attempt.upstream.backend.name, "served": attempt.upstream.model}


def _tokens_so_far(attempt: Attempt | None) -> dict[str, Any]:
    meter = attempt.meter if attempt else None
    if meter is None:
        return {"input": None, "output": None, "estimated": True}
    usage, estimate = meter.usage, ceil(meter.characters / _CHARACTERS_PER_TOKEN)
    counted = (usage.output or 0) if usage else 0
    return {
        "input": usage.prompt if usage else None,
        "output": max(counted, estimate) or None,
        "estimated": estimate > counted,
    }


def finished(row: Mapping[str, Any]) -> dict[str, Any]:
    """A request that is over, as a row of the database. `cost` null is unknown where `counted`, else there is none."""
    prompt = [row[name] for name in ("input", "cache_read", "cache_write") if row[name] is not None]
    return {
        "id": id_of(row),
        "time": row["time"],
        "state": _STATES.get(row["outcome"], row["outcome"]),
        "local": row["outcome"] == "local",
        "asked": row["model"],
        "protocol": row["protocol"],
        "agent": row["agent"],
        "session": row["session"],
        "project": row["project"],
        "route": row["route"],
        "attempts": row["attempts"],
        "backend": row["backend"],
        "served": row["served"],
        "input": sum(prompt) if prompt else None,
        "output": row["output"],
        "estimated": row["source"] == "estimated",
        "counted": row["source"] is not None,
        "cost": row["cost"],
        "duration": row["duration"],
        "fault": row["fault"],
        "status": row["status"],
        "finish": row["finish"],
    }


def id_of(row: Mapping[str, Any]) -> str:
    return row["flow"] or f"{row['time']:.6f}"


def notable(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What is worth knowing of a request beside its numbers: loops, failovers, secrets that were kept back."""
    if row["loops"]:
        yield {**_told(row, "loop"), "text": _what_looped(row)}
    if row["attempts"] > 1:
        yield {**_told(row, "failover"), "tries": loads(row["tries"])}
    if row["redacted"]:
        yield {**_told(row, "redaction"), "rules": loads(row["redactions"])}


def _what_looped(row: Mapping[str, Any]) -> str:
    if row["outcome"] == "cut":
        return "the answer was cut"
    if any(one["outcome"] == "cut" for one in loads(row["tries"])):
        return "the answer was cut and gone on with"
    return "the same tool call again and again"


def cache_change(row: Mapping[str, Any], visit: Visit) -> Iterator[dict[str, Any]]:
    """The database does not keep these."""
    if visit.prefix:
        yield {**_told(row, "cache"), "block": visit.prefix.block, "tokens": visit.prefix.tokens}


def _told(row: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "id": id_of(row),
        "time": row["time"],
        "asked": row["model"],
        "backend": row["backend"],
        "served": row["served"],
        "session": row["session"],
        "agent": row["agent"],
    }
