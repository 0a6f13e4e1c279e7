"""HTTP/1 bodies: chunks that came in one read are handed on as one."""

from __future__ import annotations

from typing import Any

from mitmproxy.proxy import commands, events
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import RequestData, ResponseData
from mitmproxy.proxy.layers.http._http1 import Http1Connection

BODY = (RequestData, ResponseData)
read_body_originally = Http1Connection.read_body


def read_body(self: Http1Connection, event: events.Event) -> Any:
    """A burst of tokens arrives as many small chunks; their boundaries mean nothing (RFC 9112, section 7.1)."""
    data: list[bytes] = []
    first: commands.Command | None = None
    for command in read_body_originally(self, event):
        if isinstance(command, ReceiveHttp) and isinstance(command.event, BODY):
            first = first or command
            data.append(command.event.data)
            continue
        if first is not None:
            yield _joined(first, data)
            first, data = None, []
        yield command
    if first is not None:
        yield _joined(first, data)


def _joined(first: Any, data: list[bytes]) -> commands.Command:
    if len(data) > 1:
        first.event.data = b"".join(data)
    return first
