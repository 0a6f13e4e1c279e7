"""HTTP/1.1 on a loopback port, for the demo only: a few connections, all from this very process."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable

import h11

from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.serving.demo.answering import DemoAnswer, DemoApi, refusal

_READ = 64 * 1024
_MAX_BODY = 256 * 1024 * 1024


class DemoServer:
    """A chat completions backend. `key` is random and asked of every request."""

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.key = f"demo-{secrets.token_urlsafe(24)}"
        self._api = DemoApi(self.key, clock)
        self._sleep = sleep
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> str:
        """The base URL, which ends in /v1."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"http://{host}:{port}/v1"

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
            await _Connection(reader, writer, self._api, self._sleep).run()
        except (ConnectionError, h11.ProtocolError):
            pass  # the client went away, or does not speak HTTP
        finally:
            self._connections.discard(task)
            writer.close()


class _Connection:
    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        api: DemoApi,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._api = api
        self._sleep = sleep
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_READ)

    async def run(self) -> None:
        """One request after the other, until either side wants no more."""
        while isinstance(request := await self._next(), h11.Request):
            answer = await self._answer(request)
            if not await self._send_while_connected(request, answer):
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

    async def _answer(self, request: h11.Request) -> DemoAnswer:
        headers = {name.decode("ascii"): value.decode("latin-1") for name, value in request.headers}
        body = await self._body()
        try:
            self._api.check_key(headers.get("authorization", ""))
            if body is None:
                raise ParleyError(Fault(FaultKind.TOO_LARGE, f"The demo reads bodies of up to {_MAX_BODY} bytes."))
            return self._api.answer(request.method.decode("ascii"), request.target.decode("ascii"), body)
        except ParleyError as error:
            return refusal(error.fault)

    async def _body(self) -> bytes | None:
        """All of it; None when it is too large, which is read all the same so that the client hears the answer."""
        pieces: list[bytes] = []
        size = 0
        while isinstance(event := await self._next(), h11.Data):
            size += len(event.data)
            if size <= _MAX_BODY:
                pieces.append(bytes(event.data))
        return b"".join(pieces) if size <= _MAX_BODY else None

    async def _send_while_connected(self, request: h11.Request, answer: DemoAnswer) -> bool:
        """False when the client hung up first; nothing more is made for it then."""
        sending = asyncio.ensure_future(self._send(request, answer))
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

    async def _send(self, request: h11.Request, answer: DemoAnswer) -> None:
        pieces = answer.body
        headers = list(answer.headers)
        if not answer.stream:
            pieces = list(answer.body)
            headers.append(("content-length", str(sum(map(len, pieces)))))
            await self._sleep(answer.pause)
        await self._write(h11.Response(status_code=answer.status, headers=headers))
        for piece in () if request.method == b"HEAD" else pieces:
            await self._write(h11.Data(data=piece))
            if answer.stream:
                await self._sleep(answer.pause)
        await self._write(h11.EndOfMessage())

    async def _write(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data:
            self._writer.write(data)
            await self._writer.drain()
