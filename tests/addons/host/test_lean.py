"""mitmproxy made lean behaves as mitmproxy: most tests run with and without the replacements."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from mitmproxy import addonmanager, exceptions, hooks, http, optmanager
from mitmproxy.addonmanager import AddonManager
from mitmproxy.addons import next_layer, proxyserver
from mitmproxy.addons.intercept import Intercept
from mitmproxy.master import Master
from mitmproxy.proxy.layers.http._hooks import HttpRequestHook, HttpResponseHook
from mitmproxy.proxy.layers.http._http1 import Http1Connection
from mitmproxy.proxy.mode_servers import ProxyConnectionHandler
from mitmproxy.test import taddons, tflow

from addons.host import connections, dispatch, lean

pytestmark = pytest.mark.anyio
SSE = b"".join(b"data: %d\n\n" % number for number in range(40))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["mitmproxy", "lean"])
def host(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "lean":
        assert lean.install()
    yield request.param
    lean.uninstall()


@pytest.fixture
def lean_host() -> Iterator[None]:
    assert lean.install()
    yield
    lean.uninstall()


class Recorder:
    def __init__(self, name: str, heard: list[str]) -> None:
        self.name = name
        self.heard = heard

    def request(self, flow: http.HTTPFlow) -> Any:
        self.heard.append(self.name)


class Failing(Recorder):
    error_type: type[Exception] = ValueError

    def request(self, flow: http.HTTPFlow) -> None:
        super().request(flow)
        raise self.error_type("broken")


class Halting(Failing):
    error_type = exceptions.AddonHalt


class Waiting(Recorder):
    async def request(self, flow: http.HTTPFlow) -> None:
        await asyncio.sleep(0)
        self.heard.append(self.name)


class FailingLate(Recorder):
    async def request(self, flow: http.HTTPFlow) -> None:
        await asyncio.sleep(0)
        self.heard.append(self.name)
        raise ValueError("broken late")


class Family(Recorder):
    def __init__(self, name: str, heard: list[str], *addons: Any) -> None:
        super().__init__(name, heard)
        self.addons = list(addons)


class Updates:
    def __init__(self) -> None:
        self.flows: list[Any] = []

    def update(self, flows: Any) -> None:
        self.flows.extend(flows)


async def ask(manager: AddonManager) -> None:
    await manager.handle_lifecycle(HttpRequestHook(tflow.tflow()))


async def test_handlers_run_in_chain_order_sync_and_async(host: str) -> None:
    heard: list[str] = []
    family = Family("b", heard, Recorder("b1", heard), Waiting("b2", heard))
    with taddons.context(Waiting("a", heard), family, Recorder("c", heard)) as context:
        await ask(context.master.addons)
    assert heard == ["a", "b", "b1", "b2", "c"]


@pytest.mark.parametrize("failing", [Failing, FailingLate])
async def test_an_error_skips_the_rest_of_its_entry_only(
    host: str, failing: type[Recorder], caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[str] = []
    family = Family("b", heard, failing("b1", heard), Recorder("b2", heard))
    with taddons.context(family, Recorder("c", heard)) as context:
        await ask(context.master.addons)
    assert heard == ["b", "b1", "c"]
    assert [record.message for record in caplog.records if record.levelno == logging.ERROR] == [
        f"Addon error: {'broken late' if failing is FailingLate else 'broken'}"
    ]


async def test_a_halt_ends_the_event_but_not_its_update(host: str) -> None:
    heard: list[str] = []
    updates = Updates()
    with taddons.context(Halting("a", heard), Recorder("b", heard), updates) as context:
        await ask(context.master.addons)
    assert heard == ["a"]
    assert len(updates.flows) == 1


async def test_an_options_error_reaches_the_caller(host: str) -> None:
    addon = Failing("a", [])
    addon.error_type = exceptions.OptionsError
    with taddons.context(addon) as context, pytest.raises(exceptions.OptionsError):
        await ask(context.master.addons)


async def test_addons_that_come_and_go_are_noticed(host: str) -> None:
    heard: list[str] = []
    first, second = Recorder("first", heard), Recorder("second", heard)
    with taddons.context(first) as context:
        manager = context.master.addons
        await ask(manager)
        manager.add(second)
        await ask(manager)
        manager.remove(first)
        await ask(manager)
        manager.clear()
        await ask(manager)
    assert heard == ["first", "first", "second", "second"]


class Nursery:
    """Takes in an addon when an option changes, without telling the manager: the script loader reorders like this."""

    def __init__(self, child: Any) -> None:
        self.child = child
        self.addons: list[Any] = []

    def load(self, loader: addonmanager.Loader) -> None:
        loader.add_option("nursery", bool, False, "")

    def configure(self, updated: set[str]) -> None:
        if "nursery" in updated:
            self.addons = [self.child]


async def test_addons_that_come_with_an_option_are_noticed(host: str) -> None:
    heard: list[str] = []
    with taddons.context(Nursery(Recorder("child", heard))) as context:
        nursery = context.master.addons.get("nursery")
        nursery.addons = []
        await ask(context.master.addons)
        context.options.update(nursery=True)
        await ask(context.master.addons)
    assert heard == ["child"]


async def test_a_handler_replaced_on_the_addon_is_the_one_called(host: str) -> None:
    heard: list[str] = []
    addon = Recorder("a", heard)
    with taddons.context(addon) as context:
        await ask(context.master.addons)
        addon.request = lambda flow: heard.append("new")  # type: ignore[method-assign]
        await ask(context.master.addons)
    assert heard == ["a", "new"]


async def test_a_handler_that_cannot_be_called_is_reported(host: str, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[str] = []
    addon = Recorder("a", heard)
    addon.request = "not a method"  # type: ignore[assignment]
    with taddons.context(addon, Recorder("b", heard)) as context:
        await ask(context.master.addons)
    assert heard == ["b"]
    assert "not callable" in caplog.text


async def test_update_follows_every_flow_event_for_those_who_listen(host: str) -> None:
    updates = Updates()
    with taddons.context(updates) as context:
        await ask(context.master.addons)
        await context.master.addons.handle_lifecycle(HttpResponseHook(tflow.tflow(resp=True)))
    assert len(updates.flows) == 2


async def test_sync_triggers_still_refuse_async_handlers(host: str, caplog: pytest.LogCaptureFixture) -> None:
    with taddons.context(Waiting("a", [])) as context:
        context.master.addons.trigger(HttpRequestHook(tflow.tflow()))
        context.master.addons.trigger(HttpResponseHook(tflow.tflow()))
    assert "cannot be called from sync context" in caplog.text


def test_messages_are_still_checked(host: str) -> None:
    data = tflow.tflow(resp=True).request.data
    assert replace(data, timestamp_end=None).timestamp_end is None
    assert replace(data, timestamp_start=3).timestamp_start == 3
    with pytest.raises(TypeError, match="path"):
        replace(data, path="text")


def test_option_values_cannot_be_changed_through_what_was_read(host: str) -> None:
    options = optmanager.OptManager()
    options.add_option("names", list, [["a"]], "")
    options.add_option("flag", bool, True, "")
    options.names[0].append("b")
    assert (options.names, options.flag) == ([["a"]], True)


class Upstream:
    """Answers every request with one chunked stream of SSE frames, all in one write."""

    def __init__(self) -> None:
        self.requests = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            while (await reader.readline()).strip():
                pass
            self.requests += 1
            frames = SSE.split(b"\n\n")[:-1]
            chunks = b"".join(b"%x\r\n%s\n\n\r\n" % (len(frame) + 2, frame) for frame in frames)
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
        writer.close()


class Streaming:
    def __init__(self) -> None:
        self.chunks: list[bytes] = []

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        assert flow.response
        flow.response.stream = self.take

    def take(self, data: bytes) -> bytes:
        self.chunks.append(data)
        return data


@asynccontextmanager
async def proxy(*addons: Any) -> AsyncIterator[tuple[Master, int]]:
    """A running proxy in reverse mode before an `Upstream`, and its port."""
    upstream = await asyncio.start_server(Upstream().answer, "127.0.0.1", 0)
    server = proxyserver.Proxyserver()
    with taddons.context(server, next_layer.NextLayer(), *addons) as context:
        target = upstream.sockets[0].getsockname()[1]
        context.options.update(mode=[f"reverse:http://127.0.0.1:{target}@127.0.0.1:0"], connection_strategy="lazy")
        assert await server.setup_servers()
        server.running()
        yield context.master, server.listen_addrs()[0][1]
        context.options.update(server=False)
        await server.servers.update([])
        async with asyncio.timeout(5):
            while server.connections:  # noqa: ASYNC110 - they end as their clients close
                await asyncio.sleep(0)
    upstream.close()


async def get(port: int) -> bytes:
    """The body of one answer, its chunks joined."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    body = b""
    while size := int(await reader.readline(), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    writer.close()
    return body


async def test_a_stream_passes_whole_and_in_order(host: str) -> None:
    streaming = Streaming()
    async with proxy(streaming) as (_, port):
        assert await get(port) == SSE
    assert b"".join(streaming.chunks) == SSE


async def test_chunks_that_came_in_one_read_are_handed_on_as_one(lean_host: None) -> None:
    streaming = Streaming()
    async with proxy(streaming) as (_, port):
        await get(port)
    assert len([chunk for chunk in streaming.chunks if chunk]) < 5


async def test_an_async_handler_holds_up_its_own_flow_only(host: str) -> None:
    gate = asyncio.Event()
    entered = asyncio.Event()

    class Holding:
        held = False

        async def request(self, flow: http.HTTPFlow) -> None:
            if not Holding.held:
                Holding.held = True
                entered.set()
                await gate.wait()

    async with proxy(Holding()) as (_, port):
        first = asyncio.create_task(get(port))
        await entered.wait()
        assert await get(port) == SSE
        assert not first.done()
        gate.set()
        assert await first == SSE


async def test_an_intercepted_flow_waits_until_it_is_resumed(host: str) -> None:
    flows: asyncio.Queue[http.HTTPFlow] = asyncio.Queue()

    class Seen:
        def request(self, flow: http.HTTPFlow) -> None:
            flows.put_nowait(flow)

    async with proxy(Intercept(), Seen()) as (master, port):
        master.options.update(intercept="~q")
        answer = asyncio.create_task(get(port))
        flow = await flows.get()
        assert flow.intercepted
        assert await asyncio.wait([answer], timeout=0.05) == (set(), {answer})
        flow.resume()
        assert await answer == SSE


async def test_routine_lines_are_logged_on_request_only(lean_host: None, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    class Verbosity:
        def load(self, loader: addonmanager.Loader) -> None:
            loader.add_option("termlog_verbosity", str, "info", "")

    async with proxy(Verbosity(), Streaming()) as (master, port):
        await get(port)
        quiet = [record.message for record in caplog.records if record.message == "client connect"]
        master.options.update(termlog_verbosity="debug")
        await get(port)
        loud = [record.levelno for record in caplog.records if record.message == "client connect"]
    assert (quiet, loud) == ([], [logging.DEBUG])


async def test_an_unreachable_upstream_is_still_reported(host: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with proxy() as (master, port):
        master.options.update(server=True)
        closed = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        free = closed.sockets[0].getsockname()[1]
        closed.close()
        await closed.wait_closed()

        class Astray:
            def server_connect(self, data: Any) -> None:
                data.server.address = ("127.0.0.1", free)

        master.addons.add(Astray())
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 502 " in await reader.readline()
        writer.close()
    assert "error establishing server connection" in caplog.text


def test_installing_twice_and_taking_out_leaves_mitmproxy_as_it_was() -> None:
    before = [vars(patch.owner).get(patch.name) for patch in lean.PATCHES]
    assert lean.install()
    assert lean.install()
    assert ProxyConnectionHandler.server_event is connections.server_event
    lean.uninstall()
    assert [vars(patch.owner).get(patch.name) for patch in lean.PATCHES] == before


def test_another_mitmproxy_is_left_alone_with_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    unknown = tuple(replace(patch, shapes=frozenset()) for patch in lean.PATCHES)
    monkeypatch.setattr(lean, "PATCHES", unknown)
    original = Http1Connection.read_body
    assert not lean.install()
    assert Http1Connection.read_body is original
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    lean.uninstall()


def test_lifecycle_hooks_are_mitmproxys() -> None:
    lifecycle = {hooks.ConfigureHook, hooks.DoneHook, hooks.RunningHook, addonmanager.LoadHook}
    assert {hook.name for hook in lifecycle} == dispatch.LIFECYCLE
