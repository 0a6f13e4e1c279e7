"""The same sentences again and again: in changing order, with counters or short words between them, or in rounds that
are longer than any pattern looked for."""

from __future__ import annotations

import re
from collections import deque

_REMEMBERED = 96
_FORMS = 16
_LONGEST = 500
_MIN_LETTERS = 12
_LABEL = re.compile(r"\W*+(?:(?:\w++\W)?+\W*+\d++\s*+[.)\-–—\]]+\s*+)?")
_LABEL_BEHIND = re.compile(r"\s*[\[(][^()\[\]]{0,20}\d[^()\[\]]{0,10}[\])]")
"""Counters in front and behind: "17) ", "Attempt #17 - ", " (attempt 17)"."""
_COUNTER = re.compile(r"([^\W\d]{0,12})\W{0,3}\d{1,6}\W{0,2}")
_NUMBER = re.compile(r"\d{1,6}")
_COUNTING = 4
"""So often must a sentence have come with another number before the next one says nothing new."""
_CODE = re.compile(r"[<>{}=;|\\`_\t]|  ")
_END = re.compile(r"[.!?:](?=\s)|[\n。！？]")
_DEBT = 2
"""What a new sentence takes off, per character: text that goes on has new sentences."""


class Refrain:
    """How many characters of known sentences have come lately, new ones subtracted."""

    def __init__(self) -> None:
        self.score = 0
        self.sentence = ""
        self._rest = ""
        self._counter = "?"
        self._recent: deque[str] = deque()
        self._counts: dict[str, int] = {}
        self._forms: dict[str, int] = {}

    @property
    def repetitions(self) -> int:
        """Of the newest sentence, among those remembered."""
        return self._counts.get(self.sentence, 0)

    def add(self, piece: str) -> None:
        sentences = _END.split(self._rest[-1:] + piece)  # a full stop ends a sentence only before a blank
        sentences[0] = self._rest[:-1] + sentences[0]
        self._rest = sentences.pop()
        for sentence in sentences:
            if sentence:
                self._count(sentence)
        if len(self._rest) > _LONGEST:
            self._count(self._rest)
            self._rest = ""

    def forget(self) -> None:
        if not self._recent and not self._rest:
            return
        self.score = 0
        self._rest = ""
        self._recent.clear()
        self._counts.clear()
        self._forms.clear()

    def _count(self, sentence: str) -> None:
        plain = _unlabelled(sentence.strip())
        if not plain:
            return
        seen = self._counts.get(plain, 0)
        self._remember(plain, seen)
        if seen >= 2:
            self.score += len(plain) if _is_prose(plain) else 0
            self.sentence = plain
        elif seen == 0 and self.score and not self._counts_on(plain):
            self.score = max(0, self.score - _DEBT * len(plain))

    def _counts_on(self, plain: str) -> bool:
        """Whether this is the next "Attempt 17", or a sentence that only counts on; counters say nothing new."""
        counter = _COUNTER.fullmatch(plain)
        if counter is None:
            return self._says_the_next_number(plain)
        known = counter[1] == self._counter
        self._counter = counter[1]
        return known

    def _says_the_next_number(self, plain: str) -> bool:
        """ "Let me try approach number 17": prose in which nothing but its only number is new."""
        form, numbers = _NUMBER.subn("0", plain)
        if numbers != 1 or not _is_prose(form):
            return False
        self._forms[form] = self._forms.pop(form, 0) + 1
        if len(self._forms) > _FORMS:
            del self._forms[next(iter(self._forms))]
        return self._forms[form] > _COUNTING

    def _remember(self, plain: str, seen: int) -> None:
        self._counts[plain] = seen + 1
        self._recent.append(plain)
        if len(self._recent) > _REMEMBERED:
            oldest = self._recent.popleft()
            self._counts[oldest] -= 1
            if not self._counts[oldest]:
                del self._counts[oldest]


def _unlabelled(sentence: str) -> str:
    if not sentence[:1].isalpha() or "#" in sentence:
        found = _LABEL.match(sentence)
        sentence = sentence[found.end() :] if found else sentence
    if sentence[-1:] in (")", "]"):
        start = max(sentence.rfind("("), sentence.rfind("["))
        if _LABEL_BEHIND.fullmatch(sentence, max(0, start)):
            sentence = sentence[:start].rstrip()
    return sentence


def _is_prose(sentence: str) -> bool:
    letters = sum(map(str.isalpha, sentence))
    return letters >= _MIN_LETTERS and letters >= 0.7 * len(sentence) and not _CODE.search(sentence)
