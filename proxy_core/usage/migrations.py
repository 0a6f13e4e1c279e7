"""How the schema came to be, step by step. A step that has been released is never changed: databases have run it.

Steps therefore spell out their tables instead of using `tables`, which says how they are now.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Date,
    Double,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
    inspect,
    select,
    text,
    update,
)

from proxy_core.usage.rows import sums_by_day
from proxy_core.usage.tables import VERSION

type Migration = Callable[[Connection], None]
_LOCK = 0x7061726C6579
"""PostgreSQL's advisory lock under which one instance migrates and the others wait."""
_PORTION = 5000


class TooNew(Exception):
    """The database was written by a later version of Parley."""


def migrate(connection: Connection) -> None:
    """Brings the schema up to date within the connection's transaction. Raises TooNew."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    version = version_of(connection)
    if version > len(MIGRATIONS):
        raise TooNew(
            f"the usage database has schema {version}, this version of Parley knows {len(MIGRATIONS)}; "
            "update Parley, or name another file in PARLEY_DATABASE_URL"
        )
    for step in MIGRATIONS[version:]:
        step(connection)
    if version == 0:
        connection.execute(insert(VERSION).values(version=len(MIGRATIONS)))
    elif version < len(MIGRATIONS):
        connection.execute(update(VERSION).values(version=len(MIGRATIONS)))


def version_of(connection: Connection) -> int:
    """0 for an empty database."""
    if not inspect(connection).has_table(VERSION.name):
        return 0
    return connection.execute(select(VERSION.c.version)).scalar_one()


def _requests(metadata: MetaData) -> Table:
    """As of step 1."""
    return Table(
        "requests",
        metadata,
        Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
        Column("time", Double, nullable=False),
        Column("session", String, nullable=False),
        *(Column(name, String) for name in ("project", "agent")),
        *(Column(name, String, nullable=False) for name in ("listener", "protocol", "operation")),
        Column("backend", String),
        Column("model", String, nullable=False),
        *(Column(name, String) for name in ("served", "route")),
        Column("attempts", Integer, nullable=False),
        Column("tries", Text, nullable=False),
        Column("key_tail", String, nullable=False),
        Column("status", Integer),
        Column("outcome", String, nullable=False),
        *(Column(name, String) for name in ("fault", "finish")),
        Column("stream", Integer, nullable=False),
        *(Column(name, BigInteger) for name in ("input", "cache_read", "cache_write", "output", "reasoning")),
        Column("source", String),
        Column("cost", Double),
        Column("cost_source", String),
        Column("first_token", Double),
        Column("duration", Double, nullable=False),
        Column("rate", Double),
        *(Column(name, Integer, nullable=False) for name in ("tool_calls", "redacted")),
        Column("redactions", Text, nullable=False),
        *(Column(name, Integer, nullable=False) for name in ("loops", "losses")),
        Column("flow", String, nullable=False),
    )


def _first(connection: Connection) -> None:
    """One row per request. Session and project are looked for among the newest rows, hence their indexes."""
    metadata = MetaData()
    Table("parley_schema", metadata, Column("version", Integer, nullable=False))
    requests = _requests(metadata)
    Index("ix_requests_time", requests.c.time)
    Index("ix_requests_session", requests.c.session, requests.c.id)
    Index("ix_requests_project", requests.c.project, requests.c.id)
    metadata.create_all(connection, checkfirst=False)


_DIMENSIONS = ("backend", "model", "asked", "project", "agent")
_COUNTS = (
    *("requests", "answered", "failed", "cancelled", "refused", "attempts"),
    *("input", "cache_read", "cache_write", "output", "reasoning"),
    *("priced", "unpriced", "estimated", "streams", "tool_calls", "redactions", "loops", "losses"),
)


def _rollup(metadata: MetaData, name: str, more: tuple[str, ...] = ()) -> Table:
    """As of step 2."""
    return Table(
        name,
        metadata,
        Column("day", Date, primary_key=True),
        *(Column(dimension, String, primary_key=True) for dimension in (*_DIMENSIONS, *more)),
        *(Column(count, BigInteger, nullable=False) for count in _COUNTS),
        *(Column(amount, Double, nullable=False) for amount in ("cost", "seconds", "first_token")),
    )


def _second(connection: Connection) -> None:
    """Sums by day, made of the rows that are there."""
    metadata = MetaData()
    daily, sessions = _rollup(metadata, "daily"), _rollup(metadata, "daily_sessions", ("session",))
    Index("ix_daily_sessions_session", sessions.c.session, sessions.c.day)
    metadata.create_all(connection, checkfirst=False)
    requests = _requests(MetaData())
    oldest_first = select(requests).order_by(requests.c.time).execution_options(yield_per=_PORTION)
    found = connection.execute(oldest_first)
    sums = sums_by_day(dict(row) for row in found.mappings())
    for table, rows in zip((daily, sessions), sums, strict=True):
        for start in range(0, len(rows), _PORTION):
            connection.execute(insert(table), rows[start : start + _PORTION])


def _third(connection: Connection) -> None:
    """What a prompt whose beginning changed lost of the provider's cache."""
    connection.execute(text("ALTER TABLE requests ADD COLUMN cache_lost_tokens BIGINT"))
    connection.execute(text("ALTER TABLE requests ADD COLUMN cache_lost_cost DOUBLE PRECISION"))


MIGRATIONS: tuple[Migration, ...] = (_first, _second, _third)
