"""Between this program's memory and the common log, while requests are served.

A request first hears what was told since the last one, and does not go on before what it set is told; for both it waits
no longer than `patience` in all. One task talks to Redis; what is asked for while it does is done together next.
While Redis is away nobody waits for it: memory counts, and what changes is told when it is back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from proxy_core.sessions.session import Session
from proxy_core.sharing.redis_log import READ, TROUBLE, Log, News, reason
from proxy_core.sharing.replica import Replica

logger = logging.getLogger("parley")

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
_LOOKS_APART = 1.0
"""Seconds between two looks at the log while nobody asks."""
_FIRST_TRY = 3.0
"""How long the program's start waits for Redis."""
_MOST_REPORTED = 100

type Open = Callable[[Callable[[str, str], None]], Log]


@dataclass(slots=True)
class State:
    """For people. `since`: in seconds since 1970, when it came to be so."""

    connected: bool = False
    why: str | None = None
    since: float = 0.0
    ignored: int = 0
    """Things under our keys that are not ours."""


@dataclass(slots=True)
class Span:
    """How long one request may still wait; ends at `deadline`, by the loop's clock."""

    deadline: float


class Link:
    """`open` makes a log that is not connected yet; `place` is its address as people may see it."""

    def __init__(
        self,
        replica: Replica,
        open: Open,
        place: str,
        patience: Callable[[], float],
        clock: Callable[[], float],
        pause: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self.place = place
        self.state = State()
        self._replica = replica
        self._open = open
        self._patience = patience
        self._clock = clock
        self._pause = pause
        self._waiting: list[asyncio.Future[None]] = []
        self._woken = asyncio.Event()
        self._tried = asyncio.Event()
        self._late = False
        self._told_late = False
        self._lost: set[str] = set()
        self._reported: set[tuple[str, str]] = set()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns when it is known whether Redis is there, or not much later."""
        loop = asyncio.get_running_loop()
        self._replica.on_pending = lambda: loop.call_soon_threadsafe(self._woken.set)
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(_report_end)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._tried.wait(), _FIRST_TRY)
        if not self._tried.is_set():
            self._note(False, "no answer")

    async def stop(self) -> None:
        """What is still to be told is told first, if that can be done at once."""
        if self._task is None:
            return
        await self.settle(self.span())
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def span(self) -> Span:
        return Span(asyncio.get_running_loop().time() + self._patience())

    async def catch_up(self, span: Span) -> None:
        """Until what was told before now is known here."""
        if self.state.connected and not self._late:
            future = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            self._woken.set()
            await asyncio.wait((future,), timeout=max(0.0, span.deadline - asyncio.get_running_loop().time()))
            if not future.done():
                self._is_late()

    async def settle(self, span: Span) -> None:
        """Until what changed here is told."""
        if self._replica.has_pending:
            await self.catch_up(span)

    def note(self, session: Session, used: int = 0) -> str | None:
        """As `Replica.changed`."""
        return self._replica.changed(session, used)

    def was_lost(self, claim: str) -> bool:
        """Whether another program had taken the one-off model before; told once."""
        found = claim in self._lost
        self._lost.discard(claim)
        return found

    async def _run(self) -> None:
        pause = FIRST_PAUSE
        try:
            while True:
                log = self._open(self._report)
                try:
                    await self._load(log)
                    pause = FIRST_PAUSE
                    await self._serve(log)
                except TROUBLE as error:
                    self._note(False, reason(error))
                finally:
                    self._let_go()
                    await log.close()
                await self._pause(pause * random.uniform(0.8, 1.2))
                pause = min(pause * 2, LONGEST_PAUSE)
        finally:
            self.state.connected = False
            self._let_go()

    async def _load(self, log: Log) -> None:
        stored = await log.load()
        self._replica.clocks.set(stored.now)
        self._replica.load(stored)
        self._note(True, None)

    async def _serve(self, log: Log) -> None:
        while True:
            await self._wait_for_work()
            waiting, self._waiting = self._waiting, []
            try:
                news = await self._exchange(log)
                while len(news.entries) >= READ:
                    news = await self._exchange(log)
            finally:
                _release(waiting)
            self._late = False
            if news.missed:
                await self._load(log)

    async def _wait_for_work(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), _LOOKS_APART)
        self._woken.clear()

    async def _exchange(self, log: Log) -> News:
        batch = self._replica.take()
        try:
            news = await log.exchange(list(self._replica.changes(batch)), batch.claims)
        except BaseException:
            self._replica.put_back(batch)
            raise
        self._lost |= news.lost
        for own, changes in news.entries:
            self._replica.apply(changes, own)
        return news

    def _is_late(self) -> None:
        self._late = True
        if not self._told_late:
            self._told_late = True
            logger.warning(
                "Redis at %s took longer than %d ms; requests go on with what is known here until it answers.",
                self.place,
                self._patience() * 1000,
            )

    def _let_go(self) -> None:
        waiting, self._waiting = self._waiting, []
        _release(waiting)

    def _note(self, connected: bool, why: str | None) -> None:
        before, first = self.state, not self._tried.is_set()
        if first or before.connected != connected:
            self.state = State(connected, why, self._clock(), before.ignored)
            if not first:
                _log_change(self.place, connected, why)
        else:
            before.why = why
        self._tried.set()
        self._late = self._told_late = False

    def _report(self, key: str, why: str) -> None:
        """Each once in the log."""
        self.state.ignored += 1
        if (key, why) not in self._reported and len(self._reported) < _MOST_REPORTED:
            self._reported.add((key, why))
            logger.warning("Redis holds something at %s that is not of use here and is ignored: %s", key, why)

    def report(self) -> dict[str, Any]:
        """For /health, which needs no key: no address."""
        since = datetime.fromtimestamp(self.state.since, UTC).isoformat(timespec="seconds")
        found = {"status": "connected" if self.state.connected else "unreachable", "since": since}
        return {**found, "ignored": self.state.ignored}


def _log_change(place: str, connected: bool, why: str | None) -> None:
    if connected:
        logger.warning("Redis at %s is there again; sessions and resting keys are shared.", place)
    else:
        logger.warning(
            "Redis at %s is lost (%s). Requests are served from memory, and what changes is told when it is back.",
            place,
            why,
        )


def _release(waiting: list[asyncio.Future[None]]) -> None:
    for future in waiting:
        if not future.done():
            future.set_result(None)


def _report_end(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception():
        logger.error("Sharing through Redis has ended; memory is used", exc_info=task.exception())
