"""What becomes of a client's request: a page, an answer of our own, an exchange with a backend, or nothing of ours."""

from __future__ import annotations

import time
from collections.abc import Callable

from proxy_core.config.settings import Settings
from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.exchange.answers import Answer
from proxy_core.exchange.attempt import Attempt
from proxy_core.exchange.conversing import Conversing
from proxy_core.exchange.exchange import Exchange
from proxy_core.exchange.house import House
from proxy_core.exchange.inbound import Inbound
from proxy_core.exchange.intake import admit, check_client_key, find_call
from proxy_core.exchange.router import Routing
from proxy_core.exchange.visit import Visit
from proxy_core.guards.limits import check_header_size, check_header_text
from proxy_core.guards.origins import check_origin, preflight_headers
from proxy_core.protocols import recognise
from proxy_core.protocols.contract import Call
from proxy_core.sessions.session import REPEATED

type Later = Callable[[], Answer]
"""An answer that takes more than a moment to make, and is to be made in a thread."""


class Reception:
    def __init__(self, house: Callable[[], House]) -> None:
        self._house = house

    def take(self, visit: Visit) -> Answer | Later | Exchange | None:
        """None: the request is none of ours and goes where it was going.

        Fills in what it finds out about the visit. Raises ParleyError where the client is to hear a fault.
        """
        house, inbound = self._house(), visit.inbound
        check_header_size(inbound.headers.pairs, house.settings.limits.headers)
        check_header_text(inbound.headers.pairs)
        if inbound.listener == "proxy":
            return self._take_intercepted(house, visit)
        if not visit.has_target:
            check_origin(inbound.headers, house.own_names)
        preflight = preflight_headers(inbound.headers, house.own_names) if inbound.method == "OPTIONS" else []
        if preflight:
            return Answer(204, preflight, b"")
        _check_size(visit, house.settings)
        return self._page(house, inbound) or self._counted(house, visit, self._model_call(house, visit))

    def _counted(self, house: House, visit: Visit, answer: Answer | Exchange | None) -> Answer | Exchange | None:
        if isinstance(answer, Exchange):
            house.open_streams.enter(visit.inbound.client)
            visit.counted = True
        return answer

    def _page(self, house: House, inbound: Inbound) -> Answer | Later | None:
        page = house.pages.find(inbound)
        if page is None:
            return None
        if page.needs_key:
            check_client_key(inbound, _demanded_key(house.settings))
        return (lambda: page.answer(inbound)) if page.slow else page.answer(inbound)

    def _model_call(self, house: House, visit: Visit) -> Answer | Exchange | None:
        try:
            visit.call = find_call(visit.inbound)
        except ParleyError:
            if visit.has_target:
                house.secrecy.check_passing(visit.inbound.body)
                return None
            _check_method(house, visit.inbound)
            raise
        demanded = _demanded_key(house.settings)
        trusted = True
        try:
            check_client_key(visit.inbound, demanded)
        except ParleyError:
            if not house.router.has_transparent:
                raise
            trusted = False

        def allow(routing: Routing) -> None:
            if not trusted and routing.first.credentials == "own":
                check_client_key(visit.inbound, demanded)

        return self._converse(house, visit, visit.call, allow, trusted).answer()

    def _take_intercepted(self, house: House, visit: Visit) -> Answer | Exchange | None:
        """A request that the client addressed to a provider itself: same chain, its own credentials."""
        _check_size(visit, house.settings)
        found = house.router.intercepted(visit.inbound)
        if found is None:
            house.secrecy.check_passing(visit.inbound.body)
            return None
        visit.call, upstream = found
        conversing = self._converse(house, visit, visit.call, lambda routing: None, trusted=True)
        return self._counted(house, visit, conversing.answer(upstream))

    def _converse(
        self, house: House, visit: Visit, call: Call, allow: Callable[[Routing], None], trusted: bool
    ) -> Conversing:
        limits = house.settings.limits
        admitted = visit.admitted = admit(visit.inbound, call, limits.decoded, limits.json_depth)
        return Conversing(house, visit, admitted, allow, trusted, self._learn)

    def take_again(self, visit: Visit) -> Answer | Later | Exchange | None:
        """As if the visit had just come: what it was given is somebody else's."""
        if visit.counted:
            self._house().open_streams.leave(visit.inbound.client)
        if visit.session:
            visit.session.requests -= 1
        visit.counted, visit.one_off = False, None
        return self.take(visit)

    def leave(self, visit: Visit) -> None:
        """To be called once when a visit is over, however it ended."""
        session, exchange = visit.session, visit.exchange
        if visit.counted:
            self._house().open_streams.leave(visit.inbound.client)
        if session and visit.one_off and (visit.fault or (exchange and exchange.fault)):
            session.give_back(visit.one_off)
        if session is None or exchange is None:
            return
        meter = exchange.attempt.meter if exchange.attempt else None
        if exchange.was_cut and visit.steer_after_loop:
            session.notice = REPEATED
        if meter and meter.id and visit.inbound.listener == "base_url":
            self._house().sessions.answered(session, meter.id)

    def _learn(self, attempt: Attempt) -> None:
        self._house().router.learn(attempt, time.time())


def _check_size(visit: Visit, settings: Settings) -> None:
    if visit.oversized:
        limit = settings.limits.body
        raise ParleyError(
            Fault(
                FaultKind.TOO_LARGE,
                f"The request body has {visit.oversized} bytes; at most {limit} are taken "
                "(limits.body_mib in addons.yaml).",
            )
        )


def _check_method(house: House, inbound: Inbound) -> None:
    """Raises ParleyError where a page is asked in another way than it can be."""
    methods = house.pages.methods_at(inbound.path)
    if methods and inbound.method not in methods and not recognise("POST", inbound.path, inbound.query):
        said = f"{inbound.method} is not allowed for {inbound.path}; use {' or '.join(methods)}."
        raise ParleyError(Fault(FaultKind.METHOD_NOT_ALLOWED, said, allow=", ".join(methods)))


def _demanded_key(settings: Settings) -> str | None:
    return None if settings.auth_disabled else settings.client_key
