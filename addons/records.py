"""What is written on a flow for people: what became of it, comment and markers to find it by.

Filter with mitmproxy's own expressions: `~comment translated`, `~comment "failed over"`, `~meta anthropic`, `~marked`.
"""

from __future__ import annotations

from mitmproxy import http

from addons.host.exchanges import ATTEMPT, metadata_of
from proxy_core.exchange.exchange import Exchange
from proxy_core.pipeline.lanes import Lane

RECORD = "parley"
"""flow.metadata of a client's flow: what became of it."""
_MARKERS = (
    ("looped", ":repeat:"),
    ("failed over", ":twisted_rightwards_arrows:"),
    ("redacted", ":lock:"),
    ("failed", ":x:"),
    ("translated", ":speech_balloon:"),
)
"""The first that applies is shown; the comment names all."""


def write_record(flow: http.HTTPFlow, exchange: Exchange) -> None:
    """Called once when a client's flow is over."""
    flow.metadata[RECORD] = metadata_of(exchange)
    what = list(_what(exchange))
    summaries = [attempt.summary for attempt in exchange.history]
    flow.comment = "; ".join(filter(None, (", ".join(what), " → ".join(summaries))))
    flow.marked = next((marker for word, marker in _MARKERS if word in what), "")


def _what(exchange: Exchange) -> list[str]:
    words = []
    last = exchange.history[-1] if exchange.history else None
    if exchange.cut:
        words.append("looped")
    if len(exchange.history) > 1:
        words.append("failed over")
    if any("redacted" in change for change in exchange.admitted.changes):
        words.append("redacted")
    if exchange.fault:
        words.append("failed")
    if last and last.choice.lane is Lane.TRANSLATE:
        words.append("translated")
    return words


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
