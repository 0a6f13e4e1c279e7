"""One request as it is remembered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from proxy_core.errors import Fault
from proxy_core.exchange.attempt import Attempt
from proxy_core.exchange.exchange import Exchange
from proxy_core.exchange.inbound import Admitted, Inbound
from proxy_core.protocols.contract import Call
from proxy_core.routing.upstreams import Upstream
from proxy_core.turn.reply import Usage

type Outcome = Literal["answered", "local", "cut", "failed", "cancelled", "refused"]
"""`local`: answered by the proxy itself. `cut`: ended by the proxy (a loop). `refused`: sent to no backend."""
type TokenSource = Literal["provider", "estimated"]

_SHORTEST_STREAM = 0.05
"""Seconds. A stream that took less came in one piece, and its speed says nothing."""
_OF_ATTEMPT: dict[str, Outcome] = {"answered": "answered", "cut": "cut", "cancelled": "cancelled"}


@dataclass(frozen=True, slots=True)
class Cost:
    """US dollars, and whose prices they are by."""

    usd: float
    source: str


class Pricing(Protocol):
    def cost(self, upstream: Upstream, usage: Usage, time: float) -> Cost | None:
        """None where some price is not known. `time` is in seconds since 1970."""
        ...

    def reread(self, upstream: Upstream, tokens: int, time: float) -> float | None:
        """What so many tokens cost more, in US dollars, because no cache has them."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known of a request beside its exchange. Times are in seconds since 1970.

    `route` is the failover route that was named. `redactions` counts by rule. `prompt_tokens` estimates the prompt;
    it is called only for an answer whose provider did not count. `cache_lost`, in tokens, is what of the prompt could
    have come out of the provider's cache, had its beginning not changed. `flow` is mitmproxy's id of the client's flow.
    """

    started: float
    ended: float
    session: str = ""
    project: str | None = None
    agent: str | None = None
    route: str | None = None
    redactions: Mapping[str, int] = field(default_factory=dict)
    loops: int = 0
    prompt_tokens: Callable[[], int] | None = None
    cache_lost: int | None = None
    flow: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """`input` is what was neither read from nor written to a cache; `output` includes `reasoning`. None: not known.

    `cache_lost_tokens`, estimated, are those read anew as the prompt's beginning changed; `cache_lost_cost` is what
    they cost more for it.

    `model` is the one asked for, `served` the one at the backend. `status` is what the client saw, None when it went
    before it saw any. `fault` is the kind alone. `cost` is in US dollars. Times are in seconds, `time` since 1970.
    """

    time: float
    session: str
    project: str | None
    agent: str | None
    listener: str
    protocol: str
    operation: str
    model: str
    stream: bool
    outcome: Outcome
    status: int | None = None
    backend: str | None = None
    served: str | None = None
    route: str | None = None
    tries: tuple[dict[str, Any], ...] = ()
    key_tail: str = ""
    finish: str | None = None
    fault: str | None = None
    input: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    output: int | None = None
    reasoning: int | None = None
    source: TokenSource | None = None
    cost: float | None = None
    cost_source: str | None = None
    first_token: float | None = None
    duration: float = 0.0
    rate: float | None = None
    tool_calls: int = 0
    redactions: Mapping[str, int] = field(default_factory=dict)
    loops: int = 0
    losses: int = 0
    cache_lost_tokens: int | None = None
    cache_lost_cost: float | None = None
    flow: str = ""


def record_of(exchange: Exchange, asked: Asked, prices: Pricing) -> Record:
    """The record of an exchange that is over, however it ended."""
    outcome, admitted = outcome_of(exchange), exchange.admitted
    values = _basics(admitted.inbound, asked, admitted.call, admitted, outcome)
    values["status"] = _status(exchange, outcome)
    values["tries"] = tuple(_try(attempt) for attempt in exchange.history)
    values["losses"] = sum(_losses(attempt) for attempt in exchange.history)
    values["loops"] = asked.loops or int(exchange.cut is not None)
    if exchange.fault and outcome in ("failed", "refused"):
        values["fault"] = str(exchange.fault.kind)
    if exchange.attempt:
        values |= _served(admitted, exchange.attempt, asked, prices)
    for attempt in exchange.relay.spoken:
        if attempt is not exchange.attempt:
            values |= _with_part(values, _served(admitted, attempt, asked, prices))
    return Record(**values)


def local_record(
    inbound: Inbound,
    asked: Asked,
    fault: Fault | None = None,
    call: Call | None = None,
    admitted: Admitted | None = None,
) -> Record:
    """The record of a request that no exchange was made of: refused, or answered by the proxy itself."""
    outcome: Outcome = "refused" if fault else "local"
    values = _basics(inbound, asked, admitted.call if admitted else call, admitted, outcome)
    return Record(**values, status=fault.http_status if fault else 200, fault=str(fault.kind) if fault else None)


def outcome_of(exchange: Exchange) -> Outcome:
    attempt = exchange.attempt
    if attempt is None:
        return "refused" if exchange.fault else "cancelled"
    if attempt.outcome == "cancelled" or not attempt.outcome:
        return "cancelled"
    if exchange.fault:
        return "failed"
    return _OF_ATTEMPT.get(attempt.outcome, "local")


type _Values = dict[str, Any]
"""Of Record's fields: making one anew for each step would take most of the time."""


def _basics(inbound: Inbound, asked: Asked, call: Call | None, admitted: Admitted | None, outcome: Outcome) -> _Values:
    return {
        "time": asked.started,
        "session": asked.session,
        "project": asked.project,
        "agent": asked.agent,
        "listener": inbound.listener,
        "protocol": call.protocol if call else "",
        "operation": call.operation if call else "",
        "model": admitted.model if admitted else (call.model or "" if call else ""),
        "stream": admitted.stream if admitted else False,
        "outcome": outcome,
        "route": asked.route,
        "duration": max(0.0, asked.ended - asked.started),
        "redactions": dict(asked.redactions),
        "loops": asked.loops,
        "flow": asked.flow,
    }


def _status(exchange: Exchange, outcome: Outcome) -> int | None:
    if exchange.committed or outcome in ("cut", "local"):
        return 200
    if outcome == "cancelled":
        return None
    if exchange.fault:
        return exchange.fault.http_status
    return exchange.attempt.status if exchange.attempt else None


def _try(attempt: Attempt) -> dict[str, Any]:
    upstream = attempt.upstream
    took = None if attempt.ended is None else round(attempt.ended - attempt.started, 3)
    return {
        "backend": upstream.backend.name,
        "model": upstream.model,
        "key": upstream.key_tail,
        "lane": str(attempt.choice.lane),
        "status": attempt.status,
        "outcome": str(attempt.outcome),
        "fault": str(attempt.fault.kind) if attempt.fault else None,
        "seconds": took,
        **({"goes_on": attempt.goes_on} if attempt.goes_on else {}),
    }


def _losses(attempt: Attempt) -> int:
    return len(attempt.losses.items) + (len(attempt.view.losses.items) if attempt.view else 0)


def _served(admitted: Admitted, attempt: Attempt, asked: Asked, prices: Pricing) -> _Values:
    upstream, meter = attempt.upstream, attempt.meter
    usage, source = _usage(attempt, asked)
    model = upstream.model or admitted.model
    first = meter.first if meter and admitted.stream else None
    values: _Values = {
        "backend": upstream.backend.name,
        "served": model,
        "key_tail": upstream.key_tail,
        "finish": meter.finish if meter else None,
        "tool_calls": meter.tool_calls if meter else 0,
        "first_token": max(0.0, first - asked.started) if first is not None else None,
        "rate": _rate(usage, attempt, first, asked.ended),
    }
    named = upstream if upstream.model else replace(upstream, model=model)
    if asked.cache_lost:
        values["cache_lost_tokens"] = asked.cache_lost
        values["cache_lost_cost"] = prices.reread(named, asked.cache_lost, asked.started)
    if usage:
        values |= _tokens(usage, source, prices.cost(named, usage, asked.started))
    return values


_SUMMED = ("input", "cache_read", "cache_write", "output", "reasoning", "tool_calls")


def _with_part(values: _Values, part: _Values) -> _Values:
    """What an attempt took of which the client has the beginning of its answer. Unknown costs stay unknown."""
    more: _Values = {"first_token": part["first_token"] or values.get("first_token")}
    for name in _SUMMED:
        known = [counts[name] for counts in (values, part) if counts.get(name) is not None]
        more[name] = sum(known) if known else None
    costs = [counts["cost"] for counts in (values, part) if "cost" in counts]
    more["cost"] = sum(costs) if costs and None not in costs else None
    if "estimated" in (values.get("source"), part.get("source")):
        more["source"] = "estimated"
    return more


def _tokens(usage: Usage, source: TokenSource | None, cost: Cost | None) -> _Values:
    return {
        "input": usage.input,
        "cache_read": usage.cache_read,
        "cache_write": _cache_write(usage),
        "output": usage.output,
        "reasoning": usage.reasoning,
        "source": source,
        "cost": cost.usd if cost else None,
        "cost_source": cost.source if cost else None,
    }


def _usage(attempt: Attempt, asked: Asked) -> tuple[Usage | None, TokenSource | None]:
    """What the provider counted. Of an answer that was broken off it counted the beginning at most, and some never
    count: then as many as the characters suggest."""
    meter = attempt.meter
    if meter is None:
        return None, None
    usage, estimate = meter.usage, meter.generated
    if usage and meter.finish:
        return usage, "provider"
    if usage:
        counted = usage.output or 0
        return (replace(usage, output=estimate), "estimated") if estimate > counted else (usage, "provider")
    if not meter.estimates:
        return None, None
    if not (meter.characters or meter.tool_calls or attempt.outcome == "answered"):
        return None, None
    prompt = asked.prompt_tokens() if asked.prompt_tokens else None
    return Usage(input=prompt, output=estimate), "estimated"


def _cache_write(usage: Usage) -> int | None:
    unsaid = usage.cache_write_5m is None and usage.cache_write_1h is None
    return None if unsaid else usage.cache_write


def _rate(usage: Usage | None, attempt: Attempt, first: float | None, ended: float) -> float | None:
    """Output tokens per second of generation: from the first of it on where it was streamed."""
    if not usage or not usage.output:
        return None
    over = attempt.ended if attempt.ended is not None else ended
    took = over - first if first is not None else 0.0
    if took < _SHORTEST_STREAM:
        took = over - attempt.started
    return usage.output / took if took > 0 else None
