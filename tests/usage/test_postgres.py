"""The same on PostgreSQL: on a server of the test's own where one is installed, or at PARLEY_TEST_POSTGRES."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from proxy_core.usage.database import Database, database
from proxy_core.usage.questions import Question
from proxy_core.usage.reader import UsageReader
from proxy_core.usage.stats import GROUPS
from proxy_core.usage.store import UsageStore
from tests.usage.making import NOON, file_in, record

pytest.importorskip("psycopg")
_AS_USER = {"user": "nobody"} if hasattr(os, "geteuid") and os.geteuid() == 0 else {}
"""PostgreSQL refuses to run as root."""


def _run(*command: str | Path) -> None:
    subprocess.run([*map(str, command)], check=True, capture_output=True, cwd="/", **_AS_USER)  # type: ignore[call-overload]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    given = os.environ.get("PARLEY_TEST_POSTGRES")
    if given:
        yield given
        return
    if not (shutil.which("initdb") and shutil.which("pg_ctl")):
        pytest.skip("PostgreSQL is not installed")
    folder = Path(
        subprocess.run(["mktemp", "-d"], check=True, capture_output=True, text=True, **_AS_USER).stdout.strip()
    )
    data = folder / "data"
    _run("initdb", "-D", data, "-U", "me", "-A", "trust", "--no-sync")
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
    _run("pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
    yield f"postgresql://me@/postgres?host={folder}"
    _run("pg_ctl", "-D", data, "-m", "immediate", "stop")
    shutil.rmtree(folder)


@pytest.fixture
def place(server: str) -> Database:
    found = database(server)
    with found.reader().begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS requests, daily, daily_sessions, parley_schema"))
    return found


def _records():
    for number in range(60):
        yield record(
            time=NOON + number * 7200,
            session=f"s{number % 7}",
            project=("p", None)[number % 2],
            backend=("a", "b", None)[number % 3],
            served=f"m{number % 4}",
            cost=(0.5, None)[number % 2],
            cache_read=number,
        )


def test_it_answers_as_sqlite_does(place: Database, tmp_path: Path) -> None:
    answers = []
    for where in (place, file_in(tmp_path)):
        store = UsageStore(where)
        for one in _records():
            store.put(one)
        store.close(20)
        reader = UsageReader(where)
        for question in (Question(), Question(days=3650, model="a:m0"), Question(session="s1"), Question(project="p")):
            answers.append((reader.stats(question), reader.recent(question), reader.csv(question)))
        reader.close()
    assert answers[0][0]["totals"]["requests"] == 60
    assert answers[: len(answers) // 2] == answers[len(answers) // 2 :]
    assert all(answers[0][0][f"by_{group}"] for group in GROUPS)


def test_several_instances_migrate_and_write_at_once(place: Database) -> None:
    def put() -> None:
        store = UsageStore(place, commit_seconds=0.01)
        for number in range(100):
            store.put(record(session=f"s{number % 5}", model=f"m{number % 3}"))
            if number % 20 == 0:
                store.flush(20)
        store.close(20)

    threads = [threading.Thread(target=put) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reader = UsageReader(place)
    assert reader.totals(Question())["requests"] == 400
    assert len(reader.recent(Question(limit=1000))) == 400
    reader.close()


def test_odd_values_are_taken(place: Database) -> None:
    store = UsageStore(place)
    store.put(record(session="half \ud800, NUL \0", input=10**30, redactions={"\0": 1}))
    store.close(20)
    assert UsageReader(place).totals(Question())["requests"] == 1


def test_a_server_that_is_not_there_harms_nobody(caplog) -> None:
    store = UsageStore(database("postgresql://me:secret@127.0.0.1:1/none"), commit_seconds=0)
    store.put(record())
    store.close()
    assert "could not be written" in caplog.text
    assert "secret" not in caplog.text
