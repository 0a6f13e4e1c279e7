"""Starts and stops what the program runs beside the proxy."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from mitmproxy import ctx

from addons import greeting
from addons.program import Program

logger = logging.getLogger("parley")

_CA_FILES = ("mitmproxy-ca.pem", "mitmproxy-ca.p12")
"""They hold the CA's private key."""
_NEW_OBJECTS = 10_000
"""How many more containers than before set off a collection: several requests' worth, where Python's 700 is a third of
one."""


class Lifecycle:
    def __init__(self, program: Program) -> None:
        self._program = program

    async def running(self) -> None:
        _keep_to_owner()
        await self._program.start()
        _spare_what_stays()
        if self._program.link:
            greeting.show_sharing(self._program.link)

    async def done(self) -> None:
        await self._program.stop()


def _spare_what_stays() -> None:
    """The program itself is no garbage, and walking over all of it again and again cost a tenth of every request:
    https://docs.python.org/3/library/gc.html#gc.freeze"""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, 10, 10)


def _keep_to_owner() -> None:
    """What is written from now on is its owner's alone; so is what mitmproxy wrote before it knew us."""
    os.umask(0o077)
    for path in filter(Path.is_file, _private_files()):
        try:
            path.chmod(0o600)
        except OSError as error:
            logger.warning("%s may be read by others: %s", path, error.strerror)


def _private_files() -> Iterator[Path]:
    folder = Path(ctx.options.confdir).expanduser()
    yield from (folder / name for name in _CA_FILES)
    if "save_stream_file" in ctx.options and ctx.options.save_stream_file:
        named = ctx.options.save_stream_file.removeprefix("+")
        yield Path(datetime.now().strftime(named)).expanduser()
