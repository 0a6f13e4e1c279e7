"""Who watches an answer go by, in every lane: the meter, the loop guard. An observer changes nothing, but may ask for
the answer to be ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from proxy_core.turn.content import ProtocolName, Seal, Text, Thinking
from proxy_core.turn.events import (
    BlockEnded,
    BlockStarted,
    Ended,
    Event,
    Finished,
    SealDelta,
    Started,
    TextDelta,
)


@dataclass(frozen=True, slots=True)
class Cut:
    """The answer is to end here. `notice` is what the client reads in its place; `why` is one word for the record."""

    notice: str
    why: str


class Observer(Protocol):
    def see(self, event: Event) -> Cut | None:
        """Called for each event of the answer, in order."""
        ...


class Outline:
    """What of an answer is open, so that it can be brought to a valid end at any event."""

    def __init__(self, client: ProtocolName) -> None:
        self._client: ProtocolName = client
        self._open: dict[int, BlockStarted] = {}
        self._choices: dict[int, bool] = {0: False}
        self._blocks = 0
        self._started = False

    def see(self, event: Event) -> None:
        match event:
            case BlockStarted():
                self._open[event.block] = event
                self._blocks = max(self._blocks, event.block + 1)
                self._choices.setdefault(event.choice, False)
            case BlockEnded():
                self._open.pop(event.block, None)
            case Finished():
                self._choices[event.choice] = True
            case Started():
                self._started = True
            case _:
                pass

    @property
    def next_block(self) -> int:
        """The number of the next block to be started."""
        return self._blocks

    def closing(self, block: int) -> list[Event]:
        """The events that end an open block before its time."""
        if isinstance(self._open[block].part, Thinking) and self._client == "anthropic":
            # Thinking that was cut has no signature, and Anthropic refuses it unsigned when it comes back; marked as
            # another provider's it is dropped then.
            return [SealDelta(block, Seal("openai_chat", "")), BlockEnded(block)]
        return [BlockEnded(block)]

    def is_open_text(self, block: int) -> bool:
        return block in self._open and isinstance(self._open[block].part, Text)

    @property
    def open_blocks(self) -> frozenset[int]:
        return frozenset(self._open)

    def ending(self, notice: str) -> list[Event]:
        """The events that end the answer with `notice` as its last text."""
        events: list[Event] = [] if self._started else [Started("", "")]
        events += [end for block in self._open for end in self.closing(block)]
        block = self._blocks
        events += [BlockStarted(block, Text("")), TextDelta(block, notice), BlockEnded(block)]
        events += [Finished("stop", choice=choice) for choice, finished in self._choices.items() if not finished]
        return [*events, Ended()]


def first_cut(observers: Sequence[Observer], event: Event) -> Cut | None:
    """Has every observer see the event; the first wish to cut counts."""
    first = None
    for observer in observers:
        cut = observer.see(event)
        first = first or cut
    return first
