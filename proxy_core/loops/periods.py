"""Exact repetition at the end of a growing text: what period it has, and since where."""

from __future__ import annotations

from dataclasses import dataclass

_ANCHOR = 12
_MAX_BUFFER = 65_536
_ROUNDS = 24
"""Each round at least lengthens the anchor past the last run, so real texts need two or three."""


@dataclass(frozen=True, slots=True)
class Run:
    """The text's last `length` characters repeat with `period`; `unit` is what is repeated, from where that began."""

    period: int
    length: int
    unit: str

    @property
    def repetitions(self) -> int:
        return self.length // self.period


class Tail:
    """The last characters of a text, and the run they end in. Memory is bounded by `size`, the work for a piece by
    `size` and not by the text; a run's length is counted on beyond what is remembered."""

    def __init__(self, size: int, max_period: int) -> None:
        self._max_period = max_period
        self._size = min(max(size, 2 * max_period + _ANCHOR), _MAX_BUFFER)
        self._text = ""
        self._run: tuple[int, int] | None = None

    def add(self, piece: str) -> Run | None:
        """The run that the text ends in now; None where it does not repeat itself at all."""
        text = self._text + piece
        run = self._grown(text, len(piece)) or self._found(text)
        self._text = text[-self._size :]
        self._run = run
        if run is None:
            return None
        period, length = run
        start = max(0, len(text) - length)
        return Run(period, length, text[start : start + period])

    def _grown(self, text: str, added: int) -> tuple[int, int] | None:
        """The last run, where it goes on through all that was added."""
        if self._run is None:
            return None
        period, length = self._run
        if text.endswith(text[-added - period : -period]) and added + period <= len(text):
            return period, length + added
        return None

    def _found(self, text: str) -> tuple[int, int] | None:
        """The longest run that the text ends in.

        A text with period p holds its own last characters p earlier, so the places of the last `anchor` characters
        are the candidates. A run too short for its candidate rules out every anchor that it covers.
        """
        best: tuple[int, int] | None = None
        anchor = _ANCHOR
        end = len(text)
        for _ in range(_ROUNDS):
            if anchor >= end:
                break
            at = text.rfind(text[-anchor:], max(0, end - anchor - self._max_period), end - 1)
            if at < 0:
                break
            period = end - anchor - at
            length = _run_length(text, period)
            if best is None or length > best[1]:
                best = period, length
            anchor = length - period + 1
        return best


def _run_length(text: str, period: int) -> int:
    """How many characters at the end of `text` have this period; by bisection over comparisons done in C."""
    low, high = 0, len(text) - period
    while low < high:
        middle = (low + high + 1) // 2
        if text.endswith(text[-middle - period : -period]):
            low = middle
        else:
            high = middle - 1
    return low + period
