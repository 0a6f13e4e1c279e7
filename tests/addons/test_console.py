"""mitmproxy's console in a terminal of its own, with the real addons."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_ROWS, _COLUMNS = 40, 160
_DRAWING = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1b[=>]|[\x0e\x0f]")
_LONGEST_WAIT = 30
"""Seconds until what is waited for must be on the screen."""


class Terminal:
    def __init__(self, home: Path) -> None:
        self._end, end = pty.openpty()
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
        environ = {"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        mitmproxy = Path(sys.executable).parent / "mitmproxy"
        command = [str(mitmproxy), "-s", str(_ROOT / "addons" / "main.py"), "--set", f"confdir={home}"]
        command += ["--set", "port=0", "--set", "http_proxy_port=0"]
        self.process = subprocess.Popen(
            command, cwd=home, env=environ, stdin=end, stdout=end, stderr=end, start_new_session=True
        )
        os.close(end)
        self._drawn = b""

    def until(self, text: str) -> str:
        """What was drawn, once `text` is among it."""
        while text not in self.shown:
            ready, _, _ = select.select([self._end], [], [], _LONGEST_WAIT)
            assert ready, f"{text!r} never came; there was:\n{self.shown}"
            self._drawn += os.read(self._end, 65536)
        return self.shown

    def press(self, key: str) -> None:
        os.write(self._end, key.encode())

    @property
    def shown(self) -> str:
        return _DRAWING.sub(b"", self._drawn).decode("utf-8", "replace")

    def close(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._end)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    console = Terminal(tmp_path)
    yield console
    console.close()


def test_the_start_is_a_box_over_the_list_and_not_text_across_the_screen(terminal: Terminal) -> None:
    shown = terminal.until("made for this run")
    assert shown.index("Data viewer") < shown.index("Base URL")
    assert "│  Client key   parley-" in shown


def test_requests_are_listed_by_the_name_they_were_sent_to(terminal: Terminal) -> None:
    address = re.search(r"Dashboard {4}http://127\.0\.0\.1:(\d+)/", terminal.until("made for this run"))
    assert address
    terminal.press("q")
    http = HTTPConnection("127.0.0.1", int(address[1]), timeout=_LONGEST_WAIT)
    http.request("GET", "/health/of/what", headers={"Host": f"localhost:{address[1]}"})
    assert http.getresponse().status == 404
    http.close()
    listed = terminal.until("/health/of/what")
    assert "localhost" in listed
    assert "parley.invalid /health" not in listed
