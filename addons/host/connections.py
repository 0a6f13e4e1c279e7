"""A connection's event loop with less around each event: no task per hook, one write per read, no log line."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from mitmproxy import exceptions, flow
from mitmproxy.connection import Connection
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.mode_servers import ProxyConnectionHandler
from mitmproxy.proxy.server import ConnectionHandler, ConnectionIO
from mitmproxy.utils import asyncio_utils

from addons.host import dispatch
from addons.host.timers import Alarm

ROUTINE = ("client connect", "client disconnect", "server connect ", "server disconnect ", "Streaming re")
VERBOSITIES = ("termlog_verbosity", "console_eventlog_verbosity")

handle_hook_originally = ProxyConnectionHandler.handle_hook
log_originally = ConnectionHandler.log
drain_originally = ConnectionHandler.drain_writers


class Turn:
    """What one event of a connection leads to: further events, and bytes that leave together at the end."""

    def __init__(self, handler: ProxyConnectionHandler, event: events.Event) -> None:
        self.handler = handler
        self.events: deque[events.Event] = deque((event,))
        self.outbox: dict[Connection, list[bytes]] = {}

    def take(self) -> None:
        """Feeds the next event to the layers and carries out what they ask for."""
        for command in self.handler.layer.handle_event(self.events.popleft()):
            if type(command) is commands.SendData:
                self.outbox.setdefault(command.connection, []).append(command.data)
            else:
                self.carry_out(command)

    def carry_out(self, command: commands.Command) -> None:
        for kind, act in ACTIONS:
            if isinstance(command, kind):
                act(self, command)
                return
        raise RuntimeError(f"Unexpected command: {command}")

    def flush(self) -> None:
        """Chunks that came in one read leave in one write: a system call each would cost more than their content."""
        for connection, chunks in self.outbox.items():
            if (transport := self.handler.transports.get(connection)) is None:
                continue  # closed already
            assert transport.writer
            if not transport.writer.is_closing():
                transport.writer.write(chunks[0] if len(chunks) == 1 else b"".join(chunks))
        self.outbox.clear()


def _start_hook(turn: Turn, hook: commands.StartHook) -> None:
    """Handlers that need not wait run at once; a task is started only for what is left."""
    handler = turn.handler
    if type(handler).handle_hook is not handle_hook_originally:
        _task(handler, handler.hook_task(hook), f"handle_hook({hook.name})")
        return
    waiting = dispatch.lifecycle(handler.master.addons, hook)
    try:
        first = next(waiting, None)
    except exceptions.OptionsError as error:  # mitmproxy's task would die of it, unheard by the layer
        _loop_error(error)
        return
    (message,) = hook.args()
    if first is not None or (isinstance(message, flow.Flow) and message.intercepted):
        _task(handler, _finish_hook(handler, hook, waiting, first), f"handle_hook({hook.name})")
    elif hook.blocking:
        turn.events.append(events.HookCompleted(hook))


async def _finish_hook(
    handler: ProxyConnectionHandler,
    hook: commands.StartHook,
    waiting: dispatch.Waiting,
    first: Awaitable[Any] | None,
) -> None:
    with handler.timeout_watchdog.disarm():
        if first is not None:
            await dispatch.finish(waiting, first)
        (message,) = hook.args()
        if isinstance(message, flow.Flow):
            await message.wait_for_resume()
    if hook.blocking:
        await handler.server_event(events.HookCompleted(hook))


def _open_connection(turn: Turn, command: commands.OpenConnection) -> None:
    handler = turn.handler
    assert command.connection not in handler.transports
    task = asyncio_utils.create_task(
        handler.open_connection(command),
        name=f"server connection handler {command.connection.address}",
        keep_ref=False,
        client=handler.client.peername,
    )
    handler.transports[command.connection] = ConnectionIO(handler=task)


def _request_wakeup(turn: Turn, command: commands.RequestWakeup) -> None:
    if isinstance(command, Alarm):
        command.set(turn.handler)
        return
    name = f"wakeup timer ({command.delay:.1f}s)"
    turn.handler.wakeup_timer.add(_task(turn.handler, turn.handler.wakeup(command), name, keep_ref=False))


def _connection_command(turn: Turn, command: commands.ConnectionCommand) -> None:
    if command.connection not in turn.handler.transports:
        return  # closed already
    turn.flush()
    match command:
        case commands.SendData():
            turn.outbox[command.connection] = [command.data]
        case commands.CloseTcpConnection():
            turn.handler.close_connection(command.connection, command.half_close)
        case commands.CloseConnection():
            turn.handler.close_connection(command.connection, False)
        case _:
            raise RuntimeError(f"Unexpected command: {command}")


def _log(turn: Turn, command: commands.Log) -> None:
    turn.handler.log(command.message, command.level)


# In the order of mitmproxy's own ladder.
ACTIONS: tuple[tuple[type[commands.Command], Callable[[Turn, Any], None]], ...] = (
    (commands.StartHook, _start_hook),
    (commands.OpenConnection, _open_connection),
    (commands.RequestWakeup, _request_wakeup),
    (commands.ConnectionCommand, _connection_command),
    (commands.Log, _log),
)


def _task(handler: ProxyConnectionHandler, work: Any, name: str, *, keep_ref: bool = True) -> asyncio.Task[Any]:
    return asyncio_utils.create_task(work, name=name, keep_ref=keep_ref, client=handler.client.peername)


def _loop_error(error: Exception) -> None:
    asyncio.get_running_loop().call_exception_handler({"message": "hook failed", "exception": error})


async def server_event(self: ProxyConnectionHandler, event: events.Event) -> None:
    try:
        await self._server_event_lock.acquire()
    except asyncio.CancelledError as closed:
        task = asyncio.current_task()
        if task is None or type(event) is not events.DataReceived:
            raise
        # mitmproxy expects its reading task to be cancelled while it reads, and would leave the socket open here, with
        # the upstream of an answer that was cut going on. So it is, a moment later.
        task.cancel(*closed.args)
        return
    try:
        self.timeout_watchdog.register_activity()
        turn = Turn(self, event)
        while turn.events:
            try:
                turn.take()
            except Exception:  # noqa: BLE001 - as mitmproxy has it: one connection's layers may fail, not the proxy
                self.log("mitmproxy has crashed!", logging.ERROR, exc_info=True)
        turn.flush()
    finally:
        self._server_event_lock.release()


def log(self: ProxyConnectionHandler, message: str, level: int = logging.INFO, exc_info: Any = None) -> None:
    """Four lines per connection and one per stream are formatted and handed to every log handler: only on request."""
    if level <= logging.INFO and (level < logging.INFO or message.startswith(ROUTINE)):
        if not _wants_debug(self.master.options):
            return
        level = logging.DEBUG
    log_originally(self, message, level, exc_info)


def _wants_debug(options: Any) -> bool:
    return any(name in options and getattr(options, name) == "debug" for name in VERBOSITIES)


async def drain_writers(self: ProxyConnectionHandler) -> None:
    """Waits only where more than a writer's limit is left to be written."""
    for transport in self.transports.values():
        writer = transport.writer
        if writer is None:
            continue
        if not isinstance(writer, asyncio.StreamWriter) or not _may_write_on(writer.transport):
            await drain_originally(self)
            return


def _may_write_on(transport: asyncio.WriteTransport) -> bool:
    return not transport.is_closing() and transport.get_write_buffer_size() <= transport.get_write_buffer_limits()[1]
