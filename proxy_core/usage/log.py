"""Every request that is over, on its way into the database and the counters."""

from __future__ import annotations

from collections.abc import Callable

from proxy_core.exchange.visit import Visit
from proxy_core.serving import metrics, usage
from proxy_core.serving.count import count_tokens
from proxy_core.serving.metrics import Metrics
from proxy_core.serving.pages import Page
from proxy_core.usage.database import database
from proxy_core.usage.prices import Prices
from proxy_core.usage.reader import UsageReader
from proxy_core.usage.record import Asked, Record, local_record, record_of
from proxy_core.usage.store import UsageStore


class UsageLog:
    """`url` names the database, None the default file. `open_streams` counts the exchanges under way."""

    def __init__(self, url: str | None, open_streams: Callable[[], int], prices: Prices) -> None:
        self._prices = prices
        place = database(url)
        self.store = UsageStore(place)
        self.reader = UsageReader(place)
        self.metrics = Metrics(open_streams, lambda: self.store.waiting)

    def note(self, visit: Visit, ended: float, flow: str) -> Record:
        """To be called once for each model call that is over. `ended` is in seconds since 1970."""
        asked = _asked(visit, ended, flow)
        if visit.exchange:
            record = record_of(visit.exchange, asked, self._prices)
        else:
            record = local_record(visit.inbound, asked, visit.fault, visit.call, visit.admitted)
        self.store.put(record)
        self.metrics.observe(record)
        return record

    def pages(self) -> tuple[Page, ...]:
        return (*usage.pages(self.store, self.reader), *metrics.pages(self.metrics))

    def close(self) -> None:
        self.store.close()
        self.reader.close()


def _asked(visit: Visit, ended: float, flow: str) -> Asked:
    exchange = visit.exchange
    return Asked(
        started=visit.started,
        ended=ended,
        session=visit.session.id if visit.session else "",
        project=visit.project,
        agent=visit.agent,
        route=visit.route,
        redactions=visit.redactions,
        loops=int(visit.tool_loop is not None) + int(bool(exchange and exchange.cut)),
        prompt_tokens=_prompt_tokens(visit),
        cache_lost=visit.prefix.tokens if visit.prefix else None,
        flow=flow,
    )


def _prompt_tokens(visit: Visit) -> Callable[[], int] | None:
    attempt = visit.exchange.attempt if visit.exchange else None
    view = attempt.make_view if attempt else None
    return (lambda: count_tokens(view().request)) if view else None
