"""The usage database as the program holds it: rows go in without waiting, sums come out."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence
from itertools import islice

from sqlalchemy import Connection, Engine, Table, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError

from proxy_core.usage.database import Database
from proxy_core.usage.migrations import TooNew
from proxy_core.usage.record import Record
from proxy_core.usage.rows import row_of, sums_by_day
from proxy_core.usage.tables import DAILY, DAILY_SESSIONS, MEASURES, REQUESTS

logger = logging.getLogger("parley")

COMMIT_SECONDS = 0.2
"""How long a record may wait for others to be written with."""
MAX_WAITING = 20_000
"""Records kept while the database cannot be written."""
_BATCH = 2000
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_UNFIT = (DataError, IntegrityError, ValueError, OverflowError)
"""A value that the database does not take."""
_TROUBLE = (SQLAlchemyError, TooNew, OSError)
"""It cannot be reached, is full, locked, or no database of ours."""
_INSERTS = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class UsageStore:
    """`put` may be called from the event loop. One thread of its own writes, in order; it starts with the first record.

    Trouble with the database is logged once and never raised: records wait in memory until it is over.
    """

    def __init__(self, database: Database, commit_seconds: float = COMMIT_SECONDS) -> None:
        self.database = database
        self._commit_seconds = commit_seconds
        self._waiting: deque[Record] = deque()
        self._changed = threading.Condition()
        self._asleep = False
        self._hurry = False
        self._closing = False
        self._lost = 0
        self._put = 0
        self._done = 0
        self._engine: Engine | None = None
        self._trouble: str | None = None
        self._thread: threading.Thread | None = None

    def put(self, record: Record) -> None:
        """Never waits, never raises. Where too many are waiting already, the record is lost (and the log says so)."""
        with self._changed:
            if self._closing or len(self._waiting) >= MAX_WAITING:
                self._lost += 1
                return
            self._waiting.append(record)
            self._put += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="parley-usage", daemon=True)
                self._thread.start()
            elif self._asleep or len(self._waiting) == _BATCH:
                self._changed.notify_all()

    def flush(self, timeout: float = 2.0) -> bool:
        """Waits until everything put so far is written. False when it could not be within that time, in seconds."""
        with self._changed:
            wanted = self._put
            self._hurry = True
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._done >= wanted, timeout)

    def close(self, timeout: float = 5.0) -> None:
        """Writes what is waiting; what cannot be written within `timeout` seconds is lost."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread:
            self._thread.join(timeout)
        left = len(self._waiting) + self._lost
        if left:
            logger.error("%d usage records could not be written to %s and are lost", left, self.database.shown)
        if self._engine and not (self._thread and self._thread.is_alive()):
            self._engine.dispose()

    @property
    def waiting(self) -> int:
        """Records not yet written."""
        return len(self._waiting)

    @property
    def trouble(self) -> str | None:
        """What is wrong with the database, while it is."""
        return self._trouble

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while batch := self._next_batch():
            if self._written(batch):
                pause = _FIRST_PAUSE
                self._forget(len(batch))
            elif self._closing:
                return
            else:
                self._pause(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    def _next_batch(self) -> list[Record]:
        """The oldest records; they stay in the queue until they are written. Empty when there will be none."""
        with self._changed:
            self._asleep = True
            self._changed.wait_for(lambda: self._waiting or self._closing)
            self._asleep = False
            self._changed.wait_for(self._is_time, self._commit_seconds)
            self._hurry = False
            return list(islice(self._waiting, _BATCH))

    def _is_time(self) -> bool:
        return self._hurry or self._closing or len(self._waiting) >= _BATCH

    def _forget(self, count: int) -> None:
        with self._changed:
            for _ in range(count):
                self._waiting.popleft()
            self._done += count
            self._changed.notify_all()

    def _pause(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closing or self._hurry, seconds)

    def _written(self, batch: Sequence[Record]) -> bool:
        """False in trouble. A row that no database takes is dropped, lest it hold up all others."""
        try:
            engine = self._engine = self._engine or self.database.writer()
            with engine.begin() as connection:
                write(connection, batch)
        except _UNFIT:
            self._write_singly(batch)
        except _TROUBLE as error:
            self._note_trouble(error)
            return False
        self._note_recovery()
        return True

    def _write_singly(self, batch: Sequence[Record]) -> None:
        assert self._engine is not None
        for record in batch:
            try:
                with self._engine.begin() as connection:
                    write(connection, [record])
            except (*_UNFIT, *_TROUBLE) as error:
                logger.error("A usage record cannot be written and is dropped: %s", _reason(error))

    def _note_trouble(self, error: Exception) -> None:
        if self._trouble is None:
            logger.error(
                "Usage cannot be written to %s: %s. Up to %d records wait in memory; proxying goes on.",
                self.database.shown,
                _reason(error),
                MAX_WAITING,
            )
        self._trouble = _reason(error)

    def _note_recovery(self) -> None:
        if self._trouble is None and not self._lost:
            return
        with self._changed:
            lost, self._lost = self._lost, 0
        logger.warning("Usage is written to %s again; %d records were lost meanwhile.", self.database.shown, lost)
        self._trouble = None


def write(connection: Connection, records: Sequence[Record]) -> None:
    rows = [row_of(record) for record in records]
    connection.execute(insert(REQUESTS), rows)
    for table, sums in zip((DAILY, DAILY_SESSIONS), sums_by_day(rows), strict=True):
        _add(connection, table, sums)


def _add(connection: Connection, table: Table, sums: Sequence[dict]) -> None:
    statement = _INSERTS[connection.dialect.name](table)
    added = {name: table.c[name] + statement.excluded[name] for name in MEASURES}
    connection.execute(statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=added), sums)


def _reason(error: Exception) -> str:
    """In one line, without the statement and its values."""
    text = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    return " ".join(text.split())[:300] or type(error).__name__
