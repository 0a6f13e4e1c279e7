"""Answers out of the usage database. Each call takes milliseconds at least: not for the event loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.usage import stats
from proxy_core.usage.database import Database
from proxy_core.usage.export import to_csv
from proxy_core.usage.migrations import MIGRATIONS, version_of
from proxy_core.usage.questions import Question
from proxy_core.usage.tables import REQUESTS

_CSV_COLUMNS = [column.name for column in REQUESTS.c if column.name not in ("tries", "redactions", "flow")]


class UsageReader:
    """All methods raise ParleyError where the database cannot be read."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._engine: Engine | None = None

    def stats(self, question: Question, groups: Sequence[str] = stats.GROUPS) -> dict[str, Any]:
        return self._read(lambda connection: stats.stats(connection, question, groups))

    def grouped(self, question: Question, group: str) -> list[dict[str, Any]]:
        return self._read(lambda connection: stats.grouped(connection, question, (group,))[group])

    def totals(self, question: Question) -> dict[str, Any]:
        return self._read(lambda connection: stats.totals(connection, question))

    def recent(self, question: Question) -> list[dict[str, Any]]:
        return self._read(lambda connection: stats.recent(connection, question))

    def rows(self, question: Question) -> list[Mapping[str, Any]]:
        """As `recent`, as they stand in the database."""
        return self._read(lambda connection: list(stats.raw_rows(connection, question)))

    def by_hour(self, question: Question) -> list[dict[str, Any]]:
        return self._read(lambda connection: stats.by_hour(connection, question))

    def csv(self, question: Question) -> str:
        return self._read(lambda connection: to_csv(stats.raw_rows(connection, question), _CSV_COLUMNS))

    def close(self) -> None:
        if self._engine:
            self._engine.dispose()

    def _read[Result](self, read: Callable[[Connection], Result]) -> Result:
        try:
            with self._opened().connect() as connection:
                return read(connection)
        except (DBAPIError, OSError) as error:
            raise _unreadable(self._database, str(error.orig if isinstance(error, DBAPIError) else error)) from None

    def _opened(self) -> Engine:
        """The writer has made the tables, or will; where a file is older or missing we do it ourselves."""
        if self._engine is None:
            engine = self._database.reader()
            if not self._database.exists or _version(engine) < len(MIGRATIONS):
                self._database.writer().dispose()
            if _version(engine) > len(MIGRATIONS):
                raise _unreadable(self._database, "a later version of Parley has written it; update Parley")
            self._engine = engine
        return self._engine


def _version(engine: Engine) -> int:
    with engine.connect() as connection:
        return version_of(connection)


def _unreadable(database: Database, why: str) -> ParleyError:
    reason = " ".join(why.split())[:200]
    message = f"The usage database {database.shown} cannot be read: {reason}."
    return ParleyError(Fault(FaultKind.OVERLOADED, message, status=503))
