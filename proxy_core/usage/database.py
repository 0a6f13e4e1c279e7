"""The database behind PARLEY_DATABASE_URL: an SQLite file, or PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from proxy_core.usage.migrations import migrate

_BUSY_SECONDS = 5
_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}


class BadDatabaseUrl(ValueError):
    """Its text says what is wrong and holds no password."""


@dataclass(frozen=True, slots=True)
class Database:
    """`url` may hold a password; `shown` does not. `file` is SQLite's."""

    url: URL
    shown: str
    file: Path | None = None

    def writer(self) -> Engine:
        """Creates the file where there is none, readable for its owner alone, and brings the schema up to date."""
        if self.file:
            _create(self.file)
        engine = self._engine("BEGIN IMMEDIATE")
        with engine.begin() as connection:
            migrate(connection)
        return engine

    def reader(self) -> Engine:
        return self._engine("BEGIN")

    @property
    def exists(self) -> bool:
        return self.file is None or self.file.exists()

    def _engine(self, begin: str) -> Engine:
        if self.file is None:
            return create_engine(self.url, pool_pre_ping=True, connect_args={"connect_timeout": _BUSY_SECONDS})
        engine = create_engine(self.url, connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False})
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
        return engine


def database(url: str | None, environ: Mapping[str, str] = os.environ) -> Database:
    """None: the SQLite file in the user's state folder. Raises BadDatabaseUrl."""
    if not url:
        return _sqlite(default_file(environ))
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise BadDatabaseUrl("PARLEY_DATABASE_URL is no address; write sqlite:///PATH or postgresql://…") from None
    driver = _DRIVERS.get(parsed.drivername.partition("+")[0])
    if driver is None:
        raise BadDatabaseUrl("PARLEY_DATABASE_URL must begin with sqlite:/// or postgresql://")
    if driver == "sqlite":
        if not parsed.database or parsed.database == ":memory:" or parsed.host:
            raise BadDatabaseUrl(
                "PARLEY_DATABASE_URL names no file; write sqlite:///usage.db or sqlite:////absolute/usage.db"
            )
        return _sqlite(Path(parsed.database).expanduser())
    if find_spec("psycopg") is None:
        raise BadDatabaseUrl("PostgreSQL needs the package psycopg: pip install 'parley[postgres]'")
    parsed = parsed.set(drivername=driver)
    return Database(parsed, parsed.set(drivername="postgresql").render_as_string(hide_password=True))


def default_file(environ: Mapping[str, str] = os.environ) -> Path:
    """https://specifications.freedesktop.org/basedir-spec/latest/: the same file wherever Parley is started from."""
    state = environ.get("XDG_STATE_HOME") or Path(environ.get("HOME") or Path.home()) / ".local" / "state"
    return Path(state) / "parley" / "usage.db"


def _sqlite(file: Path) -> Database:
    return Database(URL.create("sqlite", database=str(file)), str(file), file)


def _create(file: Path) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _prepare(connection: Any, record: Any) -> None:
    """WAL lets others read while one writes; what is committed survives a killed process also without an fsync each
    time (https://www.sqlite.org/wal.html). Transactions are begun by us, as the driver would begin them too late."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()
