"""What becomes of a client's request: a page, an answer of our own, an exchange with a backend, or nothing of ours."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from proxy_core.config.settings import Settings
from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.exchange.answers import Answer, json_answer
from proxy_core.exchange.attempts import attempts
from proxy_core.exchange.dispatch import Dispatcher
from proxy_core.exchange.exchange import Exchange
from proxy_core.exchange.inbound import Admitted, Inbound
from proxy_core.exchange.intake import admit, check_client_key, find_call
from proxy_core.exchange.router import Router, Routing
from proxy_core.exchange.terms import Terms
from proxy_core.pipeline.wishes import NO_WISHES, Wishes
from proxy_core.protocols import CODECS
from proxy_core.protocols.contract import Call
from proxy_core.routing.plan import only
from proxy_core.routing.upstreams import Upstream
from proxy_core.serving.count import count_tokens, counted
from proxy_core.serving.pages import Pages
from proxy_core.turn.ledger import SealLedger
from proxy_core.wire.json import dumps

logger = logging.getLogger("parley")


@dataclass(slots=True)
class House:
    """What requests meet here: rebuilt when the settings change, so it is asked for at each request."""

    settings: Settings
    router: Router
    pages: Pages
    ledger: SealLedger


class Reception:
    def __init__(self, house: Callable[[], House]) -> None:
        self._house = house

    def take(self, inbound: Inbound, oversized: int, has_target: bool) -> Answer | Exchange | None:
        """None: the request is none of ours and goes where it was going.

        `oversized` is the size of a body that was too large to keep, else 0. `has_target`: the user named a place
        for requests that no rule claims. Raises ParleyError where the client is to hear a fault.
        """
        house = self._house()
        if inbound.listener == "proxy":
            return self._take_intercepted(house, inbound, oversized)
        _check_size(oversized, house.settings)
        page = house.pages.find(inbound)
        if page:
            if page.needs_key:
                check_client_key(inbound, _demanded_key(house.settings))
            return page.answer(inbound)
        try:
            call = find_call(inbound)
        except ParleyError:
            if has_target:
                return None
            raise
        return self._take_call(house, inbound, call)

    def _take_call(self, house: House, inbound: Inbound, call: Call) -> Answer | Exchange:
        demanded = _demanded_key(house.settings)
        if not house.router.has_transparent:
            check_client_key(inbound, demanded)
        admitted = admit(inbound, call, house.settings.limits.decoded)
        routing = house.router.route(admitted)
        if house.router.has_transparent and routing.first.credentials == "own":
            check_client_key(inbound, demanded)
        return self._begin(house, admitted, routing)

    def _take_intercepted(self, house: House, inbound: Inbound, oversized: int) -> Answer | Exchange | None:
        """A request that the client addressed to a provider itself: same chain, its own credentials."""
        found = house.router.intercepted(inbound)
        if found is None:
            return None
        _check_size(oversized, house.settings)
        call, upstream = found
        admitted = admit(inbound, call, house.settings.limits.decoded)
        return self._begin(house, admitted, Routing(upstream.backend, only(upstream)))

    def _begin(self, house: House, admitted: Admitted, routing: Routing) -> Answer | Exchange:
        dispatcher = Dispatcher(admitted, time.time, _terms(house, admitted))
        client = CODECS[admitted.call.protocol]
        fallback = None
        if admitted.call.operation == "count_tokens":
            fallback = _local_count(admitted, dispatcher)
            if routing.first.protocol != client.name:
                return json_answer(counted(client.name, count_tokens(dispatcher.read())))
        return Exchange(
            admitted,
            client,
            attempts(routing.plan, dispatcher),
            _report,
            fallback,
            settled=lambda attempt: self._house().router.learn(attempt, time.time()),
        )


def _terms(house: House, admitted: Admitted) -> Terms:
    settings = house.settings
    return Terms(
        defaults=lambda upstream: _wishes_of(settings, upstream),
        ledger=house.ledger,
        scope=admitted.inbound.client,
    )


def _wishes_of(settings: Settings, upstream: Upstream) -> Wishes:
    """What addons.yaml wishes for a model."""
    entry = settings.override(upstream.backend.name, upstream.model)
    return Wishes(entry.temperature, entry.reasoning_effort, entry.thinking_budget) if entry else NO_WISHES


def _check_size(oversized: int, settings: Settings) -> None:
    if oversized:
        limit = settings.limits.body
        raise ParleyError(
            Fault(
                FaultKind.TOO_LARGE,
                f"The request body has {oversized} bytes; at most {limit} are taken (limits.body_mib in addons.yaml).",
            )
        )


def _demanded_key(settings: Settings) -> str | None:
    return None if settings.auth_disabled else settings.client_key


def _local_count(admitted: Admitted, dispatcher: Dispatcher) -> Callable[[], bytes]:
    """The token count that is answered where no backend counts: an estimate over system, tools and messages."""
    return lambda: dumps(counted(admitted.call.protocol, count_tokens(dispatcher.read())))


def _report(error: Exception) -> None:
    logger.error("Parley failed while it handled an answer", exc_info=error)
