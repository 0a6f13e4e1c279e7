"""What the addons share. Built anew from the settings whenever these change; exchanges under way keep theirs."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from addons.answers import refusal
from addons.doors import Doors
from addons.host.exchanges import ExchangeTable
from addons.recordings import UnreadableRecording, read_recording
from addons.sharing import identity_of, link_to
from addons.targets import target_policy
from proxy_core.config.saved import SavedSettings
from proxy_core.config.settings import ReplaySettings, Settings
from proxy_core.dashboard.live import LiveBoard
from proxy_core.exchange.controls import ChatControls
from proxy_core.exchange.house import House
from proxy_core.exchange.reception import Reception
from proxy_core.exchange.router import Router
from proxy_core.exchange.secrecy import Secrecy
from proxy_core.exchange.visit import Visit
from proxy_core.guards.limits import OpenStreams
from proxy_core.guards.origins import own_names
from proxy_core.guards.transport import GuardedTransport
from proxy_core.history.log import HistoryLog
from proxy_core.loops.tools import ToolLoops
from proxy_core.redaction.vault import Vault
from proxy_core.routing.catalogue import Catalogue
from proxy_core.routing.keys import KeyRing
from proxy_core.routing.rests import Rests
from proxy_core.serving import dashboard, greeting, health, models, openapi, sessions
from proxy_core.serving.demo import DemoServer
from proxy_core.serving.pages import Pages
from proxy_core.serving.replay import ReplayServer, Tape, listing_only, replaying
from proxy_core.sessions.prefix import PrefixWatch
from proxy_core.sessions.session import Session
from proxy_core.sessions.store import Sessions
from proxy_core.sharing.identity import Identity
from proxy_core.sharing.replica import Clocks, Replica
from proxy_core.turn.ledger import SealLedger
from proxy_core.usage.log import UsageLog
from proxy_core.usage.prices import Prices, load_public_prices
from proxy_core.usage.record import Record
from proxy_core.viewing.contexts import Contexts

if TYPE_CHECKING:
    from proxy_core.sharing.link import Link

logger = logging.getLogger("parley")


class Program:
    """`load` comes first, then `start`; until it is done requests wait at `ready`. `reload` reads the settings anew."""

    settings: Settings
    house: House
    usage: UsageLog

    def __init__(self) -> None:
        self.table = ExchangeTable(refusal)
        self.doors = Doors()
        self.rests = Rests(time.monotonic)
        self.keys = KeyRing(self.rests)
        self.catalogue = Catalogue(lambda context: GuardedTransport(target_policy(self.settings), context))
        self.sessions = Sessions(time.monotonic)
        self.demo = DemoServer()
        self.board = LiveBoard()
        self.reception = Reception(lambda: self.house)
        self.ready = asyncio.Event()
        self.reload: Callable[[], None] = lambda: None
        self.history = HistoryLog(lambda: self.settings.history)
        self.saved = SavedSettings(lambda: self.settings, lambda: self.reload(), self.catalogue.listed)
        self._ledger = SealLedger()
        self._tool_loops = ToolLoops()
        self._prefixes = PrefixWatch()
        self._contexts = Contexts()
        self._vaults: OrderedDict[str, Vault] = OrderedDict()
        self._usage: UsageLog | None = None
        self._streams: tuple[tuple[int, int], OpenStreams] | None = None
        self._demo_url: str | None = None
        self._replay: tuple[ReplayServer, str] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.link: Link | None = None
        self._identity: Identity | None = None

    def load(self, settings: Settings) -> None:
        """Takes settings over, also while running."""
        self.settings = settings = self._with_replay(self._with_demo(settings))
        self.table.default_timeout = settings.timeout
        self.table.max_body = settings.limits.body
        self.table.failover = settings.failover
        self.rests.patience = settings.failover.patience
        self.catalogue.configure(listing_only(settings) if self._replay else settings)
        if settings.redis_url and self._usage is None:  # from the start on, or not at all
            self._identity = identity_of(settings)
            self.link = link_to(settings.redis_url, self._replica(self._identity), lambda: self.settings.limits.sharing)
        if self._usage is None:
            self.usage = self._usage = UsageLog(settings.database_url, lambda: len(self.table), self._prices())
        self.house = House(
            settings=settings,
            router=Router(settings, self.keys, self.rests, self.catalogue.listed, self.catalogue.place),
            secrecy=Secrecy(settings, self._vaults, self._identity.placeholders if self._identity else None),
            own_names=own_names(settings.host, settings.network.hosts, settings.network.origins),
            pages=self._pages(settings),
            open_streams=self._streams_of(settings),
            saved=self.saved,
            rests=self.rests,
            catalogue=self.catalogue,
            sessions=self.sessions,
            tool_loops=self._tool_loops,
            prefixes=self._prefixes,
            ledger=self._ledger,
            contexts=self._contexts,
        )

    def _streams_of(self, settings: Settings) -> OpenStreams:
        """The same count as long as its limits stay."""
        limits = (settings.limits.streams, settings.limits.streams_per_client)
        if self._streams is None or self._streams[0] != limits:
            self._streams = limits, OpenStreams(*limits)
        return self._streams[1]

    def _pages(self, settings: Settings) -> Pages:
        pages = (
            *greeting.pages(settings),
            *health.pages(settings, self.catalogue, self.rests, self.link.report if self.link else None),
            *models.pages(settings, self.catalogue),
            *sessions.pages(self.sessions, time.time, self._contexts),
            *self.usage.pages(),
            *dashboard.pages(
                lambda: self.settings, self.board, self.catalogue, self.rests, self.usage.store, self.usage.reader
            ),
        )
        return Pages((*pages, *openapi.pages(pages)))

    def _replica(self, identity: Identity) -> Replica:
        return Replica(
            self.sessions,
            self.rests,
            self._tool_loops,
            identity,
            Clocks(time.monotonic),
            lambda backend: found.keys if (found := self.settings.backends.get(backend)) else (),
            lambda: self.settings.secrets,
        )

    def _prices(self) -> Prices:
        return Prices(lambda backend, model: self.settings.override(backend, model), self.catalogue.price)

    def controls_of(self, session: Session) -> ChatControls:
        """What commands for a session act on."""
        return ChatControls(session, self.settings, self.saved, self.catalogue.listed(), self.rests)

    def keep(self, visit: Visit, record: Record) -> None:
        """Tells a request that is over to those who remember some of it."""
        self.board.end(visit, record)
        self.history.note(visit, record, self.house.secrecy.hide_again)

    async def start(self) -> None:
        self._demo_url = await self.demo.start()
        if self.settings.replay and not await self._start_replay(self.settings.replay):
            return
        self.load(self.settings)
        if self.link:
            await self.link.start()
        self._tasks.append(asyncio.create_task(self.catalogue.run()))
        self.ready.set()
        self._tasks.append(asyncio.create_task(asyncio.to_thread(load_public_prices)))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.link:
            await self.link.stop()
        await self.demo.stop()
        if self._replay:
            await self._replay[0].stop()
        await asyncio.to_thread(self.history.close)
        if self._usage:
            await asyncio.to_thread(self._usage.close)

    def _with_demo(self, settings: Settings) -> Settings:
        """The demo backend answers on a port of its own choice."""
        if self._demo_url is None:
            return settings
        demo = replace(settings.backends["demo"], base_url=self._demo_url, keys=(self.demo.key,))
        return replace(settings, backends={**settings.backends, "demo": demo})

    async def _start_replay(self, wanted: ReplaySettings) -> bool:
        """What is logged as an error during the start ends it."""
        try:
            tape = Tape(await asyncio.to_thread(read_recording, wanted.file))
        except UnreadableRecording as error:
            logger.error("Parley cannot replay %s: %s", wanted.file, error)
            return False
        server = ReplayServer(tape, wanted.fast, lambda: self.settings.secrets)
        self._replay = server, await server.start()
        logger.info("Replaying %s: %d exchanges, nothing else is asked", wanted.file, len(tape))
        return True

    def _with_replay(self, settings: Settings) -> Settings:
        return replaying(settings, *self._replay) if self._replay else settings
