"""Starts and stops what the program runs beside the proxy."""

from __future__ import annotations

from addons.program import Program


class Lifecycle:
    def __init__(self, program: Program) -> None:
        self._program = program

    async def running(self) -> None:
        await self._program.start()

    async def done(self) -> None:
        await self._program.stop()
