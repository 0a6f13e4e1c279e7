"""What is under way and what has just ended. Nothing is done for a token: a look reads the meters."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Any

from proxy_core.dashboard.entries import cache_change, finished, notable, running
from proxy_core.exchange.visit import Visit
from proxy_core.usage.record import Record
from proxy_core.usage.rows import row_of

_MAX_LIVE = 2000
_SHOWN_LIVE = 100
_FINISHED = 60
_NOTABLE = 40
KINDS = ("loop", "failover", "redaction", "cache")


class LiveBoard:
    """To be told of each model call that goes to a backend when it begins, and of each model call when it is over."""

    def __init__(self) -> None:
        self._live: OrderedDict[int, tuple[str, Visit]] = OrderedDict()
        self._finished: deque[dict[str, Any]] = deque(maxlen=_FINISHED)
        self._notable = {kind: deque[dict[str, Any]](maxlen=_NOTABLE) for kind in KINDS}
        self.ended = 0
        """How many are over since the start."""

    def begin(self, visit: Visit, flow: str) -> None:
        """`flow` is the flow's id, which the record will have too."""
        self._live[id(visit)] = flow, visit
        while len(self._live) > _MAX_LIVE:
            self._live.popitem(last=False)

    def end(self, visit: Visit, record: Record) -> None:
        self._live.pop(id(visit), None)
        self.ended += 1
        row = row_of(record)
        self._finished.appendleft(finished(row))
        for event in (*notable(row), *cache_change(row, visit)):
            self._notable[event["kind"]].appendleft(event)

    @property
    def live(self) -> int:
        return len(self._live)

    def running(self) -> list[dict[str, Any]]:
        """The newest first, not all of very many."""
        newest = list(self._live.values())[-_SHOWN_LIVE:]
        return [running(flow, visit) for flow, visit in reversed(newest)]

    def finished(self) -> list[dict[str, Any]]:
        """The newest first."""
        return list(self._finished)

    def notable(self) -> list[dict[str, Any]]:
        """By kind, the newest of each first."""
        return [event for events in self._notable.values() for event in events]
