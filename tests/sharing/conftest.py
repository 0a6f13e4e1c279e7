from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("redis")

from tests.sharing.server import RedisServer


@pytest.fixture
def server(tmp_path) -> Iterator[RedisServer]:
    running = RedisServer(tmp_path)
    yield running
    running.kill()
