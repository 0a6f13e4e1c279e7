"""The load: connections that send the same request again and again and note when the answer came."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass

from scripts.bench.wire import END, WORD

LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)


class BenchError(Exception):
    """A proxy did not answer as it should: its figures would mean nothing."""


@dataclass
class Answer:
    """Seconds from the request to the first byte of the body that holds a token, and to the end."""

    first: float
    total: float
    body: bytes

    @property
    def tokens(self) -> int:
        return self.body.count(WORD.encode())


class Connection(asyncio.Protocol):
    """One keep-alive connection; `ask` is called again only after its answer has come."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.answered: asyncio.Future[Answer] | None = None
        self.has_token = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self.answered and not self.answered.done():
            self.answered.set_exception(BenchError(f"connection lost: {exc or b''.join(self.received)[:300]}"))

    def ask(self, request: bytes) -> asyncio.Future[Answer]:
        self.received, self.first, self.left = [], 0.0, None
        self.has_token.clear()
        self.answered = asyncio.get_running_loop().create_future()
        self.asked = time.perf_counter()
        self.transport.write(request)
        return self.answered

    def data_received(self, data: bytes) -> None:
        self.received.append(data)
        if self.left is None:
            data = self._read_head()
        if not self.first and WORD.encode() in data:
            self.first = time.perf_counter() - self.asked
            self.has_token.set()
        if self.left is None:
            return
        self.left -= len(data)
        if self.left == 0 or (self.left < 0 and (data if len(data) > 4 else b"".join(self.received)).endswith(END)):
            self._finish()

    left: int | None = None

    def _read_head(self) -> bytes:
        """Returns the body's beginning; `left` becomes its length, or below zero where it is chunked."""
        head, separator, body = b"".join(self.received).partition(b"\r\n\r\n")
        if not separator:
            return b""
        if not head.startswith(b"HTTP/1.1 200"):
            raise BenchError(f"{head.decode(errors='replace')}\n{body[:500].decode(errors='replace')}")
        found = LENGTH.search(head)
        self.left = int(found[1]) if found else -1
        return body

    def _finish(self) -> None:
        assert self.answered
        if not self.answered.done():
            total = time.perf_counter() - self.asked
            self.answered.set_result(Answer(self.first, total, b"".join(self.received)))


async def connect(port: int) -> Connection:
    _, protocol = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
    return protocol


async def load(port: int, request: bytes, *, connections: int, times: int) -> list[Answer]:
    """`times` answers on each of the connections, all connections at once."""

    async def one() -> list[Answer]:
        connection = await connect(port)
        try:
            return [await connection.ask(request) for _ in range(times)]
        finally:
            connection.transport.close()

    return [answer for answers in await asyncio.gather(*(one() for _ in range(connections))) for answer in answers]
