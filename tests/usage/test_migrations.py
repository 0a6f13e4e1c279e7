from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import MetaData, Table, create_engine, insert, inspect

from proxy_core.errors import ParleyError
from proxy_core.usage import migrations
from proxy_core.usage.migrations import MIGRATIONS, TooNew, migrate, version_of
from proxy_core.usage.questions import Question
from proxy_core.usage.reader import UsageReader
from proxy_core.usage.rows import row_of
from proxy_core.usage.store import UsageStore
from proxy_core.usage.tables import METADATA, REQUESTS
from tests.usage.making import NOON, file_in, record

DAY = 86_400


def _older_file(folder: Path, version: int, rows: int) -> None:
    """As a Parley that knew so many steps would have left it."""
    engine = create_engine(f"sqlite:///{folder / 'usage.db'}")
    with engine.begin() as connection:
        known, migrations.MIGRATIONS = migrations.MIGRATIONS, migrations.MIGRATIONS[:version]
        try:
            migrate(connection)
        finally:
            migrations.MIGRATIONS = known
        made = [row_of(record(time=NOON + number % 3 * DAY, session=str(number % 7))) for number in range(rows)]
        older = Table(REQUESTS.name, MetaData(), autoload_with=connection)
        connection.execute(insert(older), [{name: row[name] for name in row if name in older.c} for row in made])
    engine.dispose()


def test_an_empty_file_gets_the_tables_that_the_code_knows(tmp_path: Path) -> None:
    engine = file_in(tmp_path).writer()
    found = inspect(engine)
    for table in METADATA.sorted_tables:
        assert {column["name"]: column["nullable"] for column in found.get_columns(table.name)} == {
            column.name: bool(column.nullable) for column in table.columns
        }
        keys = found.get_pk_constraint(table.name)["constrained_columns"]
        assert keys == [column.name for column in table.primary_key]
    with engine.connect() as connection:
        assert version_of(connection) == len(MIGRATIONS)


def test_an_older_file_keeps_its_rows_and_gets_their_sums(tmp_path: Path) -> None:
    _older_file(tmp_path, 1, 100)
    store = UsageStore(file_in(tmp_path))
    store.put(record(session="3"))
    store.close()
    reader = UsageReader(file_in(tmp_path))
    question = Question(days=3650)
    assert reader.totals(question)["requests"] == len(reader.recent(Question(limit=1000))) == 101
    assert [row["requests"] for row in reader.grouped(question, "day")] == [35, 33, 33]
    assert {row["session"]: row["requests"] for row in reader.grouped(question, "session")}["3"] == 15


def test_reading_migrates_too(tmp_path: Path) -> None:
    _older_file(tmp_path, 1, 10)
    assert UsageReader(file_in(tmp_path)).totals(Question(days=3650))["requests"] == 10


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    for _ in range(2):
        store = UsageStore(file_in(tmp_path))
        store.put(record())
        store.close()
    assert UsageReader(file_in(tmp_path)).totals(Question())["requests"] == 2


def test_a_step_that_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch) -> None:
    _older_file(tmp_path, 1, 10)

    def failing(connection) -> None:
        MIGRATIONS[1](connection)
        raise OSError("disk full")

    monkeypatch.setattr(migrations, "MIGRATIONS", (MIGRATIONS[0], failing))
    with pytest.raises(OSError, match="disk full"):
        file_in(tmp_path).writer()
    monkeypatch.undo()
    assert UsageReader(file_in(tmp_path)).totals(Question(days=3650))["requests"] == 10


def test_a_later_versions_file_is_left_alone(tmp_path: Path, caplog) -> None:
    file_in(tmp_path).writer().dispose()
    connection = sqlite3.connect(tmp_path / "usage.db")
    connection.execute("UPDATE parley_schema SET version = 99")
    connection.commit()
    with pytest.raises(TooNew, match="update Parley"):
        file_in(tmp_path).writer()
    store = UsageStore(file_in(tmp_path), commit_seconds=0)
    store.put(record())
    store.close()
    assert "update Parley" in caplog.text
    with pytest.raises(ParleyError, match="update Parley"):
        UsageReader(file_in(tmp_path)).totals(Question())
