"""The real program, started as users start it, in a folder of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

CLIENT_KEY = "parley-client-key-0123456789"
_OURS = {"LLM_INTERACTIVE_PROXY_API_KEY": CLIENT_KEY, "DISABLE_INTERACTIVE_MODE": "true"}
"""Without a banner before first replies, so that what is said is what is heard."""
_PATIENCE = 40
_ARGUMENTS = ("--port=0", "--http-proxy-port=0", "--config=addons.yaml", "--set", "confdir=conf")
_LAUNCHER = Path(sys.executable).with_name("parley")


class Program:
    """`base` is the base-URL listener, `proxy` the HTTP proxy; both are URLs without a path."""

    base: str
    proxy: str

    def __init__(
        self,
        folder: Path,
        config: str | None,
        environ: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        command: str = "serve",
    ) -> None:
        """Does not wait; `wait` does. `config` is what addons.yaml is to hold; None leaves it as it is."""
        self.folder = folder
        self._lines: list[str] = []
        self._said = threading.Condition()
        self._greeted = threading.Event()
        if config is not None:
            (folder / "addons.yaml").write_text(config)
        self._process = subprocess.Popen(
            [str(_LAUNCHER), command, *_ARGUMENTS, *arguments],
            cwd=folder,
            env={**_environ(folder), **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def log(self) -> str:
        return "".join(self._lines)

    @property
    def certificate(self) -> Path:
        """The local CA's."""
        return self.folder / "conf" / "mitmproxy-ca-cert.pem"

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def heard(self, text: str) -> str:
        """The log, once it has `text`."""
        with self._said:
            assert self._said.wait_for(lambda: text in self.log, _PATIENCE), self.log[-4000:]
        return self.log

    def kill(self) -> None:
        """As a crash does it."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(10)

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            with self._said:
                self._lines.append(line)
                self._said.notify_all()
            if "Client key" in line:
                self._greeted.set()
        self._greeted.set()

    def wait(self) -> Program:
        """Until it is open for clients. Raises RuntimeError with what it said when it is not."""
        self._greeted.wait(_PATIENCE)
        base = re.search(r"Base URL +(http://[\d.]+:\d+)/v1", self.log)
        proxy = re.search(r"HTTP proxy +(http://[\d.]+:\d+)", self.log)
        if not (base and proxy and self.is_running):
            self.stop()
            raise RuntimeError(f"Parley did not start:\n{self.log}")
        self.base, self.proxy = base[1], proxy[1]
        return self


def _environ(folder: Path) -> dict[str, str]:
    """Nothing of the tester's own keys and settings."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT", "PYTHONPATH") if name in os.environ}
    return {**kept, "HOME": str(folder), **_OURS}
