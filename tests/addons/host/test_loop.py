from __future__ import annotations

import asyncio
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from mitmproxy.connection import Server
from mitmproxy.proxy import events

from addons.host.connections import server_event
from addons.host.loop import tolerant

SCRIPT = """
import asyncio
from addons.host.loop import use_uvloop

async def main():
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    return await asyncio.create_task(asyncio.sleep(0, "done"), name="named")

print(use_uvloop(), asyncio.run(main()))
"""


def test_eager_tasks_run_under_uvloop() -> None:
    pytest.importorskip("uvloop")
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["True", "done"], done.stderr


def test_what_a_task_factory_does_not_know_is_kept_from_it() -> None:
    async def main() -> str:
        make = tolerant(asyncio.eager_task_factory)
        return await make(asyncio.get_running_loop(), asyncio.sleep(0, "done"), name="n", eager_start=True)

    assert asyncio.run(main()) == "done"


def test_a_connection_closed_while_its_data_waits_is_cancelled_where_it_reads() -> None:
    """Cancelled anywhere else, mitmproxy's reading task leaves its socket open."""
    data: Any = events.DataReceived(Server(address=("127.0.0.1", 1)), b"more")

    async def main() -> list[str]:
        handler: Any = SimpleNamespace(_server_event_lock=asyncio.Lock())
        told: list[str] = []

        async def read() -> None:
            await server_event(handler, data)
            told.append("reads on")
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError as closed:
                told.append(str(closed))

        async with handler._server_event_lock:
            task = asyncio.create_task(read())
            await asyncio.sleep(0)
            task.cancel("closed by command")
            await asyncio.wait((task,))
        return told

    assert asyncio.run(main()) == ["reads on", "closed by command"]
