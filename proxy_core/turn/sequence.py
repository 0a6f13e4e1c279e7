"""Blocks that stream side by side, put one after another for protocols that know only one open block at a time."""

from __future__ import annotations

from proxy_core.turn.events import (
    ArgumentsDelta,
    BlockEnded,
    BlockStarted,
    Ended,
    Event,
    ExtraDelta,
    Failed,
    Finished,
    SealDelta,
    TextDelta,
    ThinkingDelta,
)

type _BlockEvent = TextDelta | ThinkingDelta | ArgumentsDelta | SealDelta | ExtraDelta


class Sequencer:
    """Takes the events of one choice; gives them back with the blocks strictly in the order of their start.

    What belongs to a block that started while another was open is held until all earlier ones have ended.
    Finished, Ended and Failed end every block that is still open, so that nothing held is lost. Events that
    belong to no block pass at once; deltas of a block that is not open are dropped, since no client can place them.
    """

    def __init__(self) -> None:
        self._open: int | None = None
        self._held: dict[int, list[Event]] = {}
        self._ended: set[int] = set()

    def feed(self, event: Event) -> list[Event]:
        match event:
            case TextDelta() | ThinkingDelta() | ArgumentsDelta() | SealDelta() | ExtraDelta():
                return [event] if event.block == self._open else self._hold(event)
            case BlockStarted():
                return self._start(event)
            case BlockEnded():
                return self._end(event)
            case Finished() | Ended() | Failed():
                return [*self._flush(), event]
            case _:
                return [event]

    def _hold(self, event: _BlockEvent) -> list[Event]:
        if event.block in self._held and event.block not in self._ended:
            self._held[event.block].append(event)
        return []

    def _start(self, event: BlockStarted) -> list[Event]:
        if self._open is None:
            self._open = event.block
            return [event]
        self._held[event.block] = [event]
        return []

    def _end(self, event: BlockEnded) -> list[Event]:
        if event.block != self._open:
            if event.block in self._held:
                self._ended.add(event.block)
            return []
        return [event, *self._next()]

    def _next(self) -> list[Event]:
        """What the end of the open block sets free; the first block that has not ended becomes the open one."""
        self._open = None
        freed: list[Event] = []
        while self._held and self._open is None:
            block = next(iter(self._held))
            freed += self._held.pop(block)
            if block in self._ended:
                freed.append(BlockEnded(block))
            else:
                self._open = block
        return freed

    def _flush(self) -> list[Event]:
        if self._open is None:
            return []
        self._ended.update(self._held)
        return [BlockEnded(self._open), *self._next()]
