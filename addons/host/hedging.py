"""Attempts side by side, where `hedge_after` is set: until one has generated something, each has a layer of its own.

A stream waits for its hooks and connections one at a time, so while attempts race it only keeps the time, and each
attempt is a Contender: a stream without a client, under a number of its own, that nobody else waits for. The first
with something for the client hands its upstream over, the stream goes on as if it had made that attempt itself, and
the other is cancelled. Without `hedge_after` none of this exists.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mitmproxy.connection import Connection, Server
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.layers.http import DropStream, GetHttpConnection
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import ErrorCode, HttpEvent, RequestProtocolError

from addons.host.clock import NEVER, AttemptClock
from addons.host.exchanges import LOST_TO
from addons.host.stream import NUMBERS, SHORTEST_NAP, Commands, ExchangeStream
from addons.host.timers import Alarm
from proxy_core.exchange.attempt import Attempt
from proxy_core.exchange.heat import Heat
from proxy_core.exchange.step import Step

AT_MOST = 2
"""Attempts at once: a third would load providers more than it could help."""


@dataclass
class Go(HttpEvent):
    """To a contender: begin."""


@dataclass
class Won(HttpEvent):
    """To the stream: the client may have this step."""

    contender: Contender
    step: Step


@dataclass
class Failed(HttpEvent):
    """To the stream: this attempt came to nothing."""

    contender: Contender


@dataclass
class Killed(HttpEvent):
    """To the stream: a person who watches has ended the client's flow."""


class HedgingStream(ExchangeStream):
    """A stream that makes the next attempt beside one that has given nothing for too long."""

    _contenders: tuple[Contender, ...] = ()
    _winner: Contender | None = None
    _hedge_due = NEVER

    def _race(self, attempt: Attempt) -> Commands:
        contender = Contender(self, Heat(self._running, attempt))
        self._contenders = (*self._contenders, contender)
        self._parent.streams[contender.stream_id] = contender  # type: ignore[assignment]
        yield ReceiveHttp(Go(contender.stream_id))
        yield from self._keep_time()

    def _keep_time(self) -> Commands:
        """Rings when an attempt that is alone has taken too long, or the client needs a sign of life."""
        self._call_off_alarm()
        if self._winner:
            return
        newest = self._contenders[-1]
        alone = len(self._contenders) < AT_MOST and not newest.is_last
        self._hedge_due = newest.begun + (newest.attempt.upstream.hedge_after or NEVER) if alone else NEVER
        now = time.monotonic()
        due = min(self._hedge_due, self._ping_due(now))
        if due < NEVER:
            self._alarm = Alarm(max(due - now, SHORTEST_NAP))
            yield self._alarm

    def _look_at_the_clock(self) -> Commands:
        if not self._contenders:
            yield from super()._look_at_the_clock()
            return
        self._alarm = None
        now = time.monotonic()
        if now >= self._ping_due(now):
            yield from self._ping(now)
        if not self._contenders or self._winner:
            return
        if now >= self._hedge_due:
            yield from self._hedge()
        else:
            yield from self._keep_time()

    def _ping(self, now: float) -> Commands:
        self._clock.last_ping = now
        step = self._running.keep_alive(early=self.table.failover.early_head)
        if step.head:
            for contender in self._contenders:
                contender.heat.head_was_sent()
        yield from self._do(step)

    def _hedge(self) -> Commands:
        attempt = self._running.attempt_beside()
        if attempt:
            yield from self._race(attempt)
        else:
            self._contenders[-1].is_last = True
            yield from self._keep_time()

    def _other_event(self, event: HttpEvent) -> Commands:
        match event:
            case Won() if event.contender in self._contenders:
                yield from self._go_on_with(event.contender, event.step)
            case Failed() if event.contender in self._contenders:
                yield from self._go_on_without(event.contender)
            case Killed() if self._contenders:
                yield from self._killed()
            case _:
                pass  # late news of an attempt that was cancelled

    def is_taken(self, connection: Server, by_other_than: Contender) -> bool:
        waiting = self._parent.waiting_for_establishment.get(connection, ())
        others = (contender for contender in self._contenders if contender is not by_other_than)
        return any(other.uses(connection, waiting) for other in others)

    def won_by(self, winner: Contender) -> list[Contender]:
        """From now on nothing that the others hear counts. Says who they are."""
        self._winner = winner
        losers = [contender for contender in self._contenders if contender is not winner]
        for loser in losers:
            loser.heat.lose()
            loser.note_loss(winner.attempt.number)
        return losers

    def _go_on_with(self, winner: Contender, step: Step) -> Commands:
        self._contenders, self._winner = (), None
        self._call_off_alarm()
        self._take_over(winner)
        if self.upstream:
            self.context.server = self.flow.server_conn = self.upstream  # type: ignore[assignment]
            yield from self._set_alarm()
        yield from self._do(self._running.adopt(winner.heat, step))

    def _take_over(self, winner: Contender) -> None:
        """What is left of its attempt, if it goes on; those who look at its flow see all of it in one piece."""
        winner.clock.begun, winner.clock.last_ping = self._clock.begun, self._clock.last_ping
        self._clock = winner.clock
        self.attempt_id, winner.attempt_id = winner.attempt_id, 0
        self.attempt_flow, winner.attempt_flow = winner.attempt_flow, None
        self.upstream, winner.upstream = winner.upstream, None
        self.response_body_buf, self._stored = winner.response_body_buf, winner.stored

    def _go_on_without(self, loser: Contender) -> Commands:
        self._contenders = tuple(contender for contender in self._contenders if contender is not loser)
        if self._contenders:
            self._running.attempt = self._contenders[0].attempt
            yield from self._keep_time()
        else:
            self._call_off_alarm()
            yield from self._next_attempt()

    def _stop_racing(self, why: str) -> Commands:
        contenders, self._contenders = self._contenders, ()
        winner, self._winner = self._winner, None
        if contenders:
            self._call_off_alarm()
        if winner:
            self._running.attempt = winner.attempt
            self._take_over(winner)
        for contender in contenders:
            contender.heat.abandon()
            yield contender.stop(why)


class Contender(ExchangeStream):
    """One attempt while it races: `heat` reads what comes of it, `of` is the stream that it races for."""

    def __init__(self, of: HedgingStream, heat: Heat) -> None:
        super().__init__(of.context.layers[of.context.layers.index(of) - 1].context.fork(), next(NUMBERS))
        assert heat.attempt
        self.flow = of.flow
        self.exchange = self.heat = heat
        self.attempt: Attempt = heat.attempt
        self.begun = time.monotonic()
        self.is_last = False
        """There was nothing to make beside it."""
        self._has_claimed = False
        self._of = of
        self._clock = AttemptClock(self.table.failover, begun=self.begun)
        self._asked: GetHttpConnection | None = None

    def handle_event(self, event: events.Event) -> Iterable[commands.Command]:  # type: ignore[override]
        """The short way is for answers that the client gets."""
        return layer.Layer.handle_event(self, event)

    def uses(self, connection: Server, waiting: Iterable[GetHttpConnection]) -> bool:
        """Whether another attempt that takes this connection would get in this one's way, or have to wait with it."""
        if any(command is self._asked for command in waiting):
            return True
        return connection is self.upstream and connection.alpn != b"h2"

    def shares(self, connection: Server) -> bool:
        return self._of.is_taken(connection, by_other_than=self)

    def stop(self, why: str) -> ReceiveHttp:
        """What tells it to cancel its attempt; it may be waiting for a connection or a hook."""
        return ReceiveHttp(RequestProtocolError(self.stream_id, why, ErrorCode.CANCEL))

    def note_loss(self, winner: int) -> None:
        """For those who look at the attempt's flow."""
        if self.attempt_flow:
            self.attempt_flow.metadata[LOST_TO] = winner

    @property
    def clock(self) -> AttemptClock:
        return self._clock

    @property
    def stored(self) -> int:
        return self._stored

    def _connection_to(self, *place: Any) -> GetHttpConnection:  # type: ignore[override]
        """HTTP/1.1 carries one answer at a time: mitmproxy would give this attempt the connection of the other."""
        self._asked = _Apart(*place)
        self._asked.contender = self
        return self._asked

    def _other_event(self, event: HttpEvent) -> Commands:
        if isinstance(event, Go):
            yield from self._send(self.attempt)
        elif self._has_claimed:
            yield ReceiveHttp(event)

    def _upstream_event(self, event: HttpEvent) -> Commands:
        """What came while this waited for a hook, behind the event that won, is for the stream."""
        if self._has_claimed:
            yield ReceiveHttp(event)
        elif not self.heat.finished:
            yield from super()._upstream_event(event)

    def _do(self, step: Step) -> Commands:
        if step.retry:
            yield from self._cancel_attempt("tried elsewhere")
            yield from self._leave()
            yield ReceiveHttp(Failed(self._of.stream_id, self))
        elif step.chunks or not step.only_chunks:
            yield from self._claim(step)

    def _claim(self, step: Step) -> Commands:
        """From here on the upstream's events are the stream's."""
        self._has_claimed = True
        losers = self._of.won_by(self)
        if self.attempt_id:
            self._parent.streams[self.attempt_id] = self._of
        self._call_off_alarm()
        yield from self._leave()
        for loser in losers:
            yield loser.stop(f"attempt {self.attempt.number} was faster")
        yield ReceiveHttp(Won(self._of.stream_id, self, step))

    def _client_gone(self, event: RequestProtocolError) -> Commands:
        """Stopped: another attempt was faster, or nobody waits any more."""
        if self.attempt_flow:
            yield from self._cancel_attempt(event.message)
        yield from self._leave()

    def _leave(self) -> Commands:
        self._asked = None
        yield DropStream(self.stream_id)

    def _killed(self) -> layer.CommandGenerator[bool]:
        """The stream, which is told last, stops all that race for it."""
        if not self.flow.error or self.heat.finished:
            return False
        yield from self._cancel_attempt("killed")
        yield ReceiveHttp(Killed(self._of.stream_id))
        return True


class _Apart(GetHttpConnection):
    """Asks for a connection that no other attempt of the same stream is on."""

    contender: Contender

    def connection_spec_matches(self, connection: Connection) -> bool:
        return (
            super().connection_spec_matches(connection)
            and isinstance(connection, Server)
            and not self.contender.shares(connection)
        )
