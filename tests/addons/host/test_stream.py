"""The stream layer, through mitmproxy's real HTTP layers and sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest
import trustme

from tests.addons.host.running import (
    CHUNKS,
    GOOD,
    ExchangeAddon,
    Script,
    ScriptedUpstream,
    ask,
    ask_http2,
    proxy,
    read_chunk,
    read_head,
    send,
)

STREAM = b'{"stream":true}'
ERROR = (b'{"error":{"message":"slow down","type":"rate_limit_error"}}',)


def refused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def converse(upstreams: list[ScriptedUpstream], urls: list[str] | None = None, body: bytes = STREAM):
    async with contextlib.AsyncExitStack() as stack:
        for upstream in upstreams:
            await stack.enter_async_context(upstream.running())
        addon = ExchangeAddon(urls or [upstream.url for upstream in upstreams])
        port = await stack.enter_async_context(proxy(addon, addon.table))
        answer = await asyncio.wait_for(ask(port, body), 10)
        return answer, addon


@pytest.mark.parametrize("http2", [False, True])
def test_failing_attempts_are_replaced_in_place(http2: bool) -> None:
    """429, reset before anything, cut before content, error as the first event in a 200: the client sees one answer."""
    authority = trustme.CA()
    scripts = [
        Script(429, ERROR, "application/json"),
        Script(chunks=(), reset=True),
        Script(chunks=CHUNKS[:1], reset=True),
        Script(chunks=(CHUNKS[0], b'data: {"error":{"message":"overloaded","code":529}}\n\n')),
        Script(),
    ]
    upstream = ScriptedUpstream(scripts, http2, authority)

    async def scenario():
        async with upstream.running():
            addon = ExchangeAddon([upstream.url] * 5)
            async with proxy(addon, addon.table, "https" if http2 else "http") as port:
                return await asyncio.wait_for((ask_http2 if http2 else ask)(port, STREAM), 10), addon

    (status, headers, content), addon = asyncio.run(scenario())
    assert status == 200
    assert headers["content-type"] == "text/event-stream"
    assert content == b"".join(GOOD)
    assert upstream.requests == [STREAM] * 5
    assert [kind for kind, *_ in addon.seen].count("attempt") == 5
    assert [kind for kind, *_ in addon.seen].count("client") == 1
    assert len(addon.table) == 0


def test_a_refused_connection_is_replaced_in_place() -> None:
    upstream = ScriptedUpstream([Script()])

    async def scenario():
        async with upstream.running():
            addon = ExchangeAddon([f"http://127.0.0.1:{refused_port()}/v1/chat/completions", upstream.url])
            async with proxy(addon, addon.table) as port:
                return await asyncio.wait_for(ask(port, STREAM), 10)

    status, _, content = asyncio.run(scenario())
    assert status == 200
    assert content == b"".join(GOOD)


def test_when_all_attempts_fail_the_client_hears_a_real_status() -> None:
    (status, headers, content), _ = asyncio.run(
        converse([ScriptedUpstream([Script(chunks=(CHUNKS[0], b'data: {"error":{"message":"busy"}}\n\n'))])])
    )
    assert status >= 500
    assert headers["content-type"] == "application/json"
    assert b"busy" in content


def test_an_error_status_of_the_same_protocol_passes_untouched() -> None:
    (status, _, content), _ = asyncio.run(
        converse([ScriptedUpstream([Script(429, ERROR, "application/json")])], body=b"{}")
    )
    assert status == 429
    assert content == ERROR[0]


def test_a_cut_after_content_ends_with_an_error_and_no_done() -> None:
    (status, _, content), _ = asyncio.run(converse([ScriptedUpstream([Script(chunks=CHUNKS[:2], reset=True)])]))
    assert status == 200
    assert content.startswith(b"".join(CHUNKS[:2]))
    assert b'"error"' in content
    assert b"[DONE]" not in content


def test_a_clean_end_without_terminal_event_is_an_error() -> None:
    """T66."""
    (_, _, content), _ = asyncio.run(converse([ScriptedUpstream([Script(chunks=CHUNKS[:3])])]))
    assert b'"error"' in content
    assert b"[DONE]" not in content


def test_tokens_leave_as_they_arrive() -> None:
    async def scenario() -> list[bytes]:
        gate = asyncio.Semaphore(0)
        upstream = ScriptedUpstream([Script(gate=gate)])
        async with upstream.running():
            addon = ExchangeAddon([upstream.url])
            async with proxy(addon, addon.table) as port:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                await send(writer, STREAM)
                gate.release()
                await read_head(reader)
                got = [await read_chunk(reader)]
                gate.release()
                got.append(await read_chunk(reader))
                writer.close()
                return got

    got = asyncio.run(asyncio.wait_for(scenario(), 10))
    assert got == [b"".join(CHUNKS[:2]), CHUNKS[2]]


def test_nothing_is_sent_before_something_was_generated() -> None:
    async def scenario() -> bool:
        gate = asyncio.Semaphore(0)
        upstream = ScriptedUpstream([Script(gate=gate)])
        async with upstream.running():
            addon = ExchangeAddon([upstream.url])
            async with proxy(addon, addon.table) as port:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                await send(writer, STREAM)
                while not addon.exchanges or not addon.exchanges[0]._held:  # noqa: ASYNC110 - nothing is sent yet
                    await asyncio.sleep(0)
                silent = not addon.exchanges[0].committed and not reader._buffer  # type: ignore[attr-defined]
                gate.release()
                await read_head(reader)
                writer.close()
                return silent

    assert asyncio.run(asyncio.wait_for(scenario(), 10))


def test_the_client_hanging_up_cancels_the_upstream_at_once() -> None:
    async def scenario() -> ExchangeAddon:
        upstream = ScriptedUpstream([Script(gate=asyncio.Semaphore(1))])
        async with upstream.running():
            addon = ExchangeAddon([upstream.url])
            async with proxy(addon, addon.table) as port:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                await send(writer, STREAM)
                await read_head(reader)
                writer.close()
                await upstream.hung_up.wait()
                await addon.over.wait()
                return addon

    addon = asyncio.run(asyncio.wait_for(scenario(), 10))
    assert len(addon.table) == 0
    assert {kind for kind, *_ in addon.seen} == {"attempt", "client"}


def test_a_flow_that_nobody_decided_about_is_refused() -> None:
    async def scenario():
        addon = ExchangeAddon([], decide=False)
        async with proxy(addon, addon.table) as port:
            return await asyncio.wait_for(ask(port, b"{}"), 10)

    status, _, content = asyncio.run(scenario())
    assert (status, content) == (500, b"refused")


def test_one_connection_serves_many_requests_in_a_row() -> None:
    async def scenario() -> list[int]:
        upstream = ScriptedUpstream([Script() for _ in range(5)])
        async with upstream.running():
            addon = ExchangeAddon([upstream.url])
            async with proxy(addon, addon.table) as port:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                statuses = []
                for _ in range(5):
                    await send(writer, STREAM)
                    status, _headers = await read_head(reader)
                    while await read_chunk(reader):
                        pass
                    statuses.append(status)
                writer.close()
                return statuses

    assert asyncio.run(asyncio.wait_for(scenario(), 10)) == [200] * 5
