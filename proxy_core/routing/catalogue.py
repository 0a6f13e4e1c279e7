"""Which models there are: each backend's own list, fetched in the background, kept while the backend is down."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import httpx
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from proxy_core.config.settings import Settings
from proxy_core.errors import not_found
from proxy_core.routing.aggregator import AGGREGATOR, Place, Price, read_places, upstream_at
from proxy_core.routing.listing import fetch_json, fetch_models
from proxy_core.routing.upstreams import Backend, Upstream

type Status = Literal["waiting", "ok", "failing", "static", "unusable"]

REFRESH_SECONDS = 900.0
RETRY_SECONDS = 60.0
"""The next round when some list could not be fetched."""
_ATTEMPTS = 3
_TIMEOUT = httpx.Timeout(15.0, connect=5.0)


@dataclass(frozen=True, slots=True)
class BackendState:
    """`static`: not asked, its models are known or its keys are the clients'. `unusable`: no key. `error` is of the
    last fetch and holds no secret; `fetched_at` is of the last good one, in seconds since 1970."""

    status: Status
    models: tuple[str, ...] = ()
    fetched_at: float | None = None
    error: str | None = None


type Connect = Callable[[ssl.SSLContext], httpx.AsyncBaseTransport]
"""Makes the transport of one round, from the CAs to trust."""


class Catalogue:
    """`configure` before anything else, also again while running; `run` keeps the lists fresh."""

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport | Connect | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.state: dict[str, BackendState] = {}
        self.places: dict[str, Place] = {}
        self._backends: dict[str, Backend] = {}
        self._list_url: str | None = None
        self._transport = transport
        self._clock = clock
        self._sleep = sleep
        self._wanted = asyncio.Event()

    def configure(self, settings: Settings) -> None:
        """Lists of backends that stay the same are kept."""
        if settings.model_list_url != self._list_url:
            self.places = {}
        before, self._backends = self._backends, dict(settings.backends)
        self._list_url = settings.model_list_url
        self.state = {
            name: self.state[name] if before.get(name) == backend else _unasked(backend)
            for name, backend in self._backends.items()
        }
        self._wanted.set()

    def listed(self) -> Mapping[str, tuple[str, ...]]:
        """By backend, of those that can be used and whose models are known."""
        return {name: state.models for name, state in self.state.items() if state.models}

    def place(self, upstream: Upstream) -> Upstream:
        """The same model where the aggregator serves it; any other upstream unchanged.

        Raises ParleyError when the aggregator does not have the model.
        """
        if upstream.backend.name != AGGREGATOR or not self._list_url:
            return upstream
        place = self.places.get(upstream.model)
        if place is None:
            raise not_found(f"The model list has no model '{upstream.model}'.", "model")
        return upstream_at(place, upstream.backend)

    def price(self, model: str) -> Price | None:
        """What the aggregator asks for a model."""
        place = self.places.get(model)
        return place.price if place else None

    def want_refresh(self) -> None:
        """Has `run` ask again soon."""
        self._wanted.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._wanted.clear()
            await self.refresh()
            failing = any(state.status == "failing" for state in self.state.values())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RETRY_SECONDS if failing else REFRESH_SECONDS):
                    await self._wanted.wait()

    async def refresh(self) -> None:
        """Asks every backend that can be asked, all at once. Raises nothing: failures are in `state`."""
        asked = [backend for backend in self._backends.values() if _can_be_asked(backend)]
        if not asked:
            return
        try:
            client = await self._client()
        except OSError as error:
            reason = f"the CA certificates cannot be read: {error.strerror or error}"
            self.state |= {b.name: replace(self.state[b.name], status="failing", error=reason) for b in asked}
            return
        async with client:
            await asyncio.gather(*(self._ask(client, backend) for backend in asked))

    async def _client(self) -> httpx.AsyncClient:
        """HTTP_PROXY is not obeyed: it may name this very proxy. Loading CAs takes a while, hence the thread."""
        transport = self._transport
        if not isinstance(transport, httpx.AsyncBaseTransport):
            context = await asyncio.to_thread(httpx.create_ssl_context)
            transport = (transport or httpx.AsyncHTTPTransport)(context)
        return httpx.AsyncClient(transport=transport, trust_env=False, timeout=_TIMEOUT)

    async def _ask(self, client: httpx.AsyncClient, backend: Backend) -> None:
        try:
            models = await self._retrying()(self._fetch, client, backend)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            outcome = replace(self.state[backend.name], status="failing", error=_reason(error))
        else:
            outcome = BackendState("ok", models or backend.models, self._clock())
        if self._backends.get(backend.name) == backend:  # it may have been configured anew meanwhile
            self.state[backend.name] = outcome

    async def _fetch(self, client: httpx.AsyncClient, backend: Backend) -> tuple[str, ...]:
        if backend.name != AGGREGATOR or self._list_url is None:
            return await fetch_models(client, backend)
        list_url = self._list_url
        places = read_places(await fetch_json(client, list_url, backend.headers), list_url)
        if list_url == self._list_url:
            self.places = places
        return tuple(places)

    def _retrying(self) -> AsyncRetrying:
        return AsyncRetrying(
            sleep=self._sleep,
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.5, max=5),
            retry=retry_if_exception(_may_pass),
            reraise=True,
        )


def _can_be_asked(backend: Backend) -> bool:
    return backend.usable and backend.credentials == "own" and not backend.model and backend.dialect != "demo"


def _unasked(backend: Backend) -> BackendState:
    """The models that the configuration names count until the backend itself has said which."""
    if not backend.usable:
        return BackendState("unusable")
    known = (backend.model,) if backend.model else backend.models
    return BackendState("waiting" if _can_be_asked(backend) else "static", known)


def _may_pass(error: BaseException) -> bool:
    """Whether asking again a moment later may help."""
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code in (408, 429) or error.response.status_code >= 500
    return isinstance(error, httpx.TransportError)


def _reason(error: Exception) -> str:
    """Without the address, which may hold a key."""
    if isinstance(error, httpx.HTTPStatusError):
        return f"HTTP {error.response.status_code}"
    return type(error).__name__ if isinstance(error, httpx.HTTPError) else str(error) or "unreadable answer"
