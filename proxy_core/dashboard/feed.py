"""What the open page is told, as server-sent events: each part of it when it has changed.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from proxy_core.wire.json import dumps

type Sections = Mapping[str, Any]

SILENCE = 15
"""Looks without news after which a sign of life is sent."""
LIFETIME = 300
"""Looks after which the browser has to ask anew, and to show again that it may."""


class DashboardFeed:
    """To be called once a second. `sections` gives what there is to show, `clock` counts seconds since 1970."""

    def __init__(self, sections: Callable[[], Sections], clock: Callable[[], float]) -> None:
        self._sections = sections
        self._clock = clock
        self._sent: dict[str, bytes] = {}
        self._looks = self._silent = 0

    def __call__(self) -> bytes | None:
        self._looks += 1
        if self._looks > LIFETIME:
            return None
        news = b"".join(self._news())
        if self._looks == 1:
            return b"retry: 2000\n\n" + news
        self._silent = 0 if news else self._silent + 1
        if self._silent >= SILENCE:
            self._silent = 0
            return b": still here\n\n"
        return news

    def _news(self) -> list[bytes]:
        """The first event tells the proxy's time, by which the page reckons how long things take."""
        changed = {
            name: data for name, value in self._sections().items() if self._sent.get(name) != (data := dumps(value))
        }
        self._sent.update(changed)
        if not changed:
            return []
        events = [_event("now", dumps(round(self._clock(), 3)))]
        return events + [_event(name, data) for name, data in changed.items()]


def _event(name: str, data: bytes) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), data)
