"""HTTP/1: interim answers are passed over, chunks that came in one read are handed on as one, and whole chunks are read
without h11."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from h11._readers import ChunkedReader
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.layer import Layer
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import RequestData, ResponseData
from mitmproxy.proxy.layers.http._http1 import Http1Client, Http1Connection, Http1Server

BODY = (RequestData, ResponseData)
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,7})\r\n")
_END = b"\r\n"
_INTERIM = re.compile(rb"HTTP/1\.\d 1(?!01)\d\d\b")
"""Without 101, which ends the talk in HTTP."""
read_headers_originally = Http1Client.read_headers
read_body_originally = Http1Connection.read_body
send_originally = Http1Server.send


def read_headers(self: Http1Client, event: events.ConnectionEvent) -> Any:
    """mitmproxy takes 100 and 103 for the answer itself, which comes behind them (RFC 9110, section 15.2)."""
    if isinstance(event, events.DataReceived) and self.request:
        while _INTERIM.match(bytes(self.buf)) and self.buf.maybe_extract_lines() is not None:
            continue
    return read_headers_originally(self, event)


def read_body(self: Http1Connection, event: events.Event) -> Any:
    """A burst of tokens arrives as many small chunks; their boundaries mean nothing (RFC 9112, section 7.1)."""
    data = whole_chunks(self) if isinstance(event, events.DataReceived) else []
    if data and not self.buf:
        yield _received(self, data)
        return
    for command in _without_trailers(self, event):
        if isinstance(command, ReceiveHttp) and isinstance(command.event, BODY):
            data.append(command.event.data)
            data += whole_chunks(self)
            continue
        if data:
            yield _received(self, data)
            data = []
        yield command
    if data:
        yield _received(self, data)


def _without_trailers(connection: Http1Connection, event: events.Event) -> Any:
    """mitmproxy gives a message up that has trailers, and its stream would wait for the end for ever. They may be
    discarded (RFC 9110, section 6.5.1)."""
    try:
        yield from read_body_originally(connection, event)
    except NotImplementedError:
        assert connection.stream_id is not None
        yield ReceiveHttp(connection.ReceiveEndOfMessage(connection.stream_id))
        is_request = isinstance(connection, Http1Server)
        yield from connection.mark_done(request=is_request, response=not is_request)


def _received(connection: Http1Connection, data: list[bytes]) -> commands.Command:
    assert connection.stream_id is not None
    joined = data[0] if len(data) == 1 else b"".join(data)
    return ReceiveHttp(connection.ReceiveData(connection.stream_id, joined))


def whole_chunks(connection: Http1Connection) -> list[bytes]:
    """Takes plain, complete chunks off the buffer. All others, the last one too, are left to h11.

    h11 may still expect the line end of the chunk it gave out last: then one is left behind for it.
    """
    reader = connection.body_reader
    if type(reader) is not ChunkedReader or reader._bytes_in_chunk or reader._reading_trailer:
        return []
    raw = bytes(connection.buf)
    owed = reader._bytes_to_discard
    if owed and (owed != _END or not raw.startswith(_END)):
        return []
    start = at = len(owed)
    data: list[bytes] = []
    while chunk := _CHUNK.match(raw, at):
        size, first = int(chunk[1], 16), chunk.end()
        if not size or raw[first + size : first + size + 2] != _END:
            break
        data.append(raw[first : first + size])
        at = first + size + 2
    if at > start:
        connection.buf.maybe_extract_at_most(at - start)
    return data


def handle_event(self: Http1Server, event: events.Event) -> Iterable[commands.Command]:
    """A piece of a response's body becomes bytes at once, without a generator in between."""
    if type(event) is ResponseData and event.data and self._paused is None and self.debug is None:
        data = event.data
        return (commands.SendData(self.conn, b"%x\r\n%s\r\n" % (len(data), data) if _is_chunked(self) else data),)
    return Layer.handle_event(self, event)


def _is_chunked(server: Http1Server) -> bool:
    assert server.response
    for name, value in server.response.data.headers.fields:
        if len(name) == 17 and name.lower() == b"transfer-encoding" and b"chunked" in value.lower():
            return True
    return False
