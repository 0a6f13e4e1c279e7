"""The Node SDKs against every backend protocol: text, tools, streams and errors."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.live.clients.sdk import FOLDER, Driver
from tests.live.program import CLIENT_KEY, Program
from tests.live.test_matrix import FINISHES, PLAIN, SCENARIOS, cells
from tests.live.vendors.said import Failed, Said
from tests.live.vendors.upstream import Upstream

NODE = FOLDER / "node"
_INSTALL = ("npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--prefer-offline")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    found = shutil.which("node")
    if not found or not shutil.which("npm"):
        pytest.skip("node and npm are not installed")
    _install()
    driver = Driver([found, str(NODE / "driver.js")], tmp_path_factory.mktemp("node") / "driver.log")
    yield driver
    driver.stop()


def _install() -> None:
    if (NODE / "node_modules" / "openai").exists():
        return
    try:
        ended = subprocess.run(_INSTALL, cwd=NODE, capture_output=True, text=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("npm took too long to install the SDKs")
    if ended.returncode:
        pytest.skip(f"npm cannot install the SDKs: {ended.stderr.strip()[-200:]}")


@pytest.mark.parametrize("name", ["multi-turn", "tools", "parallel tools"])
@pytest.mark.parametrize(("client", "backend", "streamed"), cells())
def test_conversation(
    name: str, client: str, backend: str, streamed: bool, parley: Program, vendors: Upstream, node: Driver
) -> None:
    scenario = SCENARIOS[name]
    vendors.will_say(*scenario.says)
    answer = node.talk(
        client=client,
        base=parley.base,
        key=CLIENT_KEY,
        model=f"{backend}:{PLAIN[backend]}",
        stream=streamed,
        steps=scenario.steps,
        **scenario.settings,
    )
    assert vendors.problems == []
    assert "error" not in answer
    assert answer["replies"] == [_expected(said, client) for said in scenario.says]


def _expected(said: Said, client: str) -> dict[str, Any]:
    return {
        "text": said.text,
        "calls": [list(call) for call in said.calls],
        "finish": FINISHES[client][said.finish],
        "usage": {"prompt": said.prompt, "cached": said.cached, "output": said.output},
    }


@pytest.mark.parametrize("status", [400, 429, 529])
@pytest.mark.parametrize("client", FINISHES)
def test_error(status: int, client: str, parley: Program, vendors: Upstream, node: Driver) -> None:
    backend = "anthropic" if client != "anthropic" else "gemini"
    vendors.will_say(Failed(status, "The vendor says no."))
    answer = node.talk(
        client=client,
        base=parley.base,
        key=CLIENT_KEY,
        model=f"{backend}:{PLAIN[backend]}",
        stream=True,
        steps=[{"user": [{"text": "Hi"}]}],
    )
    assert answer["replies"] == []
    assert answer["error"]["status"] == status
    assert "The vendor says no." in answer["error"]["message"]
