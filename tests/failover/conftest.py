from __future__ import annotations

from collections.abc import Iterator

import pytest

from addons.host import lean
from tests.failover.world import World


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """With mitmproxy made lean, as it runs for users."""
    lean.install()
    world = World()
    yield world
    world.end()
    lean.uninstall()
