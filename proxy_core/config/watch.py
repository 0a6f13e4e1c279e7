"""Notices that a file was edited by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path


class FileWatch:
    """Compares contents: an editor's temporary files and a changed date alone are no change.

    What an editor writes in two steps is told by looking twice: `changed` wants the same content in two calls.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = tuple(paths)
        self._accepted = self._last = self._content()

    def changed(self) -> bool:
        """Whether the files are other than when they were accepted last. Reads them; they are small."""
        content = self._content()
        settled, self._last = content == self._last, content
        return settled and content != self._accepted

    def accept(self) -> None:
        """To be called before the files are read, so that what is written meanwhile is noticed."""
        self._accepted = self._last = self._content()

    def _content(self) -> tuple[bytes, ...]:
        return tuple(map(_digest, self.paths))


def _digest(path: Path) -> bytes:
    """Empty for a file that is not there, or cannot be read."""
    try:
        return hashlib.blake2b(path.read_bytes(), digest_size=16).digest()
    except OSError:
        return b""
