"""The in-chat commands for whoever watches, in mitmproxy's console and in mitmweb.

`parley.set SESSION model demo:echo` is `!/set(model=demo:echo)` typed in that session's chat: both go through the same
table. `parley.sessions` lists what there is to steer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from mitmproxy import command, exceptions
from mitmproxy.types import Choice

from proxy_core.commands import table
from proxy_core.commands.draft import CommandError, Controls, Draft
from proxy_core.commands.grammar import Argument, Command
from proxy_core.commands.settings import SETTINGS
from proxy_core.config.problems import ConfigError
from proxy_core.config.routes import POLICIES
from proxy_core.config.saved import NAMES, SavedSettings
from proxy_core.errors import ParleyError
from proxy_core.sessions.session import Session
from proxy_core.sessions.store import Sessions

logger = logging.getLogger("parley")

_SESSION = Choice("parley.session.ids")
_SETTING = Choice("parley.setting.names")
_SAVED = Choice("parley.saved.names")
_ROUTE = Choice("parley.route.names")
_POLICY = Choice("parley.route.policies")
_PREFIX = "!/"
"""How commands are shown in what they answer here."""


class Control:
    """`controls` gives what commands for a session act on; `reload` reads the settings anew."""

    def __init__(
        self,
        sessions: Sessions,
        saved: SavedSettings,
        controls: Callable[[Session], Controls],
        reload: Callable[[], None],
    ) -> None:
        self._sessions = sessions
        self._saved = saved
        self._controls = controls
        self._reload = reload

    @command.command("parley.sessions")
    def sessions(self) -> Sequence[str]:
        """The conversations and what is set for them, the one used last first."""
        return [self._line(session) for session in self._sessions.all()] or ["no sessions yet"]

    @command.command("parley.session.ids")
    def session_ids(self) -> Sequence[str]:
        """The ids of the sessions."""
        return [session.id for session in self._sessions.all()]

    @command.command("parley.setting.names")
    def setting_names(self) -> Sequence[str]:
        """What can be set for a session."""
        return [name for setting in SETTINGS for name in (setting.name, *setting.aliases)]

    @command.command("parley.saved.names")
    def saved_names(self) -> Sequence[str]:
        """What can be set for all sessions, and lasts."""
        return [name.replace("_", "-") for name in NAMES]

    @command.command("parley.set")
    @command.argument("session", type=_SESSION)
    @command.argument("setting", type=_SETTING)
    def set(self, session: str, setting: str, value: str) -> str:
        """Set something for a session, as !/set(setting=value) in its chat."""
        return self._obey(self._session(session), "set", Argument(setting, value))

    @command.command("parley.unset")
    @command.argument("session", type=_SESSION)
    @command.argument("setting", type=_SETTING)
    def unset(self, session: str, setting: str) -> str:
        """Take back what was set for a session."""
        return self._obey(self._session(session), "unset", Argument(None, setting))

    @command.command("parley.oneoff")
    @command.argument("session", type=_SESSION)
    def one_off(self, session: str, model: str) -> str:
        """Use a model for the session's next request only."""
        return self._obey(self._session(session), "oneoff", Argument(None, model))

    @command.command("parley.hello")
    @command.argument("session", type=_SESSION)
    def hello(self, session: str) -> str:
        """Show version, backends and a session's settings."""
        return self._obey(self._session(session), "hello")

    @command.command("parley.forget")
    @command.argument("session", type=_SESSION)
    def forget(self, session: str) -> str:
        """End a session: what was set for it is forgotten."""
        self._sessions.end(self._session(session))
        return _told(f"session {session} forgotten")

    @command.command("parley.save")
    @command.argument("setting", type=_SAVED)
    def save(self, setting: str, value: str) -> str:
        """Set something for all sessions; it is written to the configuration file."""
        return _told(_checked(lambda: f"{setting} set to {value}, {self._saved.set(setting, value).note}"))

    @command.command("parley.unsave")
    @command.argument("setting", type=_SAVED)
    def unsave(self, setting: str) -> str:
        """Take a saved setting out of the configuration file."""
        return _told(_checked(lambda: f"{setting} unset, {self._saved.unset(setting).note}"))

    @command.command("parley.reload")
    def reload(self) -> str:
        """Read the configuration anew. Edits of its files are also noticed by themselves."""
        try:
            self._reload()
        except ConfigError as error:
            raise exceptions.CommandError(str(error)) from None
        return _told("the settings were read anew")

    @command.command("parley.routes")
    def routes(self) -> Sequence[str]:
        """The failover routes, their policies and elements."""
        routes = self._saved.routes().items()
        listed = [f"{name} ({route.policy}): {', '.join(route.elements) or 'empty'}" for name, route in routes]
        return listed or ["no failover routes defined"]

    @command.command("parley.route.names")
    def route_names(self) -> Sequence[str]:
        """The names of the failover routes."""
        return list(self._saved.routes())

    @command.command("parley.route.policies")
    def route_policies(self) -> Sequence[str]:
        """The policies that a failover route can have."""
        return list(POLICIES)

    @command.command("parley.route.create")
    @command.argument("policy", type=_POLICY)
    def route_create(self, name: str, policy: str) -> str:
        """Make a failover route: a model name that tries several models or keys."""
        return self._obey_for_all("create-failover-route", Argument("name", name), Argument("policy", policy))

    @command.command("parley.route.delete")
    @command.argument("name", type=_ROUTE)
    def route_delete(self, name: str) -> str:
        """Delete a failover route."""
        return self._obey_for_all("delete-failover-route", Argument("name", name))

    @command.command("parley.route.append")
    @command.argument("name", type=_ROUTE)
    def route_append(self, name: str, *elements: str) -> str:
        """Add backend:model … at the end of a failover route."""
        return self._obey_for_all("route-append", Argument("name", name), *_bare(elements))

    @command.command("parley.route.prepend")
    @command.argument("name", type=_ROUTE)
    def route_prepend(self, name: str, *elements: str) -> str:
        """Add backend:model … at the beginning of a failover route."""
        return self._obey_for_all("route-prepend", Argument("name", name), *_bare(elements))

    @command.command("parley.route.clear")
    @command.argument("name", type=_ROUTE)
    def route_clear(self, name: str) -> str:
        """Take all elements out of a failover route."""
        return self._obey_for_all("route-clear", Argument("name", name))

    def _session(self, id: str) -> Session:
        session = self._sessions.named(id)
        if session is None:
            raise exceptions.CommandError(f"There is no session {id!r}; parley.sessions lists them.")
        return session

    def _obey_for_all(self, name: str, *arguments: Argument) -> str:
        """For what is set for no session in particular."""
        return self._obey(Session("console", "", 0.0, 0.0), name, *arguments)

    def _obey(self, session: Session, name: str, *arguments: Argument) -> str:
        """What the command says; it is carried out whole or not at all."""

        def carry_out() -> str:
            draft = Draft(self._controls(session), _PREFIX)
            said = table.run(Command(0, 0, name, name, arguments), draft)
            notes = draft.commit()
            self._sessions.changed(session)
            return "\n".join((said, *notes))

        return _told(_checked(carry_out))

    def _line(self, session: Session) -> str:
        given = session.settings.as_dict() | ({"one-off": session.one_off} if session.one_off else {})
        named = ", ".join(f"{name.replace('_', '-')}={value}" for name, value in given.items())
        used = f"{session.requests} requests, idle {self._sessions.idle(session):.0f} s"
        return f"{session.id}  {session.agent or 'unknown client'}  {used}  {named or 'nothing set'}"


def _checked(act: Callable[[], str]) -> str:
    try:
        return act()
    except (CommandError, ParleyError) as error:
        raise exceptions.CommandError(str(error)) from None


def _told(said: str) -> str:
    logger.info(said)
    return said


def _bare(elements: Sequence[str]) -> tuple[Argument, ...]:
    return tuple(Argument(None, element) for element in elements)
