from __future__ import annotations

from collections.abc import Iterator

import pytest

from addons.host import lean
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
