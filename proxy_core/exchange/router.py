"""From a request to the upstreams that may answer it, in order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from proxy_core.config.settings import SavedRoute, Settings
from proxy_core.errors import Fault, FaultKind, ParleyError, invalid
from proxy_core.exchange.attempt import HEDGED, Attempt
from proxy_core.exchange.headers import shows_credentials
from proxy_core.exchange.inbound import Admitted, Inbound
from proxy_core.profiles.lookup import profile_of
from proxy_core.protocols import recognise
from proxy_core.protocols.contract import Call
from proxy_core.routing.keys import KeyRing
from proxy_core.routing.limits import rest_wanted, tightest
from proxy_core.routing.naming import resolve
from proxy_core.routing.plan import Candidate, Element, Plan, candidates, only, plan, split_weight, weighted
from proxy_core.routing.providers import PROVIDERS, Provider
from proxy_core.routing.replayed import REPLAY, replay_upstream
from proxy_core.routing.rests import HEADROOM_LASTS, Rests
from proxy_core.routing.upstreams import Backend, Upstream

_PORTS = {"http": 80, "https": 443}
_NO_MODEL = "'model' is required: name one as 'backend:model'; GET /v1/models lists them."
_NO_MODEL_HERE = "Model must be specified in request when config.json model is blank"
"""What clients of the transparent proxy before this one know."""


@dataclass(frozen=True, slots=True)
class Routing:
    """Where a request goes: the backend that comes first, and the plan of attempts; `others`: of more than one."""

    first: Backend
    plan: Plan
    others: bool = False


class Router:
    """`place` says where an aggregator serves a model. `listed` gives the models of each backend as last fetched."""

    def __init__(
        self,
        settings: Settings,
        keys: KeyRing,
        rests: Rests,
        listed: Callable[[], Mapping[str, Collection[str]]],
        place: Callable[[Upstream], Upstream] = lambda upstream: upstream,
    ) -> None:
        self._settings = settings
        self._rests = rests
        self._keys = keys
        self._listed = listed
        self._place = place
        self.has_transparent = any(backend.credentials == "client" for backend in settings.backends.values())
        self._providers = _providers(settings.backends.values())
        own = (*settings.routes.values(), *settings.backends.values(), settings.failover)
        self._hedges = any(one.hedge_after for one in own)

    def route(self, admitted: Admitted, name: str, urls: Mapping[str, str]) -> Routing:
        """`name` is the model that is to answer, or a route; `urls` are other addresses for backends, by name.

        Raises ParleyError when no backend can take the model.
        """
        if self._settings.replay:
            upstream = replay_upstream(self._settings.backends[REPLAY], admitted.call, admitted.model)
            return Routing(upstream.backend, only(upstream))
        route = self._settings.routes.get(name)
        elements = self._elements_of(name, route) if route else [self._plain_element(admitted, name)]
        elements = [_moved(element, urls) for element in elements]
        if self._hedges and admitted.call.operation == "chat":
            elements = [self._hedged(element, route) for element in elements]
        order = candidates(route.policy if route else "k", elements, self._is_awake)
        return Routing(elements[0].backend, plan(order, self._rests), others=len(order) > 1)

    def learn(self, attempt: Attempt, now: float) -> None:
        """What an attempt that is over says about its key and its backend. `now` is in seconds since 1970."""
        backend, key, model = attempt.upstream.backend, attempt.upstream.key, attempt.upstream.model
        if backend.credentials == "client" or self._settings.replay:
            return
        limit = tightest(attempt.headers, now)
        if limit and limit.left is not None:
            lasts = HEADROOM_LASTS if limit.reset is None else limit.reset
            self._rests.note_headroom(backend.name, key, limit.left, lasts)
        if attempt.fault:
            self._rests.failed(
                backend.name, key, model, attempt.fault, rest_wanted(attempt.headers, attempt.fault, now)
            )
        elif attempt.outcome in ("cancelled", HEDGED):
            self._rests.abandoned(backend.name)
        else:
            self._rests.succeeded(backend.name, key, model)

    def _plain_element(self, admitted: Admitted, name: str) -> Element:
        resolved = resolve(name, self._settings, self._listed())
        backend = self._settings.backends[resolved.backend]
        if not backend.usable:
            raise ParleyError(_no_key(backend))
        model = backend.model or resolved.model
        if not model:
            raise invalid(_NO_MODEL_HERE if backend.credentials == "client" else _NO_MODEL, "model")
        if backend.credentials == "client" and not shows_credentials(admitted.inbound):
            raise ParleyError(Fault(FaultKind.AUTHENTICATION, "Authorization header is required"))
        return self._element(backend, model, self._keys.in_turn(backend))

    def _elements_of(self, name: str, route: SavedRoute) -> list[Element]:
        """The elements that can be used, in the order of this request."""
        weights, elements = [], []
        for text in route.elements:
            model, weight = split_weight(text)
            if model in self._settings.routes:
                raise invalid(
                    f"Route '{name}' holds the route '{model}'; routes cannot be nested, since their orders of "
                    "attempts could not be told apart. Name models instead.",
                    "model",
                )
            resolved = resolve(model, self._settings, self._listed())
            backend = self._settings.backends[resolved.backend]
            if backend.usable and backend.credentials == "own":
                weights.append(weight)
                keys = backend.keys or (None,)
                elements.append(self._element(backend, backend.model or resolved.model, keys))
        if not elements:
            raise ParleyError(_empty_route(name, route))
        if route.policy == "rr":
            return [elements[index] for index in weighted(self._keys.turn(f"route {name}"), weights)]
        return elements

    def _element(self, backend: Backend, model: str, keys: tuple[str | None, ...]) -> Element:
        entry = self._settings.override(backend.name, model)
        profile = entry.profile if entry else {}
        window = profile.get("context_window") or profile_of(model).context_window
        placed = self._place(Upstream(backend, model))
        return Element(placed.backend, placed.model, keys, window, placed.url, profile)

    def _hedged(self, element: Element, route: SavedRoute | None) -> Element:
        """With the time after which another attempt is made beside this one: the route's, the backend's, anybody's."""
        said = (route and route.hedge_after, element.backend.hedge_after, self._settings.failover.hedge_after)
        after = next((after for after in said if after is not None), None)
        return replace(element, hedge_after=after) if after else element

    def _is_awake(self, candidate: Candidate) -> bool:
        return self._rests.wakes_in(candidate.element.backend.name, candidate.key, candidate.element.model) <= 0

    def intercepted(self, inbound: Inbound) -> tuple[Call, Upstream] | None:
        """The call behind a request that the client addressed to a provider, and where it goes: the same address,
        with the client's own credentials. None when it is no model's business."""
        assert inbound.origin is not None
        here = self._providers.get(inbound.origin, {}).values()
        provider = next((known for known in here if inbound.path.startswith(f"{known.prefix}/")), None)
        if provider is None:
            return None
        path = inbound.path.removeprefix(provider.prefix)
        call = recognise(inbound.method, path, inbound.query) or recognise(inbound.method, f"/v1{path}", inbound.query)
        if call is None:
            return None
        if self._settings.replay:
            return call, replay_upstream(self._settings.backends[REPLAY], call, "")
        backend = Backend(
            name=provider.name,
            protocol=call.protocol,
            base_url=inbound.origin + provider.prefix,
            dialect=provider.dialect,
            credentials="client",
        )
        return call, Upstream(backend, "", url=_address(inbound))


def _moved(element: Element, urls: Mapping[str, str]) -> Element:
    url = urls.get(element.backend.name)
    return replace(element, backend=replace(element.backend, base_url=url)) if url else element


def _empty_route(name: str, route: SavedRoute) -> Fault:
    if not route.elements:
        remedy = f"add one with !/route-append(name={name},backend:model)"
    else:
        remedy = f"none of its backends has a key: {', '.join(route.elements)}"
    return Fault(FaultKind.INVALID_REQUEST, f"Route '{name}' has no usable element; {remedy}.", field="model")


def _no_key(backend: Backend) -> Fault:
    variable = f"{backend.name.upper().replace('-', '_')}_API_KEY"
    message = f"Backend '{backend.name}' has no key; set {variable} or name another backend."
    return Fault(FaultKind.INVALID_REQUEST, message, field="model")


def _providers(backends: Iterable[Backend]) -> dict[str, dict[str, Provider]]:
    """By origin and prefix, the longest prefix first. Backends come before what is known of their hosts."""
    known = [(f"https://{provider.host}:443", provider) for provider in PROVIDERS]
    known += [(_origin(backend.base_url), _provider_of(backend)) for backend in backends if backend.base_url]
    found: dict[str, dict[str, Provider]] = {}
    for origin, provider in sorted(known, key=lambda entry: -len(entry[1].prefix)):
        found.setdefault(origin, {})[provider.prefix] = provider
    return found


def _provider_of(backend: Backend) -> Provider:
    parts = urlsplit(backend.base_url)
    return Provider(backend.name, parts.hostname or "", parts.path.rpartition("/")[0], backend.dialect)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}:{parts.port or _PORTS.get(parts.scheme, 443)}"


def _address(inbound: Inbound) -> str:
    origin = inbound.origin or ""
    scheme, _, rest = origin.partition("://")
    suffix = f":{_PORTS.get(scheme, 0)}"
    return f"{scheme}://{rest.removesuffix(suffix)}{inbound.target}"
