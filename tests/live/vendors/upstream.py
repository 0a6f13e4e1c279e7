"""All vendors behind one address on loopback: http://127.0.0.1:PORT/NAME, NAME being the protocol."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import h11

from proxy_core.turn.content import ProtocolName
from tests.live.strict.anthropic import check_anthropic
from tests.live.strict.chat import check_chat
from tests.live.strict.cohere import check_cohere
from tests.live.strict.gemini import check_gemini
from tests.live.strict.responses import check_responses
from tests.live.strict.shapes import Refused
from tests.live.vendors import anthropic, chat, cohere, gemini, responses
from tests.live.vendors.gemini import as_understood
from tests.live.vendors.http2 import Http2, Streamed
from tests.live.vendors.said import Failed, Said

VENDORS: dict[str, Any] = {
    "openai_chat": chat,
    "openai_responses": responses,
    "anthropic": anthropic,
    "gemini": gemini,
}
BACKENDS: dict[str, Any] = {**VENDORS, "cohere": cohere}
"""With the one whose protocol no client speaks."""
_PATIENCE = 5
"""Seconds until what should have happened is given up on."""


@dataclass
class Received:
    """One request. `hung_up` is set when the caller went away before the answer was over."""

    vendor: ProtocolName
    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    hung_up: threading.Event = field(default_factory=threading.Event)

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body)

    @property
    def asked(self) -> dict[str, Any]:
        """The body with the model, which Gemini's has in its path."""
        if self.vendor != "gemini":
            return self.json
        return {**self.json, "model": self.target.rpartition("/")[2].partition(":")[0]}

    @property
    def streams(self) -> bool:
        return ":streamGenerateContent" in self.target or bool(self.json.get("stream"))


@dataclass(frozen=True)
class Raw:
    """An answer as bytes. `then`: "end" properly, "cut" the connection, or "hold" it until the caller hangs up."""

    chunks: Sequence[bytes]
    status: int = 200
    content_type: str = "application/json"
    headers: Sequence[tuple[str, str]] = ()
    then: str = "end"


type Answer = Said | Failed | Raw
type Reply = Callable[[Received], Answer]
"""An answer that depends on the request."""


class Upstream:
    """Answers with what was put up by `will_say`, in that order, and "pong" when nothing is left.

    `problems` are the reasons why requests were refused, `seals` the signatures that each vendor has issued.
    `others` are the requests that ask no model, `listings` the lists of models by path. Without `checks`
    any request is accepted.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.received: list[Received] = []
        self.others: list[Received] = []
        self.problems: list[str] = []
        self.listings: dict[str, bytes] = {}
        self.checks = True
        self.seals: dict[str, set[str]] = {name: set() for name in BACKENDS}
        self._answers: deque[Answer | Reply] = deque()
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._arrived = threading.Condition()
        self._connections: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait(_PATIENCE)

    def url(self, vendor: str, host: str = "127.0.0.1") -> str:
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}/{vendor}"

    def will_say(self, *answers: Answer | Reply) -> None:
        """Forgets everything before."""
        self._answers = deque(answers)
        self.received.clear()
        self.others.clear()
        self.problems.clear()
        self.checks = True

    def next_request(self, number: int = 0) -> Received:
        """The request with this number, waited for."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.received) > number, _PATIENCE), "nothing reached upstream"
        return self.received[number]

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=self._tls))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for connection in self._connections:
            connection.cancel()
        self._loop.run_until_complete(asyncio.gather(*self._connections, return_exceptions=True))
        self._loop.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections.add(task)
        try:
            await self._converse(reader, writer)
        except (ConnectionError, ssl.SSLError, h11.RemoteProtocolError):
            pass  # the caller went away
        finally:
            self._connections.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tls: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
        if tls and tls.selected_alpn_protocol() == "h2":
            await Http2(reader, writer, self._answer_http2).run()
            return
        wire = h11.Connection(h11.SERVER)
        while request := await _read_request(wire, reader):
            answer = self.answer(request)
            if not await _send(wire, reader, writer, answer, request):
                return
            wire.start_next_cycle()

    def _answer_http2(self, target: str, method: str, headers: dict[str, str], body: bytes) -> Streamed:
        request = _received_as(method, target, headers, body)
        answer = self.answer(request)
        head = [(":status", str(answer.status)), ("content-type", answer.content_type), *answer.headers]
        return Streamed(head, answer.chunks, answer.then, request.hung_up)

    def answer(self, request: Received) -> Raw:
        if request.method != "POST":
            self.others.append(request)
            return Raw([self.listings.get(request.target.split("?")[0], b'{"data": [], "models": []}')])
        answer = self._answers.popleft() if self._answers else Said("pong")
        if callable(answer):
            answer = answer(request)
        problem = _problem(request, frozenset(self.seals[request.vendor])) if self.checks else None
        if problem:
            self.problems.append(problem)
            answer = Failed(400, problem)
        with self._arrived:
            self.received.append(request)
            self._arrived.notify_all()
        if isinstance(answer, Said):
            self.seals[request.vendor].add(answer.seal)
        return _rendered(answer, request)


def _problem(request: Received, seals: frozenset[str]) -> str | None:
    checks: dict[str, Callable[[], None]] = {
        "openai_chat": lambda: check_chat(request.json),
        "openai_responses": lambda: check_responses(request.json, seals),
        "anthropic": lambda: check_anthropic(request.json, seals),
        "gemini": lambda: check_gemini(as_understood(request.json), request.asked["model"], seals),
        "cohere": lambda: check_cohere(request.json),
    }
    try:
        checks[request.vendor]()
    except Refused as refused:
        return f"{request.vendor}: {refused}"
    except ValueError as error:
        return f"{request.vendor}: the body is no JSON: {error}"
    return None


def _rendered(answer: Answer, request: Received) -> Raw:
    vendor = BACKENDS[request.vendor]
    match answer:
        case Raw():
            return answer
        case Failed(status=status):
            return Raw([_dumped(vendor.failed(answer))], status)
        case Said() if request.streams:
            return Raw(list(vendor.stream(answer, request.asked)), content_type="text/event-stream; charset=utf-8")
        case Said():
            return Raw([_dumped(vendor.whole(answer, request.asked))])


def _dumped(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


async def _read_request(wire: h11.Connection, reader: asyncio.StreamReader) -> Received | None:
    head: h11.Request | None = None
    body: list[bytes] = []
    while True:
        match wire.next_event():
            case h11.NEED_DATA:
                wire.receive_data(await reader.read(1 << 16))
            case h11.Request() as head:
                pass
            case h11.Data(data=data):
                body.append(bytes(data))
            case h11.EndOfMessage() if head:
                return _received(head, b"".join(body))
            case _:
                return None


def _received(head: h11.Request, body: bytes) -> Received:
    headers = {name.decode(): value.decode() for name, value in head.headers}
    return _received_as(head.method.decode(), head.target.decode(), headers, body)


def _received_as(method: str, target: str, headers: dict[str, str], body: bytes) -> Received:
    vendor: Any = target.split("/")[1]
    return Received(vendor, method, target, headers, body)


async def _send(
    wire: h11.Connection,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    answer: Raw,
    request: Received,
) -> bool:
    """Whether the connection goes on."""
    headers = [("content-type", answer.content_type), ("transfer-encoding", "chunked"), *answer.headers]
    try:
        await _write(writer, wire.send(h11.Response(status_code=answer.status, headers=headers, reason=b"Said")))
        for chunk in answer.chunks:
            await _write(writer, wire.send(h11.Data(data=chunk)))
        if answer.then == "end":
            await _write(writer, wire.send(h11.EndOfMessage()))
            return True
        if answer.then == "hold":
            await reader.read(1)
            request.hung_up.set()
    except ConnectionError:
        request.hung_up.set()
    return False


async def _write(writer: asyncio.StreamWriter, data: bytes | Iterable[bytes] | None) -> None:
    if data:
        writer.write(data if isinstance(data, bytes) else b"".join(data))
        await writer.drain()
