"""What is written on a flow for people: what became of it, comment and markers to find it by.

Filter with mitmproxy's own expressions: `~comment translated`, `~comment "failed over"`, `~meta anthropic`, `~marked`.
"""

from __future__ import annotations

from collections.abc import Iterator

from mitmproxy import http

from addons.host.exchanges import ATTEMPT, metadata_of
from proxy_core.exchange.visit import Visit
from proxy_core.pipeline.lanes import Lane

RECORD = "parley"
"""flow.metadata of a client's flow: what became of it."""
CHUNKS = "parley_chunks"
"""flow.metadata of a recorded answer that streamed: [milliseconds since its head, bytes] for each piece."""
_MARKERS = (
    ("looped", ":repeat:"),
    ("failed over", ":twisted_rightwards_arrows:"),
    ("redacted", ":lock:"),
    ("failed", ":x:"),
    ("commanded", ":keyboard:"),
    ("translated", ":speech_balloon:"),
)
"""The first that applies is shown; the comment names all."""


def write_record(flow: http.HTTPFlow, visit: Visit) -> None:
    """Called once when a client's flow is over."""
    exchange = visit.exchange
    what = list(_what(visit))
    summaries = [attempt.summary for attempt in exchange.history] if exchange else []
    flow.metadata[RECORD] = {
        "session": visit.session.id if visit.session else "",
        "agent": visit.agent or "",
        "changes": list(visit.admitted.changes) if visit.admitted else [],
        "redactions": dict(visit.redactions),
        "commands": list(visit.commands),
        "cache": str(visit.prefix) if visit.prefix else "",
        "tool_loop": visit.tool_loop or "",
        **(metadata_of(exchange) if exchange else {}),
    }
    parts = (", ".join(what), " → ".join(summaries), str(visit.prefix) if visit.prefix else "")
    flow.comment = "; ".join(filter(None, parts))
    flow.marked = next((marker for word, marker in _MARKERS if word in what), "")


def _what(visit: Visit) -> Iterator[str]:
    exchange = visit.exchange
    if visit.commands:
        yield "commanded"
    if visit.tool_loop or (exchange and exchange.cut):
        yield "looped"
    if exchange and len(exchange.history) > 1:
        yield "failed over"
    if visit.redactions:
        yield "redacted"
    if visit.fault or (exchange and exchange.fault):
        yield "failed"
    if exchange and exchange.history and exchange.history[-1].choice.lane is Lane.TRANSLATE:
        yield "translated"


def name_attempt(flow: http.HTTPFlow) -> None:
    """Says on an attempt's flow which client's flow it belongs to."""
    flow.comment = f"attempt {flow.metadata[ATTEMPT]} for {str(flow.metadata.get('parley_client', ''))[:8]}"


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
