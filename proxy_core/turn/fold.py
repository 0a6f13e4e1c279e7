"""Events to a Reply and back. Whole and streamed answers run through the same stages by way of these two."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, replace

from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.turn.content import Extra, Media, Opaque, Part, Refusal, Text, Thinking, ToolCall, ToolResult
from proxy_core.turn.events import (
    ArgumentsDelta,
    BlockEnded,
    BlockStarted,
    Ended,
    Event,
    ExtraDelta,
    Failed,
    Finished,
    Ping,
    SealDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    Unknown,
    UsageReported,
)
from proxy_core.turn.reply import Choice, Reply, Usage


class Folder:
    """Collects events into a Reply. `done` is true after the terminal event; `fault` is set when it was a failure."""

    def __init__(self) -> None:
        self.reply = Reply(id="", model="", choices=[])
        self.done = False
        self.fault: Fault | None = None
        self._parts: dict[int, Part] = {}
        self._pieces: dict[int, list[str]] = {}
        self._choices: dict[int, Choice] = {}

    def add(self, event: Event) -> None:
        match event:
            case TextDelta():
                self._pieces[event.block].append(event.text)
                part = self._parts[event.block]
                if event.logprobs is not None and isinstance(part, Text):
                    part.logprobs = (part.logprobs or []) + event.logprobs
            case ThinkingDelta() | ArgumentsDelta():
                self._pieces[event.block].append(event.text)
            case BlockStarted():
                part = _copied(event.part)
                self._parts[event.block] = part
                self._pieces[event.block] = [_text_of(part)]
                self._choice(event.choice).parts.append(part)
            case SealDelta():
                part = self._parts[event.block]
                if isinstance(part, Text | Thinking | ToolCall | Media):
                    part.seal = event.seal
            case ExtraDelta():
                merge_extra(self._parts[event.block].extra, event.extra)
            case BlockEnded():
                self._close(event.block)
            case Started():
                self.reply.id, self.reply.model = event.id, event.model
                self.reply.created, self.reply.origin = event.created, event.origin
                self.reply.extra.update(event.extra)
                if event.usage:
                    self._add_usage(event.usage)
            case UsageReported():
                self._add_usage(event.usage)
            case Finished():
                choice = self._choice(event.choice)
                choice.finish, choice.raw_finish = event.reason, event.raw
                choice.stop_sequence = event.stop_sequence
                choice.extra.update(event.extra)
            case Ended():
                self.reply.extra.update(event.extra)
                self._end()
            case Failed():
                self.fault = event.fault
                self._end()
            case Ping() | Unknown():
                pass

    def so_far(self) -> Reply:
        """The reply as far as it has come; to be called once, when nothing more will be added."""
        for block in list(self._pieces):
            self._close(block)
        return self.reply

    def _choice(self, index: int) -> Choice:
        if index not in self._choices:
            self._choices[index] = Choice(index, [])
            self.reply.choices = [self._choices[i] for i in sorted(self._choices)]
        return self._choices[index]

    def _add_usage(self, usage: Usage) -> None:
        self.reply.usage = merged_usage(self.reply.usage, usage)

    def _close(self, block: int) -> None:
        pieces = self._pieces.pop(block, None)
        if pieces is None:
            return
        text = "".join(pieces)
        match self._parts[block]:
            case Text() | Thinking() | Refusal() as part:
                part.text = text
            case ToolCall() as part:
                part.arguments = text
            case _:
                pass

    def _end(self) -> None:
        self.so_far()
        self.done = True


def fold(events: Iterable[Event]) -> Reply:
    """The whole Reply of a stream.

    Raises ParleyError with the stream's fault when it failed, or a CUT fault when it had no terminal event.
    """
    folder = Folder()
    for event in events:
        folder.add(event)
    if folder.fault:
        raise ParleyError(folder.fault)
    if not folder.done:
        raise ParleyError(Fault(FaultKind.CUT, "The backend's answer ended before it was complete."))
    return folder.reply


def unfold(reply: Reply) -> Iterator[Event]:
    """The events of a whole Reply; `fold(unfold(reply))` equals `reply`."""
    yield Started(reply.id, reply.model, reply.created, None, dict(reply.extra), reply.origin)
    block = 0
    for choice in reply.choices:
        for part in choice.parts:
            yield from _unfold_part(block, part, choice.index)
            block += 1
        if choice.finish:
            yield Finished(choice.finish, choice.raw_finish, choice.stop_sequence, choice.index, dict(choice.extra))
    if reply.usage:
        yield UsageReported(reply.usage)
    yield Ended()


def _unfold_part(block: int, part: Part, choice: int) -> Iterator[Event]:
    skeleton = _copied(part)
    match skeleton:
        case Text() | Refusal():
            text, skeleton.text = skeleton.text, ""
            logprobs = None
            if isinstance(skeleton, Text):
                logprobs, skeleton.logprobs = skeleton.logprobs, None
            yield BlockStarted(block, skeleton, choice)
            if text or logprobs is not None:
                yield TextDelta(block, text, logprobs)
        case Thinking():
            text, skeleton.text = skeleton.text, ""
            yield BlockStarted(block, skeleton, choice)
            if text:
                yield ThinkingDelta(block, text)
        case ToolCall():
            text, skeleton.arguments = skeleton.arguments, ""
            yield BlockStarted(block, skeleton, choice)
            if text:
                yield ArgumentsDelta(block, text)
        case Media() | Opaque() | ToolResult():
            yield BlockStarted(block, skeleton, choice)
    yield BlockEnded(block)


def merged_usage(old: Usage | None, new: Usage) -> Usage:
    """`new` over `old`, field by field; what `new` does not say stays."""
    if old is None:
        return replace(new, extra=dict(new.extra))
    counts = {f.name: getattr(new, f.name) for f in fields(Usage) if f.name != "extra"}
    known = {name: count for name, count in counts.items() if count is not None}
    return replace(old, **known, extra={**old.extra, **new.extra})


def merge_extra(into: Extra, more: Extra) -> None:
    for key, value in more.items():
        if isinstance(value, list) and isinstance(into.get(key), list):
            into[key] = into[key] + value
        else:
            into[key] = value


def _copied(part: Part) -> Part:
    return replace(part, extra=dict(part.extra))


def _text_of(part: Part) -> str:
    match part:
        case Text() | Thinking() | Refusal():
            return part.text
        case ToolCall():
            return part.arguments
        case _:
            return ""
