from __future__ import annotations

import csv
import io
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from proxy_core.config.options import OPTIONS
from proxy_core.usage.store import UsageStore
from scripts import launcher
from tests.usage.making import file_in, record


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory whose database is usage.db in it."""
    (tmp_path / "addons.yaml").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    for option in OPTIONS:
        monkeypatch.delenv(option.env, raising=False)
    (tmp_path / ".env").write_text("PARLEY_DATABASE_URL=sqlite:///usage.db\n")
    return tmp_path


def _fill(folder: Path) -> None:
    store = UsageStore(file_in(folder))
    now = datetime.now(UTC).timestamp()
    store.put(record(time=now, served="gpt", input=1234, cost=0.5, cost_source="genai-prices"))
    store.put(record(time=now, served="gpt", outcome="failed", source=None, input=None, output=None))
    store.put(record(time=now, served="own\x1b[31m", project="book", source="estimated"))
    store.close()


def _usage(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["parley", "usage", *arguments])
    return launcher.main()


def test_a_table(folder: Path, monkeypatch, capsys) -> None:
    _fill(folder)
    assert _usage(monkeypatch) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {
        line.split()[0]: line.split()[1:] for line in lines if line and line.split()[0] in ("gpt", "own?[31m", "total")
    }
    assert rows["gpt"] == ["2", "1", "1,234", "0", "0", "5", "0", "0.5000", "-", "1.00"]
    assert rows["own?[31m"][:2] == ["1", "0"]
    assert rows["own?[31m"][7] == "unknown"
    assert rows["total"][:3] == ["3", "1", "1,244"]
    assert any("cost of 1 requests is unknown" in line for line in lines)
    assert any("tokens of 1 requests are estimated" in line for line in lines)


def test_by_something_else_and_filtered(folder: Path, monkeypatch, capsys) -> None:
    _fill(folder)
    assert _usage(monkeypatch, "--by", "project", "--days", "1", "--model", "gpt") == 0
    out = capsys.readouterr().out
    assert "(none)" in out
    assert "book" not in out
    assert "model gpt" in out


def test_csv(folder: Path, monkeypatch, capsys) -> None:
    _fill(folder)
    assert _usage(monkeypatch, "--csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["model"][:3], row["requests"], row["cost_usd"]) for row in rows] == [
        ("gpt", "2", "0.5"),
        ("own", "1", ""),
    ]


def test_no_cell_is_a_formula(folder: Path, monkeypatch, capsys) -> None:
    store = UsageStore(file_in(folder))
    store.put(record(time=datetime.now(UTC).timestamp(), served="=HYPERLINK(1)"))
    store.close()
    assert _usage(monkeypatch, "--csv") == 0
    assert "\n'=HYPERLINK(1)," in capsys.readouterr().out


def test_nothing_yet(folder: Path, monkeypatch, capsys) -> None:
    assert _usage(monkeypatch) == 0
    assert "No usage yet" in capsys.readouterr().out
    assert not (folder / "usage.db").exists()


def test_what_is_wrong_is_said(folder: Path, monkeypatch, capsys) -> None:
    _fill(folder)
    assert _usage(monkeypatch, "--days", "0") == 1
    assert "'days'" in capsys.readouterr().err
    monkeypatch.setenv("PARLEY_DATABASE_URL", "sqlite:///:memory:")
    assert _usage(monkeypatch) == 1
    assert "names no file" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        _usage(monkeypatch, "--by", "colour")
