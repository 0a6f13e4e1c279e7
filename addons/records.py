"""What is written on a flow for people: what became of it, comment and markers to find it by.

Filter with mitmproxy's own expressions: `~comment translated`, `~comment "failed over"`, `~meta anthropic`,
`~meta SESSION`, `~marked`, `~marker recycle`. The first eight letters of a client flow's id after `~meta` find it with
all its attempts.
"""

from __future__ import annotations

from collections.abc import Iterator

from mitmproxy import http

from addons.host.exchanges import ATTEMPT, LOST_TO, attempt_deed
from proxy_core.exchange.attempt import HEDGED
from proxy_core.exchange.exchange import Exchange
from proxy_core.exchange.visit import Visit
from proxy_core.pipeline.lanes import Lane
from proxy_core.usage.record import Record
from proxy_core.viewing.deeds import Deeds, attempt_lines, cache_sentence, deed_lines

RECORD = "parley"
"""flow.metadata of a client's flow: its Deeds."""
CHUNKS = "parley_chunks"
"""flow.metadata of a recorded answer that streamed: [milliseconds since its head, bytes] for each piece."""
MARKERS = {
    "looped": ":recycle:",
    "continued": ":arrow_right_hook:",
    "failed over": ":leftwards_arrow_with_hook:",
    "hedged": ":hourglass:",
    "redacted": ":black_medium_square:",
    "failed": ":heavy_multiplication_x:",
    "commanded": ":keyboard:",
    "translated": ":left_right_arrow:",
}
"""The first that applies is shown; the comment names all. Signs that terminals and plain fonts have, too."""


def write_record(flow: http.HTTPFlow, visit: Visit, record: Record | None = None) -> None:
    """Called when a client's flow is over, with the record of its usage, and before that for whoever watches."""
    exchange = visit.exchange
    what = list(_what(visit))
    summaries = [attempt.summary for attempt in exchange.history] if exchange else []
    deeds = _deeds(flow, visit, record)
    flow.metadata[RECORD] = deeds
    flow.comment = "; ".join(filter(None, (", ".join(what), " → ".join(summaries), deeds["cache"])))
    flow.marked = next((marker for word, marker in MARKERS.items() if word in what), "")


def deeds_of(flow: http.HTTPFlow) -> Iterator[str]:
    """For people, what Parley did with a client's request; of an attempt, whose it is."""
    if ATTEMPT in flow.metadata:
        yield from attempt_lines(flow.metadata[ATTEMPT], flow.metadata["parley_client"], flow.metadata.get(LOST_TO))
    elif RECORD in flow.metadata:
        yield from deed_lines(flow.metadata[RECORD])


def _deeds(flow: http.HTTPFlow, visit: Visit, record: Record | None) -> Deeds:
    exchange, cut = visit.exchange, visit.exchange.cut if visit.exchange else None
    deeds: Deeds = {
        "flow": flow.id,
        "session": visit.session.id if visit.session else "",
        "agent": visit.agent or "",
        "project": visit.project or "",
        "route": visit.route or "",
        "commands": list(visit.commands),
        "changes": list(visit.admitted.changes) if visit.admitted else [],
        "redactions": dict(visit.redactions),
        "tool_loop": visit.tool_loop or "",
        "cut": cut.why if cut else "",
        "cache": _cache(visit, record),
        "cost": record.cost if record else None,
    }
    if exchange:
        _add_exchange(deeds, exchange)
    elif visit.fault:
        deeds["fault"] = f"{visit.fault.kind}: {visit.fault.message}"
    return deeds


def _add_exchange(deeds: Deeds, exchange: Exchange) -> None:
    fault = exchange.fault if exchange.finished else None
    deeds["protocol"] = exchange.admitted.call.protocol
    deeds["model"] = exchange.admitted.model
    deeds["stream"] = exchange.admitted.stream
    deeds["attempts"] = [attempt_deed(attempt) for attempt in exchange.history]
    deeds["fault"] = f"{fault.kind}: {fault.message}" if fault else None


def _cache(visit: Visit, record: Record | None) -> str:
    change = visit.prefix
    return cache_sentence(change.block, change.tokens, record.cache_lost_cost if record else None) if change else ""


def _what(visit: Visit) -> Iterator[str]:
    exchange = visit.exchange
    if visit.commands:
        yield "commanded"
    if visit.tool_loop or (exchange and exchange.cut):
        yield "looped"
    if exchange and exchange.relay.is_running:
        yield "continued"
    elif exchange and any(attempt.fault for attempt in exchange.history[:-1]):
        yield "failed over"
    if exchange and any(attempt.outcome == HEDGED for attempt in exchange.history):
        yield "hedged"
    if visit.redactions:
        yield "redacted"
    if visit.fault or (exchange and exchange.fault and exchange.finished):
        yield "failed"
    if exchange and _served_in(exchange) is Lane.TRANSLATE:
        yield "translated"


def _served_in(exchange: Exchange) -> Lane | None:
    """The lane of the newest attempt that was not given up for another."""
    return next((attempt.choice.lane for attempt in reversed(exchange.history) if attempt.outcome != HEDGED), None)


def name_attempt(flow: http.HTTPFlow) -> None:
    """Says on an attempt's flow which client's flow it belongs to, and whether it is the hedge that lost."""
    flow.comment = f"attempt {flow.metadata[ATTEMPT]} for {str(flow.metadata.get('parley_client', ''))[:8]}"
    if LOST_TO in flow.metadata:
        flow.comment += f", hedged: attempt {flow.metadata[LOST_TO]} was faster"
        flow.marked = MARKERS["hedged"]


def timing_of(flow: http.HTTPFlow) -> str:
    """For people: time to the first byte and in all, in seconds."""
    response = flow.response
    if response is None or not response.timestamp_start:
        return ""
    begun = flow.request.timestamp_start
    words = [f"first byte after {response.timestamp_start - begun:.2f} s"]
    if response.timestamp_end:
        words.append(f"{response.timestamp_end - begun:.2f} s in all")
    return ", ".join(words)
