"""Killed at any moment: what was over a second ago is there, in order, and the file opens clean.

PARLEY_KILL_ROUNDS=50 kills fifty times.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import sqlite3
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from proxy_core.usage.store import UsageStore
from tests.usage.making import file_in, record

ROUNDS = int(os.environ.get("PARLEY_KILL_ROUNDS", "4"))
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["tests.usage.test_kill"])


def _child(folder: str, orders: Connection) -> None:
    """Puts a record for each order and says when it has."""
    store = UsageStore(file_in(Path(folder)))
    while True:
        number = orders.recv()
        if number is None:
            orders.send(store.flush(30))
        else:
            store.put(record(session=str(number)))
            orders.send(time.monotonic())


class _Child:
    def __init__(self, folder: Path) -> None:
        self.orders, theirs = _PROCESSES.Pipe()
        self.process = _PROCESSES.Process(target=_child, args=(str(folder), theirs), daemon=True)
        self.process.start()

    def ask(self, order: int | None) -> float:
        self.orders.send(order)
        return self.orders.recv()

    def kill(self) -> float:
        """When it was killed."""
        moment = time.monotonic()
        self.process.kill()
        self.process.join()
        return moment


def _survivors(folder: Path) -> list[int]:
    connection = sqlite3.connect(folder / "usage.db")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    rows = [int(session) for (session,) in connection.execute("SELECT session FROM requests ORDER BY id")]
    for table in ("daily", "daily_sessions"):
        ((counted,),) = connection.execute(f"SELECT coalesce(sum(requests), 0) FROM {table}").fetchall()
        assert counted == len(rows)
    connection.close()
    return rows


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_what_was_over_a_second_ago_is_there(tmp_path: Path, seed: int) -> None:
    chance, child = random.Random(seed), _Child(tmp_path)
    wanted_seconds, times = 1.1 + chance.random() * 0.3, []
    while not times or times[-1] - times[0] < wanted_seconds:
        times.append(child.ask(len(times)))
        child.orders.poll(0.001)  # says nothing by itself: at most a thousand requests a second, as many as a proxy has
    killed = child.kill()
    survived = _survivors(tmp_path)
    assert survived == list(range(len(survived)))
    assert len(survived) >= sum(moment < killed - 1 for moment in times) > 0


@pytest.mark.parametrize("seed", range(ROUNDS * 2))
def test_what_was_written_stays_and_the_rest_is_whole_or_absent(tmp_path: Path, seed: int) -> None:
    """Killed right after a burst, and gone on with by the next one."""
    chance, safe = random.Random(seed), 0
    for _ in range(2):
        child = _Child(tmp_path)
        for number in range(safe, safe + chance.randrange(1, 300)):
            child.ask(number)
            safe = number + 1
        assert child.ask(None)
        for number in range(safe, safe + chance.randrange(0, 300)):
            child.ask(number)
        child.kill()
        survived = _survivors(tmp_path)
        assert survived == list(range(len(survived)))
        assert len(survived) >= safe
        safe = len(survived)
