from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from proxy_core.config.load import load_settings
from proxy_core.config.options import OPTIONS
from scripts import launcher, running
from scripts.checking import check


def _main(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["parley", *arguments])
    return launcher.main()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory and home of the test's own, nothing configured."""
    (tmp_path / "addons.yaml").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for option in OPTIONS:
        monkeypatch.delenv(option.env, raising=False)
    return tmp_path


def test_flags_become_options_and_the_rest_is_passed_on() -> None:
    parsed = launcher.parse(["--port", "9", "--mode", "regular@1", "--disable-auth", "-s", "mine.py", "--anticache"])
    assert parsed.given == {"port": "9", "disable_auth": True}
    assert parsed.as_set() == ["--set", "port=9", "--set", "disable_auth=true"]
    assert parsed.rest == ["--mode", "regular@1", "-s", "mine.py", "--anticache"]


def test_every_flag_of_the_interface_is_there() -> None:
    providers = ("openai", "openrouter", "gemini", "anthropic")
    flags = ["host", "port", "default-backend", "timeout", "command-prefix", "log", "log-level", "config"]
    flags += [f"{name}-api-{what}" for name in providers for what in ("key", "base-url")]
    for flag in flags:
        assert launcher.parse([f"--{flag}", "x"]).given == {flag.replace("-", "_"): "x"}
    for switch in (
        *("disable-interactive-mode", "disable-interactive-commands", "force-set-project", "disable-auth"),
        "disable-redact-api-keys-in-prompts",
    ):
        assert launcher.parse([f"--{switch}"]).given == {switch.replace("-", "_"): True}


@pytest.mark.parametrize("command", ["help", "--help", "version", "--version"])
def test_asking_for_help(monkeypatch, capsys, command: str) -> None:
    assert _main(monkeypatch, command) == 0
    assert "parley" in capsys.readouterr().out


def test_no_such_command(monkeypatch, capsys) -> None:
    assert _main(monkeypatch, "serv") == 2
    assert "'serv'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        ((), ["--set", "web_open_browser=false"]),
        (("--set", "web_open_browser=true"), ["--set", "web_open_browser=true"]),
    ],
)
def test_mitmweb_opens_a_browser_only_for_those_who_say_so(monkeypatch, given, passed) -> None:
    called: list[list[str]] = []
    monkeypatch.setattr("mitmproxy.tools.main.mitmweb", called.append)
    monkeypatch.setattr("addons.host.loop.use_uvloop", lambda: None)
    assert _main(monkeypatch, "web", *given) == 0
    assert called[0][2:] == passed


def test_run_needs_a_command(monkeypatch, capsys) -> None:
    assert _main(monkeypatch, "run", "--port", "1") == 2
    assert "parley run -- COMMAND" in capsys.readouterr().err


def test_a_command_that_there_is_not(folder: Path, monkeypatch, capsys) -> None:
    assert _main(monkeypatch, "run", "--", "no-such-command-anywhere") == 127


def test_check_shows_every_option_with_its_source(folder: Path, capsys) -> None:
    (folder / ".env").write_text("OPENAI_API_KEY=sk-secret\n")
    assert check({"port": "9"}, {"PROXY_TIMEOUT": "7"}, folder) == 0
    shown = capsys.readouterr().out
    lines = {line.split()[0]: line.split()[-1] for line in shown.splitlines() if line.startswith("  ")}
    assert {option.name for option in OPTIONS} <= lines.keys()
    assert lines["timeout"] == "environment"
    assert "sk-secret" not in shown
    assert "set GEMINI_API_KEY" in shown
    assert "set OPENAI_API_KEY" not in shown
    assert ".env:1" in shown


def test_check_reports_every_problem_with_its_place(folder: Path, capsys) -> None:
    (folder / "addons.yaml").write_text("settings:\n  prot: 1\n")
    assert check({"port": "x"}, {"COMMAND_PREFIX": "!"}, folder) == 1
    shown = capsys.readouterr().out
    assert "3 problems" in shown
    assert all(text in shown for text in ("addons.yaml:2", "--port", "environment: COMMAND_PREFIX"))


def test_the_environment_of_a_command(folder: Path) -> None:
    settings = load_settings({"http_proxy_host": "0.0.0.0", "http_proxy_port": "7"}, {}, folder)
    environ = running.environment(settings, {"NO_PROXY": "intra.net", "HOME": "/h"}, folder / "ca")
    assert environ["HOME"] == "/h"
    assert {environ[name] for name in ("HTTP_PROXY", "https_proxy", "HTTPS_PROXY")} == {"http://127.0.0.1:7"}
    assert environ["NO_PROXY"] == "localhost,127.0.0.1,::1,intra.net"
    assert environ["NODE_USE_ENV_PROXY"] == "1"
    ca = Path(environ["NODE_EXTRA_CA_CERTS"]).read_bytes()
    names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "CODEX_CA_CERTIFICATE")
    (bundle,) = {environ[name] for name in names}
    assert Path(bundle).read_bytes().endswith(ca)
    assert Path(bundle).read_bytes().count(b"BEGIN CERTIFICATE") > 10


def test_the_users_own_bundle_is_part_of_ours(folder: Path) -> None:
    (folder / "company.pem").write_bytes(b"COMPANY\n")
    settings = load_settings({}, {}, folder)
    environ = running.environment(settings, {"SSL_CERT_FILE": str(folder / "company.pem")}, folder / "ca")
    assert Path(environ["SSL_CERT_FILE"]).read_bytes().startswith(b"COMPANY\n-----BEGIN CERTIFICATE")


def test_run_starts_the_proxy_and_returns_the_commands_exit_code(folder: Path, monkeypatch) -> None:
    command = (
        "import os, socket, json, sys; host, port = os.environ['HTTP_PROXY'][7:].split(':');"
        "socket.create_connection((host, int(port))).close(); json.dump(dict(os.environ), open('seen.json', 'w'));"
        "sys.exit(7)"
    )
    flags = ["--port", "0", "--http-proxy-port", "0"]
    assert _main(monkeypatch, "run", *flags, "--", sys.executable, "-c", command) == 7
    seen = json.loads((folder / "seen.json").read_text())
    assert seen["SSL_CERT_FILE"].startswith(str(folder))
    port = int(seen["HTTP_PROXY"].rpartition(":")[2])
    assert not running._listens(("127.0.0.1", port))


def test_a_command_killed_by_a_signal_has_the_shells_exit_code(folder: Path) -> None:
    assert running._call(["sh", "-c", "kill -TERM $$"], os.environ) == 143


@pytest.mark.parametrize(
    ("arguments", "served"),
    [
        (["record", "a.flow", "--session", "x", "--port=1"], ["--record=a.flow", "--record-session", "x", "--port=1"]),
        (["record", "a.har", "--session=x"], ["--record=a.har", "--record-session=x"]),
        (["replay", "a.flow", "--fast"], ["--replay=a.flow", "--replay-fast"]),
    ],
)
def test_record_and_replay_are_serve_with_a_file(monkeypatch, arguments: list[str], served: list[str]) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(launcher, "_serve", lambda given: seen.append(list(given)) or 0)
    assert _main(monkeypatch, *arguments) == 0
    assert seen == [served]


@pytest.mark.parametrize("command", ["record", "replay"])
def test_record_and_replay_need_a_file(monkeypatch, capsys, command: str) -> None:
    assert _main(monkeypatch, command, "--port", "1") == 2
    assert f"parley {command} FILE" in capsys.readouterr().err


@pytest.mark.parametrize("said", [["--disable-auth=false"], ["--disable-auth", "false"]])
def test_a_switch_may_be_said_with_its_value(said: list[str]) -> None:
    """Else `--disable-auth false` would let everyone in."""
    parsed = launcher.parse([*said, "--port", "9"])
    assert (parsed.given, parsed.rest) == ({"disable_auth": "false", "port": "9"}, [])
    assert launcher.parse(["--disable-auth", "claude"]).rest == ["claude"]


def test_a_misspelt_flag(monkeypatch, capsys) -> None:
    assert _main(monkeypatch, "serve", "--porrt", "1", "--mode", "regular@0") == 2
    assert capsys.readouterr().err == "parley serve: there is no flag --porrt; did you mean --port?\n"


def test_a_flag_that_nobody_knows(folder: Path) -> None:
    """mitmproxy says so, and does not take our own flags for outdated ones of its own."""
    command = [sys.executable, "-m", "scripts.launcher", "serve", "--port=0", "--frobnicate"]
    environ = {**os.environ, "PYTHONPATH": str(running.__file__).removesuffix("/scripts/running.py")}
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env=environ)
    assert ended.returncode == 1
    assert "parley serve: error: unrecognized arguments: --frobnicate" in ended.stderr
    assert "--listen-port" not in ended.stdout + ended.stderr


@pytest.mark.parametrize("flags", [["-w", "dump.mitm"], ["--web-port", "9"], ["--flow-detail=0"], ["--rfile", "x"]])
def test_mitmproxys_own_flags_are_passed_on(monkeypatch, flags: list[str]) -> None:
    given: list[list[str]] = []
    monkeypatch.setattr("mitmproxy.tools.main.mitmdump", given.append)
    monkeypatch.setattr("addons.host.loop.use_uvloop", lambda: None)
    assert _main(monkeypatch, "serve", *flags) == 0
    assert given[0][-len(flags) :] == flags


def test_check_knows_listeners_that_cannot_open_side_by_side(folder: Path, capsys) -> None:
    assert check({"port": "8080"}, {}, folder) == 1
    assert "--port: 8080 is the port for HTTP_PROXY clients as well." in capsys.readouterr().out
    assert check({"port": "0", "http_proxy_port": "0"}, {}, folder) == 0


def test_check_tells_of_keys_beyond_the_numbering(folder: Path, capsys) -> None:
    assert check({}, {"OPENAI_API_KEY_21": "sk-x", "OPENAI_API_KEY_2": "sk-y"}, folder) == 0
    shown = capsys.readouterr().out
    assert "OPENAI_API_KEY_21 is not used: keys are numbered _1 to _20" in shown
    assert "OPENAI_API_KEY_2 is not used" not in shown
