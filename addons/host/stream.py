"""The HTTP stream that runs an Exchange: sends attempts in place, holds the client's headers back, cuts, cancels.

mitmproxy's HttpStream sends one request to one server. This subclass asks the Exchange what to send, and may send
again before the client has seen anything. Every attempt has a stream number of its own: under the old one HTTP/2
upstreams refuse to send again, and late events of a cancelled attempt would end up in the next.

Flows without an Exchange (answered by an addon, or explicitly let through) behave as in mitmproxy: see client_request.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mitmproxy import flow as mitm_flow
from mitmproxy import http
from mitmproxy.connection import Connection, Server
from mitmproxy.net.http import status_codes
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.layers.http import (
    DropStream,
    GetHttpConnection,
    SendHttp,
)
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    HttpEvent,
    RequestData,
    RequestEndOfMessage,
    RequestHeaders,
    RequestProtocolError,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
)
from mitmproxy.proxy.layers.http._hooks import (
    HttpErrorHook,
    HttpRequestHeadersHook,
    HttpRequestHook,
    HttpResponseHeadersHook,
    HttpResponseHook,
)

from addons.host.client_request import ClientRequestStream
from addons.host.clock import NEVER, AttemptClock
from addons.host.exchanges import attempt_flow_of, wire_request
from addons.host.timers import Alarm
from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.exchange.attempt import Attempt
from proxy_core.exchange.exchange import Exchange
from proxy_core.exchange.step import Head, Step

NUMBERS = itertools.count(1 << 40)
"""Far above any stream number that a client's connection uses."""
SHORTEST_NAP = 0.01
_HOW = {FaultKind.TIMEOUT: "timed out"}

type Commands = layer.CommandGenerator[None]


@dataclass
class _Decided(events.Event):
    """An event whose step is known already, but takes more than sending on."""

    step: Step


class ExchangeStream(ClientRequestStream):
    """One client request with all its attempts, one after the other."""

    _connection_to = GetHttpConnection

    def __init__(self, context, stream_id: int) -> None:
        super().__init__(context, stream_id)
        self.exchange: Exchange | None = None
        self.attempt_id = 0
        self.attempt_flow: http.HTTPFlow | None = None
        self.upstream: Connection | None = None
        self._clock = AttemptClock()
        self._alarm: Alarm | None = None
        self._is_reused = self._was_resent = False
        self._stored = 0
        self._client_body = bytearray()

    def handle_event(self, event: events.Event) -> Iterable[commands.Command]:  # type: ignore[override]
        """More of an answer under way is what comes most often by far: its short way needs no generators."""
        if (
            type(event) is not ResponseData
            or self.exchange is None
            or event.stream_id != self.attempt_id
            or self._paused is not None
            or self.debug is not None
        ):
            return super().handle_event(event)
        self._clock.last_byte = time.monotonic()
        self._store(event.data)
        step = self.exchange.on_data(event.data)
        if not step.only_chunks:
            return super().handle_event(_Decided(step))
        return (self._to_client(step.chunks),) if step.chunks else ()

    def _handle_event(self, event: events.Event) -> Commands:
        if self.exchange is None:
            yield from super()._handle_event(event)
        elif isinstance(event, _Decided):
            yield from self._do(event.step)
        elif isinstance(event, events.Wakeup):
            if event.command is self._alarm:
                yield from self._look_at_the_clock()
        elif isinstance(event, RequestProtocolError):
            yield from self._client_gone(event)
        elif isinstance(event, HttpEvent):
            yield from self._upstream_event(event) if event.stream_id == self.attempt_id else self._other_event(event)

    def _other_event(self, event: HttpEvent) -> Commands:
        """Late news of attempts that were cancelled lead to nothing."""
        yield from ()

    def _begin(self, exchange: Exchange) -> Commands:
        self.exchange = exchange
        self._clock = AttemptClock(self.table.failover, begun=time.monotonic())
        yield from self._next_attempt()

    # attempts

    def _next_attempt(self) -> Commands:
        exchange = self._running
        try:
            attempt = exchange.next_attempt()
        except ParleyError as error:
            yield from self._do(exchange.give_up(error.fault))
            return
        if attempt is None:
            yield from self._do(exchange.give_up())
        elif attempt.upstream.hedge_after and not exchange.committed:
            yield from self._race(attempt)
        else:
            self._was_resent = False
            yield from self._send(attempt)

    def _race(self, attempt: Attempt) -> Commands:
        """Makes an attempt that others may be made beside."""
        raise NotImplementedError

    def _stop_racing(self, why: str) -> Commands:
        """Cancels all attempts that are made side by side."""
        raise NotImplementedError

    def _send(self, attempt: Attempt) -> Commands:
        self.attempt_id = next(NUMBERS)
        self._parent.streams[self.attempt_id] = self
        self.attempt_flow = sent = attempt_flow_of(self.flow, attempt)
        yield HttpRequestHeadersHook(sent)
        yield HttpRequestHook(sent)
        if (yield from self._client_left_meanwhile()):
            return
        if sent.error or sent.response:
            yield from self._attempt_broke("it was stopped before anything was sent", FaultKind.INTERNAL)
            return
        self._forget_dead_connections()
        asked = time.time()
        connection, error = yield self._connection_to(
            (sent.request.host, sent.request.port), sent.request.scheme == "https", self.flow.server_conn.via, "tcp"
        )
        if (yield from self._client_left_meanwhile()):
            return
        if error:
            yield from self._not_connected(error, time.time() - asked)
            return
        self.upstream = self.context.server = connection
        sent.server_conn = self.flow.server_conn = connection
        self._is_reused = (connection.timestamp_start or 0.0) < asked
        self._clock.start(time.monotonic(), self.table.idle_timeout(attempt))
        yield SendHttp(RequestHeaders(self.attempt_id, wire_request(sent, attempt), False), connection)
        if sent.request.raw_content:
            yield SendHttp(RequestData(self.attempt_id, sent.request.raw_content), connection)
        yield SendHttp(RequestEndOfMessage(self.attempt_id), connection)
        yield from self._set_alarm()

    def _not_connected(self, error: str, waited: float) -> Commands:
        limit = self.table.failover.connect
        if waited < limit:
            yield from self._attempt_broke(f"no connection: {error}")
        else:
            yield from self._attempt_broke(f"no connection within {limit:g} seconds", FaultKind.TIMEOUT)

    def _forget_dead_connections(self) -> None:
        """mitmproxy keeps every connection as long as the client stays, and says of one that failed once that it still
        fails: here another attempt is a new one."""
        parent = self._parent
        for connection in list(parent.connections):
            if not isinstance(connection, Server) or connection in parent.waiting_for_establishment:
                continue
            never_open = connection.error and not connection.timestamp_tcp_setup
            connection.error = None
            if never_open or connection.timestamp_end:
                del parent.connections[connection]

    def _upstream_event(self, event: HttpEvent) -> Commands:
        exchange = self._running
        self._clock.last_byte = time.monotonic()
        if isinstance(event, ResponseData):
            self._store(event.data)
            yield from self._do(exchange.on_data(event.data))
        elif isinstance(event, ResponseHeaders):
            yield from self._upstream_head(event)
        elif isinstance(event, ResponseEndOfMessage):
            yield from self._attempt_done()
            yield from self._do(exchange.on_end())
        elif isinstance(event, ResponseProtocolError):
            yield from self._upstream_error(event)

    def _upstream_error(self, event: ResponseProtocolError) -> Commands:
        """A connection kept open may be closed by the upstream just when it is used again: that says nothing about the
        backend, and the request is sent once more."""
        assert self.upstream
        if self._clock.heard or not self._is_reused or self._was_resent or self.upstream.connected:
            yield from self._attempt_broke(event.message)
            return
        self._was_resent = True
        self._sent.error = mitm_flow.Error(event.message)
        yield from self._close_attempt(HttpErrorHook(self._sent))
        if not (yield from self._client_left_meanwhile()):
            attempt = self._running.attempt
            assert attempt
            yield from self._send(attempt)

    def _upstream_head(self, event: ResponseHeaders) -> Commands:
        self._clock.heard = True
        sent = self._sent
        sent.response = event.response
        event.response.timestamp_start = time.time()
        headers = [(name, value) for name, value in event.response.headers.items(multi=True)]
        self._running.on_head(event.response.status_code, headers)
        yield HttpResponseHeadersHook(sent)

    def _attempt_done(self) -> Commands:
        """The upstream has said all; its connection may be used again."""
        sent = self._sent
        if sent.response:
            sent.response.timestamp_end = time.time()
            sent.response.data.content = bytes(self.response_body_buf)
        yield from self._close_attempt(HttpResponseHook(sent))

    def _attempt_broke(self, message: str, kind: FaultKind = FaultKind.UPSTREAM) -> Commands:
        sent = self._sent
        sent.error = mitm_flow.Error(message)
        yield from self._close_attempt(HttpErrorHook(sent))
        attempt = self._running.attempt
        name = f"Backend '{attempt.upstream.backend.name}'" if attempt else "The backend"
        yield from self._do(self._running.on_failure(Fault(kind, f"{name} {_HOW.get(kind, 'failed')}: {message}.")))

    def _cancel_attempt(self, why: str) -> Commands:
        """Stops the upstream at once, so that it generates (and bills) nothing more."""
        if not self.attempt_id or self.attempt_flow is None:
            return
        sent = self.attempt_flow
        sent.error = mitm_flow.Error(why)
        yield from self._stop_upstream(why)
        yield from self._close_attempt(HttpErrorHook(sent))

    def _stop_upstream(self, why: str) -> Commands:
        """While this stream waited for a hook, another of the same client may have found its connection dead."""
        if self.upstream and self.upstream in self._parent.connections:
            yield SendHttp(RequestProtocolError(self.attempt_id, why, ErrorCode.CANCEL), self.upstream)

    def _close_attempt(self, hook: commands.StartHook) -> Commands:
        attempt_id, self.attempt_id, self.upstream = self.attempt_id, 0, None
        self._call_off_alarm()
        sent = self._sent
        sent.live = False
        if sent.response and sent.response.data.content is None:
            sent.response.data.content = bytes(self.response_body_buf)  # of an answer that was broken off or cut
        self.response_body_buf.clear()
        self._stored = 0
        yield DropStream(attempt_id)
        yield hook
        self.attempt_flow = None

    # the client's answer

    def _do(self, step: Step) -> Commands:
        if step.retry and step.head and not (yield from self._start_answer(step.head)):
            return
        if step.retry:
            if step.chunks:
                yield self._to_client(step.chunks)
            yield from self._cancel_attempt("tried elsewhere")
            yield from self._next_attempt()
            return
        if step.abort:
            yield from self._cancel_attempt("broke off")
            yield from self._hang_up()
            return
        if step.head:
            if step.end:
                yield from self._cancel_attempt("answered")
                yield from self._answer(step.head, b"".join(step.chunks))
                return
            if not (yield from self._start_answer(step.head)):
                return
        if step.chunks:
            yield self._to_client(step.chunks)
        if step.end:
            yield from self._cancel_attempt("cut")
            yield from self._end_answer()

    def _start_answer(self, head: Head) -> layer.CommandGenerator[bool]:
        self.flow.response = response = _response(head)
        request = self.flow.request
        if not (request.is_http2 or request.is_http3) and request.http_version != "HTTP/1.0":
            response.headers["transfer-encoding"] = "chunked"
        response.stream = True
        if self.context.options.store_streamed_bodies:
            self.table.streaming[self.flow.id] = (self.flow, self._client_body)
        yield HttpResponseHeadersHook(self.flow)
        if (yield from self._killed()):
            return False
        yield SendHttp(ResponseHeaders(self.stream_id, response, end_stream=False), self.context.client)
        self.server_state = self.state_stream_response_body
        return True

    def _to_client(self, chunks: Sequence[bytes]) -> SendHttp:
        """In one piece what came in one: boundaries of HTTP chunks mean nothing."""
        chunk = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        if len(self._client_body) < self.table.max_stored and self.context.options.store_streamed_bodies:
            self._client_body += chunk
        if self.table.note_chunk:
            self.table.note_chunk(self.flow, len(chunk))
        return SendHttp(ResponseData(self.stream_id, chunk), self.context.client)

    def _end_answer(self) -> Commands:
        self._keep_body()
        yield from self.send_response(already_streamed=True)

    def _keep_body(self) -> None:
        """For those who look at the flow later."""
        if self.flow.response and self.context.options.store_streamed_bodies:
            self.flow.response.data.content = bytes(self._client_body)

    def _hang_up(self) -> Commands:
        """The client is to notice that the answer is not complete."""
        fault = self._running.fault
        why = fault.message if fault else "the backend broke off"
        self._keep_body()
        self.flow.error = mitm_flow.Error(why)
        self.flow.live = False
        self.client_state = self.server_state = self.state_errored
        yield HttpErrorHook(self.flow)
        error = ResponseProtocolError(self.stream_id, why, ErrorCode.GENERIC_SERVER_ERROR)
        yield SendHttp(error, self.context.client)
        yield DropStream(self.stream_id)

    def _answer(self, head: Head, body: bytes) -> Commands:
        self.flow.response = _response(head, body)
        self.flow.response.headers["content-length"] = str(len(body))
        self.flow.response.timestamp_start = time.time()
        yield HttpResponseHeadersHook(self.flow)
        yield from self.send_response()

    # the client leaves, time runs out

    def _client_gone(self, event: RequestProtocolError) -> Commands:
        if self.server_state in (self.state_done, self.state_errored):
            yield DropStream(self.stream_id)  # a killed flow ends without
            return
        self.client_state = self.server_state = self.state_errored
        yield from self._stop_racing("the client has gone")
        self._running.abandon()
        yield from self._cancel_attempt("the client has gone")
        if self._client_body:
            self._keep_body()
        self.flow.error = mitm_flow.Error(event.message)
        self.flow.live = False
        yield HttpErrorHook(self.flow)
        yield DropStream(self.stream_id)

    def _client_left_meanwhile(self) -> layer.CommandGenerator[bool]:
        """Whether the client hung up, or was hung up on, while this stream waited for a hook or a connection."""
        for event in self._paused_event_queue:
            if isinstance(event, RequestProtocolError):
                yield from self._client_gone(event)
                return True
        return (yield from self._killed())

    def _killed(self) -> layer.CommandGenerator[bool]:
        """Whether a person who watches has ended the client's flow."""
        if not self.flow.error:
            return False
        yield from self._stop_racing("killed")
        self._running.abandon()
        yield from self._cancel_attempt("killed")
        return (yield from self.check_killed(True))

    def _look_at_the_clock(self) -> Commands:
        self._alarm = None
        if not self.attempt_id or self.upstream is None:
            return
        now = time.monotonic()
        end, message = self._clock.deadline()
        if now >= end:
            yield from self._stop_upstream(message)
            yield from self._attempt_broke(message, FaultKind.TIMEOUT)
            return
        if now >= self._ping_due(now):
            self._clock.last_ping = now
            yield from self._do(self._running.keep_alive(early=self.table.failover.early_head))
        yield from self._set_alarm()

    def _ping_due(self, now: float) -> float:
        exchange = self._running
        return self._clock.ping_due(now, exchange.committed) if exchange.may_keep_alive else NEVER

    def _set_alarm(self) -> Commands:
        now = time.monotonic()
        due = min(self._clock.deadline()[0], self._ping_due(now))
        self._alarm = Alarm(max(due - now, SHORTEST_NAP))
        yield self._alarm

    def _call_off_alarm(self) -> None:
        if self._alarm and self._alarm.call_off():
            self._parent.command_sources.pop(self._alarm, None)
        self._alarm = None

    def _store(self, data: bytes) -> None:
        if self._stored < self.table.max_stored and self.context.options.store_streamed_bodies:
            self._stored += len(data)
            self.response_body_buf += data

    @property
    def _running(self) -> Exchange:
        assert self.exchange is not None
        return self.exchange

    @property
    def _sent(self) -> http.HTTPFlow:
        assert self.attempt_flow is not None
        return self.attempt_flow


def _response(head: Head, body: bytes = b"") -> http.Response:
    headers = http.Headers([(name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in head.headers])
    return http.Response(
        http_version=b"HTTP/1.1",
        status_code=head.status,
        reason=status_codes.RESPONSES.get(head.status, "").encode(),
        headers=headers,
        content=body,
        trailers=None,
        timestamp_start=time.time(),
        timestamp_end=None,
    )
