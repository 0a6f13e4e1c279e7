"""What is set by command lasts: over a restart, beside what is edited by hand, through a crash."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from ruamel.yaml import YAML

from tests.live.conftest import config_for
from tests.live.program import CLIENT_KEY, Program
from tests.live.vendors.upstream import Upstream

KEY = {"authorization": f"Bearer {CLIENT_KEY}"}
COMMENTED = """\
# What this is for.
settings:
  timeout: 30  # seconds

  # Chosen with care.
  command_prefix: "!/"
failover_routes: {}  # none yet
"""


def ask(program: Program, http: httpx.Client, words: str, model: str = "gpt-4.1") -> str:
    body = {"model": model, "messages": [{"role": "user", "content": words}]}
    headers = {**KEY, "x-session-id": "lasting"}
    answer = http.post(f"{program.base}/v1/chat/completions", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["choices"][0]["message"]["content"]


SET = (
    "!/create-failover-route(name=fast,policy=m)",
    "!/route-append(name=fast,anthropic:claude-opus-4-5,gemini:gemini-2.5-flash)",
    "!/set(default-backend=openai_responses)",
    "!/set(redact-api-keys-in-prompts=false)",
    "!/set(command-prefix=$/)",
)


def _parsed(file: Path) -> Any:
    return json.loads(file.read_text()) if file.suffix == ".json" else YAML(typ="safe").load(file.read_text())


def _assert_set(program: Program, http: httpx.Client, vendors: Upstream) -> None:
    vendors.will_say()
    assert "fast:m" in ask(program, http, "$/list-failover-routes")
    ask(program, http, "Hi", model="fast")
    ask(program, http, "My key is sk-upstream-gemini")
    first, second = vendors.received
    assert (first.vendor, first.asked["model"]) == ("anthropic", "claude-opus-4-5")
    assert second.vendor == "openai_responses"
    assert "sk-upstream-gemini" in second.body.decode()


@pytest.mark.parametrize("name", ["addons.yaml", "saved.yaml", "saved.json"])
def test_over_a_restart(name: str, tmp_path: Path, vendors: Upstream, http: httpx.Client) -> None:
    vendors.checks = False
    file = tmp_path / name
    if name == "saved.yaml":
        file.write_text(COMMENTED)
    arguments = (f"--config={name}",)
    program = Program(tmp_path, config_for(vendors), arguments=arguments).wait()
    for typed in SET:
        assert "[parley" in ask(program, http, typed)
    _assert_set(program, http, vendors)
    program.stop()
    left = file.read_text()
    _parsed(file)
    if name == "saved.yaml":
        assert [line for line in COMMENTED.splitlines() if "#" in line and line.partition("#")[2] not in left] == []
    program = Program(tmp_path, None, arguments=arguments).wait()
    try:
        _assert_set(program, http, vendors)
        assert file.read_text() == left
    finally:
        program.stop()


def test_an_edit_by_hand(tmp_path: Path, vendors: Upstream, http: httpx.Client) -> None:
    """Taken over while running; a wrong one is refused with its place and reason, and what holds goes on holding."""
    file = tmp_path / "saved.yaml"
    file.write_text(COMMENTED)
    program = Program(tmp_path, config_for(vendors), arguments=("--config=saved.yaml",)).wait()
    try:
        ask(program, http, "!/set(default-backend=anthropic)")
        edited = file.read_text().replace('"!/"', '"~/"')
        file.write_text(edited)
        program.heard("The changed settings are in force.")
        assert ask(program, http, "~/set(temperature=0.5)").startswith("temperature set to: 0.5")
        file.write_text(edited.replace("timeout: 30", "timeout: soon"))
        program.heard("stay as they were")
        assert "saved.yaml:3: settings.timeout: " in program.heard("valid number")
        assert ask(program, http, "~/unset(temperature)").startswith("temperature unset")
        refused = ask(program, http, "~/set(default-backend=gemini)")
        assert "saved.yaml" in refused
        assert "timeout: soon" in file.read_text()
        file.write_text(edited)
        assert ask(program, http, "Hi") == "pong"
        assert vendors.received[-1].vendor == "anthropic"
    finally:
        program.stop()


@pytest.mark.parametrize("name", ["saved.yaml", "saved.json"])
def test_a_kill_while_writing(name: str, tmp_path: Path, vendors: Upstream, http: httpx.Client) -> None:
    """The file is whole, and has all that was confirmed."""
    file = tmp_path / name
    numbers = count()
    for confirmed_first in (2, 5):
        config = config_for(vendors)
        program = Program(tmp_path, config, {"LOG_LEVEL": "ERROR"}, (f"--config={name}",)).wait()
        confirmed = _routes_made_until_killed(program, http, numbers, confirmed_first)
        routes = _routes(_parsed(file))
        assert [route for route in confirmed if route not in routes] == []


def _routes_made_until_killed(program: Program, http: httpx.Client, numbers: Any, enough: int) -> list[str]:
    confirmed: list[str] = []
    reached = threading.Event()

    def make_routes(say: Callable[[str], str]) -> None:
        for number in numbers:
            try:
                answer = say(f"!/create-failover-route(name=r{number},policy=m)")
            except httpx.TransportError:
                return
            if " created " in answer:
                confirmed.append(f"r{number}")
            if len(confirmed) >= enough:
                reached.set()

    writer = threading.Thread(target=make_routes, args=(lambda typed: ask(program, http, typed),))
    writer.start()
    assert reached.wait(20)
    program.kill()
    writer.join(20)
    return confirmed


def _routes(saved: dict[str, Any]) -> dict[str, Any]:
    return saved.get("failover_routes") or saved["settings"]["failover_routes"]
