"""Whether a growing Markdown text stands in a code block."""

from __future__ import annotations

import re

_FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})(.*)")
_KEPT = 32


class Fences:
    def __init__(self) -> None:
        self.inside = False
        self._mark = ""
        self._line = ""

    def add(self, piece: str) -> bool:
        """Whether the text is inside a code block now, or was somewhere in `piece`."""
        was = self.inside
        *lines, self._line = (self._line + piece).split("\n")
        for line in lines:
            if "```" in line or "~~~" in line:
                self._see(line)
                was = was or self.inside
        if len(self._line) > _KEPT:
            self._line = self._line[:_KEPT]
        return was

    def _see(self, line: str) -> None:
        fence = _FENCE.match(line)
        if fence is None:
            return
        mark, rest = fence[1], fence[2]
        if not self.inside:
            self.inside = "`" not in rest
            self._mark = mark
        elif mark.startswith(self._mark) and not rest.strip():
            self.inside = False
