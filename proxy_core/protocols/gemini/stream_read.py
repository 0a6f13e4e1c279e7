"""Gemini's stream (https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent) into events.

No event marks the end. Finish reasons are held until the stream closes: some who speak this protocol put one on
every chunk, and calls may follow it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.protocols.gemini.candidate import (
    FEEDBACK,
    CandidateState,
    blocked,
    candidates_of,
    index_of,
    parts_of,
    read_logprobs,
    reply_part,
    unreadable,
)
from proxy_core.protocols.gemini.faults import fault_of
from proxy_core.protocols.gemini.frames import is_bare_json
from proxy_core.protocols.gemini.names import ORIGIN
from proxy_core.protocols.gemini.usage import read_usage
from proxy_core.turn.content import Extra, Part, Text, Thinking, ToolCall
from proxy_core.turn.events import (
    ArgumentsDelta,
    BlockEnded,
    BlockStarted,
    Ended,
    Event,
    Failed,
    Finished,
    Ping,
    Started,
    TextDelta,
    ThinkingDelta,
    UsageReported,
)
from proxy_core.wire.fields import record
from proxy_core.wire.json import loads
from proxy_core.wire.sse import Frame

_TOP = frozenset({"candidates", "usageMetadata", "modelVersion", "responseId"})
_PLAIN = frozenset({"content", "index"})
_CUT = "The backend's answer ended before it was complete."


class GeminiReader:
    def __init__(self) -> None:
        self._id: str | None = None
        self._over = False
        self._blocks = 0
        self._calls = 0
        self._candidates: dict[int, CandidateState] = {}
        self._usage: dict[str, Any] = {}
        self._extra: Extra = {}

    def read(self, frame: Frame) -> Iterable[Event]:
        if self._over:
            return ()
        data = _data_of(frame)
        if data is None:
            if not is_bare_json(frame.raw):
                return (Ping(),)
            data = frame.raw
        elif data == b"[DONE]":
            return self._end()
        try:
            return self._read(loads(data))
        except ParleyError as error:
            return self._fail(unreadable(error).fault)
        except (ValueError, RecursionError) as error:
            return self._fail(_not_json(frame.raw, error))

    def close(self) -> Iterable[Event]:
        if self._over:
            return ()
        if any(candidate.raw_finish for candidate in self._candidates.values()):
            return self._end()
        return [*self._usage_so_far(), *self._fail(Fault(FaultKind.CUT, _CUT))]

    def _read(self, value: Any) -> list[Event]:
        events: list[Event] = []
        for chunk in value if isinstance(value, list) else (value,):
            if not isinstance(chunk, dict):
                return events + self._fail(Fault(FaultKind.UPSTREAM, "The backend sent a chunk that is no object."))
            error = chunk.get("error")
            if error and "candidates" not in chunk:
                return events + self._fail(fault_of(error))
            self._read_chunk(chunk, events)
        return events

    def _read_chunk(self, chunk: dict[str, Any], events: list[Event]) -> None:
        if self._id is None:
            self._start(chunk, events)
        elif not chunk.keys() <= _TOP:
            self._extra.update(_unmodelled(chunk))
        usage = chunk.get("usageMetadata")
        if usage:
            self._usage = self._usage | record(usage, "usageMetadata")
        for position, raw in enumerate(candidates_of(chunk)):
            self._read_candidate(record(raw, "candidates[]"), position, events)
        feedback = blocked(chunk)
        if feedback:
            self._candidate(0).block(feedback)

    def _start(self, chunk: dict[str, Any], events: list[Event]) -> None:
        self._id = str(chunk.get("responseId") or "")
        model = str(chunk.get("modelVersion") or "")
        usage = read_usage(chunk.get("usageMetadata"))
        events.append(Started(self._id, model, usage=usage, extra=_unmodelled(chunk), origin=ORIGIN))

    def _candidate(self, index: int) -> CandidateState:
        if index not in self._candidates:
            self._candidates[index] = CandidateState(index)
        return self._candidates[index]

    def _read_candidate(self, raw: dict[str, Any], position: int, events: list[Event]) -> None:
        candidate = self._candidate(index_of(raw, position))
        known = len(events)
        for part in parts_of(raw):
            self._read_part(candidate, part, events)
        if not raw.keys() <= _PLAIN:
            candidate.note(raw)
            _add_logprobs(events[known:], raw.get("logprobsResult"))

    def _read_part(self, candidate: CandidateState, raw: Any, events: list[Event]) -> None:
        if isinstance(raw, dict):
            text = raw.get("text")
            thought = raw.get("thought") is True
            if isinstance(text, str) and len(raw) == 1 + thought:
                self._read_text(candidate, text, thought, events)
                return
        part = reply_part(raw, (self._id or "", str(self._calls)))
        if isinstance(part, Text | Thinking) and part.seal is None and not part.extra:
            self._read_text(candidate, part.text, isinstance(part, Thinking), events)
        else:
            self._read_whole(candidate, part, events)

    def _read_text(self, candidate: CandidateState, text: str, thought: bool, events: list[Event]) -> None:
        if not text:
            return
        if candidate.open < 0 or candidate.open_thought is not thought:
            self._end_block(candidate, events)
            candidate.open, candidate.open_thought = self._next_block(), thought
            skeleton = Thinking("") if thought else Text("")
            events.append(BlockStarted(candidate.open, skeleton, candidate.index))
        delta = ThinkingDelta if thought else TextDelta
        events.append(delta(candidate.open, text))

    def _read_whole(self, candidate: CandidateState, part: Part, events: list[Event]) -> None:
        """A part that stands for itself. A signed text is not joined with others, lest its signature be moved:
        https://ai.google.dev/gemini-api/docs/thought-signatures"""
        self._end_block(candidate, events)
        if isinstance(part, ToolCall):
            candidate.called = True
            self._calls += 1
        events.extend(_whole_block(self._next_block(), part, candidate.index))

    def _next_block(self) -> int:
        block = self._blocks
        self._blocks += 1
        return block

    def _end_block(self, candidate: CandidateState, events: list[Event]) -> None:
        if candidate.open >= 0:
            events.append(BlockEnded(candidate.open))
            candidate.open = -1

    def _end(self) -> list[Event]:
        self._over = True
        events: list[Event] = []
        for candidate in self._candidates.values():
            self._end_block(candidate, events)
            finish = candidate.finish
            events.append(Finished(finish, candidate.raw_finish, None, candidate.index, dict(candidate.extra)))
        return [*events, *self._usage_so_far(), Ended(self._extra)]

    def _usage_so_far(self) -> list[Event]:
        usage = read_usage(self._usage)
        return [UsageReported(usage)] if usage else []

    def _fail(self, fault: Fault) -> list[Event]:
        self._over = True
        return [Failed(fault)]


def _data_of(frame: Frame) -> bytes | None:
    """For a frame of one line the rest of it, blank line and all: JSON bears white space, and finding it is slow."""
    raw = frame.raw
    if raw.startswith(b"data: {") and raw.endswith((b"\r\n\r\n", b"\n\n")) and raw.count(b"\n") == 2:
        return raw[6:]
    return frame.data


def _whole_block(block: int, part: Part, choice: int) -> Iterator[Event]:
    match part:
        case Text():
            yield BlockStarted(block, replace(part, text=""), choice)
            if part.text:
                yield TextDelta(block, part.text)
        case Thinking():
            yield BlockStarted(block, replace(part, text=""), choice)
            if part.text:
                yield ThinkingDelta(block, part.text)
        case ToolCall():
            yield BlockStarted(block, replace(part, arguments=""), choice)
            yield ArgumentsDelta(block, part.arguments)
        case _:
            yield BlockStarted(block, part, choice)
    yield BlockEnded(block)


def _add_logprobs(events: list[Event], result: Any) -> None:
    logprobs = read_logprobs(result)
    if not logprobs:
        return
    for event in events:
        if isinstance(event, TextDelta):
            event.logprobs = logprobs
            return


def _unmodelled(chunk: dict[str, Any]) -> Extra:
    feedback = chunk.get(FEEDBACK) if not blocked(chunk) else None
    extra = {name: value for name, value in chunk.items() if name not in _TOP and name != FEEDBACK}
    return {**extra, FEEDBACK: feedback} if feedback else extra


def _not_json(raw: bytes, error: Exception) -> Fault:
    if not raw.endswith((b"\n", b"\r")):
        return Fault(FaultKind.CUT, _CUT)
    return Fault(FaultKind.UPSTREAM, f"The backend sent a chunk that is no JSON: {error}.")
