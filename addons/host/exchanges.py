"""Which flow has which exchange. Live objects stay out of flow.metadata, which mitmproxy copies and writes to disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from mitmproxy import http
from mitmproxy.connection import Server

from proxy_core.config.settings import Failover
from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.exchange.answers import Feed
from proxy_core.exchange.attempt import Attempt
from proxy_core.exchange.exchange import Exchange
from proxy_core.exchange.headers import masked
from proxy_core.viewing.deeds import AttemptDeed

ATTEMPT = "parley_attempt"
"""flow.metadata of an attempt: its number; `parley_client` holds the id of the client's flow."""
LOST_TO = "parley_lost_to"
"""flow.metadata of an attempt that another was faster than: the number of that."""


@dataclass
class ExchangeTable:
    """`refuse` makes the answer to a flow that nobody has decided about."""

    refuse: Callable[[http.HTTPFlow], http.Response]
    default_timeout: float = 300.0
    max_body: int = 32 * 1024 * 1024
    failover: Failover = field(default_factory=Failover)
    max_stored: int = 4 * 1024 * 1024
    """Of a streamed body, this many bytes are kept where bodies are kept at all."""
    note_chunk: Callable[[http.HTTPFlow, int], None] | None = None
    """Told of each piece of an answer that a client gets, by its size, while traffic is recorded."""
    streaming: dict[str, tuple[http.HTTPFlow, bytearray]] = field(default_factory=dict)
    """By flow id, the answers under way and what of them has been sent, where someone may look at it."""
    max_feeds: int = 16
    feed_every: float = 1.0
    """Seconds between two looks at a feed."""
    _exchanges: dict[str, Exchange] = field(default_factory=dict)
    _flows: dict[str, http.HTTPFlow] = field(default_factory=dict)
    _let_through: set[str] = field(default_factory=set)
    _feeds: dict[str, Feed] = field(default_factory=dict)

    def add(self, flow: http.HTTPFlow, exchange: Exchange) -> None:
        self._flows[flow.id] = flow
        self._exchanges[flow.id] = exchange

    def let_through(self, flow: http.HTTPFlow) -> None:
        """The flow is none of ours: mitmproxy forwards it as it is, but for the key that was meant for us."""
        flow.request.headers.pop("proxy-authorization", None)
        self._let_through.add(flow.id)

    def add_feed(self, flow: http.HTTPFlow, feed: Feed) -> None:
        """The answer that the flow has goes on with what `feed` gives. Raises ParleyError when there are too many."""
        if len(self._feeds) >= self.max_feeds:
            message = f"{self.max_feeds} pages are being kept up to date already; close some."
            raise ParleyError(Fault(FaultKind.OVERLOADED, message, status=503, retry_after=5))
        self._feeds[flow.id] = feed

    def feed_of(self, flow: http.HTTPFlow) -> Feed | None:
        return self._feeds.get(flow.id)

    def exchange_of(self, flow: http.HTTPFlow) -> Exchange | None:
        return self._exchanges.get(flow.id)

    def lets_through(self, flow: http.HTTPFlow) -> bool:
        return flow.id in self._let_through

    def refusal(self, flow: http.HTTPFlow) -> http.Response:
        return self.refuse(flow)

    def forget(self, flow: http.HTTPFlow) -> Exchange | None:
        """To be called when a flow is over."""
        self._let_through.discard(flow.id)
        self._flows.pop(flow.id, None)
        self.streaming.pop(flow.id, None)
        self._feeds.pop(flow.id, None)
        return self._exchanges.pop(flow.id, None)

    def busy_clients(self) -> set[str]:
        """Connections with an exchange under way, which may be silent for as long as it takes."""
        return {exchange_flow.client_conn.id for exchange_flow in self._flows.values()}

    def idle_timeout(self, attempt: Attempt) -> float:
        """Seconds without a byte from the upstream."""
        return attempt.upstream.backend.timeout or self.default_timeout

    def __len__(self) -> int:
        return len(self._exchanges) + len(self._let_through)


def is_attempt(flow: http.HTTPFlow) -> bool:
    return ATTEMPT in flow.metadata


def attempt_flow_of(client_flow: http.HTTPFlow, attempt: Attempt) -> http.HTTPFlow:
    """The attempt as a flow of its own, so that mitmweb shows both wires."""
    outgoing = attempt.request
    parts = urlsplit(outgoing.url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    path = parts.path or "/"
    headers = [(_bytes(name), _bytes(masked(name, value))) for name, value in outgoing.headers]
    headers.insert(0, (b"host", _bytes(parts.netloc.rpartition("@")[2])))
    headers.append((b"content-length", b"%d" % len(outgoing.body)))
    flow = http.HTTPFlow(client_flow.client_conn, Server(address=(host, port)), live=True)
    flow.request = http.Request(
        host=host,
        port=port,
        method=_bytes(outgoing.method),
        scheme=_bytes(parts.scheme),
        authority=b"",
        path=_bytes(f"{path}?{parts.query}" if parts.query else path),
        http_version=b"HTTP/1.1",
        headers=http.Headers(headers),
        content=outgoing.body,
        trailers=None,
        timestamp_start=time.time(),
        timestamp_end=time.time(),
    )
    flow.metadata[ATTEMPT] = attempt.number
    flow.metadata["parley_client"] = client_flow.id
    return flow


def _bytes(text: str) -> bytes:
    """As they came: mitmproxy reads what is no UTF-8 into surrogates."""
    return text.encode("utf-8", "surrogateescape")


def wire_request(flow: http.HTTPFlow, attempt: Attempt) -> http.Request:
    """What is sent: the request as it stands on the attempt's flow, where a person may have edited it, with the
    credentials that the flow only hints at."""
    shown = flow.request.headers
    fields = list(shown.fields)
    for name, value in attempt.request.headers:
        hint = masked(name, value)
        if hint != value:
            old, new = (name.lower().encode(), hint.encode()), _bytes(value)
            fields = [(n, new) if (n.lower(), v) == old else (n, v) for n, v in fields]
    data = flow.request.data
    return http.Request(
        host=data.host,
        port=data.port,
        method=data.method,
        scheme=data.scheme,
        authority=data.authority,
        path=data.path,
        http_version=data.http_version,
        headers=http.Headers(fields),
        content=None,
        trailers=None,
        timestamp_start=data.timestamp_start,
        timestamp_end=data.timestamp_end,
    )


def attempt_deed(attempt: Attempt) -> AttemptDeed:
    """What is recorded of an attempt on the client's flow."""
    losses = attempt.losses.items + (attempt.view.losses.items if attempt.view else [])
    return {
        "backend": attempt.upstream.backend.name,
        "model": attempt.upstream.model,
        "key": attempt.upstream.key_tail,
        "lane": str(attempt.choice.lane),
        "why": "; ".join(dict.fromkeys(filter(None, (attempt.choice.reason, attempt.goes_on)))),
        "status": attempt.status,
        "outcome": str(attempt.outcome),
        "seconds": None if attempt.ended is None else round(attempt.ended - attempt.started, 3),
        "losses": [f"{loss.path} {loss.action}: {loss.why}" for loss in losses],
    }
