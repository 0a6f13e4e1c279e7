"""The same answers over HTTP/2."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, DataReceived, Event, RequestReceived, StreamEnded, StreamReset


@dataclass(frozen=True)
class Streamed:
    """`then` as for a Raw answer; `hung_up` is set when the caller resets the stream."""

    head: Sequence[tuple[str, str]]
    chunks: Sequence[bytes]
    then: str
    hung_up: threading.Event


class Http2:
    """One connection. `answer` is called with target, method, headers and body; answers fit into the first window."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answer: Callable[[str, str, dict[str, str], bytes], Streamed],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._answer = answer
        self._wire = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._asked: dict[int, tuple[dict[str, str], list[bytes]]] = {}
        self._held: dict[int, threading.Event] = {}

    async def run(self) -> None:
        self._wire.initiate_connection()
        try:
            while True:
                self._writer.write(self._wire.data_to_send())
                await self._writer.drain()
                data = await self._reader.read(1 << 16)
                if not data:
                    return
                for event in self._wire.receive_data(data):
                    self._handle(event)
        finally:
            for hung_up in self._held.values():
                hung_up.set()

    def _handle(self, event: Event) -> None:
        match event:
            case RequestReceived(stream_id=int(number), headers=headers):
                self._asked[number] = ({str(name): str(value) for name, value in headers or ()}, [])
            case DataReceived(stream_id=int(number), data=data, flow_controlled_length=length):
                self._asked[number][1].append(data or b"")
                self._wire.acknowledge_received_data(length or 0, number)
            case StreamEnded(stream_id=int(number)):
                self._respond(number)
            case StreamReset(stream_id=int(number)) if number in self._held:
                self._held.pop(number).set()
            case ConnectionTerminated():
                self._writer.close()

    def _respond(self, number: int) -> None:
        headers, body = self._asked.pop(number)
        answer = self._answer(headers[":path"], headers[":method"], headers, b"".join(body))
        self._wire.send_headers(number, list(answer.head))
        for chunk in answer.chunks:
            self._wire.send_data(number, chunk)
        match answer.then:
            case "end":
                self._wire.end_stream(number)
            case "cut":
                self._wire.reset_stream(number)
            case _:
                self._held[number] = answer.hung_up
