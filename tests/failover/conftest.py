from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from addons.host import lean
from proxy_core.usage.log import UsageLog
from proxy_core.usage.record import Record
from tests.failover.world import World
from tests.live.clients.sdk import PYTHON, Drivers


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """With mitmproxy made lean, as it runs for users."""
    lean.install()
    world = World(tmp_path_factory.mktemp("world"))
    yield world
    world.end()
    lean.uninstall()


@pytest.fixture(scope="module")
def sdks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drivers]:
    if not PYTHON.exists():
        pytest.skip("the SDKs are not installed (scripts/setup.sh --clients)")
    drivers = Drivers(tmp_path_factory.mktemp("sdks"))
    yield drivers
    drivers.stop()


@pytest.fixture
def records(monkeypatch: pytest.MonkeyPatch) -> list[Record]:
    """What is noted of each request."""
    noted: list[Record] = []
    note = UsageLog.note

    def noting(self: UsageLog, *asked: Any) -> Record:
        noted.append(note(self, *asked))
        return noted[-1]

    monkeypatch.setattr(UsageLog, "note", noting)
    return noted
