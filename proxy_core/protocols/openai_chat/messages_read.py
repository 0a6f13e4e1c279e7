"""Messages of a request: JSON to turns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from proxy_core.errors import invalid
from proxy_core.protocols.openai_chat import media, reasoning
from proxy_core.protocols.openai_chat.tables import FIELD_NOTE, NAME, REASONING_FIELDS
from proxy_core.turn.content import Extra, Opaque, Part, Refusal, Text, Thinking, ToolCall, ToolResult
from proxy_core.turn.request import Turn
from proxy_core.wire.fields import array, missing, optional_string, record, string, wrong_type
from proxy_core.wire.json import dumps

_ROLES = ("system", "developer", "user", "assistant", "tool")
_ASSISTANT_FIELDS = {
    "role",
    "content",
    "name",
    "refusal",
    "tool_calls",
    "function_call",
    "extra_content",
    "reasoning_details",
    *REASONING_FIELDS,
}


def read_messages(value: Any) -> list[Turn]:
    messages = array(value, "messages")
    if not messages:
        raise invalid("'messages' must hold at least one message.", "messages")
    return _Conversation().read(messages)


class _Conversation:
    """Knows the calls made so far: results of custom calls, and of calls without ids, can be told by them."""

    def __init__(self) -> None:
        self._custom_ids: set[str] = set()
        self._function_ids: dict[str, str] = {}

    def read(self, messages: list[Any]) -> list[Turn]:
        return [self._message(message, f"messages[{index}]") for index, message in enumerate(messages)]

    def _message(self, value: Any, path: str) -> Turn:
        message = record(value, path)
        role = string(message.get("role"), f"{path}.role") if "role" in message else None
        match role:
            case "assistant":
                return self._assistant(message, path)
            case "tool":
                return self._tool(message, path)
            case "function":
                return self._function(message, path)
            case "system" | "developer" | "user":
                return _spoken(role, message, path)
            case None:
                raise missing(f"{path}.role", f"one of {', '.join(_ROLES)}")
            case _:
                raise invalid(f"'{path}.role' must be one of {', '.join(_ROLES)}, not '{role}'.", f"{path}.role")

    def _assistant(self, message: Extra, path: str) -> Turn:
        parts = [*_thoughts(message, path), *_assistant_content(message, path)]
        if (refusal := optional_string(message.get("refusal"), f"{path}.refusal")) is not None:
            parts.append(Refusal(refusal))
        parts += self._calls(message, path)
        if not parts and isinstance(message.get("content"), str):
            parts.append(Text(""))
        _attach_signature(parts, message.get("extra_content"))
        name = optional_string(message.get("name"), f"{path}.name")
        return Turn("assistant", parts, name, unread(message, _ASSISTANT_FIELDS))

    def _calls(self, message: Extra, path: str) -> list[Part]:
        calls: list[Part] = []
        for index, value in enumerate(array(message.get("tool_calls") or [], f"{path}.tool_calls")):
            call = read_call(value, f"{path}.tool_calls[{index}]")
            if isinstance(call, ToolCall) and call.custom:
                self._custom_ids.add(call.id)
            calls.append(call)
        if message.get("function_call") is not None:
            calls.append(self._function_call(message["function_call"], path))
        return calls

    def _function_call(self, value: Any, path: str) -> ToolCall:
        """The older form has no id: one is made of the place in the conversation."""
        call = read_function_call(value, f"{path}.function_call")
        call.id = f"call_function_{path[len('messages[') : -1]}"
        self._function_ids[call.name] = call.id
        return call

    def _tool(self, message: Extra, path: str) -> Turn:
        if message.get("tool_call_id") is None:
            raise missing(f"{path}.tool_call_id", "the id of the call that this is the result of")
        call_id = string(message["tool_call_id"], f"{path}.tool_call_id")
        result = ToolResult(
            call_id,
            _result_content(message, path),
            optional_string(message.get("name"), f"{path}.name"),
            custom=call_id in self._custom_ids,
            cache=message.get("cache_control"),
            extra=unread(message, {"role", "content", "tool_call_id", "name", "cache_control"}),
        )
        return Turn("tool", [result])

    def _function(self, message: Extra, path: str) -> Turn:
        name = string(message.get("name"), f"{path}.name")
        extra = unread(message, {"role", "content", "name"})
        call_id = self._function_ids.get(name, f"call_function_{name}")
        return Turn("tool", [ToolResult(call_id, _result_content(message, path), extra=extra)])


def _spoken(role: Any, message: Extra, path: str) -> Turn:
    if message.get("content") is None:
        raise missing(f"{path}.content", "a string or an array of parts")
    content = read_content(message["content"], f"{path}.content")
    name = optional_string(message.get("name"), f"{path}.name")
    return Turn(role, content, name, unread(message, {"role", "content", "name"}))


def _result_content(message: Extra, path: str) -> list[Part]:
    content = message.get("content")
    return [] if content is None or content == "" else read_content(content, f"{path}.content")


def _assistant_content(message: Extra, path: str) -> list[Part]:
    """Clients write null, "" or nothing at all where a message holds only calls."""
    content = message.get("content")
    return [] if content is None or content == "" else read_content(content, f"{path}.content")


def _thoughts(message: Extra, path: str) -> list[Thinking]:
    """The same thoughts may stand in several fields."""
    field, text = REASONING_FIELDS[0], ""
    for name in REASONING_FIELDS:
        value = optional_string(message.get(name), f"{path}.{name}")
        if value and not text:
            field, text = name, value
    return reasoning.read_details(message.get("reasoning_details"), text, field)


def _attach_signature(parts: list[Part], extra_content: Any) -> None:
    """Google's signature of a whole message belongs to its text."""
    seal = reasoning.read_thought_signature(extra_content)
    texts = [part for part in parts if isinstance(part, Text)]
    if seal and texts:
        texts[-1].seal = seal


def read_content(value: Any, path: str) -> list[Part]:
    if isinstance(value, str):
        return [Text(value)]
    if not isinstance(value, list):
        raise wrong_type(value, path, "a string or an array of parts")
    return [_part(item, f"{path}[{index}]") for index, item in enumerate(value)]


def _part(value: Any, path: str) -> Part:
    fields = record(value, path)
    if "type" not in fields:
        raise missing(f"{path}.type", "text, image_url, input_audio or file")
    kind = string(fields["type"], f"{path}.type")
    reader = _PART_READERS.get(kind)
    if reader is None:
        return Opaque(NAME, kind, fields)
    return reader(fields, path)


def _text(fields: Extra, path: str) -> Part:
    text = string(fields.get("text"), f"{path}.text")
    return Text(text, cache=fields.get("cache_control"), extra=unread(fields, {"type", "text", "cache_control"}))


def _refusal(fields: Extra, path: str) -> Part:
    return Refusal(string(fields.get("refusal"), f"{path}.refusal"), unread(fields, {"type", "refusal"}))


def _thinking(fields: Extra, path: str) -> Part:
    """Mistral's: https://docs.mistral.ai/capabilities/reasoning"""
    extra = unread(fields, {"type", "thinking"})
    return Thinking(thinking_text(fields.get("thinking"), f"{path}.thinking"), extra={**extra, FIELD_NOTE: "content"})


def thinking_text(value: Any, path: str) -> str:
    if isinstance(value, str):
        return value
    chunks = [record(item, f"{path}[{index}]") for index, item in enumerate(array(value, path))]
    return "".join(chunk["text"] for chunk in chunks if isinstance(chunk.get("text"), str))


def _medium(key: str, read: Callable[[Any, str], media.Media]) -> Callable[[Extra, str], Part]:
    def reader(fields: Extra, path: str) -> Part:
        if fields.get(key) is None:
            raise missing(f"{path}.{key}", "the content of this part")
        medium = read(fields[key], f"{path}.{key}")
        medium.cache = fields.get("cache_control")
        medium.extra |= {k: v for k, v in fields.items() if k not in ("type", key, "cache_control")}
        return medium

    return reader


_PART_READERS: dict[str, Callable[[Extra, str], Part]] = {
    "text": _text,
    "refusal": _refusal,
    "thinking": _thinking,
    "image_url": _medium("image_url", media.read_image),
    "video_url": _medium("video_url", media.read_video),
    "input_audio": _medium("input_audio", media.read_audio),
    "file": _medium("file", media.read_file),
}


def read_call(value: Any, path: str) -> Part:
    """One of `tool_calls`: a function unless it says otherwise (Mistral leaves the type out)."""
    fields = record(value, path)
    kind = fields.get("type") or "function"
    call_id = optional_string(fields.get("id"), f"{path}.id") or ""
    seal = reasoning.read_thought_signature(fields.get("extra_content"))
    extra = unread(fields, {"type", "id", "index", "function", "custom", "cache_control", "extra_content"})
    match kind:
        case "function":
            call = _called(fields.get("function"), f"{path}.function", "arguments")
        case "custom":
            call = _called(fields.get("custom"), f"{path}.custom", "input")
        case _:
            return Opaque(NAME, str(kind), fields, {FIELD_NOTE: "tool_calls"})
    call.id, call.seal, call.cache = call_id, seal, fields.get("cache_control")
    call.extra |= extra
    return call


def _called(value: Any, path: str, text_field: str) -> ToolCall:
    fields = record(value, path)
    text = fields.get(text_field)
    if not isinstance(text, str):
        # Some servers send the arguments as an object.
        text = "" if text is None else dumps(text).decode()
    more = unread(fields, {"name", text_field})
    extra: Extra = {"function": more} if more else {}
    return ToolCall("", string(fields.get("name"), f"{path}.name"), text, text_field == "input", extra=extra)


def read_function_call(value: Any, path: str) -> ToolCall:
    return _called(value, path, "arguments")


def unread(fields: Extra, known: set[str]) -> Extra:
    """What no reader took. A null says no more than an absent field."""
    return {key: value for key, value in fields.items() if key not in known and value is not None}
