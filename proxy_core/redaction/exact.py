"""Known strings found in one pass over the bytes, however many there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import ahocorasick_rs

_HEAD = 96
"""How much of a string is in the automaton; the rest is compared. Key blocks would make it large."""

_SMALL = 4_000


class ExactStrings:
    """Occurrences of any of `strings`, the longest at each place."""

    def __init__(self, strings: Iterable[bytes]) -> None:
        by_head: dict[bytes, list[bytes]] = {}
        for string in sorted(strings, key=len, reverse=True):
            by_head.setdefault(string[:_HEAD], []).append(string)
        self._longest_first = list(by_head.values())
        self._automaton = _automaton(list(by_head))

    def find(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Start and end of each, in the order of their heads' ends; they may overlap."""
        if self._automaton is None:
            return
        for head, start, _ in self._automaton.find_matches_as_indexes(data, overlapping=True):
            for string in self._longest_first[head]:
                if data.startswith(string, start):
                    yield start, start + len(string)
                    break

    def seen(self, data: bytes) -> set[bytes]:
        """Which of the strings are in `data`."""
        return {data[start:end] for start, end in self.find(data)}


def _automaton(heads: list[bytes]) -> ahocorasick_rs.BytesAhoCorasick | None:
    """The fast kind while it is small; its tables grow with every byte of every string."""
    small = sum(map(len, heads)) <= _SMALL
    how = ahocorasick_rs.Implementation.DFA if small else ahocorasick_rs.Implementation.ContiguousNFA
    return ahocorasick_rs.BytesAhoCorasick(heads, implementation=how) if heads else None


def leftmost_longest(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans that do not overlap, such that no span is left untouched by them."""
    chosen: list[tuple[int, int]] = []
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if not chosen or start >= chosen[-1][1]:
            chosen.append((start, end))
    return chosen
