"""What commands act on: a draft of the session and the saved settings, carried over at once or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from proxy_core.config.settings import SavedRoute
from proxy_core.sessions.session import Session

type SavedName = Literal["default_backend", "redact_api_keys_in_prompts", "command_prefix"]
"""As in the settings file."""


class CommandError(Exception):
    """A command that cannot be carried out; the message is for the person who typed it."""


@dataclass(frozen=True, slots=True)
class BackendState:
    """`models` is how many it is known to have. Without a key (or need of one) it is not `usable`. `key_states` say of
    each key, by its last four characters, whether it is ready or rests."""

    name: str
    keys: int
    models: int
    usable: bool = True
    key_states: tuple[str, ...] = ()


class Controls(Protocol):
    """The program as a person in a chat can steer it."""

    @property
    def session(self) -> Session: ...

    @property
    def interactive_default(self) -> bool:
        """What holds for a session that has not set `interactive` itself."""
        ...

    def backends(self) -> Sequence[BackendState]: ...

    def check_model(self, model: str, backend: str | None) -> bool | None:
        """Whether a backend is known to have the model (None: nobody knows). `backend` is the session's own default.

        Raises ParleyError when the name leads nowhere.
        """
        ...

    def nearest_models(self, model: str) -> Sequence[str]: ...

    def routes(self) -> Mapping[str, SavedRoute]: ...

    def save(self, settings: Mapping[SavedName, Any], routes: Mapping[str, SavedRoute | None]) -> Sequence[str]:
        """Takes over and keeps changed settings and routes; None takes the saved one away.

        As `SavedSettings.save`; returns its warnings. Raises ParleyError when they cannot be written.
        """
        ...


class Draft:
    """Commands of one message change this; `commit` makes it real."""

    def __init__(self, controls: Controls, prefix: str, agent: str = "") -> None:
        self.controls = controls
        self.prefix = prefix
        self.agent = agent
        self.settings = replace(controls.session.settings)
        self.one_off = controls.session.one_off
        self.greeted = controls.session.greeted
        self.saved: dict[SavedName, Any] = {}
        self.said_instead: str | None = None
        """What a setting's reader wants to be confirmed in place of the usual words."""
        self.routes = dict(controls.routes())
        self._changed_routes: dict[str, SavedRoute | None] = {}

    @property
    def interactive(self) -> bool:
        own = self.settings.interactive
        return self.controls.interactive_default if own is None else own

    def route(self, name: str) -> SavedRoute:
        if name not in self.routes:
            raise CommandError(f"route {name} not found")
        return self.routes[name]

    def put_route(self, name: str, route: SavedRoute) -> None:
        self.routes[name] = self._changed_routes[name] = route

    def drop_route(self, name: str) -> None:
        self.route(name)
        del self.routes[name]
        self._changed_routes[name] = None

    def commit(self) -> Sequence[str]:
        """What there is to say about it. Raises ParleyError, with nothing changed, when it cannot be kept."""
        notes: Sequence[str] = ()
        if self.saved or self._changed_routes:
            notes = self.controls.save(self.saved, self._changed_routes)
        session = self.controls.session
        session.settings = self.settings
        session.one_off = self.one_off
        session.greeted = self.greeted
        return notes
