"""What Parley did with a request, as it is recorded on its flow: lines for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NotRequired, TypedDict


class AttemptDeed(TypedDict):
    """`losses` are lines for people; `seconds` is None while it goes on."""

    backend: str
    model: str
    key: str
    lane: str
    why: str
    status: int | None
    outcome: str
    seconds: float | None
    losses: list[str]


class Deeds(TypedDict):
    """Plain values, which mitmproxy writes to disk with the flow. `redactions` counts by rule; `cache` is a sentence,
    "" where the prompt's cache was not lost; `cost` is in US dollars. Without an exchange there are no attempts."""

    flow: str
    session: str
    agent: str
    project: str
    route: str
    commands: list[str]
    changes: list[str]
    redactions: dict[str, int]
    tool_loop: str
    cut: str
    cache: str
    cost: float | None
    protocol: NotRequired[str]
    model: NotRequired[str]
    stream: NotRequired[bool]
    attempts: NotRequired[list[AttemptDeed]]
    fault: NotRequired[str | None]


def deed_lines(deeds: Deeds) -> Iterator[str]:
    """Of a client's request: who asked, what was changed and why, which backends were tried."""
    yield from _named(
        {
            "session": _asker(deeds),
            "commands obeyed": ", ".join(deeds["commands"]),
            "changed": "; ".join(deeds["changes"]),
            "redacted": ", ".join(f"{rule} ({count})" for rule, count in deeds["redactions"].items()),
            "tool loop": deeds["tool_loop"],
            "prompt cache": deeds["cache"],
            "route": deeds["route"],
        }
    )
    attempts = deeds.get("attempts", [])
    if not attempts:
        yield "attempts: none, nothing went to a backend"
    for number, attempt in enumerate(attempts, 1):
        yield from _attempt(number, attempt)
    cost = deeds["cost"]
    yield from _named(
        {
            "cut": deeds["cut"],
            "fault": deeds.get("fault") or "",
            "cost": "" if cost is None else dollars(cost),
            "client and attempts together": f"filter by ~meta {deeds['flow'][:8]}" if attempts else "",
        }
    )


def attempt_lines(number: int, client_flow: str, lost_to: int | None = None) -> Iterator[str]:
    """Of a request that Parley itself made: whose it is, and which attempt beside it was faster."""
    short = client_flow[:8]
    yield f"attempt {number} for the client's flow {short}"
    if lost_to:
        yield f"hedged: attempt {lost_to} was faster"
    yield f"client and attempts together: filter by ~meta {short}"


def dollars(amount: float) -> str:
    """With two digits that say something."""
    if amount and abs(amount) < 0.0095:
        return f"${amount:.2g}" if abs(amount) >= 0.0001 else f"${amount:.1e}"
    return f"${amount:.2f}"


def cache_sentence(block: str, tokens: int, cost: float | None) -> str:
    """`cost`, in US dollars, is what reading anew costs more than reading from the cache."""
    price = f", {dollars(cost)} more than from the cache" if cost is not None else ""
    return f"the prompt's beginning changed at {block}; about {tokens} cached tokens are read anew{price}"


def _asker(deeds: Deeds) -> str:
    words = [deeds["session"] or "none"]
    words += [f"{name} {deeds[name]}" for name in ("agent", "project") if deeds[name]]
    return ", ".join(words)


def _attempt(number: int, attempt: AttemptDeed) -> Iterator[str]:
    status = str(attempt["status"]) if attempt["status"] else ""
    words = " ".join(filter(None, (status, attempt["outcome"] or "under way")))
    took = "" if attempt["seconds"] is None else f" after {attempt['seconds']:.2f} s"
    key = f" (key {attempt['key']})" if attempt["key"] else ""
    yield f"attempt {number}: {attempt['backend']}:{attempt['model']}{key}, {words}{took}"
    yield f"  {attempt['lane']}: {attempt['why']}"
    yield from (f"  loss: {loss}" for loss in _once(attempt["losses"]))


def _once(lines: Iterable[str]) -> Iterable[str]:
    return dict.fromkeys(lines)


def _named(values: Mapping[str, str]) -> Iterator[str]:
    return (f"{name}: {value}" for name, value in values.items() if value)
