"""Where connections may go, and how long clients may take. What is refused and when is in proxy_core.guards."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator

from mitmproxy import connection, ctx, http
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.proxy.layers.http import HttpLayer
from mitmproxy.proxy.layers.http._http1 import Http1Server
from mitmproxy.proxy.mode_servers import ProxyConnectionHandler
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

from addons.answers import hide_credentials, response_of
from addons.host.exchanges import is_attempt
from addons.host.guard import fails_closed
from addons.program import Program
from addons.targets import target_policy
from proxy_core.config.settings import Limits
from proxy_core.config.values import is_loopback
from proxy_core.errors import ParleyError
from proxy_core.exchange.answers import Answer
from proxy_core.guards.addresses import check_addresses, checked_addresses
from proxy_core.guards.limits import (
    PROXY_AUTHENTICATE,
    ClientClock,
    Patience,
    overdue,
)
from proxy_core.routing.providers import PROVIDERS

logger = logging.getLogger("parley")

_TURNS_TO_CLOSE = 100
_LOOK_EVERY = 5.0
"""Seconds between two looks at the clients' clocks."""


class Guarding:
    def __init__(self, program: Program) -> None:
        self._program = program
        self._clocks: dict[str, ClientClock] = {}
        self._task: asyncio.Task[None] | None = None

    def running(self) -> None:
        self._task = asyncio.create_task(self._watch_clients())

    async def done(self) -> None:
        """Lets go of the clients: connections that are cut off by the end of the loop leave tracebacks behind."""
        if self._task:
            self._task.cancel()
        for handler in list(_handlers()):
            transport = handler.transports.get(handler.client)
            if transport and transport.handler:
                transport.handler.cancel("the proxy ends")
        for _ in range(_TURNS_TO_CLOSE):
            if not any(_handlers()):
                break
            await asyncio.sleep(0)

    async def server_connect(self, data: ServerConnectionHookData) -> None:
        """Refuses targets that nobody may reach. Names that the configuration does not know are resolved once, here."""
        address = data.server.address
        if address is None:
            return
        host, port = address[0], address[1]
        policy = target_policy(self._program.settings)
        try:
            if is_loopback(host):
                check_addresses(host, port, ["127.0.0.1"], policy)
            elif (host, port) not in policy.configured and host not in _PROVIDER_HOSTS:
                found = await checked_addresses(host, port, policy)
                data.server.address = (found[0], port, *address[2:])
        except ParleyError as error:
            data.server.error = error.fault.message
        except (OSError, UnicodeError) as error:
            # mitmproxy would look the name up once more, and go where that says.
            data.server.error = f"{host} cannot be resolved: {error}"

    @fails_closed(lambda flow: http.Response.make(500, b"Parley failed; its log says why."))
    def http_connect(self, flow: http.HTTPFlow) -> None:
        """Where others can reach the HTTP_PROXY listener, it asks for the client key."""
        try:
            self._program.doors.check_connect(flow.client_conn, flow.request.headers, self._program.settings)
        except ParleyError as error:
            name, value = PROXY_AUTHENTICATE
            flow.response = response_of(Answer(407, [(name, value)], error.fault.message.encode()))

    def client_connected(self, client: connection.Client) -> None:
        self._clocks[client.id] = ClientClock(time.monotonic())

    def client_disconnected(self, client: connection.Client) -> None:
        self._clocks.pop(client.id, None)
        self._program.doors.forget(client)

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        clock = self._clocks.get(flow.client_conn.id)
        if clock:
            clock.request_began = clock.last_byte = time.monotonic()

    def request(self, flow: http.HTTPFlow) -> None:
        self._said_something(flow)

    def response(self, flow: http.HTTPFlow) -> None:
        self._over(flow)

    def error(self, flow: http.HTTPFlow) -> None:
        self._over(flow)

    def _over(self, flow: http.HTTPFlow) -> None:
        """What was sent is kept from now on, shown and dumped: without credentials and keys of ours."""
        self._said_something(flow)
        if is_attempt(flow):
            return
        if self._program.table.lets_through(flow):
            hide_credentials(flow.request)
        if flow.request.raw_content:
            flow.request.raw_content = self._program.house.secrecy.blot(flow.request.raw_content)

    def _said_something(self, flow: http.HTTPFlow) -> None:
        clock = self._clocks.get(flow.client_conn.id)
        if clock:
            clock.request_began, clock.last_byte = None, time.monotonic()

    async def _watch_clients(self) -> None:
        while True:
            limits = self._program.settings.limits
            await asyncio.sleep(min(_LOOK_EVERY, limits.silence / 4, limits.request / 4, limits.reading / 4))
            await self.close_overdue(time.monotonic())

    async def close_overdue(self, now: float) -> None:
        patience = _patience(self._program.settings.limits)
        busy = self._program.table.busy_clients()
        for handler in list(_handlers()):
            clock = self._clocks.get(handler.client.id)
            if clock is None:
                continue
            _note_bytes(handler, clock, now)
            _note_blocking(handler, clock, now)
            if clock.blocked_since is None and handler.client.id in busy:
                continue
            late = overdue(clock, patience, now)
            if late:
                logger.info("A client was disconnected: it %s.", late)
                await handler.on_timeout()


_PROVIDER_HOSTS = frozenset(provider.host for provider in PROVIDERS)


def _handlers() -> Iterator[ProxyConnectionHandler]:
    proxyserver = ctx.master.addons.get("proxyserver")
    if isinstance(proxyserver, Proxyserver):
        yield from proxyserver.connections.values()


def _patience(limits: Limits) -> Patience:
    return Patience(limits.request, limits.silence, limits.idle, limits.reading)


def _note_bytes(handler: ProxyConnectionHandler, clock: ClientClock, now: float) -> None:
    """What no hook tells of: bytes of a body, of a tunnel, of a request's head that is not complete."""
    silent = max(0.0, time.time() - handler.timeout_watchdog.last_activity)
    clock.last_byte = max(clock.last_byte, now - silent)
    if clock.request_began is None and _is_in_head(handler):
        clock.request_began = now


def _is_in_head(handler: ProxyConnectionHandler) -> bool:
    for each in handler.layer.context.layers:
        if isinstance(each, HttpLayer):
            client = each.connections.get(handler.client)
            return isinstance(client, Http1Server) and client.state == client.read_headers and len(client.buf) > 0
    return False


def _note_blocking(handler: ProxyConnectionHandler, clock: ClientClock, now: float) -> None:
    """Whether the client takes nothing of what was sent to it."""
    transport = handler.transports.get(handler.client)
    writer = transport.writer if transport else None
    size = writer.transport.get_write_buffer_size() if isinstance(writer, asyncio.StreamWriter) else 0
    if not size:
        clock.blocked_since = None
    elif clock.blocked_since is None:
        clock.blocked_since = now
