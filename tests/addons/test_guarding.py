"""Connections to names that cannot be looked up."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from mitmproxy.connection import Server

from addons import guarding
from proxy_core.guards.addresses import TargetPolicy


@pytest.mark.parametrize("failure", [OSError("no such name"), TimeoutError(), UnicodeError("label too long")])
def test_a_name_that_cannot_be_looked_up_is_not_left_to_mitmproxy(
    monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    """It would look the name up again, and whoever answers that may say what was never checked."""

    async def failing(*_: Any) -> list[str]:
        raise failure

    policy = TargetPolicy(own_ports=frozenset(), is_own=lambda address: False)
    monkeypatch.setattr(guarding, "checked_addresses", failing)
    monkeypatch.setattr(guarding, "target_policy", lambda settings: policy)
    program: Any = SimpleNamespace(settings=None)
    server = Server(address=("rebinding.test", 443))
    data: Any = SimpleNamespace(server=server)
    asyncio.run(guarding.Guarding(program).server_connect(data))
    assert "rebinding.test cannot be resolved" in (server.error or "")
