"""When the listeners open: mitmproxy starts them from `mode` as it stands before any script is loaded.

With `-s addons/main.py` the start of mitmproxy's listeners is under way when our options are declared; without --mode
that is one on every address, port 8080. They have not bound yet, so they are called off, and open in `running`, when
everything is loaded. If loading fails nothing listens.
"""

from __future__ import annotations

import asyncio
import inspect
import logging

from mitmproxy import ctx
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.proxy.mode_servers import ServerInstance

logger = logging.getLogger("parley")
_mitmproxy_log = logging.getLogger("mitmproxy.addons.proxyserver")


class Listeners:
    def __init__(self) -> None:
        self.held = False

    def hold(self) -> None:
        """Calls off every start that is under way. A host that needs no look-up may be bound already; its socket
        would stay bound, so this is for the default mode, or for an end with an error."""
        if proxyserver().is_running:  # mitmproxy loads a script anew that was changed
            return
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


def report_failed_loading() -> None:
    """An option that cannot be read ends mitmproxy's script loader without a word, and mitmproxy goes on without us.
    What is logged as an error at this point ends it with exit code 1."""
    task = asyncio.current_task()
    if task and task.get_name().startswith("script watcher"):
        task.add_done_callback(_report_end)


def _report_end(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception():
        logger.error("Parley cannot start: %s", task.exception())


def _is_no_cancelled_start(record: logging.LogRecord) -> bool:
    """mitmproxy logs str(CancelledError()), which is empty, as an error; an error ends it."""
    return bool(record.getMessage())
