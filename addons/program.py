"""What the addons share. Built anew from the settings whenever these change; exchanges under way keep theirs."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from addons.answers import refusal
from addons.host.exchanges import ExchangeTable
from proxy_core.config.settings import Settings
from proxy_core.exchange.reception import House, Reception
from proxy_core.exchange.router import Router
from proxy_core.routing.catalogue import Catalogue
from proxy_core.routing.keys import KeyRing
from proxy_core.routing.rests import Rests
from proxy_core.serving import greeting, health, models, openapi
from proxy_core.serving.demo import DemoServer
from proxy_core.serving.pages import Pages
from proxy_core.turn.ledger import SealLedger


class Program:
    """`load` comes first, then `start`; until it is done requests wait at `ready`."""

    settings: Settings
    house: House

    def __init__(self) -> None:
        self.table = ExchangeTable(refusal)
        self.rests = Rests(time.monotonic)
        self.keys = KeyRing(self.rests)
        self.catalogue = Catalogue()
        self.ledger = SealLedger()
        self.demo = DemoServer()
        self.reception = Reception(lambda: self.house)
        self.ready = asyncio.Event()
        self._demo_url: str | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def load(self, settings: Settings) -> None:
        """Takes settings over, also while running."""
        self.settings = settings = self._with_demo(settings)
        self.table.default_timeout = settings.timeout
        self.table.max_body = settings.limits.body
        self.table.failover = settings.failover
        self.rests.patience = settings.failover.patience
        self.catalogue.configure(settings)
        router = Router(settings, self.keys, self.rests, self.catalogue.listed, self.catalogue.place)
        pages = (
            *greeting.pages(settings),
            *health.pages(settings, self.catalogue, self.rests),
            *models.pages(settings, self.catalogue),
        )
        self.house = House(settings, router, Pages((*pages, *openapi.pages(pages))), self.ledger)

    async def start(self) -> None:
        self._demo_url = await self.demo.start()
        self.load(self.settings)
        self._tasks.append(asyncio.create_task(self.catalogue.run()))
        self.ready.set()

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.demo.stop()

    def _with_demo(self, settings: Settings) -> Settings:
        """The demo backend answers on a port of its own choice."""
        if self._demo_url is None:
            return settings
        demo = replace(settings.backends["demo"], base_url=self._demo_url, keys=(self.demo.key,))
        return replace(settings, backends={**settings.backends, "demo": demo})
