from __future__ import annotations

import asyncio
import logging
import sqlite3
import stat
import threading
from pathlib import Path

import pytest
from sqlalchemy import select

from proxy_core.usage import store as store_module
from proxy_core.usage.database import BadDatabaseUrl, database, default_file
from proxy_core.usage.questions import Question
from proxy_core.usage.reader import UsageReader
from proxy_core.usage.store import UsageStore
from proxy_core.usage.tables import REQUESTS
from tests.usage.making import NOON, file_in, record


def _sessions(folder: Path) -> list[str]:
    with file_in(folder).reader().connect() as connection:
        return list(connection.execute(select(REQUESTS.c.session).order_by(REQUESTS.c.id)).scalars())


def test_rows_come_out_as_they_went_in_and_in_order(tmp_path: Path) -> None:
    store = UsageStore(file_in(tmp_path))
    for number in range(1234):
        store.put(record(session=f"s{number}"))
    store.close()
    assert _sessions(tmp_path) == [f"s{number}" for number in range(1234)]


def test_every_field_is_kept(tmp_path: Path) -> None:
    full = record(
        time=NOON + 0.25,
        project="book",
        agent="codex",
        route="strong",
        key_tail="…cdef",
        finish="stop",
        stream=True,
        cache_read=3,
        cache_write=4,
        reasoning=2,
        cost=0.125,
        cost_source="addons.yaml",
        first_token=0.5,
        rate=10.5,
        tool_calls=2,
        redactions={"openai key": 2, "token": 1},
        loops=1,
        losses=3,
        cache_lost_tokens=9000,
        cache_lost_cost=0.024,
        tries=({"backend": "a"}, {"backend": "b"}),
    )
    store = UsageStore(file_in(tmp_path))
    store.put(full)
    store.close()
    (entry,) = UsageReader(file_in(tmp_path)).recent(Question())
    assert entry == {
        "id": 1,
        "time": "2026-09-21T14:13:20.250Z",
        "session": "s",
        "project": "book",
        "agent": "codex",
        "listener": "base_url",
        "protocol": "openai_chat",
        "operation": "chat",
        "backend": "b",
        "model": "m",
        "served": "m",
        "route": "strong",
        "attempts": 2,
        "attempt_list": [{"backend": "a"}, {"backend": "b"}],
        "key": "…cdef",
        "status": 200,
        "outcome": "answered",
        "fault": None,
        "finish": "stop",
        "stream": True,
        "input_tokens": 10,
        "cache_read_tokens": 3,
        "cache_write_tokens": 4,
        "output_tokens": 5,
        "reasoning_tokens": 2,
        "tokens_by": "provider",
        "cost_usd": 0.125,
        "cost_by": "addons.yaml",
        "first_token_seconds": 0.5,
        "duration_seconds": 1.0,
        "tokens_per_second": 10.5,
        "tool_calls": 2,
        "redactions": {"openai key": 2, "token": 1},
        "loops": 1,
        "losses": 3,
        "cache_lost_tokens": 9000,
        "cache_lost_cost_usd": 0.024,
    }


@pytest.mark.parametrize(
    "odd",
    [
        {"session": "half a pair \ud800 and a NUL \0"},
        {"model": "x" * 10_000},
        {"input": 10**30, "output": -5},
        {"rate": float("nan"), "cost": float("inf")},
        {"redactions": {"\ud800": 1}},
    ],
)
def test_whatever_comes_is_written_and_holds_nothing_up(tmp_path: Path, odd: dict) -> None:
    store = UsageStore(file_in(tmp_path))
    store.put(record(**odd))
    store.put(record(session="next"))
    assert store.flush(10)
    store.close()
    assert len(_sessions(tmp_path)) == 2
    assert UsageReader(file_in(tmp_path)).totals(Question())["requests"] == 2


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "state" / "parley" / "usage.db"
    store = UsageStore(database(f"sqlite:///{file}"))
    store.put(record())
    assert store.flush(10)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}
    store.close()
    assert modes.pop("usage.db") == 0o600
    assert set(modes.values()) <= {0o600}
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_nothing_is_made_before_the_first_record(tmp_path: Path) -> None:
    UsageStore(file_in(tmp_path)).close()
    assert list(tmp_path.iterdir()) == []


async def _put_on_the_loop(store: UsageStore, count: int) -> None:
    for number in range(count):
        store.put(record(session=str(number)))
        await asyncio.sleep(0)


def test_a_locked_database_does_not_stop_anyone(tmp_path: Path, caplog, monkeypatch) -> None:
    monkeypatch.setattr("proxy_core.usage.database._BUSY_SECONDS", 0.01)
    monkeypatch.setattr(store_module, "_FIRST_PAUSE", 0.01)
    file_in(tmp_path).writer().dispose()
    other = sqlite3.connect(tmp_path / "usage.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store = UsageStore(file_in(tmp_path), commit_seconds=0)
    with caplog.at_level(logging.INFO, "parley"):
        asyncio.run(_put_on_the_loop(store, 50))
        assert not store.flush(0.2)
        assert store.trouble == "database is locked"
        other.execute("ROLLBACK")
        assert store.flush(10)
    store.close()
    assert store.trouble is None
    assert _sessions(tmp_path) == [str(number) for number in range(50)]
    told = [entry.getMessage() for entry in caplog.records]
    assert len(told) == 2
    assert "locked" in told[0]
    assert "again" in told[1]


def test_what_waits_in_memory_is_bounded(tmp_path: Path, caplog, monkeypatch) -> None:
    monkeypatch.setattr(store_module, "MAX_WAITING", 10)
    monkeypatch.setattr(store_module, "_FIRST_PAUSE", 0.01)
    (tmp_path / "file").write_text("in the way")
    store = UsageStore(database(f"sqlite:///{tmp_path}/file/usage.db"), commit_seconds=0)
    for _ in range(25):
        store.put(record())
    assert store.waiting == 10
    assert not store.flush(0.2)
    (tmp_path / "file").unlink()
    assert store.flush(10)
    store.close()
    assert "15 records were lost" in caplog.text


def test_a_database_that_stays_away_is_given_up_at_the_end(tmp_path: Path, caplog) -> None:
    (tmp_path / "usage.db").write_text("this is no database, but a text of more than a hundred characters" * 3)
    store = UsageStore(file_in(tmp_path), commit_seconds=0)
    store.put(record())
    store.put(record())
    store.close()
    assert "2 usage records could not be written" in caplog.text
    assert (tmp_path / "usage.db").read_text().startswith("this is no database")


def test_a_row_that_no_database_takes_is_dropped(tmp_path: Path, caplog, monkeypatch) -> None:
    def refusing(connection, records) -> None:
        if any(one.session == "bad" for one in records):
            raise OverflowError("too large")
        real(connection, records)

    real = store_module.write
    monkeypatch.setattr(store_module, "write", refusing)
    store = UsageStore(file_in(tmp_path))
    for session in ("a", "bad", "b"):
        store.put(record(session=session))
    store.close()
    assert _sessions(tmp_path) == ["a", "b"]
    assert "too large" in caplog.text


def test_many_threads_and_two_programs_write_to_one_file(tmp_path: Path) -> None:
    stores = [UsageStore(file_in(tmp_path), commit_seconds=0.01) for _ in range(2)]

    def put(store: UsageStore, name: int) -> None:
        for number in range(200):
            store.put(record(session=f"{name}", input=number))

    threads = [threading.Thread(target=put, args=(stores[name % 2], name)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in stores:
        store.close(20)
    reader = UsageReader(file_in(tmp_path))
    assert reader.totals(Question())["requests"] == len(_sessions(tmp_path)) == 800
    assert reader.totals(Question())["input_tokens"] == 4 * sum(range(200))
    for name in range(4):
        rows = reader.recent(Question(session=str(name), limit=1000))
        assert [row["input_tokens"] for row in rows] == list(range(199, -1, -1))


def test_where_the_file_is() -> None:
    assert default_file({"XDG_STATE_HOME": "/state"}) == Path("/state/parley/usage.db")
    assert default_file({"HOME": "/home/me"}) == Path("/home/me/.local/state/parley/usage.db")
    assert database(None, {"HOME": "/home/me"}).file == Path("/home/me/.local/state/parley/usage.db")
    assert database("sqlite:///usage.db").file == Path("usage.db")


@pytest.mark.parametrize("url", ["nonsense", "mysql://u:secret@h/d", "sqlite://", "sqlite:///:memory:", "sqlite://h/x"])
def test_addresses_that_cannot_be_used(url: str) -> None:
    with pytest.raises(BadDatabaseUrl) as raised:
        database(url)
    assert "secret" not in str(raised.value)


def test_a_password_is_not_shown() -> None:
    for scheme in ("postgres", "postgresql", "postgresql+psycopg"):
        found = database(f"{scheme}://me:secret@db.example/parley")
        assert found.shown == "postgresql://me:***@db.example/parley"
        assert found.url.drivername == "postgresql+psycopg"
