"""The load: connections that send the same request again and again and note when the answer came."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from scripts.bench.replies import END
from scripts.bench.scenario import WORD

_LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)
_WORD = WORD.encode()


class BenchError(Exception):
    """A proxy did not answer as it should: its figures would mean nothing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Seconds from the request to the first byte of the body that holds a token."""

    first: float
    tokens: int


class Connection(asyncio.Protocol):
    """One keep-alive connection; `ask` is called again only after its answer has come."""

    def __init__(self) -> None:
        self.has_token = asyncio.Event()
        self._received: list[bytes] = []
        self._left: int | None = None
        self._answered: asyncio.Future[Answer] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answered and not self._answered.done():
            self._answered.set_exception(BenchError(f"connection lost: {exc or b''.join(self._received)[:300]}"))
            self.has_token.set()

    def ask(self, request: bytes) -> asyncio.Future[Answer]:
        self._received, self._left, self._first = [], None, 0.0
        self.has_token.clear()
        self._answered = asyncio.get_running_loop().create_future()
        self._asked = time.perf_counter()
        self.transport.write(request)
        return self._answered

    def data_received(self, data: bytes) -> None:
        self._received.append(data)
        if self._left is None:
            data = self._read_head()
        if not self._first and _WORD in data:
            self._first = time.perf_counter() - self._asked
            self.has_token.set()
        if self._left is None:
            return
        if self._left < 0:
            over = (data if len(data) > len(END) else b"".join(self._received)).endswith(END)
        else:
            self._left -= len(data)
            over = self._left == 0
        if over:
            self._finish()

    def _read_head(self) -> bytes:
        """Returns the body's beginning; `_left` becomes its length, or below zero where it is chunked."""
        head, separator, body = b"".join(self._received).partition(b"\r\n\r\n")
        if not separator:
            return b""
        if not head.startswith(b"HTTP/1.1 200"):
            raise BenchError(f"{head.decode(errors='replace')}\n{body[:500].decode(errors='replace')}")
        found = _LENGTH.search(head)
        self._left = int(found[1]) if found else -1
        return body

    def _finish(self) -> None:
        assert self._answered
        if not self._answered.done():
            self._answered.set_result(Answer(self._first, b"".join(self._received).count(_WORD)))


@asynccontextmanager
async def connected(port: int, count: int) -> AsyncIterator[list[Connection]]:
    loop = asyncio.get_running_loop()
    opened = [await loop.create_connection(Connection, "127.0.0.1", port) for _ in range(count)]
    try:
        yield [connection for _, connection in opened]
    finally:
        for transport, _ in opened:
            transport.abort()


async def load(port: int, request: bytes, *, connections: int, times: int) -> list[Answer]:
    """`times` answers on each of the connections, all connections at once."""

    async def one(connection: Connection) -> list[Answer]:
        return [await connection.ask(request) for _ in range(times)]

    async with connected(port, connections) as opened:
        return [answer for answers in await asyncio.gather(*map(one, opened)) for answer in answers]
