"""Ends replies that have begun to repeat themselves, in the text or in the thoughts.

Two kinds of repetition are looked for every `analysis_interval` characters:

- a piece that is repeated exactly (periods.py). It is a loop when it came often enough for its length (short up to 10
  characters, medium up to 50, long) and all of it together is long: `min_length` and two and a half pieces in prose,
  `min_length_structured` in anything that people and programs do repeat: code blocks, markup, tables, rulers, zeros.
- the same sentences in any order, with counters or short words between them (sentences.py); not in code blocks.

What is looked at are the decoded characters of one choice's text or thoughts, whatever deltas they come in. Tool
arguments are not looked at: an argument that is cut is a broken call.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from proxy_core.config.settings import LoopSettings
from proxy_core.loops.fences import Fences
from proxy_core.loops.periods import Run, Tail
from proxy_core.loops.sentences import Refrain
from proxy_core.pipeline.observers import Cut
from proxy_core.turn.content import Refusal, Text, Thinking
from proxy_core.turn.events import BlockEnded, BlockStarted, Event, TextDelta, ThinkingDelta

WHY = "loop"
"""`Cut.why` of every cut made here."""
SHORT = 10
MEDIUM = 50
_REFRAIN_FACTOR = 3
_CODE = re.compile(r"[<>{}=|\\`;_#]|[\[(]\W*[\])]|\d\W+\d")
_SHOWN = 40
_DELTAS = (TextDelta, ThinkingDelta)


@dataclass(frozen=True, slots=True)
class TextLoop:
    """`unit` is what was repeated, `excerpt` the beginning of it for people; `length` the characters that repetition
    had taken."""

    channel: str
    excerpt: str
    repetitions: int
    length: int
    unit: str


class LoopObserver:
    """One per reply. `off_command` is what the user can type to switch it off, None where commands are not taken."""

    def __init__(self, settings: LoopSettings, off_command: str | None = "!/set(loop-detection=false)") -> None:
        self.found: TextLoop | None = None
        self.cut: Cut | None = None
        self._settings = settings
        self._off = off_command
        self._channels: dict[tuple[int, str], _Channel] = {}
        self._open: dict[int, _Channel] = {}

    def see(self, event: Event) -> Cut | None:
        if isinstance(event, _DELTAS):
            channel = self._open.get(event.block)
            if channel is None or not channel.add(event.text):
                return None
            return self._judged(channel)
        if isinstance(event, BlockStarted):
            return self._begin(event)
        if isinstance(event, BlockEnded):
            channel = self._open.pop(event.block, None)
            return self._judged(channel) if channel else None
        return None

    def _begin(self, event: BlockStarted) -> Cut | None:
        match event.part:
            case Text(text=text) | Refusal(text=text):
                name = "text"
            case Thinking(text=text):
                name = "thinking"
            case _:
                return None
        key = event.choice, name
        channel = self._channels.get(key)
        if channel is None:
            channel = self._channels[key] = _Channel(self._settings, name)
        self._open[event.block] = channel
        return self._judged(channel) if channel.add(text) else None

    def _judged(self, channel: _Channel) -> Cut | None:
        if self.found or not self._settings.enabled:
            return None
        self.found = channel.judge()
        self.cut = Cut(notice_of(self.found, self._off), WHY) if self.found else None
        return self.cut


class _Channel:
    """One choice's text, or its thoughts, over all their blocks."""

    def __init__(self, settings: LoopSettings, name: str) -> None:
        self._settings = settings
        self._name = name
        self._interval = max(1, settings.analysis_interval)
        self._pending: list[str] = []
        self._size = 0
        self._tail = Tail(settings.buffer_size, settings.max_pattern_length)
        self._refrain = Refrain()
        self._fences = Fences()

    def add(self, text: str) -> bool:
        """Whether enough has come for another look."""
        self._pending.append(text)
        self._size += len(text)
        return self._size >= self._interval

    def judge(self) -> TextLoop | None:
        text = "".join(self._pending)
        self._pending.clear()
        self._size = 0
        for start in range(0, len(text), self._interval):
            if found := self._look(text[start : start + self._interval]):
                return found
        return None

    def _look(self, piece: str) -> TextLoop | None:
        fenced = self._fences.add(piece)
        run = self._tail.add(piece)
        if run and self._is_loop(run, fenced):
            return TextLoop(self._name, _excerpt(run.unit), run.repetitions, run.length, run.unit)
        if fenced:
            self._refrain.forget()
            return None
        self._refrain.add(piece)
        return self._refrained()

    def _refrained(self) -> TextLoop | None:
        settings, refrain = self._settings, self._refrain
        if refrain.score < _REFRAIN_FACTOR * settings.min_length:
            return None
        if refrain.repetitions < repetitions_wanted(settings, len(refrain.sentence)):
            return None
        return TextLoop(self._name, _excerpt(refrain.sentence), refrain.repetitions, refrain.score, refrain.sentence)

    def _is_loop(self, run: Run, fenced: bool) -> bool:
        settings = self._settings
        if run.period > settings.max_pattern_length or run.length < settings.min_length:
            return False
        if run.repetitions < repetitions_wanted(settings, run.period):
            return False
        if fenced or not is_prose(run.unit):
            return run.length >= settings.min_length_structured
        return run.length >= settings.min_length + 2.5 * run.period


def repetitions_wanted(settings: LoopSettings, period: int) -> int:
    if period <= SHORT:
        return settings.min_repetitions_short
    return settings.min_repetitions_medium if period <= MEDIUM else settings.min_repetitions_long


def is_prose(unit: str) -> bool:
    """Words, rather than symbols, numbers, markup or code."""
    spaceless = "".join(unit.split())
    letters = sum(map(str.isalpha, spaceless))
    if letters < 2 or letters < 0.75 * len(spaceless):
        return False
    return not _CODE.search(unit)


def notice_of(loop: TextLoop, off_command: str | None) -> str:
    what = "thoughts" if loop.channel == "thinking" else "answer"
    off = f"send {off_command}" if off_command else "set LOOP_DETECTION_ENABLED=false"
    return (
        f"\n\n[Parley ended this {what}: the model had begun to repeat itself ({loop.repetitions} times "
        f"“{loop.excerpt}”). To go on, say what should come next, or ask again in other words. "
        f"If this was no loop, {off} and ask again.]"
    )


def _excerpt(unit: str) -> str:
    plain = " ".join(unit.split()) or repr(unit[:8]).strip("'")
    return plain if len(plain) <= _SHOWN else f"{plain[: _SHOWN - 1].rstrip()}…"
