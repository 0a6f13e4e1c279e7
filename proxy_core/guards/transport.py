"""httpx whose every connection is checked, redirects included, and goes to the address that was checked."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterable

import httpcore
import httpx
from anyio.abc import SocketStream
from httpcore._backends.anyio import AnyIOStream

from proxy_core.errors import ParleyError
from proxy_core.guards.addresses import Resolve, TargetPolicy, checked_addresses, place_of, resolve


class TargetRefused(ParleyError, httpx.RequestError):
    """For callers that know httpx's errors alone; no TransportError, since trying again does not help."""


class GuardedTransport(httpx.AsyncHTTPTransport):
    """httpx follows redirects above its transport, so each hop comes through here. No proxy of the environment is
    used: it would do the look-up itself, and may be this very proxy."""

    def __init__(
        self,
        policy: TargetPolicy,
        verify: ssl.SSLContext | bool = True,
        resolve: Resolve = resolve,
        network: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        context = verify if isinstance(verify, ssl.SSLContext) else httpx.create_ssl_context(verify, trust_env=False)
        super().__init__(verify=context, trust_env=False)
        pinned = _PinnedNetwork(policy, resolve, network or _Network())
        # Pinning below the pool keeps host name and certificate apart from the address; httpx has no argument for it.
        self._pool = httpcore.AsyncConnectionPool(ssl_context=context, network_backend=pinned, keepalive_expiry=5.0)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            place_of(str(request.url))
            return await super().handle_async_request(request)
        except ParleyError as error:
            refused = TargetRefused(error.fault)
            refused.request = request
            raise refused from error


class _Network(httpcore.AsyncNetworkBackend):
    """httpcore's own connects in a task group of anyio, which fails where tasks start eagerly, as mitmproxy's do."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        plain = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        plain.setblocking(False)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            async with asyncio.timeout(timeout):
                await asyncio.get_running_loop().sock_connect(plain, (host, port))
            return AnyIOStream(await SocketStream.from_socket(plain))
        except TimeoutError as error:
            plain.close()
            raise httpcore.ConnectTimeout(str(error)) from error
        except OSError as error:
            plain.close()
            raise httpcore.ConnectError(str(error)) from error

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _PinnedNetwork(httpcore.AsyncNetworkBackend):
    def __init__(self, policy: TargetPolicy, resolve: Resolve, network: httpcore.AsyncNetworkBackend) -> None:
        self._policy = policy
        self._resolve = resolve
        self._network = network

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            addresses = await checked_addresses(host, port, self._policy, self._resolve)
        except (OSError, TimeoutError) as error:
            raise httpcore.ConnectError(f"{host} cannot be resolved: {error}") from error
        failure: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in addresses:
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError(f"{host} has no address")

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise httpcore.UnsupportedProtocol("Unix sockets are not used.")

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)
