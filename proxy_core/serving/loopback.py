"""HTTP/1.1 on a loopback port, for backends that live in this very process: a few connections, all from ourselves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

import h11

_READ = 64 * 1024
_MAX_BODY = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Served:
    """`pieces` come each with the time when it is due, in seconds since the head; the head comes after `wait`. `whole`:
    in one piece, with its length said. `breaks`: the connection is cut where the answer would end."""

    status: int
    headers: list[tuple[str, str]]
    pieces: Iterable[tuple[float, bytes]]
    wait: float = 0.0
    whole: bool = False
    breaks: bool = False


type Answering = Callable[[str, str, Mapping[str, str], bytes | None], Served]
"""Method, target, headers, body. None is for a body that is too large."""


class LoopbackServer:
    """`ticks` counts seconds, by no clock in particular."""

    def __init__(
        self,
        answer: Answering,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._answer = answer
        self._sleep = sleep
        self._ticks = ticks
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> str:
        """Its URL, without a path."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    async def stop(self) -> None:
        """Ends what is being answered. Does nothing before the start and the second time."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await server.wait_closed()

    @property
    def open_connections(self) -> int:
        return len(self._connections)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await _Connection(reader, writer, self._answer, self._sleep, self._ticks).run()
        except (ConnectionError, h11.ProtocolError, asyncio.CancelledError):
            pass  # the client went away, does not speak HTTP, or we stop: then this task has nothing more to do
        finally:
            self._connections.discard(task)
            writer.close()


class _Connection:
    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answer: Answering,
        sleep: Callable[[float], Awaitable[None]],
        ticks: Callable[[], float],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._answering = answer
        self._sleep = sleep
        self._ticks = ticks
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_READ)

    async def run(self) -> None:
        """One request after the other, until either side wants no more."""
        while isinstance(request := await self._next(), h11.Request):
            served = await self._answer(request)
            if not await self._send_while_connected(request, served) or served.breaks:
                return
            if h11.MUST_CLOSE in (self._http.our_state, self._http.their_state):
                return
            self._http.start_next_cycle()

    async def _next(self) -> h11.Event | None:
        """None when there is nothing to read before this exchange is over."""
        while (event := self._http.next_event()) is h11.NEED_DATA:
            if self._http.they_are_waiting_for_100_continue:
                await self._write(h11.InformationalResponse(status_code=100, headers=[]))
            self._http.receive_data(await self._reader.read(_READ))
        return event if isinstance(event, h11.Event) else None

    async def _answer(self, request: h11.Request) -> Served:
        headers = {name.decode("ascii"): value.decode("latin-1") for name, value in request.headers}
        body = await self._body()
        return self._answering(request.method.decode("ascii"), request.target.decode("ascii"), headers, body)

    async def _body(self) -> bytes | None:
        """All of it; None when it is too large, which is read all the same so that the client hears the answer."""
        pieces: list[bytes] = []
        size = 0
        while isinstance(event := await self._next(), h11.Data):
            size += len(event.data)
            if size <= _MAX_BODY:
                pieces.append(bytes(event.data))
        return b"".join(pieces) if size <= _MAX_BODY else None

    async def _send_while_connected(self, request: h11.Request, served: Served) -> bool:
        """False when the client hung up first; nothing more is made for it then."""
        sending = asyncio.ensure_future(self._send(request, served))
        watching = asyncio.ensure_future(self._hung_up())
        try:
            await asyncio.wait((sending, watching), return_when=asyncio.FIRST_COMPLETED)
            if not sending.done():
                return False
            await sending
            return True
        finally:
            sending.cancel()
            watching.cancel()
            await asyncio.gather(sending, watching, return_exceptions=True)

    async def _hung_up(self) -> None:
        """Returns at the client's end of file; what it sends meanwhile is kept for its turn."""
        while data := await self._reader.read(_READ):
            self._http.receive_data(data)

    async def _send(self, request: h11.Request, served: Served) -> None:
        headers, pieces = list(served.headers), served.pieces
        if served.whole:
            pieces = list(pieces)
            headers.append(("content-length", str(sum(len(data) for _, data in pieces))))
        if served.wait:
            await self._sleep(served.wait)
        await self._write(h11.Response(status_code=served.status, headers=headers))
        begun = self._ticks()
        for due, data in () if request.method == b"HEAD" else pieces:
            await self._sleep(max(0.0, due - (self._ticks() - begun)))
            await self._write(h11.Data(data=data))
        if not served.breaks:
            await self._write(h11.EndOfMessage())

    async def _write(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data:
            self._writer.write(data)
            await self._writer.drain()
