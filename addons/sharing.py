"""A request among several proxies: it hears what the others know, and what it set is told before it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from proxy_core.config import redis_url
from proxy_core.config.settings import Settings
from proxy_core.exchange.answers import Answer
from proxy_core.exchange.exchange import Exchange
from proxy_core.exchange.reception import Later, Reception
from proxy_core.exchange.visit import Visit
from proxy_core.sharing.identity import Identity, identity
from proxy_core.sharing.replica import Replica

if TYPE_CHECKING:
    from proxy_core.sharing.link import Link


def identity_of(settings: Settings) -> Identity:
    """A client key that was made for this run is nobody else's."""
    lasting = None if settings.client_key_generated else settings.client_key
    return identity(lasting, redis_url.password(settings.redis_url or ""))


def link_to(url: str, replica: Replica, patience: Callable[[], float]) -> Link:
    """Not started yet. redis-py is loaded only where it is wanted."""
    from proxy_core.sharing.link import Link
    from proxy_core.sharing.redis_log import RedisLog

    return Link(replica, lambda report: RedisLog(url, report), redis_url.shown(url), patience, time.time)


async def take(link: Link, reception: Reception, visit: Visit) -> Answer | Later | Exchange | None:
    """What `reception` makes of the visit. Where another proxy has taken the one-off model that this one took too, it
    is made once more, without."""
    span = link.span()
    await link.catch_up(span)
    try:
        taken = reception.take(visit)
    finally:
        claim = note(link, visit, used=1)
        await link.settle(span)
    if claim and visit.one_off and link.was_lost(claim):
        try:
            taken = reception.take_again(visit)
        finally:
            note(link, visit)
            await link.settle(span)
    return taken


def note(link: Link, visit: Visit, used: int = 0) -> str | None:
    """What the visit set so far; the token of the one-off model that it took."""
    return link.note(visit.session, used) if visit.session else None
