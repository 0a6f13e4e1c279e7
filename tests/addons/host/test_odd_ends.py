"""Flows that end in other ways than with an answer: killed, stopped, too large, in bytes that nobody expects."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from mitmproxy import http
from mitmproxy.options import Options

from addons.host import lean
from addons.host.exchanges import is_attempt
from tests.addons.host.running import GOOD, ExchangeAddon, Script, ScriptedUpstream, ask, proxy, read_head, send

STREAM = b'{"stream":true}'


class Stopping(ExchangeAddon):
    """`stop` is called with each attempt before it is sent, the first time only."""

    def __init__(self, urls: list[str], stop: Callable[[http.HTTPFlow], None]) -> None:
        super().__init__(urls)
        self._stop: Callable[[http.HTTPFlow], None] | None = stop

    async def request(self, flow: http.HTTPFlow) -> None:
        await super().request(flow)
        if is_attempt(flow) and self._stop:
            stop, self._stop = self._stop, None
            stop(flow)


def _answer(flow: http.HTTPFlow) -> None:
    flow.response = http.Response.make(500, b"an addon failed")


async def conversation(addon: ExchangeAddon, configure: Callable[[Options], None] | None = None, body: bytes = STREAM):
    async with proxy(addon, addon.table, configure=configure) as port:
        return await asyncio.wait_for(ask(port, body), 10)


@pytest.mark.parametrize("stop", [http.HTTPFlow.kill, _answer])
def test_an_attempt_that_is_killed_or_answered_by_an_addon_is_not_sent(stop: Callable[[http.HTTPFlow], None]) -> None:
    upstream = ScriptedUpstream([Script()])

    async def scenario():
        async with upstream.running():
            addon = Stopping([upstream.url, upstream.url], stop)
            return await conversation(addon), addon

    (status, _, content), addon = asyncio.run(scenario())
    assert (status, content) == (200, b"".join(GOOD))
    assert upstream.requests == [STREAM]  # the second attempt's
    assert [attempt.outcome for attempt in addon.exchanges[0].history] == ["internal", "answered"]
    assert len(addon.table) == 0


def test_a_client_flow_that_is_killed_costs_no_more_and_leaves_nothing_behind() -> None:
    upstream = ScriptedUpstream([Script()])

    class Killing(ExchangeAddon):
        def responseheaders(self, flow: http.HTTPFlow) -> None:
            if not is_attempt(flow):
                flow.kill()

    async def scenario() -> tuple[ExchangeAddon, bytes]:
        async with upstream.running():
            addon = Killing([upstream.url])
            async with proxy(addon, addon.table) as port:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                await send(writer, STREAM)
                got = await reader.read()
                writer.close()
                return addon, got

    addon, got = asyncio.run(asyncio.wait_for(scenario(), 10))
    assert b"200 OK" not in got
    assert [kind for kind, *_ in addon.seen] == ["attempt", "client"]
    assert addon.exchanges[0].finished
    assert len(addon.table) == 0


def test_header_bytes_that_are_no_utf8_pass_through() -> None:
    """They must not break the stream off: the client would wait for ever."""
    upstream = ScriptedUpstream([Script(content_type="text/event-stream; note=caf\udce9")])

    async def scenario() -> bytes:
        async with upstream.running():
            addon = ExchangeAddon([upstream.url])
            async with proxy(addon, addon.table) as port:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                await send(writer, STREAM)
                head = await reader.readuntil(b"\r\n\r\n")
                writer.close()
                return head

    assert b"note=caf\xe9" in asyncio.run(asyncio.wait_for(scenario(), 10))


@pytest.mark.parametrize("size", [1, 100_000])
def test_mitmproxys_streaming_sends_nothing_past_the_addons(size: int) -> None:
    """`stream_large_bodies` would forward a request before any addon has seen its body."""

    def stream_all(options: Options) -> None:
        options.update(stream_large_bodies="1")

    body = b'{"stream":true, "pad":"%s"}' % (b"x" * size)
    upstream = ScriptedUpstream([Script()])

    async def scenario():
        async with upstream.running():
            addon = ExchangeAddon([upstream.url])
            return await conversation(addon, stream_all, body)

    status, _, content = asyncio.run(scenario())
    assert (status, content) == (200, b"".join(GOOD))
    assert upstream.requests == [body]


def test_a_body_that_was_not_kept_is_never_let_through() -> None:
    class LettingThrough(ExchangeAddon):
        async def request(self, flow: http.HTTPFlow) -> None:
            self.table.let_through(flow)

    async def scenario():
        addon = LettingThrough([])
        addon.table.max_body = 10
        return await conversation(addon, body=b"x" * 11), addon

    (status, _, content), addon = asyncio.run(scenario())
    assert (status, content) == (500, b"refused")
    assert len(addon.table) == 0


@pytest.mark.parametrize("body", [b"{}", STREAM])
def test_a_client_of_http_1_0_gets_no_chunks(body: bytes) -> None:
    whole = b'{"id":"c","object":"chat.completion","choices":[]}'
    script = Script() if body == STREAM else Script(200, (whole,), "application/json")
    upstream = ScriptedUpstream([script])

    async def scenario() -> tuple[bytes, bytes]:
        async with upstream.running():
            addon = ExchangeAddon([upstream.url])
            async with proxy(addon, addon.table) as port:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"POST /v1/chat/completions HTTP/1.0\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body))
                writer.write(body)
                head = await reader.readuntil(b"\r\n\r\n")
                content = await reader.read()  # the end of the connection is the end of the answer
                writer.close()
                return head, content

    head, content = asyncio.run(asyncio.wait_for(scenario(), 10))
    assert b"transfer-encoding" not in head
    assert content == b"".join(script.chunks)


def test_a_client_that_waits_for_leave_to_send_its_body_gets_it() -> None:
    upstream = ScriptedUpstream([Script()])

    async def scenario() -> list[int]:
        async with upstream.running():
            addon = ExchangeAddon([upstream.url])
            async with proxy(addon, addon.table) as port:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n")
                writer.write(b"content-length: %d\r\n\r\n" % len(STREAM))
                statuses = [(await read_head(reader))[0]]
                writer.write(STREAM)
                statuses.append((await read_head(reader))[0])
                writer.close()
                return statuses

    assert asyncio.run(asyncio.wait_for(scenario(), 10)) == [100, 200]


def test_trailers_end_a_body_like_any_other_on_both_wires() -> None:
    """mitmproxy's own reader fails on them, and both sides would wait for ever."""
    body = b"%x\r\n%s\r\n0\r\nx-checksum: 1\r\n\r\n" % (len(STREAM), STREAM)
    answer = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in GOOD) + b"0\r\nserver-timing: 1\r\n\r\n"
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(STREAM)
        writer.write(head + answer)
        await reader.read()
        writer.close()

    async def scenario() -> bytes:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        addon = ExchangeAddon([f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"])
        async with server, proxy(addon, addon.table) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n" + body)
            got = await reader.readuntil(b"\r\n0\r\n\r\n")
            writer.close()
            return got

    lean.install()
    try:
        got = asyncio.run(asyncio.wait_for(scenario(), 10))
    finally:
        lean.uninstall()
    assert b"[DONE]" in got
