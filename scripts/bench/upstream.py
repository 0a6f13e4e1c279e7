"""The provider at the other end: answers at once, with prepared bytes. `python -m scripts.bench.upstream PORT`"""

from __future__ import annotations

import asyncio
import re
import sys

from scripts.bench import wire

LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)


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
        found = LENGTH.search(head)
        length = int(found[1]) if found else 0
        if len(rest) >= length:
            self.buffer = rest[length:]
            self.answer(head.split(b" ", 2)[1].decode(), rest[:length])

    def answer(self, path: str, body: bytes) -> None:
        if (found := wire.SCENARIO.search(body)) is None:
            self.transport.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}")
            return
        scenario = wire.Scenario(found[1].decode(), int(found[2]), int(found[3]))
        if not wire.STREAMED.search(body):
            self.transport.write(wire.whole_reply(path, scenario))
            return
        reply = wire.streamed_reply(path)
        self.transport.write(reply.opening)
        if scenario.kind == "hold":
            self.transport.write(reply.token)
            asyncio.get_running_loop().call_later(scenario.gap / 1e6, self.send, reply, 0, scenario)
        else:
            self.send(reply, scenario.tokens, scenario)

    def send(self, reply: wire.StreamedReply, left: int, scenario: wire.Scenario) -> None:
        """A burst in one write, or a token and another one after the gap."""
        now = min(left, 1 if scenario.gap else wire.BURST)
        left -= now
        if now:
            self.transport.write(reply.token * now)
        if not left:
            self.transport.write(reply.closing + wire.END)
            return
        asyncio.get_running_loop().call_later(scenario.gap / 1e6, self.send, reply, left, scenario)


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Provider, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
