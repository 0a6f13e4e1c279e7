"""The history as the program holds it: a request that is over goes in without waiting, and comes out in a file."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

from proxy_core.config.settings import HistorySettings
from proxy_core.exchange.visit import Visit
from proxy_core.history.entry import Conceal, entry_of, scope_of
from proxy_core.history.files import HistoryFiles, default_directory
from proxy_core.usage.record import Record
from proxy_core.wire.json import dumps

logger = logging.getLogger("parley")

MAX_WAITING = 1000
_MOST_SESSIONS = 1000


class HistoryLog:
    """`note` is for the event loop; a thread of its own renders and writes, in order. It starts with the first line.

    Trouble with the disk is logged once and never raised; lines are lost as long as it lasts, and where more than
    MAX_WAITING wait.
    """

    def __init__(self, settings: Callable[[], HistorySettings]) -> None:
        self._settings = settings
        self._systems: OrderedDict[str, str] = OrderedDict()
        self._waiting: deque[tuple[str, dict[str, Any]]] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._busy = False
        self._lost = 0
        self._thread: threading.Thread | None = None

    def note(self, visit: Visit, record: Record, conceal: Conceal) -> None:
        """To be called once for each request that is over. Counting tokens and the like are no conversation."""
        if not self._settings().enabled or record.operation != "chat" or visit.session is None:
            return
        scope = scope_of(visit)
        entry, system = entry_of(visit, record, self._systems.get(scope), conceal)
        if system:
            self._systems[scope] = system
            self._systems.move_to_end(scope)
            if len(self._systems) > _MOST_SESSIONS:
                self._systems.popitem(last=False)
        self._put(visit.session.id, entry)

    def flush(self, timeout: float = 2.0) -> bool:
        """Waits until everything noted so far is written. False when it was not within that time, in seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not (self._waiting or self._busy), timeout)

    def close(self, timeout: float = 5.0) -> None:
        """Writes what is waiting."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread:
            self._thread.join(timeout)

    def _put(self, session: str, entry: dict[str, Any]) -> None:
        with self._changed:
            if self._closing or len(self._waiting) >= MAX_WAITING:
                self._lost += 1
                return
            self._waiting.append((session, entry))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="parley-history", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def _run(self) -> None:
        in_trouble = False
        while (next_one := self._next()) is not None:
            trouble = self._write(*next_one)
            if trouble and not in_trouble:
                logger.error("The session history cannot be written: %s", trouble)
            in_trouble = bool(trouble)

    def _next(self) -> tuple[str, dict[str, Any]] | None:
        """None when there will be no more."""
        with self._changed:
            self._busy = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._waiting or self._closing)
            lost, self._lost = self._lost, 0
            if lost:
                logger.error("%d lines of the session history are lost: too many waited", lost)
            self._busy = bool(self._waiting)
            return self._waiting.popleft() if self._waiting else None

    def _write(self, session: str, entry: dict[str, Any]) -> str | None:
        """What went wrong, if anything did."""
        settings = self._settings()
        directory = settings.directory or default_directory()
        try:
            HistoryFiles(directory, settings.max_bytes, settings.keep).append(session, dumps(entry) + b"\n")
        except OSError as error:
            return f"{error.filename or directory}: {error.strerror}"
        return None
