"""Turns of any protocol put into messages as Anthropic wants them.

Roles alternate; every call is answered in the very next message, the results first and one for each call, whatever
order they came in; ids are unique and of the accepted alphabet; an instruction in the middle stands after a user
message. https://platform.claude.com/docs/en/agents-and-tools/tool-use/handle-tool-calls
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from proxy_core.profiles.target import ToolIdRule
from proxy_core.protocols.anthropic.writing import API, Writing
from proxy_core.turn.content import Extra, Part, Text, Thinking, ToolCall, ToolResult
from proxy_core.turn.toolids import fitted_id

type MessageRole = Literal["user", "assistant", "system"]

NO_RESULT = "No result: the call was interrupted."
_RULE = ToolIdRule(max_length=64)


@dataclass(slots=True)
class Message:
    role: MessageRole
    parts: list[Part]
    extra: Extra = field(default_factory=dict)


@dataclass(slots=True)
class _OpenCall:
    """A call and where its message stands. `given` is its id in the client's words, `id` the one that is written."""

    message: int
    given: str
    name: str
    id: str
    result: ToolResult | None = None


class Conversation:
    """Takes parts in the client's order; `messages` is the whole when all have been added."""

    def __init__(self, writing: Writing) -> None:
        self._writing = writing
        self._messages: list[Message] = []
        self._calls: list[_OpenCall] = []
        self._ids: set[str] = set()
        self._instructions: list[Part] = []

    @property
    def begun(self) -> bool:
        return bool(self._messages)

    def say(self, role: Literal["user", "assistant"], part: Part) -> None:
        if role == "assistant":
            self._place_instructions()
        self._message(role).parts.append(part)

    def call(self, call: ToolCall) -> None:
        self._place_instructions()
        message = self._message("assistant")
        given = call.id or f"call_{len(self._calls)}"
        written = self._unique(fitted_id(given, _RULE))
        message.parts.append(replace(call, id=written))
        self._calls.append(_OpenCall(len(self._messages) - 1, call.id, call.name, written))

    def answer(self, result: ToolResult, path: str) -> None:
        found = self._call_of(result)
        if found is None:
            self._orphan(result, path)
            return
        found.result = replace(result, call_id=found.id)
        if found.message == len(self._messages) - 1:
            self._message("user")

    def instruct(self, parts: Iterable[Part], path: str) -> None:
        """A system or developer turn in the middle of the conversation."""
        texts = [part for part in parts if isinstance(part, Text)]
        if self._writing.target.profile.mid_conversation_system:
            self._instructions += texts
            return
        for part in texts:
            self._writing.losses.change(path, "the model takes system text only at the beginning; a user turn holds it")
            self.say("user", _as_user_text(part))

    def messages(self) -> list[Message]:
        self._place_instructions(at_end=True)
        return [message for message in self._answered() if message.parts]

    def _message(self, role: MessageRole) -> Message:
        """The last message if it is of this role, else a new one."""
        if not self._messages or self._messages[-1].role != role:
            self._messages.append(Message(role, []))
        return self._messages[-1]

    def _unique(self, call_id: str) -> str:
        unique, number = call_id, 1
        while unique in self._ids:
            number += 1
            unique = fitted_id(f"{call_id}#{number}", _RULE)
        self._ids.add(unique)
        return unique

    def _call_of(self, result: ToolResult) -> _OpenCall | None:
        """The open call that a result answers: by id, the newest message first; without an id by name, then order."""
        waiting = sorted((call for call in self._calls if call.result is None), key=lambda call: -call.message)
        if result.call_id:
            return next((call for call in waiting if call.given == result.call_id), None)
        named = [call for call in waiting if not call.given and call.name == result.name]
        return next(iter(named or [call for call in waiting if not call.given]), None)

    def _orphan(self, result: ToolResult, path: str) -> None:
        self._writing.losses.change(path, f"{API} takes results of known calls only; a user turn holds it as text")
        about = f"Result of {result.name or 'a tool call'} {result.call_id}".strip()
        self.say("user", Text(f"{about}:"))
        for part in result.content:
            self.say("user", part)

    def _place_instructions(self, at_end: bool = False) -> None:
        """System text goes between a user message and the assistant's next one, or at the very end."""
        if not self._instructions:
            return
        held, self._instructions = self._instructions, []
        self._settle()
        if self._messages and self._messages[-1].role == "user":
            self._messages.append(Message("system", held))
            return
        for part in held:
            self._message("user").parts.append(_as_user_text(part))

    def _settle(self) -> None:
        """Calls that nothing has answered yet get their user message before anything else follows them."""
        if any(call.message == len(self._messages) - 1 for call in self._calls):
            self._message("user")

    def _answered(self) -> list[Message]:
        """The messages with all results at their place, missing ones made up."""
        self._settle()
        of_message: dict[int, list[Part]] = {}
        for call in self._calls:
            of_message.setdefault(call.message + 1, []).append(call.result or _missing(call))
        return [
            Message(message.role, of_message.get(index, []) + message.parts, message.extra)
            for index, message in enumerate(self._messages)
        ]


def _as_user_text(part: Part) -> Part:
    return replace(part, text=f"<system>\n{part.text}\n</system>") if isinstance(part, Text) else part


def _missing(call: _OpenCall) -> ToolResult:
    return ToolResult(call.id, [Text(NO_RESULT)], is_error=True)


def loop_lacks_thinking(messages: list[Message]) -> bool:
    """Whether a message of the tool loop that is going on has calls, but does not begin with thoughts (T35)."""
    for message in reversed(messages):
        if message.role == "user" and not any(isinstance(part, ToolResult) for part in message.parts):
            return False
        if message.role == "assistant" and not isinstance(message.parts[0], Thinking):
            return any(isinstance(part, ToolCall) for part in message.parts)
    return False
