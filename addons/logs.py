"""Where mitmproxy's and our log goes, and how much of it."""

from __future__ import annotations

import io
import logging
import queue
import sys
from logging.handlers import QueueHandler, QueueListener
from pathlib import Path

from proxy_core.config.settings import LogSettings

TERMINAL_LEVELS = {
    "DEBUG": "debug",
    "INFO": "info",
    "WARNING": "warn",
    "ERROR": "error",
    "CRITICAL": "error",
    "NONE": "error",
}
"""mitmproxy's names (`termlog_verbosity`)."""


class LogFile:
    """Writes from a thread of its own, so that no request waits for the disk."""

    def __init__(self) -> None:
        self._listener: QueueListener | None = None
        self._handler: QueueHandler | None = None

    def write_to(self, log: LogSettings) -> None:
        """Raises OSError when the file cannot be written; the log then goes where it went."""
        wanted = log.file if log.level != "NONE" else None
        file = logging.FileHandler(wanted, encoding="utf-8") if wanted else None
        if wanted:
            _keep_to_owner(wanted)
        self.close()
        if file is None:
            return
        file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        self._handler = QueueHandler(queue.SimpleQueue())
        self._handler.setLevel(log.level)
        self._listener = QueueListener(self._handler.queue, file)
        self._listener.start()
        logging.getLogger().addHandler(self._handler)

    def close(self) -> None:
        if self._handler and self._listener:
            logging.getLogger().removeHandler(self._handler)
            self._listener.stop()
            for handler in self._listener.handlers:
                handler.close()
        self._handler = self._listener = None


def _keep_to_owner(file: Path) -> None:
    """A device, such as /dev/stderr, stays as it is."""
    if file.is_file():
        file.chmod(0o600)


def show_at_once() -> None:
    """Each line as it is written, also where a file, a pipe or a container's log takes them. Addresses that lists of
    models are fetched from, which may hold a key, are no line of it."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)


def silence() -> None:
    """LOG_LEVEL=NONE: nothing more after a successful start."""
    logging.disable(logging.CRITICAL)
