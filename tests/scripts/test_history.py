"""`parley history`, out of files as the proxy writes them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from proxy_core.history.files import HistoryFiles
from scripts.history import history

LINE = {
    "time": "2026-11-21T10:00:00.000+00:00",
    "session": "Work/1",
    "agent": "cline",
    "model": "fast",
    "backend": "openai",
    "served": "gpt-5",
    "finish": "stop",
    "usage": {"input": 7, "cache_read": 5, "output": 3},
    "seconds": 1.25,
    "new": [{"role": "user", "content": "ping"}],
    "reply": {"role": "assistant", "content": "pong", "thinking": "hm", "tool_calls": [{"id": "c", "name": "ls"}]},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "addons.yaml").write_text("history: {directory: logs, enabled: true}")
    files = HistoryFiles(Path("logs"), 10_000, 1)
    files.directory = tmp_path / "logs"
    for number in range(2):
        files.append("Work/1", json.dumps({**LINE, "finish": f"stop{number}"}).encode() + b"\n")
    files.append("other", b'{"session":"other","new":[{"role":"tool","content":"\\u001b[2J' + b"x" * 900 + b'"}]}\n')
    return tmp_path


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.chdir(folder)
    return history(arguments, {}, folder)


def test_sessions_are_listed(folder: Path, monkeypatch, capsys) -> None:
    assert run(folder, monkeypatch) == 0
    shown = capsys.readouterr().out
    assert "2 requests  Work/1  cline" in shown
    assert "1 requests  other" in shown


def test_sessions_are_listed_as_json(folder: Path, monkeypatch, capsys) -> None:
    assert run(folder, monkeypatch, "--json") == 0
    listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {entry["session"]: entry["requests"] for entry in listed} == {"Work/1": 2, "other": 1}


@pytest.mark.parametrize("name", ["Work/1", "Work"])
def test_a_session_is_shown_readably(folder: Path, monkeypatch, capsys, name: str) -> None:
    assert run(folder, monkeypatch, name) == 0
    shown = capsys.readouterr().out
    for text in (
        "2026-11-21 10:00:00",
        "fast → openai:gpt-5",
        "12 in, 3 out",
        "user: ping",
        "assistant: pong",
        "→ ls(",
    ):
        assert text in shown
    assert "stop0" in shown
    assert "\x1b" not in shown


def test_colours_on_a_terminal_only(folder: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert run(folder, monkeypatch, "Work/1") == 0
    assert "\x1b[" in capsys.readouterr().out


def test_what_was_said_does_not_steer_the_terminal(folder: Path, monkeypatch, capsys) -> None:
    assert run(folder, monkeypatch, "other") == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "more characters]" in shown


def test_a_session_as_json_is_as_it_is_kept(folder: Path, monkeypatch, capsys) -> None:
    assert run(folder, monkeypatch, "Work/1", "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines == [{**LINE, "finish": "stop0"}, {**LINE, "finish": "stop1"}]


def test_no_such_session(folder: Path, monkeypatch, capsys) -> None:
    assert run(folder, monkeypatch, "nobody") == 1
    assert "'nobody'" in capsys.readouterr().err


def test_a_torn_line_is_passed_over(folder: Path, monkeypatch, capsys) -> None:
    with (folder / "logs" / "other.jsonl").open("ab") as file:
        file.write(b'{"session": "oth')
    assert run(folder, monkeypatch) == 0
    assert "1 requests  other" in capsys.readouterr().out


def test_nothing_kept_says_how_to_switch_it_on(tmp_path: Path, monkeypatch, capsys) -> None:
    (tmp_path / "addons.yaml").write_text("")
    monkeypatch.chdir(tmp_path)
    assert history([], {"XDG_STATE_HOME": str(tmp_path)}, tmp_path) == 0
    assert "PARLEY_HISTORY=true" in capsys.readouterr().out
