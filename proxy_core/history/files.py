"""A session's file: one line of JSON for each request. For its owner alone; put aside when it is full."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

ENDING = ".jsonl"
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]|^-")
_LONGEST = 80
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file"""


def default_directory(environ: Mapping[str, str] = os.environ) -> Path:
    """https://specifications.freedesktop.org/basedir-spec/latest/: the same one wherever Parley is started from."""
    state = environ.get("XDG_STATE_HOME") or Path(environ.get("HOME") or Path.home()) / ".local" / "state"
    return Path(state) / "parley" / "history"


def name_of(session: str) -> str:
    """A file's name without its ending: letters, digits, - and _ of the session's. Whatever else is in it, or is told
    apart only by case on some systems, is said by a number behind it."""
    safe = _UNSAFE.sub("_", session)[:_LONGEST]
    if session and safe == session == session.lower() and not _RESERVED.fullmatch(safe):
        return safe
    digest = hashlib.blake2b(session.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
    return f"{safe or 'session'}.{digest}"


class HistoryFiles:
    """Beyond `max_bytes` a file is put aside as NAME.jsonl.1, the older ones as .2 and so on up to `keep`.

    `append` raises OSError.
    """

    def __init__(self, directory: Path, max_bytes: int, keep: int) -> None:
        self.directory = directory
        self._max_bytes = max_bytes
        self._keep = keep

    def append(self, session: str, line: bytes) -> None:
        make_private(self.directory)
        path = self.path(session)
        if _size(path) and _size(path) + len(line) > self._max_bytes:
            self._put_aside(path)
        # Not through a link that somebody else may have laid in a folder that is not only ours.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)
        try:
            os.fchmod(descriptor, 0o600)
            written = os.write(descriptor, line)
            while written < len(line):
                written += os.write(descriptor, line[written:])
        finally:
            os.close(descriptor)

    def path(self, session: str) -> Path:
        return self.directory / f"{name_of(session)}{ENDING}"

    def names(self) -> list[str]:
        """Of the sessions that have a file, the one written last first."""
        found = [path for path in self.directory.glob(f"*{ENDING}") if path.is_file()]
        found.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        return [path.name.removesuffix(ENDING) for path in found]

    def lines(self, name: str) -> Iterator[bytes]:
        """All that is kept of a session, the oldest first. `name` is a file's, without its ending."""
        path = self.directory / f"{name}{ENDING}"
        for old in [*reversed(list(_asides(path))), path]:
            if old.is_file():
                with old.open("rb") as file:
                    yield from file

    def _put_aside(self, path: Path) -> None:
        asides = [*_asides(path)]
        for number in range(len(asides), 0, -1):
            if number >= self._keep:
                _aside(path, number).unlink()
            else:
                _aside(path, number).replace(_aside(path, number + 1))
        if self._keep:
            path.replace(_aside(path, 1))
        else:
            path.unlink()


def make_private(directory: Path) -> None:
    """Makes it where it is not there; one that is there is left as it is."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)


def _asides(path: Path) -> Iterator[Path]:
    number = 1
    while (aside := _aside(path, number)).is_file():
        yield aside
        number += 1


def _aside(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0
