"""Turns written as `messages`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from proxy_core.errors import invalid
from proxy_core.protocols.cohere.content_write import flat, media_of_result, write_parts
from proxy_core.protocols.cohere.names import API
from proxy_core.protocols.cohere.writing import Writing
from proxy_core.protocols.pairing import paired
from proxy_core.turn.content import Extra, Part, Refusal, Text, Thinking, ToolCall, ToolResult
from proxy_core.turn.request import ChatRequest, Turn
from proxy_core.turn.toolids import NamelessCalls, fitted_id
from proxy_core.wire.json import dumps

_BETWEEN_TEXTS = "\n\n"


def write_messages(request: ChatRequest, writing: Writing) -> list[Extra]:
    messages = _Messages(writing)
    messages.instruct(request.system, "system")
    for index, turn in _in_one_piece(request.turns):
        messages.add(turn, f"messages[{index}]")
    if not messages.list:
        raise invalid(f"There is nothing to answer: {API} takes no messages that say nothing.", "messages")
    if messages.list[-1]["role"] == "system":
        writing.losses.change("messages", f"{API} answers users only; the system text was sent as user")
        messages.list[-1]["role"] = "user"
    return paired(messages.list, writing.losses)


def _in_one_piece(turns: list[Turn]) -> Iterator[tuple[int, Turn]]:
    """With their places. Google's SDK keeps each chunk of a reply as a message; a plan belongs to its calls."""
    begun: tuple[int, Turn] | None = None
    for index, turn in enumerate(turns):
        if begun and begun[1].role == turn.role == "assistant":
            before = begun[1]
            parts = _joined(before.parts, turn.parts)
            begun = begun[0], replace(before, parts=parts, extra=before.extra | turn.extra)
            continue
        if begun:
            yield begun
        begun = index, turn
    if begun:
        yield begun


def _joined(before: list[Part], after: list[Part]) -> list[Part]:
    match before[-1:], after[:1]:
        case [Thinking() as begun], [Thinking() as more]:
            return [*before[:-1], replace(begun, text=begun.text + more.text), *after[1:]]
        case _:
            return before + after


class _Messages:
    """Calls without an id (Gemini's) are numbered; results without one are matched by name and order."""

    def __init__(self, writing: Writing) -> None:
        self.list: list[Extra] = []
        self._writing = writing
        self._nameless = NamelessCalls()
        self._numbered = 0

    def add(self, turn: Turn, path: str) -> None:
        self._writing.lose({**turn.extra, **({"name": turn.name} if turn.name else {})}, path)
        match turn.role:
            case "assistant":
                self._assistant(turn, path)
            case "system" | "developer":
                self.instruct(turn.parts, path)
            case "user" | "tool":
                self._user(turn, path)

    def instruct(self, parts: list[Part], path: str) -> None:
        """A system message must be the first, and there is only one: https://docs.cohere.com/reference/errors"""
        text = _BETWEEN_TEXTS.join(part["text"] for part in write_parts(parts, self._writing, path) if "text" in part)
        if not text:
            return
        if not self.list:
            self.list.append({"role": "system", "content": text})
        elif len(self.list) == 1 and self.list[0]["role"] == "system":
            self.list[0]["content"] += _BETWEEN_TEXTS + text
        else:
            self._writing.losses.change(path, f"{API} takes system text at the start only; sent as user")
            self.list.append({"role": "user", "content": text})

    # -- what the user says, and tools

    def _user(self, turn: Turn, path: str) -> None:
        """Results first: they have to stand right behind their calls."""
        following: list[Extra] = []
        spoken: list[Part] = []
        for index, part in enumerate(turn.parts):
            if isinstance(part, ToolResult):
                following += self._result(part, f"{path}.content[{index}]")
            else:
                spoken.append(part)
        content = [*following, *write_parts(spoken, self._writing, path)]
        if content:
            self.list.append({"role": "user", "content": flat(content, _BETWEEN_TEXTS)})
        elif turn.role == "user" and not any(isinstance(part, ToolResult) for part in turn.parts):
            self._writing.losses.drop(path, f"{API} takes no message that says nothing")

    def _result(self, result: ToolResult, path: str) -> list[Extra]:
        """Returns the media that must follow in a user message."""
        writing = self._writing
        writing.lose(result.extra, path)
        writing.lose_cache(result.cache)
        if result.is_error:
            writing.losses.drop(f"{path}.is_error", f"{API} has no such field; the text says it")
        texts, following = media_of_result(write_parts(result.content, writing, path))
        content = "\n".join(texts)
        self.list.append({"role": "tool", "tool_call_id": self._id_of_result(result), "content": content})
        return following

    def _id_of_result(self, result: ToolResult) -> str:
        if result.call_id:
            return fitted_id(result.call_id, self._writing.dialect.tool_id)
        return self._nameless.answered(result.name) or self._number(result.name or "")

    # -- what the model says

    def _assistant(self, turn: Turn, path: str) -> None:
        thoughts = [part.text for part in turn.parts if isinstance(part, Thinking) and part.text]
        calls = [part for part in turn.parts if isinstance(part, ToolCall)]
        spoken: list[Part] = [part for part in turn.parts if not isinstance(part, Thinking | ToolCall | Refusal)]
        spoken += [Text(part.text) for part in turn.parts if isinstance(part, Refusal)]
        content = write_parts(spoken, self._writing, path)
        message: Extra = {"role": "assistant"}
        if thoughts:
            content = self._thought(thoughts, bool(calls), message, content)
        if content:
            message["content"] = flat(content, "")
        if calls:
            message["tool_calls"] = [self._call(call, f"{path}.tool_calls[{n}]") for n, call in enumerate(calls)]
        if len(message) > 1:
            self.list.append(message)

    def _thought(self, thoughts: list[str], calls: bool, message: Extra, content: list[Extra]) -> list[Extra]:
        """Models that think have parts for it; what others think before they call a tool is their plan."""
        if self._writing.thinks:
            return [*({"type": "thinking", "thinking": text} for text in thoughts), *content]
        if calls:
            message["tool_plan"] = _BETWEEN_TEXTS.join(thoughts)
        else:
            self._writing.losses.drop("messages[].thinking", f"{self._writing.target.model} is not known to think")
        return content

    def _call(self, call: ToolCall, path: str) -> Extra:
        writing = self._writing
        writing.lose(call.extra, path)
        writing.lose_cache(call.cache)
        call_id = fitted_id(call.id, writing.dialect.tool_id) if call.id else self._number(call.name)
        if not call.id:
            self._nameless.add(call.name, call_id)
        arguments = dumps({"input": call.arguments}).decode() if call.custom else call.arguments.strip() or "{}"
        return {"id": call_id, "type": "function", "function": {"name": call.name, "arguments": arguments}}

    def _number(self, name: str) -> str:
        self._numbered += 1
        return fitted_id(f"{name}_{self._numbered}", self._writing.dialect.tool_id)
