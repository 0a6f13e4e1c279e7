"""A small file replaced as a whole: whoever reads it, at any moment, finds the old or the new one."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform != "win32":
    import fcntl


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps other processes that use this out of `folder`. Raises BlockingIOError when one is in it.

    The folder itself is locked, so nothing has to be left behind; a process that dies lets go of it.
    """
    if sys.platform == "win32":
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def replace_whole(path: Path, data: bytes) -> None:
    """Permissions stay as they are; a new file is its owner's alone. Raises OSError, the old file then being whole.

    What a crash leaves beside the file is overwritten the next time; call it within `locked`.
    """
    draft = path.with_name(f".{path.name}.new")
    try:
        _write_down(draft, data, _mode(path))
        os.replace(draft, path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    _settle(path.parent)


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return 0o600


def _write_down(draft: Path, data: bytes, mode: int) -> None:
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _no_follow(), 0o600)
    with os.fdopen(handle, "wb") as file:
        os.chmod(draft, mode)
        file.write(data)
        file.flush()
        os.fsync(handle)


def _no_follow() -> int:
    """A link put in the draft's place must not make us write elsewhere."""
    return 0 if sys.platform == "win32" else os.O_NOFOLLOW


def _settle(folder: Path) -> None:
    """The new name outlives a power cut only once the folder is on the disk."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
