"""Chunked bodies are read and written as mitmproxy reads and writes them, however they are cut."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from h11._readers import ChunkedReader
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy import options
from mitmproxy.proxy import commands, context, events
from mitmproxy.proxy.layer import Layer
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import ResponseData, ResponseHeaders
from mitmproxy.proxy.layers.http._http1 import Http1Client, Http1Server
from mitmproxy.test import tflow, tutils

from addons.host import http1

LAST = b"0\r\n\r\n"
ODD = [b"3;ext=1\r\nabc\r\n", b"03\r\nabc\r\n", b"A\r\n0123456789\r\n", b"2\r\n\r\n\r\n"]
BROKEN = [b"3\r\nabcd\r\n", b"x\r\n", b"-3\r\nabc\r\n", b"3\nabc\n", b"3\r\nabc\n\n", b"0x3\r\nabc\r\n", b"\r\n\r\n"]
PLAIN = st.binary(min_size=1, max_size=40).map(lambda data: b"%x\r\n%s\r\n" % (len(data), data))
CHUNKS = PLAIN | st.sampled_from(ODD)
HEADERS = [(b"Transfer-Encoding", b"chunked"), (b"transfer-encoding", b"gzip, Chunked"), (b"x", b"chunked")]


def _context() -> context.Context:
    return context.Context(tflow.tclient_conn(), options.Options())


def _client() -> Http1Client:
    client = Http1Client(_context())
    client.stream_id, client.request, client.response = 1, tutils.treq(), tutils.tresp()
    client.request_done, client.body_reader = False, ChunkedReader()
    return client


def _read(read_body: Callable[..., Iterator[commands.Command]], pieces: list[bytes]) -> tuple[bytes, list[str]]:
    """The body, and what else was said."""
    client, body, others = _client(), b"", []
    for piece in pieces:
        client.buf += piece
        for command in read_body(client, events.DataReceived(client.conn, piece)):
            event: Any = command.event if isinstance(command, ReceiveHttp) else command
            if isinstance(event, ResponseData):
                body += event.data
            else:
                others.append(type(event).__name__)
        if others:
            break
    return body, others


INTERIM = (
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\nx: HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.0 199 \r\n\r\n",
)


def _heads(data: list[bytes]) -> list[int]:
    """The answers that are taken for one."""
    client, taken = _client(), []
    client.response = None
    for piece in data:
        client.buf += piece
        for command in http1.read_headers(client, events.DataReceived(client.conn, piece)):
            if isinstance(command, ReceiveHttp) and isinstance(command.event, ResponseHeaders):
                taken.append(command.event.response.status_code)
        if taken:
            break
    return taken


@given(st.lists(st.sampled_from(INTERIM), max_size=4), st.lists(st.integers(0, 200), max_size=6))
def test_interim_answers_are_not_the_answer(interim: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(interim) + b"HTTP/1.1 429 Slow down\r\ncontent-length: 0\r\n\r\n"
    assert _heads(_cut(stream, cuts)) == [429]


def test_an_upgrade_is_the_answer() -> None:
    assert _heads([b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n"]) == [101]


def _cut(stream: bytes, cuts: list[int]) -> list[bytes]:
    bounds = [0, *sorted(cuts), len(stream)]
    return [piece for start, end in pairwise(bounds) if (piece := stream[start:end])]


@given(st.lists(CHUNKS, max_size=8), st.sampled_from([LAST, b"", *BROKEN]), st.data())
def test_any_cutting_reads_as_in_mitmproxy(chunks: list[bytes], end: bytes, data: st.DataObject) -> None:
    stream = b"".join(chunks) + end
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=6))
    assert _read(http1.read_body, _cut(stream, cuts)) == _read(http1.read_body_originally, _cut(stream, cuts))


def test_whole_chunks_of_one_read_are_one_piece_and_need_no_h11(monkeypatch: pytest.MonkeyPatch) -> None:
    client = _client()
    client.buf += b"1\r\na\r\n2\r\nbc\r\n"
    monkeypatch.setattr(http1, "read_body_originally", None)
    (command,) = http1.read_body(client, events.DataReceived(client.conn, b""))
    assert isinstance(command, ReceiveHttp)
    assert isinstance(command.event, ResponseData)
    assert command.event.data == b"abc"
    assert not client.buf


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("data", [b"", b"a", b"x" * 5000])
def test_data_is_framed_as_in_mitmproxy(header: tuple[bytes, bytes], data: bytes) -> None:
    server = Http1Server(_context())
    server.stream_id, server.response = 1, tutils.tresp()
    server.response.headers.fields = (*server.response.headers.fields, header)
    event = ResponseData(1, data)
    assert _sent(http1.handle_event(server, event)) == _sent(Layer.handle_event(server, event))


def _sent(answer: Iterable[commands.Command]) -> list[bytes]:
    return [command.data for command in answer if isinstance(command, commands.SendData)]
