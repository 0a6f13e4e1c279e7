"""What is done to events on their way to the client. A stage exists only where it has something to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from proxy_core.turn.content import Text, ToolCall
from proxy_core.turn.events import (
    ArgumentsDelta,
    BlockEnded,
    BlockStarted,
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
from proxy_core.wire.json import loads


class Stage(Protocol):
    def feed(self, event: Event) -> Iterable[Event]: ...


def through(stages: Sequence[Stage], events: Iterable[Event]) -> Iterable[Event]:
    """`events` after all stages, in order."""
    for stage in stages:
        events = [out for event in events for out in stage.feed(event)]
    return events


class ToolNames:
    """Gives tool calls back the names that the client declared, where the request writer had to shorten them."""

    def __init__(self, original: dict[str, str]) -> None:
        self._original = original

    def feed(self, event: Event) -> Iterable[Event]:
        if isinstance(event, BlockStarted) and isinstance(event.part, ToolCall):
            name = self._original.get(event.part.name)
            if name:
                return (replace(event, part=replace(event.part, name=name)),)
        return (event,)


class CustomCalls:
    """Turns calls of functions that stand in for custom (free text) tools back into custom calls.

    Their single argument `input` arrives as JSON, so the text is only known when the arguments are complete.
    """

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names
        self._arguments: dict[int, list[str]] = {}

    def feed(self, event: Event) -> Iterable[Event]:
        match event:
            case ArgumentsDelta() if event.block in self._arguments:
                self._arguments[event.block].append(event.text)
                return ()
            case BlockStarted(part=ToolCall() as call) if call.name in self._names and not call.custom:
                self._arguments[event.block] = [call.arguments]
                return (replace(event, part=replace(call, custom=True, arguments="")),)
            case BlockEnded() if event.block in self._arguments:
                text = free_text("".join(self._arguments.pop(event.block)))
                return (ArgumentsDelta(event.block, text), event)
            case _:
                return (event,)


def free_text(arguments: str) -> str:
    """The `input` of a stand-in call's arguments; all of them when the model did not keep to the schema."""
    try:
        value = loads(arguments)
    except ValueError:
        return arguments
    if isinstance(value, dict) and isinstance(value.get("input"), str):
        return value["input"]
    return arguments


class StructuredAnswer:
    """Shows the call of a stand-in tool as the text it stands for: the JSON that the client asked the model for."""

    def __init__(self, tool: str) -> None:
        self._tool = tool
        self._blocks: set[int] = set()

    def feed(self, event: Event) -> Iterable[Event]:
        match event:
            case ArgumentsDelta() if event.block in self._blocks:
                return (TextDelta(event.block, event.text),)
            case BlockStarted(part=ToolCall() as call) if call.name == self._tool:
                self._blocks.add(event.block)
                return (replace(event, part=Text(call.arguments)),)
            case Finished(reason="tool_calls") if self._blocks:
                return (replace(event, reason="stop", raw=None),)
            case _:
                return (event,)


class Preface:
    """Puts a text of the proxy's own in front of the reply, as a part of its own."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._done = False

    def feed(self, event: Event) -> Iterable[Event]:
        if self._done:
            return (_moved(event),)
        match event:
            case Started() | Ping() | Unknown() | UsageReported() | Failed():
                return (event,)
            case _:
                self._done = True
                return (BlockStarted(0, Text("")), TextDelta(0, self._text), BlockEnded(0), _moved(event))


def _moved(event: Event) -> Event:
    """The same event with its block one further, to make room for the first."""
    match event:
        case BlockStarted() | BlockEnded() | TextDelta() | ThinkingDelta() | ArgumentsDelta():
            return replace(event, block=event.block + 1)
        case SealDelta() | ExtraDelta():
            return replace(event, block=event.block + 1)
        case _:
            return event
