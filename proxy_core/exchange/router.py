"""From a request to the upstreams that may answer it, in order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from urllib.parse import urlsplit

from proxy_core.config.settings import Settings
from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.exchange.inbound import Admitted, Inbound
from proxy_core.protocols import recognise
from proxy_core.protocols.contract import Call
from proxy_core.routing.keys import KeyRing
from proxy_core.routing.naming import resolve
from proxy_core.routing.providers import PROVIDERS, Provider
from proxy_core.routing.upstreams import Backend, Upstream

_PORTS = {"http": 80, "https": 443}


class Router:
    """`listed` gives the models of each backend as last fetched."""

    def __init__(self, settings: Settings, keys: KeyRing, listed: Callable[[], Mapping[str, Collection[str]]]) -> None:
        self._settings = settings
        self._keys = keys
        self._listed = listed
        self.has_transparent = any(backend.credentials == "client" for backend in settings.backends.values())
        self._providers = {f"https://{provider.host}:443": provider for provider in PROVIDERS}
        for backend in settings.backends.values():
            if backend.base_url:
                self._providers[_origin(backend.base_url)] = _provider_of(backend)

    def route(self, admitted: Admitted) -> list[Upstream]:
        """Raises ParleyError when no backend can take the model."""
        resolved = resolve(admitted.model, self._settings, self._listed())
        backend = self._settings.backends[resolved.backend]
        if backend.credentials == "client" and "authorization" not in admitted.inbound.headers:
            raise ParleyError(Fault(FaultKind.AUTHENTICATION, "Authorization header is required"))
        if not backend.usable:
            raise ParleyError(_no_key(backend))
        model = backend.model or resolved.model
        if not model:
            raise ParleyError(
                Fault(
                    FaultKind.INVALID_REQUEST,
                    "'model' is required: name one as 'backend:model'; GET /v1/models lists them.",
                    field="model",
                )
            )
        return [Upstream(backend, model, self._keys.next_key(backend))]

    def intercepted(self, inbound: Inbound) -> tuple[Call, Upstream] | None:
        """The call behind a request that the client addressed to a provider, and where it goes: the same address,
        with the client's own credentials. None when it is no model's business."""
        assert inbound.origin is not None
        provider = self._providers.get(inbound.origin)
        if provider is None or not inbound.path.startswith(provider.prefix):
            return None
        path = inbound.path.removeprefix(provider.prefix)
        call = recognise(inbound.method, path, inbound.query) or recognise(inbound.method, f"/v1{path}", inbound.query)
        if call is None:
            return None
        backend = Backend(
            name=provider.name,
            protocol=call.protocol,
            base_url=inbound.origin + provider.prefix,
            dialect=provider.dialect,
            credentials="client",
        )
        return call, Upstream(backend, "", url=_address(inbound))


def _no_key(backend: Backend) -> Fault:
    variable = f"{backend.name.upper().replace('-', '_')}_API_KEY"
    message = f"Backend '{backend.name}' has no key; set {variable} or name another backend."
    return Fault(FaultKind.INVALID_REQUEST, message, field="model")


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
