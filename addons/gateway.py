"""The way in: every client request is answered here, given an exchange, or explicitly let through."""

from __future__ import annotations

from mitmproxy import http

from addons.answers import has_target, hide_credentials, inbound_of, refusal, response_of
from addons.host.exchanges import is_attempt
from addons.host.guard import fails_closed
from addons.program import Program
from addons.records import name_attempt, write_record
from proxy_core.errors import ParleyError
from proxy_core.exchange.answers import Answer, fault_answer
from proxy_core.exchange.exchange import Exchange
from proxy_core.exchange.inbound import Inbound
from proxy_core.exchange.intake import asking_codec


class Gateway:
    def __init__(self, program: Program) -> None:
        self._program = program
        self._table = program.table

    @fails_closed(lambda flow: refusal(flow))
    async def request(self, flow: http.HTTPFlow) -> None:
        if is_attempt(flow) or flow.response or flow.is_replay:
            return
        if not self._program.ready.is_set():
            await self._program.ready.wait()
        inbound = inbound_of(flow)
        try:
            self._take(flow, inbound)
        except ParleyError as error:
            flow.response = response_of(fault_answer(error.fault, asking_codec(inbound)))
        if not self._table.lets_through(flow):
            hide_credentials(flow.request)
        if flow.response and flow.request.method == "HEAD":
            flow.response.raw_content = b""

    @fails_closed(lambda flow: refusal(flow))
    def response(self, flow: http.HTTPFlow) -> None:
        self._close(flow)

    @fails_closed(lambda flow: refusal(flow))
    def error(self, flow: http.HTTPFlow) -> None:
        self._close(flow)

    def _take(self, flow: http.HTTPFlow, inbound: Inbound) -> None:
        oversized = flow.metadata.get("parley_oversized", 0)
        match self._program.reception.take(inbound, oversized, has_target(flow)):
            case Exchange() as exchange:
                self._table.add(flow, exchange)
            case Answer() as answer:
                flow.response = response_of(answer)
            case None:
                self._table.let_through(flow)

    def _close(self, flow: http.HTTPFlow) -> None:
        if is_attempt(flow):
            name_attempt(flow)
            return
        exchange = self._table.forget(flow)
        if exchange:
            write_record(flow, exchange)
