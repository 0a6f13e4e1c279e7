from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

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
