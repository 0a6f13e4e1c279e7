"""The tests' end of a driver."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
PYTHON = FOLDER.parents[2] / ".venv-clients" / "bin" / "python"
DRIVERS = {
    "openai_chat": "openai_sdk.py",
    "openai_responses": "openai_sdk.py",
    "anthropic": "anthropic_sdk.py",
    "gemini": "google_sdk.py",
}


class Driver:
    """One process, started when first used."""

    def __init__(self, command: Sequence[str], errors: Path) -> None:
        self._errors = errors
        with errors.open("wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=_quiet(errors.parent)
            )

    def talk(self, **conversation: Any) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(conversation) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the driver ended:\n{self._errors.read_text()}"
        answer = json.loads(line)
        assert "broken" not in answer, answer["broken"]
        return answer

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()


class Drivers:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: dict[str, Driver] = {}

    def __getitem__(self, protocol: str) -> Driver:
        script = DRIVERS[protocol]
        if script not in self._started:
            self._started[script] = Driver([str(PYTHON), str(FOLDER / script)], self._folder / f"{script}.log")
        return self._started[script]

    def stop(self) -> None:
        for driver in self._started.values():
            driver.stop()


def _quiet(folder: Path) -> dict[str, str]:
    """No keys, proxies or addresses of the tester's own."""
    return {"HOME": str(folder), "PATH": "/usr/bin:/bin"}
