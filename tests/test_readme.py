"""What the README names exists, and what there is to type is in the README."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from proxy_core.commands import table
from proxy_core.config.options import OPTIONS
from proxy_core.protocols import recognise
from proxy_core.serving.endpoints import ENDPOINTS
from scripts import launcher

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
OTHERS = {"--session", "--fast", "--json", "--mode", "--set", "--model"}
"""The subcommands' own, mitmproxy's, and those of clients."""
FILES = r"\]\(([\w./-]+)\)|`((?:addons|scripts|tests|proxy_core)/[\w./]*)`"


def test_every_flag_that_is_named_exists() -> None:
    known = {option.flag for option in OPTIONS if option.has_flag} | OTHERS
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README)) <= known


@pytest.mark.parametrize("option", [option for option in OPTIONS if option.has_flag], ids=lambda option: option.name)
def test_every_flag_is_named(option) -> None:
    shown = README + (ROOT / "addons.yaml").read_text()
    family = re.sub(r"--(openai|openrouter|gemini|anthropic)-", "--openai-", option.flag)
    assert family in shown or option.env in shown


@pytest.mark.parametrize("name", re.findall(r"`make (\w+)`", README))
def test_every_make_target_exists(name: str) -> None:
    assert re.search(rf"^{name}:", MAKEFILE, re.MULTILINE)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"(?:`|^)(?:\.venv/bin/)?parley (\w+)", README, re.MULTILINE))))
def test_every_subcommand_exists(name: str) -> None:
    assert name in launcher._COMMANDS


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`(?:GET )?(/[a-z0-9_./]+)`", README))))
def test_every_endpoint_exists(path: str) -> None:
    if path.endswith("/"):
        assert (ROOT / path.strip("/")).exists()
        return
    assert any(endpoint.path == path for endpoint in ENDPOINTS) or recognise("POST", path, {})


def test_every_command_is_shown_as_it_is() -> None:
    rows = [line for line in table.markdown().splitlines() if line.startswith("| `!/")]
    assert rows
    assert [row for row in rows if row not in README] == []


@pytest.mark.parametrize("path", sorted(set(re.findall(FILES, README))))
def test_every_file_exists(path: tuple[str, str]) -> None:
    assert (ROOT / (path[0] or path[1])).exists()
