"""The real Gateway in a real mitmproxy, in a thread of its own, between a client and a backend of the test's making."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import trustme
from mitmproxy import http
from mitmproxy.options import Options
from mitmproxy.tools.dump import DumpMaster

from addons.gateway import Gateway
from addons.host.binding import bind, unbind
from addons.host.exchanges import is_attempt
from addons.program import Program
from proxy_core.config.settings import Failover, SavedRoute, Settings
from proxy_core.routing.keys import KeyRing
from proxy_core.routing.rests import Rests
from proxy_core.routing.upstreams import Backend
from proxy_core.turn.content import ProtocolName
from tests.addons.host.running import OnlyHttp2
from tests.failover.speaking import VERSIONS, address, request
from tests.failover.upstream import Asked, Deed, Upstream
from tests.serving.asking import settings

CLIENT_KEY = "parley-client-key"


@dataclass
class Watcher:
    """Keeps what mitmproxy says of each flow at its end: kind, status, error."""

    flows: list[http.HTTPFlow] = field(default_factory=list)
    is_watching: bool = True

    answering: Callable[[], None] = lambda: None
    """Called when a client gets its head."""
    ended: Callable[[http.HTTPFlow], None] = lambda flow: None
    """Called when an attempt is over."""

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        if not is_attempt(flow):
            self.answering()

    def response(self, flow: http.HTTPFlow) -> None:
        if self.is_watching:
            self.flows.append(flow)
        if is_attempt(flow):
            self.ended(flow)

    def error(self, flow: http.HTTPFlow) -> None:
        self.response(flow)

    @property
    def client(self) -> list[http.HTTPFlow]:
        return [flow for flow in self.flows if not is_attempt(flow)]

    @property
    def attempts(self) -> list[http.HTTPFlow]:
        return [flow for flow in self.flows if is_attempt(flow)]


class World:
    """`plain` is the port of the proxy for HTTP/1.1 clients, `secure` that for HTTP/2 over TLS; at `silent` somebody
    listens but never says a word."""

    def __init__(self, folder: Path) -> None:
        self._database = f"sqlite:///{folder}/usage.db"
        self.deed: Callable[[Asked], Deed] = lambda asked: Deed()
        self.program = Program()
        self.watcher = Watcher()
        self.upstream = Upstream(lambda asked: self.deed(asked))
        self.upstream_tls = Upstream(lambda asked: self.deed(asked), _server_side())
        self.plain = self.secure = self.silent = 0
        self.server: Any = None
        self._ready = threading.Event()
        self._over = asyncio.Event()
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()
        assert self._ready.wait(30)

    def run[T](self, work: Coroutine[Any, Any, T], patience: float = 30) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(patience)

    def end(self) -> None:
        self.loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)

    def _live(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self._main())
        self.loop.close()

    async def _main(self) -> None:
        silent = await asyncio.start_server(_say_nothing, "127.0.0.1", 0)
        self.silent = silent.sockets[0].getsockname()[1]
        async with silent, self.upstream.running(), self.upstream_tls.running():
            self.set(settings(database_url=self._database))
            bind(self.program.table)
            modes = [f"reverse:{scheme}://parley.invalid@127.0.0.1:0" for scheme in ("http", "https")]
            options = Options(mode=modes)
            master = DumpMaster(options, with_termlog=False, with_dumper=False)
            options.update(connection_strategy="lazy", ssl_insecure=True, keep_host_header=True)
            master.addons.add(Gateway(self.program), self.watcher)
            self.program.ready.set()
            running = asyncio.create_task(master.run())
            server: Any = master.addons.get("proxyserver")
            self.server = server
            while len([one for one in server.servers if one.is_running]) < len(modes):  # noqa: ASYNC110  (it has no event)
                await asyncio.sleep(0)
            ports = {one.mode.full_spec.split(":")[1]: one.listen_addrs[0][1] for one in server.servers}
            self.plain, self.secure = ports["http"], ports["https"]
            self._ready.set()
            await self._over.wait()
            master.shutdown()
            await running
            unbind()

    def set(self, given: Settings, rests: Rests | None = None) -> None:
        """A program that has just begun, with these settings."""
        self.program.rests = rests or Rests(time.monotonic)
        self.program.keys = KeyRing(self.program.rests)
        self.program.load(given)
        self.watcher.flows.clear()
        self.watcher.ended = lambda flow: None
        for upstream in (self.upstream, self.upstream_tls):
            upstream.asked.clear()
            upstream.cancelled.clear()
            self.loop.call_soon_threadsafe(upstream.go.clear)
        self.watcher.answering = self.go

    def stage(
        self,
        backends: Sequence[Backend],
        deed: Callable[[Asked], Deed],
        route: tuple[str, ...] | None = None,
        policy: Any = "m",
        failover: Failover | None = None,
        timeout: float = 20,
        rests: Rests | None = None,
        **fields: Any,
    ) -> None:
        """Model `r` goes to `route`, or to model m of each backend."""
        elements = route or tuple(f"{backend.name}:m" for backend in backends)
        routes = {"r": SavedRoute(policy, elements)}
        self.deed = deed
        patience = {"failover": failover or Failover(), "timeout": timeout}
        fields = {"interactive": False, "database_url": self._database, **patience, **fields}
        self.set(settings(*backends, routes=routes, **fields), rests)

    def go(self) -> None:
        """Lets the backends go on that wait."""
        self.upstream.go.set()
        self.upstream_tls.go.set()

    def set_base(self, name: str, base: str) -> None:
        """Another address for a backend, while requests go on."""
        given = self.program.settings
        backend = replace(given.backends[name], base_url=base)
        self.program.load(replace(given, backends={**given.backends, name: backend}))

    def handlers(self) -> list[Any]:
        """mitmproxy's, one for each client connection."""
        return list(self.server.connections.values())

    def backend(self, name: str, protocol: ProtocolName, *keys: str, tls: bool = False, base: str = "") -> Backend:
        upstream = self.upstream_tls if tls else self.upstream
        base = base or upstream.base(name)
        dialect = {"anthropic": "anthropic", "gemini": "gemini", "cohere": "cohere"}.get(protocol, "openai")
        version = VERSIONS.get(protocol, "v1")
        return Backend(name, protocol, f"{base}/{version}", keys or (f"sk-{name}-0123456789",), dialect)

    @contextlib.asynccontextmanager
    async def client(self, http2: bool = False) -> AsyncIterator[httpx.AsyncClient]:
        base = f"https://127.0.0.1:{self.secure}" if http2 else f"http://127.0.0.1:{self.plain}"
        verify = OnlyHttp2() if http2 else False
        headers = {"x-api-key": CLIENT_KEY}
        async with httpx.AsyncClient(
            base_url=base, headers=headers, http1=not http2, http2=http2, verify=verify, timeout=30, trust_env=False
        ) as client:
            yield client

    def ask(
        self, protocol: str, stream: bool, model: str = "r", http2: bool = False, text: str = "Hi"
    ) -> httpx.Response:
        async def asking() -> httpx.Response:
            async with self.client(http2) as client:
                return await post(client, protocol, stream, model, text)

        return self.run(asking())


async def post(
    client: httpx.AsyncClient, protocol: str, stream: bool, model: str = "r", text: str = "Hi"
) -> httpx.Response:
    return await client.post(address(protocol, model, stream), json=request(protocol, model, stream, text))


async def _say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while await reader.read(65535):
            pass
    writer.close()


def _server_side() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("localhost", "127.0.0.1").configure_cert(context)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context
