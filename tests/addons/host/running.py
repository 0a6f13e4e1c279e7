"""A real mitmproxy in this process, with the stream layer bound, and scripted upstreams on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
import httpx
import trustme
from mitmproxy import http
from mitmproxy.options import Options
from mitmproxy.tools.dump import DumpMaster

from addons.host.binding import bind, unbind
from addons.host.exchanges import ExchangeTable, is_attempt
from proxy_core.exchange.attempt import Attempt, OutgoingRequest
from proxy_core.exchange.exchange import Exchange
from proxy_core.exchange.inbound import Admitted, HeaderMap, Inbound
from proxy_core.pipeline.lanes import Lane, LaneChoice
from proxy_core.protocols import CODECS
from proxy_core.protocols.contract import Call
from proxy_core.routing.upstreams import Backend, Upstream

CHUNKS = tuple(
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{%s},'
    b'"finish_reason":%s}]}\n\n' % (delta, finish)
    for delta, finish in (
        (b'"role":"assistant","content":""', b"null"),
        (b'"content":"Hel"', b"null"),
        (b'"content":"lo"', b"null"),
        (b"", b'"stop"'),
    )
)
DONE = b"data: [DONE]\n\n"
GOOD = (*CHUNKS, DONE)


@dataclass
class Script:
    """What an upstream does with its next request. `gate` is awaited before each chunk but the first."""

    status: int = 200
    chunks: tuple[bytes, ...] = GOOD
    content_type: str = "text/event-stream"
    reset: bool = False
    """Hang up instead of ending the message."""
    gate: asyncio.Semaphore | None = None


@dataclass
class ScriptedUpstream:
    """Plain HTTP/1.1, or HTTP/2 over TLS; a request takes the next script."""

    scripts: list[Script]
    http2: bool = False
    authority: trustme.CA | None = None
    requests: list[bytes] = field(default_factory=list)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    @property
    def url(self) -> str:
        return f"{'https' if self.http2 else 'http'}://localhost:{self.port}/v1/chat/completions"

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[ScriptedUpstream]:
        context = None
        if self.http2:
            assert self.authority is not None
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self.authority.issue_cert("localhost").configure_cert(context)
            context.set_alpn_protocols(["h2"])
        serve = self._serve_http2 if self.http2 else self._serve_http1
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _serve_http1(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = next(
                    int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if b"content-length" in line
                )
                self.requests.append(await reader.readexactly(size))
                if not await self._answer_http1(self.scripts.pop(0), reader, writer):
                    break
        self.hung_up.set()
        writer.close()

    async def _answer_http1(self, script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        if script.reset and not script.chunks:
            writer.transport.abort()
            return False
        head = (
            f"HTTP/1.1 {script.status} X\r\ncontent-type: {script.content_type}\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        writer.write(head.encode("utf-8", "surrogateescape"))
        gone = asyncio.create_task(reader.read(1)) if script.gate else None
        for number, chunk in enumerate(script.chunks):
            if number and script.gate and gone:
                ready = asyncio.create_task(script.gate.acquire())
                await asyncio.wait([gone, ready], return_when=asyncio.FIRST_COMPLETED)
                if gone.done():
                    return False
            writer.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            await writer.drain()
        if gone:
            gone.cancel()
        if script.reset:
            writer.transport.abort()
            return False
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    async def _serve_http2(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        bodies: defaultdict[int, bytes] = defaultdict(bytes)
        with contextlib.suppress(asyncio.CancelledError):
            while data := await reader.read(65535):
                for event in connection.receive_data(data):
                    if isinstance(event, h2.events.DataReceived):
                        bodies[event.stream_id] += event.data
                    elif isinstance(event, h2.events.StreamEnded):
                        self.requests.append(bodies.pop(event.stream_id))
                        self._answer_http2(connection, event.stream_id, self.scripts.pop(0))
                    elif isinstance(event, h2.events.StreamReset):
                        self.hung_up.set()
                writer.write(connection.data_to_send())
        writer.close()

    def _answer_http2(self, connection: h2.connection.H2Connection, stream: int, script: Script) -> None:
        if script.reset and not script.chunks:
            connection.reset_stream(stream, 2)
            return
        connection.send_headers(stream, [(":status", str(script.status)), ("content-type", script.content_type)])
        for chunk in script.chunks:
            connection.send_data(stream, chunk)
        if script.reset:
            connection.reset_stream(stream, 2)
        else:
            connection.end_stream(stream)


@dataclass
class ExchangeAddon:
    """Gives every client flow an exchange whose attempts go to `urls`, in order; keeps what it saw."""

    urls: list[str]
    table: ExchangeTable = field(
        default_factory=lambda: ExchangeTable(lambda flow: http.Response.make(500, b"refused"))
    )
    decide: bool = True
    seen: list[tuple[str, str, int | None, str | None]] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def request(self, flow: http.HTTPFlow) -> None:
        if is_attempt(flow) or not self.decide:
            return
        body = flow.request.content or b""
        inbound = Inbound("base_url", "POST", flow.request.path, HeaderMap(()), body)
        admitted = Admitted(inbound, Call("openai_chat", "chat"), body, {}, "m", b'"stream":true' in body)
        exchange = Exchange(admitted, CODECS["openai_chat"], self._attempts(body), _raise)
        self.exchanges.append(exchange)
        self.table.add(flow, exchange)

    def _attempts(self, body: bytes) -> Iterator[Attempt]:
        for number, url in enumerate(self.urls, 1):
            yield Attempt(
                number=number,
                upstream=Upstream(Backend(f"b{number}", "openai_chat", "", ("k",)), "m"),
                codec=CODECS["openai_chat"],
                choice=LaneChoice(Lane.VERBATIM, "test"),
                request=OutgoingRequest("POST", url, [("content-type", "application/json")], body),
            )

    def response(self, flow: http.HTTPFlow) -> None:
        self._saw(flow)

    def error(self, flow: http.HTTPFlow) -> None:
        self._saw(flow)

    def _saw(self, flow: http.HTTPFlow) -> None:
        status = flow.response.status_code if flow.response else None
        error = flow.error.msg if flow.error else None
        self.seen.append(("attempt" if is_attempt(flow) else "client", flow.request.path, status, error))
        if not is_attempt(flow):
            self.table.forget(flow)
            self.over.set()


def _raise(error: Exception) -> None:
    raise error


@contextlib.asynccontextmanager
async def proxy(
    addon: object, table: ExchangeTable, scheme: str = "http", configure: Callable[[Options], None] | None = None
) -> AsyncIterator[int]:
    """The port of a running proxy in reverse mode with `addon` in it; clients of an https one may speak HTTP/2."""
    bind(table)
    options = Options(mode=[f"reverse:{scheme}://parley.invalid@127.0.0.1:0"])
    master = DumpMaster(options, with_termlog=False, with_dumper=False)
    options.update(connection_strategy="lazy", ssl_insecure=True)
    if configure:
        configure(options)
    master.addons.add(addon)
    running = asyncio.create_task(master.run())
    server = master.addons.get("proxyserver")
    while not server.listen_addrs():  # noqa: ASYNC110 - mitmproxy has no event for it
        await asyncio.sleep(0)
    try:
        yield server.listen_addrs()[0][1]
    finally:
        master.shutdown()
        await running
        unbind()


async def ask(port: int, body: bytes) -> tuple[int, dict[str, str], bytes]:
    """One request over a connection of its own: status, headers, decoded body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await send(writer, body)
    status, headers = await read_head(reader)
    content = b""
    if headers.get("transfer-encoding") == "chunked":
        while chunk := await read_chunk(reader):
            content += chunk
    else:
        content = await reader.readexactly(int(headers["content-length"]))
    writer.close()
    return status, headers, content


class OnlyHttp2(ssl.SSLContext):
    """httpx offers HTTP/1.1 first, whatever it is told, and mitmproxy takes what is offered first."""

    def __new__(cls):
        return super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)

    def __init__(self) -> None:
        self.check_hostname = False
        self.verify_mode = ssl.CERT_NONE
        super().set_alpn_protocols(["h2"])

    def set_alpn_protocols(self, alpn_protocols) -> None:
        pass


async def ask_http2(port: int, body: bytes) -> tuple[int, dict[str, str], bytes]:
    async with httpx.AsyncClient(http1=False, http2=True, verify=OnlyHttp2()) as client:
        answer = await client.post(f"https://127.0.0.1:{port}/v1/chat/completions", content=body)
        assert answer.http_version == "HTTP/2"
        return answer.status_code, dict(answer.headers), answer.content


async def send(writer: asyncio.StreamWriter, body: bytes) -> None:
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()


async def read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
    return int(lines[0].split()[1]), headers


async def read_chunk(reader: asyncio.StreamReader) -> bytes:
    size = int(await reader.readuntil(b"\r\n"), 16)
    return (await reader.readexactly(size + 2))[:-2]
