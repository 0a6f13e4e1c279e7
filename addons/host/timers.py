"""What mitmproxy has no bounds for: wake-up calls that can be called off, and connecting that ends in time.

Its own wake-up is a task that sleeps to the end, however long ago its reason has gone; and a connection that nobody
answers is waited for as long as the operating system likes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from mitmproxy.connection import Connection
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.mode_servers import ProxyConnectionHandler
from mitmproxy.proxy.server import ConnectionHandler
from mitmproxy.utils import asyncio_utils

open_originally = ConnectionHandler.open_connection
wakeup_originally = ConnectionHandler.wakeup


class Alarm(commands.RequestWakeup):
    """A wake-up call in `delay` seconds that costs a timer instead of a task, and can be called off."""

    _timer: asyncio.TimerHandle | None = None
    _off = False
    _rung = False

    def set(self, handler: ConnectionHandler) -> None:
        if not self._off:
            self._timer = asyncio.get_running_loop().call_later(self.delay, self._ring, handler)

    def call_off(self) -> bool:
        """False when it has rung already, and its event may still be on the way."""
        self._off = True
        if self._timer:
            self._timer.cancel()
            self._timer = None
        return not self._rung

    def _ring(self, handler: ConnectionHandler) -> None:
        self._timer, self._rung = None, True
        work = handler.server_event(events.Wakeup(self))
        task = asyncio_utils.create_task(work, name="wakeup", keep_ref=False, client=handler.client.peername)
        handler.wakeup_timer.add(task)
        task.add_done_callback(handler.wakeup_timer.discard)


async def wakeup(self: ConnectionHandler, request: commands.RequestWakeup) -> None:
    if not isinstance(request, Alarm):
        await wakeup_originally(self, request)
        return
    request.set(self)
    if task := asyncio.current_task():
        # An eager task is over before mitmproxy puts it among the timers.
        task.add_done_callback(self.wakeup_timer.discard)


class ConnectWatch:
    """Ends the opening of a connection, its TLS handshake included, that takes longer than `limit` seconds."""

    def __init__(self, connection: Connection, task: asyncio.Task[Any], limit: float) -> None:
        self._connection = connection
        self._task = task
        self._seconds = limit
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._look)

    def end(self) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        """The time in the queue for a connection to the same address does not count."""
        connection = self._connection
        if connection.timestamp_end or is_established(connection):
            return
        begun = connection.timestamp_start or time.time()
        left = self._seconds - (time.time() - begun)
        if left > 0:
            self._timer = asyncio.get_running_loop().call_later(left, self._look)
        else:
            self._task.cancel(f"not connected after {self._seconds:g} seconds")


def is_established(connection: Connection) -> bool:
    if connection.tls:
        return connection.timestamp_tls_setup is not None
    return connection.connected


type OpenConnection = Callable[[ConnectionHandler, commands.OpenConnection], Coroutine[Any, Any, None]]


def open_connection_within(limit: Callable[[], float]) -> OpenConnection:
    async def open_connection(self: ConnectionHandler, command: commands.OpenConnection) -> None:
        """Runs as long as the connection."""
        task = asyncio.current_task()
        assert task is not None
        watch = ConnectWatch(command.connection, task, limit())
        try:
            await open_originally(self, command)
        finally:
            watch.end()
            # mitmproxy keeps those that never came about until the client leaves; and where several are closed as it
            # leaves, their closing is cancelled and the sockets stay open.
            transport = self.transports.pop(command.connection, None)
            if transport and transport.writer:
                transport.writer.close()

    return open_connection


def install(connect_limit: Callable[[], float]) -> None:
    """`connect_limit`: seconds, asked for at each connection."""
    ProxyConnectionHandler.open_connection = open_connection_within(connect_limit)  # type: ignore[method-assign]
    ProxyConnectionHandler.wakeup = wakeup  # type: ignore[method-assign]
