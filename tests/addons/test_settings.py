"""mitmdump itself with SettingsAddon as its only addon: options, modes, and when the listeners open."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from mitmproxy.net.free_port import get_free_port

_MITMDUMP = Path(sys.executable).parent / "mitmdump"
_SCRIPT = """
import asyncio
from mitmproxy import ctx
from addons.settings import SettingsAddon

class End:
    def load(self, loader):
        loader.add_option("number", int, 1, "a number")

    def running(self):
        options = ctx.options
        print("allow_hosts:", *options.allow_hosts, sep=chr(10))
        print("strategy:", options.connection_strategy, "key option:", options.openai_api_key)
        ctx.master.shutdown()

addons = [SettingsAddon([lambda settings: print("loaded", settings.port, settings.keys_of("openai"))]), End()]
"""


_EDITING = """
import asyncio, logging
from pathlib import Path
from mitmproxy import ctx
from mitmproxy.addons.errorcheck import ErrorCheckHandler
from addons.settings import SettingsAddon

settings = SettingsAddon([lambda settings: print("loaded", settings.timeout, settings.client_key[:7])])

class Edits:
    def running(self):
        self.task = asyncio.create_task(self.edit())

    async def edit(self):
        while any(isinstance(handler, ErrorCheckHandler) for handler in logging.getLogger().handlers):
            await asyncio.sleep(0)  # the start is not over: what is logged as an error now ends it
        key = settings.settings.client_key
        for text in (%s):
            Path("addons.yaml").write_text(text)
            for _ in range(3):
                settings.look()
            print("in force", settings.settings.timeout, settings.settings.client_key == key)
        print("allow_hosts:", *ctx.options.allow_hosts, sep=chr(10))
        ctx.master.shutdown()

addons = [settings, Edits()]
"""


class Run:
    def __init__(self, code: int, output: str) -> None:
        self.code = code
        self.output = output

    @property
    def listening(self) -> list[str]:
        """The addresses that were opened, as mitmproxy's log says."""
        return re.findall(r"listening at (\S+)\.\n", self.output)


type Start = Callable[..., Run]
"""Arguments of mitmdump, and the script."""


@pytest.fixture
def start(tmp_path: Path) -> Start:
    (tmp_path / "addons.yaml").write_text("")
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONUNBUFFERED": "1"}

    def run(arguments: Sequence[str], script: str = _SCRIPT) -> Run:
        (tmp_path / "script.py").write_text(script)
        command = [str(_MITMDUMP), "-s", "script.py", "--set", f"confdir={tmp_path}", *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=30)
        return Run(done.returncode, done.stdout + done.stderr)

    return run


def _ports(base: int, proxy: int) -> list[str]:
    return ["--set", f"port={base}", "--set", f"http_proxy_port={proxy}"]


def test_both_listeners_open_on_loopback_and_nothing_else(start: Start) -> None:
    base, proxy = get_free_port(), get_free_port()
    run = start([*_ports(base, proxy), "--set", "openai_api_key=sk-secret"])
    assert run.code == 0
    assert sorted(run.listening) == sorted([f"127.0.0.1:{base}", f"127.0.0.1:{proxy}"])
    assert f"loaded {base} ('sk-secret',)" in run.output
    assert "openai (1 key, default)" in run.output
    assert "strategy: lazy key option: None" in run.output
    assert run.output.count("Client key   parley-") == 1


def test_any_free_port(start: Start) -> None:
    run = start(_ports(0, 0))
    assert run.code == 0
    assert len(set(run.listening)) == 2
    assert "demo answers" in run.output


def test_explicit_modes_are_obeyed(start: Start) -> None:
    port = get_free_port()
    run = start(["--mode", f"reverse:https://example.com@127.0.0.1:{port}"])
    assert run.code == 0
    assert run.listening == [f"127.0.0.1:{port}"]
    assert r"^example\.com:" in run.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "port=x", "--set", "timeout=-1"], ["2 problems", "--port", "--timeout"]),
        (["--set", "disable_auth=maybe"], ["--disable-auth"]),
        (["--set", "disable_auth", "--set", "host=0.0.0.0"], ["--disable-auth", "0.0.0.0"]),
        (["--set", "disable_auth", "--mode", "regular@18999"], ["--disable-auth", "every address"]),
        (["--set", "log=/nowhere/at/all.log"], ["--log", "No such file"]),
    ],
)
def test_a_wrong_configuration_ends_it_before_any_listener_opens(start: Start, arguments, said) -> None:
    run = start(arguments)
    assert run.code == 1
    assert run.listening == []
    assert all(text in run.output for text in said)
    assert "Traceback" not in run.output


@pytest.mark.parametrize("arguments", [_ports(8080, 8080), ["--set", "port=8080"], [*_ports(8080, 1), "-p", "8080"]])
def test_two_listeners_on_one_port_are_refused_in_words(start: Start, arguments: list[str]) -> None:
    run = start(arguments)
    assert run.code == 1
    assert "--port: 8080 is the port for HTTP_PROXY clients as well." in run.output
    assert "Traceback" not in run.output
    assert run.listening == []


def test_the_last_of_several_values_counts(start: Start) -> None:
    run = start([*_ports(0, 0), "--set", "timeout=5", "--set", "openai_api_key=a", "--set", "openai_api_key=b"])
    assert "loaded 0 ('b',)" in run.output


def test_mitmproxy_does_not_go_on_without_us(start: Start) -> None:
    """An option that cannot be read ends the loading of the script, and with it all addons."""
    run = start(["--set", "number=x"])
    assert run.code == 1
    assert run.listening == []


def test_an_address_in_use_ends_it_and_says_what_to_do(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        run = start(_ports(taken.getsockname()[1], 0))
    assert run.code == 1
    assert "PROXY_PORT" in run.output


def test_only_known_hosts_are_intercepted(start: Start) -> None:
    run = start(_ports(0, 0))
    patterns = [line for line in run.output.splitlines() if line.startswith("^")]
    assert any(re.search(pattern, "api.openai.com:443") for pattern in patterns)
    assert any(re.search(pattern, "parley.invalid:80") for pattern in patterns)
    for other in ("evil-api.openai.com:443", "pypi.org:443", "api.openai.com.evil.test:443"):
        assert not any(re.search(pattern, other) for pattern in patterns)


def test_an_option_that_there_is_not_is_mentioned(start: Start) -> None:
    assert "no option 'prot'" in start([*_ports(0, 0), "--set", "prot=1"]).output


def test_the_log_goes_to_a_file(start: Start, tmp_path: Path) -> None:
    run = start([*_ports(0, 0), "--set", "log=here.log"])
    assert run.listening == []
    assert "listening at" in (tmp_path / "here.log").read_text()


def test_an_edit_by_hand_is_taken_over_or_refused(start: Start, tmp_path: Path) -> None:
    edits = (
        "settings: {timeout: 5}\n",
        "settings:\n  timeout: 6\n  timeuot: 7\n",
        "settings: {timeout: 8, log: /nowhere/at/all.log}\n",
        "settings: {timeout: 9, port: 18123}\nbackends: {mine: {base_url: 'https://mine.example.com/v1'}}\n",
    )
    run = start(_ports(0, 0), _EDITING % repr(edits).strip("()"))
    assert run.code == 0
    said = [line for line in run.output.splitlines() if line.startswith(("in force", "loaded"))]
    assert said == [
        "loaded 300.0 parley-",
        "loaded 5.0 parley-",
        "in force 5.0 True",
        "in force 5.0 True",
        "in force 5.0 True",
        "loaded 9.0 parley-",
        "in force 9.0 True",
    ]
    assert run.output.count("addons.yaml:3: settings.timeuot: is not a known key. Did you mean timeout?") == 1
    assert "--log: cannot be written" in run.output
    assert r"^mine\.example\.com:443$" in run.output
    assert "only after a new start" not in run.output, "the port was given as an option"
