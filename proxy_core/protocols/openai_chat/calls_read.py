"""Tool calls of a stream, put together from deltas of every vendor's make.

Deltas are told apart by `index`, or by their place where it is missing. A delta under the number of another call is a
new call when it brings an id of its own together with a name, or a name after complete arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from proxy_core.protocols.openai_chat import reasoning
from proxy_core.protocols.openai_chat.ids import made_call_id
from proxy_core.protocols.openai_chat.lenient import number_in, record_in, records_in, text_in
from proxy_core.protocols.openai_chat.tables import FIELD_NOTE, NAME
from proxy_core.turn.content import Extra, Opaque, Seal, ToolCall
from proxy_core.turn.events import ArgumentsDelta, BlockEnded, BlockStarted, Event, SealDelta
from proxy_core.wire.json import dumps, loads

_KNOWN = {"index", "id", "type", "function", "custom", "extra_content"}
_LEGACY_KEY = -1
_KINDS = ("function", "custom")


@dataclass(slots=True)
class _Growing:
    """A call on its way. `block` is None until its id and name are known; what came before then waits in `pieces`."""

    id: str = ""
    name: str = ""
    custom: bool = False
    block: int | None = None
    pieces: list[str] = field(default_factory=list)
    seal: Seal | None = None
    extra: Extra = field(default_factory=dict)

    def is_complete(self) -> bool:
        """Whether the arguments so far are a whole JSON object."""
        text = "".join(self.pieces)
        if not text.rstrip().endswith("}"):
            return False
        try:
            return isinstance(loads(text), dict)
        except ValueError:
            return False


class Calls:
    """The calls of one choice. `new_block` gives the next block's number."""

    def __init__(self, new_block: Callable[[], int], choice: int) -> None:
        self.announced = 0
        self._new_block = new_block
        self._choice = choice
        self._growing: dict[int, _Growing] = {}

    def feed(self, deltas: list[Any], events: list[Event]) -> None:
        for place, delta in enumerate(records_in(deltas)):
            index = number_in(delta.get("index"))
            self._delta(place if index is None else index, delta, events)

    def feed_function(self, delta: Extra, events: list[Event]) -> None:
        """The older `function_call`, which has no id."""
        known = self._growing.get(_LEGACY_KEY)
        call_id = known.id if known else made_call_id()
        self._delta(_LEGACY_KEY, {"id": call_id, "function": delta}, events)

    def close(self, events: list[Event]) -> None:
        for call in self._growing.values():
            self._finish(call, events)
        self._growing.clear()

    def _delta(self, key: int, delta: Extra, events: list[Event]) -> None:
        kind = delta.get("type") or ("custom" if "custom" in delta else "function")
        if kind not in _KINDS:
            self._opaque(kind, delta, events)
            return
        inner = record_in(delta.get(kind))
        call = self._call(key, delta, inner, events)
        call.custom = call.custom or kind == "custom"
        _note(call, delta, inner)
        if call.block is None and call.name and (call.id or _is_whole(call, inner)):
            self._open(call, events)
        self._grow(call, delta, inner, events)

    def _opaque(self, kind: Any, delta: Extra, events: list[Event]) -> None:
        block = self._new_block()
        events.append(BlockStarted(block, Opaque(NAME, str(kind), delta, {FIELD_NOTE: "tool_calls"}), self._choice))
        events.append(BlockEnded(block))

    def _call(self, key: int, delta: Extra, inner: Extra, events: list[Event]) -> _Growing:
        call = self._growing.get(key)
        if call and _is_another(call, delta, inner):
            self._finish(call, events)
            call = None
        if call is None:
            call = self._growing[key] = _Growing()
        return call

    def _open(self, call: _Growing, events: list[Event]) -> None:
        call.id = call.id or made_call_id()
        call.block = self._new_block()
        self.announced += 1
        skeleton = ToolCall(call.id, call.name, "", call.custom, call.seal, extra=call.extra)
        events.append(BlockStarted(call.block, skeleton, self._choice))
        if text := "".join(call.pieces):
            events.append(ArgumentsDelta(call.block, text))

    def _grow(self, call: _Growing, delta: Extra, inner: Extra, events: list[Event]) -> None:
        text = _arguments(inner)
        if text:
            call.pieces.append(text)
            if call.block is not None:
                events.append(ArgumentsDelta(call.block, text))
        elif call.block is None and call.name and call.is_complete():
            self._open(call, events)
        seal = reasoning.read_thought_signature(delta.get("extra_content"))
        if seal and call.block is not None and seal != call.seal:
            events.append(SealDelta(call.block, seal))

    def _finish(self, call: _Growing, events: list[Event]) -> None:
        if call.block is None and (call.name or call.id or call.pieces):
            self._open(call, events)
        if call.block is not None:
            events.append(BlockEnded(call.block))


def _arguments(inner: Extra) -> str:
    """Some servers send the arguments as an object."""
    text = inner.get("arguments", inner.get("input"))
    if isinstance(text, str):
        return text
    return "" if text is None else dumps(text).decode()


def _note(call: _Growing, delta: Extra, inner: Extra) -> None:
    """Id and name are kept as they first came; backends repeat them, or send "" later."""
    call.id = call.id or text_in(delta.get("id"))
    call.name = call.name or text_in(inner.get("name"))
    if call.block is None:
        call.seal = reasoning.read_thought_signature(delta.get("extra_content")) or call.seal
        call.extra |= {key: value for key, value in delta.items() if key not in _KNOWN and value is not None}


def _is_another(call: _Growing, delta: Extra, inner: Extra) -> bool:
    if not text_in(inner.get("name")) or not call.name:
        return False
    if text_in(delta.get("id")) and call.id:
        return delta["id"] != call.id
    return call.is_complete()


def _is_whole(call: _Growing, inner: Extra) -> bool:
    """A call that comes in one piece needs no further delta, so no id will follow either."""
    return not call.pieces and _Growing(pieces=[_arguments(inner)]).is_complete()
