"""Turns of any origin, written as `messages`."""

from __future__ import annotations

import hashlib

from proxy_core.protocols.openai_chat import reasoning
from proxy_core.protocols.openai_chat.content_write import Content, compact, write_part, write_parts
from proxy_core.protocols.openai_chat.tables import FIELD_NOTE, NAME, REASONING_FIELDS, TITLE
from proxy_core.protocols.openai_chat.writing import Writing
from proxy_core.protocols.pairing import flat_text, paired
from proxy_core.turn.content import Extra, Media, Opaque, Part, Refusal, Text, Thinking, ToolCall, ToolResult
from proxy_core.turn.request import ChatRequest, Turn
from proxy_core.turn.toolids import NamelessCalls, fitted_id
from proxy_core.wire.json import dumps

_BETWEEN_TEXTS = "\n\n"
_FOLLOWS = "[{kind} {number} of this result is in the next user message]"


def write_messages(request: ChatRequest, writing: Writing) -> list[Extra]:
    messages = _Messages(writing)
    if request.system:
        messages.instruct(request.system)
    for index, turn in enumerate(request.turns):
        messages.add(turn, writing.turn_path(index))
    return paired(messages.list, writing.losses)


class _Messages:
    """Calls without an id (Gemini's) get one made of their place; results without one are matched by name and order."""

    def __init__(self, writing: Writing) -> None:
        self.list: list[Extra] = []
        self._writing = writing
        self._nameless = NamelessCalls()
        self._custom: set[str] = set()

    def add(self, turn: Turn, path: str) -> None:
        match turn.role:
            case "assistant":
                self._assistant(turn, path)
            case "system" | "developer":
                self._instructions(turn, path)
            case "user" | "tool":
                self._user(turn, path)

    def instruct(self, system: list[Part]) -> None:
        content = self._joined(write_parts(system, self._writing, "system"))
        if content:
            self.list.append({"role": "system", "content": content})

    def _joined(self, parts: list[Extra]) -> Content:
        return compact(parts, None if self._writing.own else _BETWEEN_TEXTS)

    # -- what the application says

    def _instructions(self, turn: Turn, path: str) -> None:
        content = self._joined(write_parts(turn.parts, self._writing, path))
        if content is None and not self._writing.own:
            return
        message = {"role": self._system_role(turn, path), "content": content or ""}
        if self._merges(message):
            self.list[-1]["content"] += _BETWEEN_TEXTS + message["content"]
        else:
            self.list.append({**message, **self._about(turn, path)})

    def _system_role(self, turn: Turn, path: str) -> str:
        """Templates of many open models raise an error for a system message that is not the first."""
        writing = self._writing
        if not (writing.own or writing.target.profile.mid_conversation_system or self._only_system()):
            writing.losses.change(path, f"{writing.target.model} takes system text at the start only; sent as user")
            return "user"
        return "developer" if turn.role == "developer" and writing.dialect.developer_role else "system"

    def _only_system(self) -> bool:
        return all(message["role"] in ("system", "developer") for message in self.list)

    def _merges(self, message: Extra) -> bool:
        if self._writing.own or self._writing.target.profile.mid_conversation_system or not self.list:
            return False
        last = self.list[-1]
        same = last["role"] == message["role"] != "user"
        return same and isinstance(last["content"], str) and isinstance(message["content"], str)

    def _about(self, turn: Turn, path: str) -> Extra:
        named: Extra = {"name": turn.name} if turn.name is not None else {}
        return {**named, **self._writing.kept(turn.extra, path)}

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
        content = self._joined([*following, *write_parts(spoken, self._writing, path)])
        if content is None and turn.role == "user" and _is_silent(turn, self._writing.own):
            content = ""
        if content is not None:
            self.list.append({"role": "user", "content": content, **self._about(turn, path)})

    def _result(self, result: ToolResult, path: str) -> list[Extra]:
        """Returns the media that must follow in a user message."""
        writing = self._writing
        if result.is_error:
            writing.losses.drop(f"{path}.is_error", f"{TITLE} has no such field; the text says it")
        parts, following = self._result_parts(result, path)
        flat = not (writing.dialect.tool_content_parts or writing.as_given) or not writing.own
        content = flat_text(parts) if flat and all(p["type"] == "text" for p in parts) else compact(parts)
        message: Extra = {"role": "tool", "tool_call_id": self._id_of_result(result), "content": content or ""}
        if writing.own and result.name is not None:
            message["name"] = result.name
        self.list.append({**message, **writing.cached(result.cache), **writing.kept(result.extra, path)})
        return following

    def _result_parts(self, result: ToolResult, path: str) -> tuple[list[Extra], list[Extra]]:
        writing = self._writing
        pictures = (writing.dialect.tool_images and writing.dialect.tool_content_parts) or writing.as_given
        parts: list[Extra] = []
        following: list[Extra] = []
        for index, part in enumerate(result.content):
            written = write_part(part, writing, f"{path}.content[{index}]")
            if written is None:
                continue
            if isinstance(part, Media) and written["type"] != "text" and not (pictures and part.kind == "image"):
                following.append(written)
                written = {"type": "text", "text": _FOLLOWS.format(kind=part.kind, number=len(following))}
            parts.append(written)
        return parts, following

    def _id_of_result(self, result: ToolResult) -> str:
        if result.call_id:
            return fitted_id(result.call_id, self._writing.dialect.tool_id)
        return self._nameless.answered(result.name) or self._made_id(result.name or "")

    def _made_id(self, name: str) -> str:
        digest = hashlib.sha256(f"{len(self.list)} {len(self._nameless)} {name}".encode("utf-8", "surrogatepass"))
        return fitted_id(f"call_{digest.hexdigest()[:24]}", self._writing.dialect.tool_id)

    # -- what the model says

    def _assistant(self, turn: Turn, path: str) -> None:
        writing = self._writing
        spoken: list[Part] = [
            part for part in turn.parts if not isinstance(part, Thinking | ToolCall | Refusal) and not _is_call(part)
        ]
        calls = [part for part in turn.parts if isinstance(part, ToolCall) or _is_call(part)]
        parts = [*self._thought_parts(turn), *write_parts(spoken, writing, path)]
        message: Extra = {"role": "assistant", "content": compact(parts, None if writing.own else "")}
        self._refusals(turn, message)
        message |= self._thoughts(turn, path)
        if calls:
            message["tool_calls"] = [self._call(call, f"{path}.tool_calls[{n}]") for n, call in enumerate(calls)]
        message |= self._about(turn, path)
        if signature := self._text_signature(turn):
            message["extra_content"] = signature
        if message["content"] is None and not calls and "refusal" not in message:
            if not (writing.own or "reasoning_details" in message):
                return
            message["content"] = ""
        self.list.append(message)

    def _refusals(self, turn: Turn, message: Extra) -> None:
        """Only OpenAI's own field holds them; for others they are what the model said."""
        refusal = "".join(part.text for part in turn.parts if isinstance(part, Refusal))
        if not refusal:
            return
        if self._writing.own:
            message["refusal"] = refusal
        elif isinstance(message["content"], list):
            message["content"].append({"type": "text", "text": refusal})
        else:
            message["content"] = (message["content"] or "") + refusal

    def _text_signature(self, turn: Turn) -> Extra | None:
        if not self._writing.dialect.thought_signatures:
            return None
        seals = [part.seal for part in turn.parts if isinstance(part, Text) and part.seal]
        return reasoning.replayed_thought_signature(seals[-1]) if seals else None

    def _call(self, call: Part, path: str) -> Extra:
        if not isinstance(call, ToolCall):
            return call.raw if isinstance(call, Opaque) else {}
        writing = self._writing
        extra = writing.kept(call.extra, path)
        inner = extra.pop("function", {})
        written: Extra = {"id": self._id_of_call(call), **_called(call, writing, inner)}
        written |= writing.cached(call.cache)
        signature = reasoning.replayed_thought_signature(call.seal)
        if signature and writing.dialect.thought_signatures:
            written["extra_content"] = signature
        return {**written, **extra}

    def _id_of_call(self, call: ToolCall) -> str:
        if call.id:
            return fitted_id(call.id, self._writing.dialect.tool_id)
        call_id = self._made_id(call.name)
        self._nameless.add(call.name, call_id)
        return call_id

    def _thought_parts(self, turn: Turn) -> list[Extra]:
        """Mistral's form of thoughts, inside the content."""
        form = self._writing.dialect.replays_reasoning
        thoughts = [part for part in turn.parts if isinstance(part, Thinking) and part.text]
        if self._writing.as_given:
            thoughts = [part for part in thoughts if part.extra.get(FIELD_NOTE) == "content"]
        elif form != "thinking_parts":
            return []
        return [_thought_part(part, self._writing.own) for part in thoughts]

    def _thoughts(self, turn: Turn, path: str) -> Extra:
        thoughts = [part for part in turn.parts if isinstance(part, Thinking)]
        text = "".join(
            part.text for part in thoughts if part.extra.get(FIELD_NOTE) != "content" or not self._writing.own
        )
        match "as_given" if self._writing.as_given else self._writing.dialect.replays_reasoning:
            case "always":
                return {"reasoning_content": "".join(part.text for part in thoughts)}
            case "reasoning_content" | "reasoning" as field if thoughts:
                return {field: "".join(part.text for part in thoughts)}
            case "reasoning_details":
                return self._details(turn, thoughts)
            case "as_given" if thoughts:
                return {**self._details(turn, thoughts, sealed_only=True), **_noted(thoughts, text)}
            case "never" if thoughts:
                field = path.partition("[")[0]
                self._writing.losses.drop(f"{field}[].thinking", f"{self._writing.dialect.name} takes no past thoughts")
        return {}

    def _details(self, turn: Turn, thoughts: list[Thinking], sealed_only: bool = False) -> Extra:
        details = reasoning.replayed_details(turn.parts)
        if not details or (sealed_only and not any(reasoning.own_details(part.seal) for part in thoughts)):
            return {}
        noted = _noted(thoughts, "".join(part.text for part in thoughts)) if self._writing.own else {}
        return {**noted, "reasoning_details": details}


def _is_silent(turn: Turn, own: bool) -> bool:
    """Whether the user said nothing, which is to be passed on; other parts were left out for a reason."""
    return all(isinstance(part, Text) and not part.text for part in turn.parts) and (own or bool(turn.parts))


def _noted(thoughts: list[Thinking], text: str) -> Extra:
    field = thoughts[0].extra.get(FIELD_NOTE) if thoughts else None
    return {field: text} if field in REASONING_FIELDS and text else {}


def _thought_part(part: Thinking, own: bool) -> Extra:
    """https://docs.mistral.ai/capabilities/reasoning"""
    extra = {key: value for key, value in part.extra.items() if not key.startswith("_")} if own else {}
    return {"type": "thinking", "thinking": [{"type": "text", "text": part.text}], **extra}


def _is_call(part: Part) -> bool:
    return isinstance(part, Opaque) and part.origin == NAME and part.extra.get(FIELD_NOTE) == "tool_calls"


def _called(call: ToolCall, writing: Writing, inner: Extra) -> Extra:
    """A custom call that the backend does not know becomes a function with one argument, `input`."""
    if call.custom and writing.dialect.custom_tools:
        return {"type": "custom", "custom": {"name": call.name, "input": call.arguments, **inner}}
    arguments = call.arguments
    if call.custom:
        arguments = dumps({"input": arguments}).decode()
    elif not arguments.strip() and not writing.own:
        arguments = "{}"
    return {"type": "function", "function": {"name": call.name, "arguments": arguments, **inner}}
