"""The rounds of a tool loop as the request's own history tells them, newest first."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from proxy_core.turn.content import Media, Opaque, Part, Text, ToolCall, ToolResult
from proxy_core.turn.request import Turn

_CANONICAL_LIMIT = 8192
_SPELLING = 256
"""By how many characters two spellings of the same arguments may differ."""
_WRAPPED = re.compile(r"\s*<([\w:-]+)[^>]*>.*</\1>\s*", re.DOTALL)
"""Text that an agent puts in by itself: <system-reminder>, <environment_details>."""


@dataclass(slots=True)
class Step:
    """The calls of one round, each once, and their results in the same order (None: not answered)."""

    calls: list[ToolCall] = field(default_factory=list)
    results: list[ToolResult | None] = field(default_factory=list)

    @property
    def names(self) -> str:
        return ", ".join(dict.fromkeys(call.name for call in self.calls))


def steps_back(turns: Sequence[Turn]) -> Iterator[Step]:
    """Down to the user's newest message. Only as much of the history is read as is asked for."""
    calls: list[ToolCall] = []
    results: list[ToolResult] = []
    for turn in reversed(turns):
        if is_users(turn):
            break
        answered = [part for part in turn.parts if isinstance(part, ToolResult)]
        if answered and calls:  # results stand behind their calls, so this is the round before
            yield _step(calls, results)
            calls, results = [], []
        results[:0] = answered
        calls[:0] = [part for part in turn.parts if isinstance(part, ToolCall)]
    if calls:
        yield _step(calls, results)


def is_users(turn: Turn) -> bool:
    """Whether a person has said something here, other than the results and reminders that agents send."""
    if turn.role != "user":
        return False
    said = [part for part in turn.parts if not isinstance(part, ToolResult)]
    return any(
        not (isinstance(part, Text) and (not part.text.strip() or _WRAPPED.fullmatch(part.text))) for part in said
    )


def _step(calls: list[ToolCall], results: list[ToolResult]) -> Step:
    by_id = {result.call_id: result for result in results if result.call_id}
    unnamed = [result for result in results if not result.call_id]
    step = Step()
    for call in calls:
        result = by_id.get(call.id) if call.id else None
        if result is None and unnamed:
            result = _take(unnamed, call.name)
        if not any(same_call(call, other) for other in step.calls):
            step.calls.append(call)
            step.results.append(result)
    return step


def _take(unnamed: list[ToolResult], name: str) -> ToolResult:
    """Gemini's results may have no id: the first of that name, else the first."""
    at = next((index for index, result in enumerate(unnamed) if result.name == name), 0)
    return unnamed.pop(at)


def same_step(one: Step, other: Step) -> bool:
    """The same calls, answered the same way. A call that is answered otherwise than before is polling, no loop."""
    if len(one.calls) != len(other.calls):
        return False
    return all(map(same_call, one.calls, other.calls)) and all(map(same_result, one.results, other.results))


def same_call(one: ToolCall, other: ToolCall) -> bool:
    if one.name != other.name:
        return False
    if one.arguments == other.arguments:
        return True
    return abs(len(one.arguments) - len(other.arguments)) <= _SPELLING and _canonical(one) == _canonical(other)


def _canonical(call: ToolCall) -> str:
    """Arguments with keys in order; as they are where they are no JSON, or too long for it to matter."""
    if call.custom or len(call.arguments) > _CANONICAL_LIMIT:
        return call.arguments
    try:
        return json.dumps(json.loads(call.arguments or "{}"), sort_keys=True)
    except (ValueError, RecursionError):
        return call.arguments


def same_result(one: ToolResult | None, other: ToolResult | None) -> bool:
    if one is None or other is None:
        return one is other
    return len(one.content) == len(other.content) and all(map(_same_part, one.content, other.content))


def _same_part(one: Part, other: Part) -> bool:
    match one, other:
        case Text(), Text():
            return one.text == other.text
        case Media(), Media():
            return (one.data, one.url, one.file_id) == (other.data, other.url, other.file_id)
        case Opaque(), Opaque():
            return one.raw == other.raw
        case _:
            return False


def words_of(result: ToolResult, limit: int) -> str:
    """The beginning of what a tool said."""
    return next((part.text[:limit] for part in result.content if isinstance(part, Text)), "")


class Steps:
    """The newest steps of a history, each read when it is first asked for."""

    def __init__(self, turns: Sequence[Turn], reach: int) -> None:
        self._source = islice(steps_back(turns), reach)
        self._read: list[Step] = []

    def get(self, index: int) -> Step | None:
        """0 is the newest; None beyond the oldest."""
        while len(self._read) <= index:
            step = next(self._source, None)
            if step is None:
                return None
            self._read.append(step)
        return self._read[index]

    def first(self, count: int) -> list[Step]:
        return [step for index in range(count) if (step := self.get(index))]
