"""A backend on loopback that does what it is told, well or badly: HTTP/1.1, or HTTP/2 over TLS where that is agreed on.

The first part of a request's path names the backend: all backends of a test live behind one address.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import h2.config
import h2.connection
import h2.events
import h2.exceptions
from hyperframe.frame import DataFrame

_TLS = b"\x16"
"""The first byte of a handshake."""

type Then = Literal["end", "cut", "hold", "wait", "reset", "silence"]


@dataclass(frozen=True)
class Asked:
    """One request."""

    backend: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def streams(self) -> bool:
        return ":streamGenerateContent" in self.path or bool(self.body.get("stream"))

    @property
    def named(self) -> dict[str, Any]:
        """The body with the model in it, also where the path names it."""
        return {"model": self.path.rpartition("/")[2].partition(":")[0], **self.body}

    @property
    def key(self) -> str:
        bearer = self.headers.get("authorization", "").removeprefix("Bearer ")
        return bearer or self.headers.get("x-api-key", "") or self.headers.get("x-goog-api-key", "")


@dataclass(frozen=True)
class Deed:
    """`then`: end the message properly; cut the connection behind the chunks; hold it open; wait until `Upstream.go`,
    and then say the rest. Without any answer: reset the connection, or keep silent.

    `late` are chunks that are still sent on a stream although the caller has cancelled it (HTTP/2); so is the rest.
    What waits goes on with `go`, where it has one of its own.
    """

    chunks: Sequence[bytes] = ()
    status: int = 200
    content_type: str = "application/json"
    headers: Sequence[tuple[str, str]] = ()
    then: Then = "end"
    rest: Sequence[bytes] = ()
    late: Sequence[bytes] = ()
    go: asyncio.Event | None = None


@dataclass
class Upstream:
    answer: Callable[[Asked], Deed]
    tls: ssl.SSLContext | None = None
    asked: list[Asked] = field(default_factory=list)
    port: int = 0
    go: asyncio.Event = field(default_factory=asyncio.Event)
    open: int = 0
    """Connections."""
    cancelled: list[str] = field(default_factory=list)
    """Backends whose caller did not wait for the end of an answer."""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Upstream]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls, backlog=1000)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    def base(self, backend: str) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/{backend}"

    def deed_for(self, path: str, headers: dict[str, str], body: bytes) -> Deed:
        asked = Asked(path.split("/")[1], path, headers, json.loads(body))
        self.asked.append(asked)
        return self.answer(asked)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        agreed = writer.get_extra_info("ssl_object")
        serve = _Http2(self, reader, writer).serve if agreed and agreed.selected_alpn_protocol() == "h2" else None
        try:
            await (serve() if serve else self._serve_http1(reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ssl.SSLError):
            pass  # the caller went away, or spoke TLS to a server that does not
        finally:
            self.open -= 1
            writer.close()

    async def _serve_http1(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            start = await reader.readexactly(1)
            if start == _TLS:
                writer.write(b"HTTP/1.1 400 What\r\n\r\n")
                return
            first, *lines = (start + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
            if "content-length" not in headers:
                return
            body = await reader.readexactly(int(headers["content-length"]))
            deed = self.deed_for(first.split()[1], headers, body)
            if not await self._do_http1(self.asked[-1].backend, deed, reader, writer):
                return

    async def _do_http1(
        self, backend: str, deed: Deed, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Whether the connection goes on."""
        if deed.then == "reset":
            writer.transport.abort()
            return False
        if deed.then != "silence":
            writer.write(_head(deed) + _chunked(deed.chunks))
            await writer.drain()
        match deed.then:
            case "end":
                writer.write(b"0\r\n\r\n")
                return True
            case "cut":
                return False
            case "wait" if await _goes_on(reader, deed.go or self.go):
                writer.write(_chunked(deed.rest) + b"0\r\n\r\n")
                return True
            case "wait":
                self.cancelled.append(backend)
                return False
            case _:
                await reader.read(1)
                self.cancelled.append(backend)
                return False


async def _goes_on(reader: asyncio.StreamReader, go: asyncio.Event) -> bool:
    """False when the caller hangs up before."""
    gone, going = asyncio.create_task(reader.read(1)), asyncio.create_task(go.wait())
    await asyncio.wait([gone, going], return_when=asyncio.FIRST_COMPLETED)
    gone.cancel()
    going.cancel()
    await asyncio.wait([gone, going])
    return go.is_set()


def _chunked(chunks: Sequence[bytes]) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)


def _head(deed: Deed) -> bytes:
    lines = [f"HTTP/1.1 {deed.status} So", f"content-type: {deed.content_type}", "transfer-encoding: chunked"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in deed.headers), "", ""]).encode()


class _Http2:
    def __init__(self, upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._upstream = upstream
        self._reader = reader
        self._writer = writer
        self._wire = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self._heads: dict[int, dict[str, str]] = {}
        self._waiting: set[asyncio.Task[None]] = set()
        self._backends: dict[int, str] = {}
        self._reset: set[int] = set()
        self._bodies: defaultdict[int, bytes] = defaultdict(bytes)

    async def serve(self) -> None:
        self._wire.initiate_connection()
        self._writer.write(self._wire.data_to_send())
        while data := await self._reader.read(65535):
            for event in self._wire.receive_data(data):
                self._see(event)
            self._writer.write(self._wire.data_to_send())
            if self._writer.is_closing():
                return

    def _see(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RequestReceived():
                pairs = [(_text(name), _text(value)) for name, value in event.headers]
                self._heads[event.stream_id] = dict(pairs)
            case h2.events.DataReceived():
                self._bodies[event.stream_id] += event.data
                self._wire.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.StreamEnded():
                headers = self._heads.pop(event.stream_id)
                body = self._bodies.pop(event.stream_id)
                deed = self._upstream.deed_for(headers[":path"], headers, body)
                self._backends[event.stream_id] = self._upstream.asked[-1].backend
                with contextlib.suppress(h2.exceptions.StreamClosedError):  # cancelled in the same read
                    self._do(event.stream_id, deed)
            case h2.events.StreamReset():
                self._reset.add(event.stream_id)
                self._upstream.cancelled.append(self._backends[event.stream_id])

    def _do(self, stream: int, deed: Deed) -> None:
        if deed.then in ("reset", "silence"):
            if deed.then == "reset":
                self._wire.reset_stream(stream, 2)
            return
        self._wire.send_headers(
            stream, [(":status", str(deed.status)), ("content-type", deed.content_type), *deed.headers]
        )
        for chunk in deed.chunks:
            self._wire.send_data(stream, chunk)
        if deed.then == "end" and not deed.late:
            self._wire.end_stream(stream)
        if deed.then == "wait":
            self._waiting.add(asyncio.create_task(self._go_on(stream, deed)))
        if deed.then == "cut":
            self._wire.reset_stream(stream, 2)
        self._writer.write(self._wire.data_to_send())
        for chunk in deed.late:
            self._writer.write(DataFrame(stream, chunk).serialize())

    async def _go_on(self, stream: int, deed: Deed) -> None:
        await (deed.go or self._upstream.go).wait()
        if stream in self._reset:
            for chunk in deed.rest:
                self._writer.write(DataFrame(stream, chunk).serialize())
            return
        for chunk in deed.rest:
            self._wire.send_data(stream, chunk)
        self._wire.end_stream(stream)
        self._writer.write(self._wire.data_to_send())


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
