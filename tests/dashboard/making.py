"""Visits and what belongs to them, without a proxy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from proxy_core.exchange.exchange import Exchange
from proxy_core.exchange.visit import Visit
from proxy_core.protocols import CODECS
from proxy_core.protocols.contract import Call
from proxy_core.routing.upstreams import Backend, Upstream
from proxy_core.sessions.session import Session
from proxy_core.turn.events import Event
from tests.usage.making import NOON, admitted, attempt

BACKEND = Backend("anthropic", "anthropic", "https://api.anthropic.com/v1", ("sk-secret-0123456789abcdef",))
UPSTREAM = Upstream(BACKEND, "claude-sonnet-4-6", BACKEND.keys[0])


def _raise(error: Exception) -> None:
    raise error


def visit(events: Iterable[Event] = (), begun: bool = True, **fields: Any) -> Visit:
    """Under way at one backend, which has sent `events`; not `begun`: nothing has been sent to it yet."""
    taken = admitted("anthropic", model="strong")
    tries = iter([attempt(UPSTREAM, events)])
    exchange = Exchange(taken, CODECS["anthropic"], tries, _raise)
    if begun:
        exchange.next_attempt()
    session = Session("s-1", "owner", 0.0, 0.0)
    return Visit(
        taken.inbound,
        NOON,
        call=Call("anthropic", "chat"),
        admitted=taken,
        exchange=exchange,
        session=session,
        agent="codex",
        **fields,
    )
