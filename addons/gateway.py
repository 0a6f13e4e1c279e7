"""The way in: every client request is answered here, given an exchange, or explicitly let through."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from mitmproxy import http

from addons.answers import has_target, hide_credentials, inbound_of, refusal, response_of
from addons.host.exchanges import is_attempt
from addons.host.guard import fails_closed
from addons.program import Program
from addons.records import name_attempt, write_record
from proxy_core.config.settings import Settings
from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.exchange.answers import Answer, fault_answer
from proxy_core.exchange.attempts import attempts
from proxy_core.exchange.dispatch import Dispatcher
from proxy_core.exchange.exchange import Exchange
from proxy_core.exchange.inbound import Admitted, Inbound
from proxy_core.exchange.intake import admit, asking_codec, check_client_key, find_call
from proxy_core.exchange.router import Routing
from proxy_core.exchange.terms import Terms
from proxy_core.pipeline.wishes import NO_WISHES, Wishes
from proxy_core.protocols import CODECS
from proxy_core.protocols.contract import Call
from proxy_core.routing.plan import only
from proxy_core.routing.upstreams import Upstream
from proxy_core.serving.count import count_tokens, counted
from proxy_core.wire.json import dumps

logger = logging.getLogger("parley")


class Gateway:
    """The program's settings, router and pages are asked for at each request, since they may change while running."""

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
            await self._take(flow, inbound)
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

    def _close(self, flow: http.HTTPFlow) -> None:
        if is_attempt(flow):
            name_attempt(flow)
            return
        exchange = self._table.forget(flow)
        if exchange:
            write_record(flow, exchange)
            if exchange.fault and exchange.history:
                _log_failure(exchange)

    async def _take(self, flow: http.HTTPFlow, inbound: Inbound) -> None:
        if inbound.listener == "proxy":
            self._take_intercepted(flow, inbound)
            return
        self._check_size(flow)
        page = self._program.pages.find(inbound)
        if page:
            if page.needs_key:
                check_client_key(inbound, _demanded_key(self._program.settings))
            answer = await asyncio.to_thread(page.answer, inbound) if page.slow else page.answer(inbound)
            flow.response = response_of(answer)
            return
        try:
            call = find_call(inbound)
        except ParleyError:
            if not has_target(flow):
                raise
            self._table.let_through(flow)
            return
        self._take_call(flow, inbound, call)

    def _take_call(self, flow: http.HTTPFlow, inbound: Inbound, call: Call) -> None:
        settings = self._program.settings
        router = self._program.router
        if not router.has_transparent:
            check_client_key(inbound, _demanded_key(settings))
        admitted = admit(inbound, call, settings.limits.decoded)
        routing = router.route(admitted)
        if router.has_transparent and routing.first.credentials == "own":
            check_client_key(inbound, _demanded_key(settings))
        self._start(flow, admitted, routing)

    def _take_intercepted(self, flow: http.HTTPFlow, inbound: Inbound) -> None:
        """A request that the client addressed to a provider itself: same chain, its own credentials."""
        found = self._program.router.intercepted(inbound)
        if found is None:
            self._table.let_through(flow)
            return
        self._check_size(flow)
        call, upstream = found
        admitted = admit(inbound, call, self._program.settings.limits.decoded)
        self._start(flow, admitted, Routing(upstream.backend, only(upstream)))

    def _start(self, flow: http.HTTPFlow, admitted: Admitted, routing: Routing) -> None:
        dispatcher = Dispatcher(admitted, time.time, self._terms(admitted))
        client = CODECS[admitted.call.protocol]
        fallback = None
        if admitted.call.operation == "count_tokens":
            fallback = _local_count(admitted, dispatcher)
            if routing.first.protocol != client.name:
                flow.response = response_of(Answer(200, [("content-type", "application/json")], fallback()))
                return
        exchange = Exchange(
            admitted,
            client,
            attempts(routing.plan, dispatcher),
            _report,
            fallback,
            settled=lambda attempt: self._program.router.learn(attempt, time.time()),
            abort=self._program.settings.failover.after_content == "abort",
        )
        self._table.add(flow, exchange)

    def _terms(self, admitted: Admitted) -> Terms:
        settings = self._program.settings
        return Terms(
            defaults=lambda upstream: _wishes_of(settings, upstream),
            ledger=self._program.ledger,
            scope=admitted.inbound.client,
        )

    def _check_size(self, flow: http.HTTPFlow) -> None:
        size = flow.metadata.get("parley_oversized")
        if size:
            limit = self._table.max_body
            raise ParleyError(
                Fault(
                    FaultKind.TOO_LARGE,
                    f"The request body has {size} bytes; at most {limit} are taken (limits.body in addons.yaml).",
                )
            )


def _demanded_key(settings: Settings) -> str | None:
    return None if settings.auth_disabled else settings.client_key


def _wishes_of(settings: Settings, upstream: Upstream) -> Wishes:
    """What addons.yaml wishes for a model."""
    entry = settings.override(upstream.backend.name, upstream.model)
    return Wishes(entry.temperature, entry.reasoning_effort, entry.thinking_budget) if entry else NO_WISHES


def _local_count(admitted: Admitted, dispatcher: Dispatcher) -> Callable[[], bytes]:
    """The token count that is answered where no backend counts: an estimate over system, tools and messages."""
    return lambda: dumps(counted(admitted.call.protocol, count_tokens(dispatcher.read())))


def _report(error: Exception) -> None:
    logger.error("Parley failed while it handled an answer", exc_info=error)


def _log_failure(exchange: Exchange) -> None:
    tried = "; ".join(attempt.summary for attempt in exchange.history)
    logger.warning("No answer for model %r: %s", exchange.admitted.model, tried)
