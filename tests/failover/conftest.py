from __future__ import annotations

from collections.abc import Iterator

import pytest

from addons.host import lean
from tests.failover.world import World


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """With mitmproxy made lean, as it runs for users."""
    lean.install()
    world = World(tmp_path_factory.mktemp("world"))
    yield world
    world.end()
    lean.uninstall()
