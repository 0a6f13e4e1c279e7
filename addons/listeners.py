"""When the listeners open: mitmproxy starts them from `mode` as it stands before any script is loaded.

With `-s addons/main.py` and no --mode, the start of mitmproxy's own listener (every address, port 8080) is under way
when our options are read. It has not bound yet, so it is called off, and our listeners open in `running`.
"""

from __future__ import annotations

import asyncio
import inspect
import logging

from mitmproxy import ctx
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.proxy.mode_servers import ServerInstance

_mitmproxy_log = logging.getLogger("mitmproxy.addons.proxyserver")


class Listeners:
    def __init__(self) -> None:
        self.held = False

    def hold(self) -> None:
        """Calls off every start that is under way."""
        self.held = True
        _mitmproxy_log.addFilter(_is_no_cancelled_start)
        for task in asyncio.all_tasks():
            coroutine = task.get_coro()
            if inspect.iscoroutine(coroutine) and coroutine.cr_code is ServerInstance.start.__code__:
                task.cancel()

    async def open(self) -> list[ServerInstance]:
        """Starts what `mode` says now, where it was held; all listeners, also those that failed."""
        servers = proxyserver().servers
        if self.held:
            for mode, instance in list(servers._instances.items()):
                if not instance.is_running:
                    del servers._instances[mode]
            _mitmproxy_log.removeFilter(_is_no_cancelled_start)
            self.held = False
            await proxyserver().setup_servers()
        return list(servers)


def proxyserver() -> Proxyserver:
    addon = ctx.master.addons.get("proxyserver")
    assert isinstance(addon, Proxyserver)
    return addon


def _is_no_cancelled_start(record: logging.LogRecord) -> bool:
    """mitmproxy logs str(CancelledError()), which is empty, as an error; an error ends it."""
    return bool(record.getMessage())
