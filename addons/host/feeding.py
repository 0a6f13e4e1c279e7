"""An answer of our own that goes on: what is new is asked for about every second, until there is no more or the client
has gone."""

from __future__ import annotations

import logging
import time

from mitmproxy import flow as mitm_flow
from mitmproxy.proxy import events, layer
from mitmproxy.proxy.layers.http import DropStream, HttpLayer, HttpStream, SendHttp
from mitmproxy.proxy.layers.http._events import RequestProtocolError, ResponseData, ResponseHeaders
from mitmproxy.proxy.layers.http._hooks import HttpErrorHook

from addons.host.timers import Alarm
from proxy_core.exchange.answers import Feed

logger = logging.getLogger("parley")

type Commands = layer.CommandGenerator[None]


class Feeding:
    """Takes over a stream whose flow has a response without a body; then it gets the stream's events. `every` is in
    seconds."""

    def __init__(self, stream: HttpStream, parent: HttpLayer, feed: Feed, every: float) -> None:
        self._stream = stream
        self._parent = parent
        self._feed = feed
        self._every = every
        self._alarm: Alarm | None = None

    def start(self) -> Commands:
        stream, request, response = self._stream, self._stream.flow.request, self._stream.flow.response
        assert response
        response.headers.pop("content-length", None)
        if not (request.is_http2 or request.is_http3) and request.http_version != "HTTP/1.0":
            response.headers["transfer-encoding"] = "chunked"
        response.stream = True
        stream.server_state = stream.state_stream_response_body
        yield SendHttp(ResponseHeaders(stream.stream_id, response, end_stream=False), stream.context.client)
        yield from self._send_more()

    def handle(self, event: events.Event) -> Commands:
        if isinstance(event, events.Wakeup):
            self._alarm = None
            yield from self._send_more()
        elif isinstance(event, RequestProtocolError):
            yield from self._client_gone(event)

    def _send_more(self) -> Commands:
        stream = self._stream
        if stream.server_state != stream.state_stream_response_body:
            return
        try:
            data = self._feed()
        except Exception:  # it would leave the client waiting, and its place taken
            logger.exception("A page that is kept up to date failed")
            data = None
        if data is None:
            yield from stream.send_response(already_streamed=True)
            return
        if data:
            yield SendHttp(ResponseData(stream.stream_id, data), stream.context.client)
        self._alarm = Alarm(self._every)
        yield self._alarm

    def _client_gone(self, event: RequestProtocolError) -> Commands:
        """For a person who looks at a page that is how it ends, so it is no error to be told of."""
        stream, flow = self._stream, self._stream.flow
        if stream.server_state in (stream.state_done, stream.state_errored):
            return
        stream.client_state = stream.server_state = stream.state_errored
        if self._alarm and self._alarm.call_off():
            self._parent.command_sources.pop(self._alarm, None)
        self._alarm = None
        flow.error = mitm_flow.Error(event.message)
        flow.live = False
        if flow.response:
            flow.response.timestamp_end = time.time()
        yield HttpErrorHook(flow)
        yield DropStream(stream.stream_id)
