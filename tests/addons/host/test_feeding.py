"""Answers that go on: sent as they grow, over when they say so or when the client has gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field

from mitmproxy import http

from addons.host.exchanges import ExchangeTable
from proxy_core.errors import ParleyError
from tests.addons.host.running import proxy, read_chunk, read_head, send


def _table() -> ExchangeTable:
    return ExchangeTable(lambda flow: http.Response.make(500, b"refused"), feed_every=0.01, max_feeds=2)


@dataclass
class FeedAddon:
    """Answers each request with the next of `feeds`; at its end a feed gives nothing new any more."""

    feeds: list[Iterable[bytes | None]]
    table: ExchangeTable = field(default_factory=_table)
    asked: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)
    errors: list[str | None] = field(default_factory=list)

    def request(self, flow: http.HTTPFlow) -> None:
        pieces = iter(self.feeds.pop(0))

        def feed() -> bytes | None:
            self.asked += 1
            return next(pieces, b"")

        try:
            self.table.add_feed(flow, feed)
            flow.response = http.Response.make(200, b"", {"content-type": "text/event-stream"})
        except ParleyError as error:
            flow.response = http.Response.make(error.fault.http_status, error.fault.message)

    def response(self, flow: http.HTTPFlow) -> None:
        self._over(flow)

    def error(self, flow: http.HTTPFlow) -> None:
        self._over(flow)

    def _over(self, flow: http.HTTPFlow) -> None:
        self.errors.append(flow.error.msg if flow.error else None)
        self.table.forget(flow)
        self.over.set()


def run[Result](addon: FeedAddon, scenario: Callable[[int], Awaitable[Result]]) -> Result:
    async def running() -> Result:
        async with proxy(addon, addon.table) as port:
            return await scenario(port)

    return asyncio.run(asyncio.wait_for(running(), 10))


async def _opened(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await send(writer, b"{}")
    return reader, writer


def test_pieces_are_sent_as_they_come_until_there_are_no_more() -> None:
    async def scenario(port: int) -> tuple[dict[str, str], list[bytes], int]:
        reader, writer = await _opened(port)
        status, headers = await read_head(reader)
        assert status == 200
        pieces = []
        while piece := await read_chunk(reader):
            pieces.append(piece)
        await send(writer, b"{}")  # the connection serves on
        again, _ = await read_head(reader)
        writer.close()
        return headers, pieces, again

    addon = FeedAddon([[b"one", b"", b"", b"two", None], [None]])
    headers, pieces, again = run(addon, scenario)
    assert pieces == [b"one", b"two"]
    assert headers["transfer-encoding"] == "chunked"
    assert "content-length" not in headers
    assert again == 200
    assert addon.errors == [None, None]


def test_a_client_that_leaves_is_fed_no_more() -> None:
    async def scenario(port: int) -> int:
        reader, writer = await _opened(port)
        await read_head(reader)
        await read_chunk(reader)
        writer.close()
        await addon.over.wait()
        asked = addon.asked
        another, _ = await _opened(port)
        await read_head(another)
        while await read_chunk(another):
            pass
        return addon.asked - asked

    clock = [b"1", b"2", b"3", b"4", b"5", None]
    addon = FeedAddon([[b"one"], clock])
    assert run(addon, scenario) == len(clock)
    assert addon.table._feeds == {}
    assert len(addon.errors) == 2


def test_feeds_are_bounded_in_number_and_make_room_when_over() -> None:
    async def scenario(port: int) -> list[int]:
        statuses, writers = [], []
        for _ in range(3):
            reader, writer = await _opened(port)
            writers.append(writer)
            statuses.append((await read_head(reader))[0])
        writers[0].close()
        while len(addon.table._feeds) > 1:
            await addon.over.wait()
            addon.over.clear()
        reader, last = await _opened(port)
        statuses.append((await read_head(reader))[0])
        for writer in (*writers, last):
            writer.close()
        return statuses

    addon = FeedAddon([[b"a"], [b"b"], [b"c"], [b"d"]])
    assert run(addon, scenario) == [200, 200, 503, 200]


def test_a_feed_that_fails_ends_its_answer_and_makes_room() -> None:
    def failing() -> Iterator[bytes]:
        yield b"one"
        raise KeyError("gone")

    async def scenario(port: int) -> list[bytes]:
        reader, writer = await _opened(port)
        await read_head(reader)
        pieces = [await read_chunk(reader), await read_chunk(reader)]
        writer.close()
        return pieces

    addon = FeedAddon([failing()])
    assert run(addon, scenario) == [b"one", b""]
    assert addon.table._feeds == {}
