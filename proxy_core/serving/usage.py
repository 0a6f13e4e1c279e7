"""What was used: sums, the newest requests, all of them as CSV."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from proxy_core.exchange.answers import Answer, json_answer, text_answer
from proxy_core.exchange.inbound import Inbound
from proxy_core.serving.pages import Page
from proxy_core.usage.questions import MAX_EXPORT, rows_question, sums_question
from proxy_core.usage.reader import UsageReader
from proxy_core.usage.store import UsageStore


def pages(store: UsageStore, reader: UsageReader) -> tuple[Page, ...]:
    """They wait for the database, hence `slow`. What is over by now is waited for, so that it is counted."""

    def fresh(answer: Callable[[Inbound], Answer]) -> Callable[[Inbound], Answer]:
        def answered(inbound: Inbound) -> Answer:
            if store.trouble is None:
                store.flush()
            found = answer(inbound)
            found.headers.append(("cache-control", "no-store"))
            return found

        return answered

    def stats(inbound: Inbound) -> Answer:
        return _object("usage_stats", reader.stats(sums_question(inbound.query)))

    def recent(inbound: Inbound) -> Answer:
        return _object("usage_entries", reader.recent(rows_question(inbound.query)))

    def export(inbound: Inbound) -> Answer:
        question = rows_question(inbound.query, default=MAX_EXPORT, most=MAX_EXPORT)
        answer = text_answer(reader.csv(question), "text/csv; charset=utf-8")
        answer.headers.append(("content-disposition", 'attachment; filename="parley-usage.csv"'))
        return answer

    return (
        Page("/usage/stats", fresh(stats), slow=True),
        Page("/usage/recent", fresh(recent), slow=True),
        Page("/usage/export.csv", fresh(export), slow=True),
    )


def _object(kind: str, data: Any) -> Answer:
    return json_answer({"object": kind, "data": data})
