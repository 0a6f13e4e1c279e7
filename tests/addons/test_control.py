"""The commands as mitmproxy's console and mitmweb call them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mitmproxy.exceptions import CommandError
from mitmproxy.test import taddons

from addons.control import Control
from proxy_core.commands.draft import BackendState
from proxy_core.config.settings import SavedRoute
from proxy_core.sessions.session import Session
from proxy_core.sessions.store import Sessions
from tests.config.loading import Folder
from tests.config.test_saved import Running
from tests.sessions.asking import Clock, chat, inbound


class Controls:
    """Every model is known."""

    interactive_default = True

    def __init__(self, session: Session, running: Running) -> None:
        self.session = session
        self._running = running

    def backends(self) -> list[BackendState]:
        return [BackendState("openai", 1, 2), BackendState("gemini", 1, 3)]

    def check_model(self, model: str, backend: str | None) -> bool | None:
        return True

    def nearest_models(self, model: str) -> list[str]:
        return []

    def routes(self) -> Any:
        return self._running.settings.routes

    def save(self, settings: Any, routes: Any) -> tuple[str, ...]:
        return self._running.saved.save(settings, routes).warnings


@pytest.fixture
def running(tmp_path: Path) -> Running:
    return Running(Folder(tmp_path))


@pytest.fixture
def sessions() -> Sessions:
    sessions = Sessions(Clock())
    sessions.of(inbound(x_session_id="mine"), chat("a"), "openai_chat")
    return sessions


@pytest.fixture
def run(running: Running, sessions: Sessions) -> Callable[..., Any]:
    control = Control(sessions, running.saved, lambda session: Controls(session, running), running.reload)

    async def execute(line: str) -> Any:
        with taddons.context(control) as context:
            return context.master.commands.execute(line)

    return lambda line: asyncio.run(execute(line))


def session(sessions: Sessions) -> Session:
    found = sessions.named("mine")
    assert found
    return found


def test_a_session_is_steered(run: Callable[..., Any], sessions: Sessions) -> None:
    assert run("parley.set mine model demo:echo") == "model set to demo:echo"
    assert run("parley.set mine project 'my work'") == "project set to my work"
    run("parley.oneoff mine demo:slow")
    own = session(sessions)
    assert (own.settings.as_dict(), own.one_off) == ({"model": "demo:echo", "project": "my work"}, "demo:slow")
    said = "mine  unknown client  1 requests, idle 0 s  model=demo:echo, project=my work, one-off=demo:slow"
    assert run("parley.sessions") == [said]
    run("parley.unset mine model")
    assert own.settings.model is None
    assert "Session id: mine" in run("parley.hello mine")
    run("parley.forget mine")
    assert run("parley.sessions") == ["no sessions yet"]


def test_what_is_for_all_lasts(run: Callable[..., Any], running: Running) -> None:
    assert run("parley.save default-backend gemini") == "default-backend set to gemini, saved in addons.yaml"
    assert running.settings.default_backend == "gemini"
    run("parley.unsave default-backend")
    assert running.settings.default_backend == "openai"


def test_routes(run: Callable[..., Any], running: Running) -> None:
    assert run("parley.routes") == ["no failover routes defined"]
    run("parley.route.create fast m")
    run("parley.route.append fast openai:a gemini:b")
    run("parley.route.prepend fast gemini:c")
    assert run("parley.routes") == ["fast (m): gemini:c, openai:a, gemini:b"]
    assert running.settings.routes == {"fast": SavedRoute("m", ("gemini:c", "openai:a", "gemini:b"))}
    run("parley.route.clear fast")
    assert run("parley.routes") == ["fast (m): empty"]
    run("parley.route.delete fast")
    assert running.settings.routes == {}


def test_an_edit_is_read(run: Callable[..., Any], running: Running) -> None:
    running.folder.write("addons.yaml", "settings: {timeout: 5}")
    run("parley.reload")
    assert running.settings.timeout == 5
    running.folder.write("addons.yaml", "settings: {timeout: x}")
    with pytest.raises(CommandError, match=r"addons\.yaml:1: settings\.timeout"):
        run("parley.reload")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("parley.set mine temperature hot", "Invalid temperature value: hot"),
        ("parley.set other model demo:echo", "Invalid choice"),
        ("parley.set mine colour red", "Invalid choice"),
        ("parley.save default-backend opnai", "Did you mean 'openai'?"),
        ("parley.save command-prefix !!", "must differ"),
        ("parley.route.create fast x", "Invalid choice"),
        ("parley.route.append nothing openai:a", "Invalid choice"),
    ],
)
def test_what_is_wrong_is_said(run: Callable[..., Any], sessions: Sessions, line: str, said: str) -> None:
    with pytest.raises(CommandError, match=said.replace("?", r"\?")):
        run(line)
    assert session(sessions).settings.as_dict() == {}


def test_each_command_tells_what_it_does() -> None:
    commands = [found for found in vars(Control).values() if hasattr(found, "command_name")]
    assert {"parley.set", "parley.routes", "parley.sessions"} <= {found.command_name for found in commands}
    assert all(found.__doc__ and found.command_name.startswith("parley.") for found in commands)
