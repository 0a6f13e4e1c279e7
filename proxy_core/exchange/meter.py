"""What an answer was: tokens, finish reason, time to the first of it. Filled while the answer goes by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import ceil

from proxy_core.turn.content import Refusal, Text, Thinking, ToolCall
from proxy_core.turn.events import (
    ArgumentsDelta,
    BlockStarted,
    Event,
    Finished,
    Started,
    TextDelta,
    ThinkingDelta,
    UsageReported,
)
from proxy_core.turn.fold import merged_usage
from proxy_core.turn.reply import FinishReason, Usage

_CHARACTERS_PER_TOKEN = 4


@dataclass(slots=True)
class Meter:
    """`first` is when something was generated, by `clock`, in seconds. `characters` are those of text, thinking and
    tool arguments, for an estimate where the provider does not count."""

    clock: Callable[[], float] = field(repr=False)
    usage: Usage | None = None
    finish: FinishReason | None = None
    id: str = ""
    model: str = ""
    first: float | None = None
    characters: int = 0
    tool_calls: int = 0
    estimates: bool = True
    """Whether tokens that the provider did not count are to be guessed."""

    def see(self, event: Event) -> None:
        match event:
            case TextDelta() | ThinkingDelta() | ArgumentsDelta():
                self.characters += len(event.text)
                if self.first is None:
                    self.first = self.clock()
            case BlockStarted(part=ToolCall()):
                self.tool_calls += 1
            case BlockStarted(part=Text() | Thinking() | Refusal() as part):
                self.characters += len(part.text)
            case Started():
                self.id, self.model = event.id, event.model
                self._count(event.usage)
            case UsageReported():
                self._count(event.usage)
            case Finished():
                self.finish = event.reason
            case _:
                pass

    @property
    def generated(self) -> int:
        """Tokens, as many as the characters suggest."""
        return ceil(self.characters / _CHARACTERS_PER_TOKEN)

    def so_far(self) -> Usage:
        """What an answer that was broken off has taken: the provider counted its beginning at most."""
        usage = self.usage or Usage()
        return replace(usage, output=max(usage.output or 0, self.generated))

    def _count(self, usage: Usage | None) -> None:
        if usage:
            self.usage = merged_usage(self.usage, usage)
