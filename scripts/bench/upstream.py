"""The provider at the other end: answers at once, with prepared bytes. `python -m scripts.bench.upstream PORT`"""

from __future__ import annotations

import asyncio
import re
import sys

from scripts.bench.replies import END, StreamedReply, streamed_reply, whole_reply
from scripts.bench.scenario import BURST, Scenario

_LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)
_STREAMED = re.compile(rb'"stream"\s*:\s*true')


class Provider(asyncio.Protocol):
    def __init__(self) -> None:
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, separator, rest = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        found = _LENGTH.search(head)
        length = int(found[1]) if found else 0
        if len(rest) >= length:
            self.buffer = rest[length:]
            self._answer(head.split(b" ", 2)[1].decode(), rest[:length])

    def _answer(self, path: str, body: bytes) -> None:
        scenario = Scenario.named_in(body)
        if scenario is None:
            self.transport.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}")
        elif not _STREAMED.search(body):
            self.transport.write(whole_reply(path, scenario))
        elif scenario.kind == "hold":
            reply = streamed_reply(path)
            self.transport.write(reply.opening + reply.run(0, 1))
        else:
            reply = streamed_reply(path)
            self.transport.write(reply.opening)
            self._send(reply, scenario.tokens, scenario)

    def _send(self, reply: StreamedReply, left: int, scenario: Scenario) -> None:
        """A burst in one write, or a single token; the next one after the gap."""
        if self.transport.is_closing():
            return
        now = min(left, 1 if scenario.gap else BURST)
        self.transport.write(reply.run(scenario.tokens - left, now))
        left -= now
        if left:
            asyncio.get_running_loop().call_later(scenario.gap / 1e6, self._send, reply, left, scenario)
        else:
            self.transport.write(reply.closing + END)


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Provider, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
