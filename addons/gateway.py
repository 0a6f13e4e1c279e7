"""The way in: every client request is answered here, given an exchange, or explicitly let through."""

from __future__ import annotations

import asyncio
import logging
import time

from mitmproxy import http

from addons import sharing
from addons.answers import hide_credentials, inbound_of, keep_own_key, refusal, response_of, visit_of
from addons.host.exchanges import LOST_TO, is_attempt
from addons.host.guard import fails_closed
from addons.program import Program
from addons.records import name_attempt, write_record
from addons.resending import make_fresh
from proxy_core.errors import Fault, ParleyError
from proxy_core.exchange.answers import Answer, fault_answer
from proxy_core.exchange.exchange import Exchange
from proxy_core.exchange.intake import asking_codec
from proxy_core.exchange.reception import Later
from proxy_core.exchange.visit import Visit
from proxy_core.guards.origins import cors_headers
from proxy_core.usage.record import Record

logger = logging.getLogger("parley")


class Gateway:
    def __init__(self, program: Program) -> None:
        self._program = program
        self._table = program.table
        self._visits: dict[str, Visit] = {}

    @fails_closed(lambda flow: refusal(flow))
    async def request(self, flow: http.HTTPFlow) -> None:
        if is_attempt(flow) and not flow.is_replay:
            name_attempt(flow)
            return
        if flow.response:
            return
        if not self._program.ready.is_set():
            await self._program.ready.wait()
        try:
            if flow.is_replay:
                make_fresh(flow, self._program.settings.client_key)
            visit = self._visits[flow.id] = visit_of(flow)
            await self._take(flow, visit)
        except ParleyError as error:
            self._refuse(flow, error.fault)
        if not self._table.lets_through(flow):
            hide_credentials(flow.request)
        if flow.response and flow.request.method == "HEAD":
            flow.response.raw_content = b""

    @fails_closed(lambda flow: refusal(flow))
    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Pages of origins that the configuration names may read answers; for all others CORS stays off."""
        visit = self._visits.get(flow.id)
        if visit and flow.response and "origin" in visit.inbound.headers and visit.inbound.listener == "base_url":
            for name, value in cors_headers(visit.inbound.headers, self._program.house.own_names):
                flow.response.headers[name] = value

    @fails_closed(lambda flow: refusal(flow))
    def response(self, flow: http.HTTPFlow) -> None:
        self._close(flow)

    @fails_closed(lambda flow: refusal(flow))
    def error(self, flow: http.HTTPFlow) -> None:
        self._close(flow)

    def describe(self, flow: http.HTTPFlow) -> None:
        """Writes what is known so far onto a flow under way."""
        visit = self._visits.get(flow.id)
        if visit:
            write_record(flow, visit)

    async def _take(self, flow: http.HTTPFlow, visit: Visit) -> None:
        if visit.inbound.listener == "proxy":
            self._program.doors.check(flow.client_conn, visit.inbound.headers, self._program.settings)
        match await self._decided(visit):
            case Exchange() as exchange:
                visit.exchange = exchange
                self._table.add(flow, exchange)
                self._program.board.begin(visit, flow.id)
            case Answer() as answer:
                if answer.feed:
                    self._table.add_feed(flow, answer.feed)
                flow.response = response_of(answer)
            case None:
                keep_own_key(flow.request, self._program.settings.client_key)
                self._table.let_through(flow)
            case later:
                flow.response = response_of(await asyncio.to_thread(later))

    def _refuse(self, flow: http.HTTPFlow, fault: Fault) -> None:
        visit = self._visits.get(flow.id)
        if visit:
            visit.fault = fault
        flow.response = response_of(fault_answer(fault, asking_codec(inbound_of(flow))))

    async def _decided(self, visit: Visit) -> Answer | Later | Exchange | None:
        link, reception = self._program.link, self._program.reception
        return await sharing.take(link, reception, visit) if link else reception.take(visit)

    def _close(self, flow: http.HTTPFlow) -> None:
        if is_attempt(flow):
            if LOST_TO in flow.metadata:
                name_attempt(flow)
            return
        visit = self._visits.pop(flow.id, None)
        self._table.forget(flow)
        if visit:
            self._program.reception.leave(visit)
            if self._program.link:
                sharing.note(self._program.link, visit)
        if visit and visit.is_model_call:
            record = self._program.usage.note(visit, time.time(), flow.id)
            write_record(flow, visit, record)
            # Not before the client has the end of its answer, and what goes wrong is no business of its.
            asyncio.get_running_loop().call_soon(self._keep, visit, record)
            if visit.exchange and visit.exchange.fault and visit.exchange.history:
                _log_failure(visit.exchange)

    def _keep(self, visit: Visit, record: Record) -> None:
        self._program.keep(visit, record)
        visit.exchange = None  # which knows the visit: cut, both go at once, and do not wait for the garbage collector


def _log_failure(exchange: Exchange) -> None:
    tried = "; ".join(attempt.summary for attempt in exchange.history)
    logger.warning("No answer for model %r: %s", exchange.admitted.model, tried)
