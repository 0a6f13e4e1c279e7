"""What in-chat commands act on: this session, the saved settings, the backends and their models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from proxy_core.commands.draft import BackendState, SavedName
from proxy_core.config.saved import SavedSettings
from proxy_core.config.settings import SavedRoute, Settings
from proxy_core.errors import invalid
from proxy_core.routing.naming import Listed, nearest, resolve
from proxy_core.routing.rests import Rests
from proxy_core.serving.health import key_state
from proxy_core.sessions.session import Session


class ChatControls:
    """`listed` holds the models of each backend, as far as they are known."""

    def __init__(
        self, session: Session, settings: Settings, saved: SavedSettings, listed: Listed, rests: Rests
    ) -> None:
        self.session = session
        self._settings = settings
        self._saved = saved
        self._listed = listed
        self._rests = rests

    @property
    def interactive_default(self) -> bool:
        return self._settings.interactive

    def backends(self) -> Sequence[BackendState]:
        return [
            BackendState(
                backend.name,
                len(backend.keys),
                len(self._listed.get(backend.name, ())),
                backend.usable,
                tuple(_told(key_state(backend, number, self._rests)) for number in range(len(backend.keys))),
            )
            for backend in self._settings.backends.values()
        ]

    def check_model(self, model: str, backend: str | None) -> bool | None:
        if model in self._settings.routes:
            return True
        named = f"{backend}:{model}" if backend and ":" not in model else model
        resolved = resolve(named, self._settings, self._listed)
        if not self._settings.backends[resolved.backend].usable:
            raise invalid(f"Backend '{resolved.backend}' has no key.", "model")
        models = self._listed.get(resolved.backend)
        return resolved.model in models if models else None

    def nearest_models(self, model: str) -> Sequence[str]:
        return nearest(model, self._settings, self._listed)

    def routes(self) -> Mapping[str, SavedRoute]:
        return self._settings.routes

    def save(self, settings: Mapping[SavedName, Any], routes: Mapping[str, SavedRoute | None]) -> Sequence[str]:
        return self._saved.save({str(name): value for name, value in settings.items()}, routes).warnings


def _told(state: dict[str, Any]) -> str:
    rests = [f"{rest['seconds']} s ({rest['reason']})" for rest in state["rests"]]
    return f"{state['key']} rests {', '.join(rests)}" if rests else f"{state['key']} ready"
