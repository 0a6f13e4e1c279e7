"""The messages of a request body with their texts, to be taken apart and put together again in place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from proxy_core.commands.layout import CONTENT, Message, is_result, parts_of, role_of
from proxy_core.protocols import MESSAGES, SLOTS
from proxy_core.protocols.slots import Slot
from proxy_core.turn.content import ProtocolName

_CACHE = "cache_control"
_MARKABLE = frozenset(
    {"text", "image", "image_url", "document", "file", "tool_use", "tool_result", "server_tool_use", "search_result"}
)
"""https://platform.claude.com/docs/en/build-with-claude/prompt-caching: no thinking, no empty text."""


@dataclass(slots=True)
class Conversation:
    """`gone` and `dissolved` hold ids (`id()`) of parts and messages: what goes at `rebuild`, and messages whose
    remaining parts move to the front of the person's next one."""

    protocol: ProtocolName
    body: dict[str, Any]
    messages: list[Message]
    slots: list[list[Slot]] = field(default_factory=list)
    gone: set[int] = field(default_factory=set)
    dissolved: set[int] = field(default_factory=set)
    changed: bool = False

    @classmethod
    def of(cls, protocol: ProtocolName, body: dict[str, Any]) -> Conversation | None:
        """None where there are no messages, or not in a form that can be read."""
        held = body.get(MESSAGES[protocol])
        if isinstance(held, str):
            held = [{"role": "user", CONTENT[protocol]: held}]
        if not isinstance(held, list) or not all(isinstance(message, dict) for message in held):
            return None
        conversation = cls(protocol, body, list(held))
        conversation.read_slots()
        return conversation

    def read_slots(self) -> None:
        self.slots = [[] for _ in self.messages]
        for slot in SLOTS[self.protocol]({MESSAGES[self.protocol]: self.messages}):
            self.slots[slot.message].append(slot)

    def holds(self, words: Iterable[str]) -> bool:
        """Whether any text has one of `words`: a quick look before a thorough one."""
        sought = tuple(words)
        return any(word in slot.text for slots in self.slots for slot in slots for word in sought)

    def stays(self, message: Message) -> bool:
        """Whether anything is left of a message."""
        parts = parts_of(self.protocol, message)
        return id(message) not in self.gone and (parts is None or any(id(part) not in self.gone for part in parts))

    def rebuild(self) -> None:
        """Puts the body together again without what is gone. Does nothing when nothing was changed."""
        if not self.changed:
            return
        before, self.messages = self.messages, []
        carried: list[Any] = []
        frame: Message = {}
        for message in before:
            kept = self._kept_parts(message, carried)
            if id(message) in self.gone or (kept == [] and not message.get("tool_calls")):
                continue
            if id(message) in self.dissolved and kept is not None:
                carried, frame = carried + kept, message
                continue
            self._append(message, carried, frame)
            carried = []
        if carried:
            self.messages.append({**frame, CONTENT[self.protocol]: carried})
        self._write_back()

    def _append(self, message: Message, carried: list[Any], frame: Message) -> None:
        parts = parts_of(self.protocol, message)
        if carried and parts is not None and _takes_more(self.protocol, message, parts):
            parts[:0] = carried
        elif carried:
            self.messages.append({**frame, CONTENT[self.protocol]: carried})
        self.messages.append(message)

    def _write_back(self) -> None:
        name = MESSAGES[self.protocol]
        if isinstance(self.body[name], str):
            self.body[name] = self.messages[0][CONTENT[self.protocol]] if self.messages else ""
        else:
            self.body[name][:] = self.messages

    def _kept_parts(self, message: Message, carried: list[Any]) -> list[Any] | None:
        """What stays of a message's parts, put into it; None where it has none. Marks of what goes move up."""
        parts = parts_of(self.protocol, message)
        message_goes = id(message) in self.gone
        if message_goes and _CACHE in message:
            self._give_mark(carried, message[_CACHE])
        if parts is None:
            return None
        kept: list[Any] = []
        for part in parts:
            if not message_goes and id(part) not in self.gone:
                kept.append(part)
            elif isinstance(part, dict) and part.get(_CACHE):
                self._give_mark([*carried, *kept], part[_CACHE])
        if not message_goes and len(kept) != len(parts):
            parts[:] = kept
        return kept

    def _give_mark(self, parts: Sequence[Any], mark: Any) -> None:
        """To the last part before, unless a mark is there already; a first message's mark has nowhere to go."""
        for part in reversed(parts):
            if isinstance(part, dict) and part.get("type") in _MARKABLE and part.get("text") != "":
                part.setdefault(_CACHE, mark)
                return
        for message in reversed(self.messages):
            held = message.get(CONTENT[self.protocol])
            if isinstance(held, str) and held:
                message[CONTENT[self.protocol]] = [{"type": "text", "text": held, _CACHE: mark}]
                return
            if isinstance(held, list) and held:
                self._give_mark_within(held, mark)
                return

    def _give_mark_within(self, parts: list[Any], mark: Any) -> None:
        markable = [part for part in parts if isinstance(part, dict) and part.get("type") in _MARKABLE]
        if markable:
            markable[-1].setdefault(_CACHE, mark)


def _takes_more(protocol: ProtocolName, message: Message, parts: list[Any]) -> bool:
    return role_of(protocol, message) == "user" and not any(map(is_result, parts))
