"""A client's request, up to the decision of what becomes of it: an exchange, an answer of our own, or let through.

A flow that no addon has decided about is refused, since mitmproxy would otherwise forward it unchecked.
"""

from __future__ import annotations

import time
from typing import ClassVar

from mitmproxy.proxy import events, layer
from mitmproxy.proxy.layers.http import HttpLayer, HttpStream, SendHttp
from mitmproxy.proxy.layers.http._events import RequestData, RequestEndOfMessage, RequestHeaders
from mitmproxy.proxy.layers.http._hooks import HttpRequestHook, HttpResponseHeadersHook

from addons.host.exchanges import ExchangeTable
from addons.host.feeding import Feeding
from proxy_core.exchange.exchange import Exchange

type Commands = layer.CommandGenerator[None]


class ClientRequestStream(HttpStream):
    """Reads the request whole and acts on what `table` says of its flow; `_begin` is for those that get an exchange."""

    table: ClassVar[ExchangeTable]

    def __init__(self, context, stream_id: int) -> None:
        super().__init__(context, stream_id)
        self.feeding: Feeding | None = None
        self._oversized = 0

    def _begin(self, exchange: Exchange) -> Commands:
        raise NotImplementedError

    def _handle_event(self, event: events.Event) -> Commands:
        yield from self.feeding.handle(event) if self.feeding else super()._handle_event(event)

    def start_request_stream(self) -> Commands:
        """Nothing leaves before an addon has seen the request whole, whatever asks for streaming."""
        self.flow.request.stream = False
        self.client_state = self.state_consume_request_body
        yield from ()

    def check_body_size(self, request: bool) -> layer.CommandGenerator[bool]:
        """mitmproxy's options (`stream_large_bodies`, `body_size_limit`) are for answers; requests have our own limit,
        which is told in the client's protocol."""
        return False if request else (yield from super().check_body_size(request))

    def state_consume_request_body(self, event: events.Event) -> Commands:
        if isinstance(event, RequestData) and self._too_large(event):
            return
        if not isinstance(event, RequestEndOfMessage):
            yield from super().state_consume_request_body(event)
            return
        self.flow.request.timestamp_end = time.time()
        self.flow.request.data.content = bytes(self.request_body_buf)
        self.request_body_buf.clear()
        self.client_state = self.state_done
        yield HttpRequestHook(self.flow)
        if (yield from self.check_killed(True)):
            return
        yield from self._decided()

    def _too_large(self, event: RequestData) -> bool:
        """Counts the body; what is beyond the limit is not kept, so that the client can still be told why."""
        limit = self.table.max_body
        size = len(self.request_body_buf) + len(event.data)
        if self._oversized == 0 and size <= limit:
            return False
        self._oversized += size if self._oversized == 0 else len(event.data)
        self.request_body_buf.clear()
        self.flow.metadata["parley_oversized"] = self._oversized
        return True

    def _decided(self) -> Commands:
        if self.flow.response:
            yield from self._answer_locally()
            return
        exchange = self.table.exchange_of(self.flow)
        if exchange:
            yield from self._begin(exchange)
        elif self.table.lets_through(self.flow) and not self._oversized:
            yield from self._let_through()
        else:
            self.flow.response = self.table.refusal(self.flow)
            yield from self._answer_locally()

    def _answer_locally(self) -> Commands:
        assert self.flow.response
        self.flow.response.timestamp_start = time.time()
        yield HttpResponseHeadersHook(self.flow)
        if (yield from self.check_killed(True)):
            return
        feed = self.table.feed_of(self.flow)
        if feed:
            self.feeding = Feeding(self, self._parent, feed, self.table.feed_every)
            yield from self.feeding.start()
        else:
            yield from self.send_response()

    def _let_through(self) -> Commands:
        """What mitmproxy does with a request that is none of ours."""
        if not (yield from self.make_server_connection()):
            return
        request = self.flow.request
        content = request.raw_content
        yield SendHttp(RequestHeaders(self.stream_id, request, not (content or request.trailers)), self.context.server)
        if content:
            yield SendHttp(RequestData(self.stream_id, content), self.context.server)
        yield SendHttp(RequestEndOfMessage(self.stream_id), self.context.server)

    @property
    def _parent(self) -> HttpLayer:
        parent = self.context.layers[self.context.layers.index(self) - 1]
        assert isinstance(parent, HttpLayer)
        return parent
