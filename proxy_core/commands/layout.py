"""How the four protocols lay out a conversation, as far as taking messages and parts out of it needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from proxy_core.protocols.slots import objects
from proxy_core.turn.content import ProtocolName
from proxy_core.wire.json import loads

type Role = Literal["user", "assistant", "tool", "system", "other"]
type Message = dict[str, Any]

CONTENT: dict[ProtocolName, str] = {
    "openai_chat": "content",
    "openai_responses": "content",
    "anthropic": "content",
    "gemini": "parts",
}
_ROLES: dict[str, Role] = {
    "user": "user",
    "assistant": "assistant",
    "model": "assistant",
    "tool": "tool",
    "function": "tool",
    "system": "system",
    "developer": "system",
}
_ROLE_OF_ITEM: dict[str, Role] = {"additional_tools": "system", "configuration_update": "system"}
"""Codex puts these between messages; they belong to no one's turn."""
_CALL_ITEMS = ("function_call", "custom_tool_call", "reasoning")
_TEXT_TYPES = frozenset({"text", "input_text", "output_text", "refusal", None})


@dataclass(slots=True)
class Piece:
    """A tool call or result: `element` in the list `holder`, or a whole message where that is None.

    `texts` is what was called with, or answered.
    """

    id: str
    name: str
    texts: list[str]
    element: Any
    holder: list[Any] | None = None


def role_of(protocol: ProtocolName, message: Message) -> Role:
    if protocol == "openai_responses" and (kind := message.get("type", "message")) != "message":
        if kind in _CALL_ITEMS or str(kind).endswith("_call"):
            return "assistant"
        return "tool" if str(kind).endswith("_output") else _ROLE_OF_ITEM.get(str(kind), "other")
    if protocol == "gemini" and message.get("role") is None:
        return "user"
    return _ROLES.get(str(message.get("role")), "other")


def parts_of(protocol: ProtocolName, message: Message) -> list[Any] | None:
    """The content parts, or None where the content is a string or missing."""
    content = message.get(CONTENT[protocol])
    return content if isinstance(content, list) else None


def is_text(part: Any) -> bool:
    """Whether a part is text (Gemini's have no type, only `text`)."""
    return isinstance(part, dict) and "text" in part and part.get("type") in _TEXT_TYPES


def is_result(part: Any) -> bool:
    if not isinstance(part, dict):
        return False
    return str(part.get("type")).endswith("tool_result") or "functionResponse" in part or "function_response" in part


def has_media(protocol: ProtocolName, message: Message) -> bool:
    """Whether there is something beside texts and tool results: an image, a file, a sound."""
    parts = parts_of(protocol, message) or []
    return any(isinstance(part, dict) and not is_text(part) and not is_result(part) for part in parts)


def text_part(protocol: ProtocolName, text: str) -> dict[str, Any]:
    match protocol:
        case "gemini":
            return {"text": text}
        case "openai_responses":
            return {"type": "input_text", "text": text}
        case _:
            return {"type": "text", "text": text}


def user_message(protocol: ProtocolName, text: str) -> Message:
    """A message of a person, in place of a tool's result."""
    head = {"type": "message"} if protocol == "openai_responses" else {}
    return {**head, "role": "user", CONTENT[protocol]: [text_part(protocol, text)]}


def calls(protocol: ProtocolName, message: Message) -> Iterator[Piece]:
    match protocol:
        case "openai_chat":
            for _, call in objects(message.get("tool_calls")):
                function = _object(call.get("function"))
                yield Piece(
                    str(call.get("id")),
                    str(function.get("name")),
                    _strings_of_json(function.get("arguments")),
                    call,
                    message["tool_calls"],
                )
        case "openai_responses":
            if message.get("type") == "function_call":
                texts = _strings_of_json(message.get("arguments"))
                yield Piece(str(message.get("call_id")), str(message.get("name")), texts, message)
        case "anthropic":
            for _, block in objects(message.get("content")):
                if block.get("type") == "tool_use":
                    texts = strings(block.get("input"))
                    yield Piece(str(block.get("id")), str(block.get("name")), texts, block, message["content"])
        case "gemini":
            for part, call in _functions(message, "functionCall", "function_call"):
                texts = strings(call.get("args"))
                yield Piece(
                    str(call.get("id") or call.get("name")), str(call.get("name")), texts, part, message["parts"]
                )


def results(protocol: ProtocolName, message: Message) -> Iterator[Piece]:
    """Tool results. Their name is "" where the protocol gives only the call's id."""
    match protocol:
        case "openai_chat":
            if message.get("role") in ("tool", "function"):
                name = str(message.get("name") or "")
                yield Piece(str(message.get("tool_call_id")), name, _texts(message.get("content")), message)
        case "openai_responses":
            if str(message.get("type")).endswith("_output"):
                yield Piece(str(message.get("call_id")), "", _texts(message.get("output")), message)
        case "anthropic":
            for _, block in objects(message.get("content")):
                if block.get("type") == "tool_result":
                    texts = _texts(block.get("content"))
                    yield Piece(str(block.get("tool_use_id")), "", texts, block, message["content"])
        case "gemini":
            for part, answer in _functions(message, "functionResponse", "function_response"):
                name = str(answer.get("name"))
                texts = strings(answer.get("response"))
                yield Piece(str(answer.get("id") or name), name, texts, part, message["parts"])


def strings(value: Any) -> list[str]:
    """Every string within a JSON value, in order."""
    found: list[str] = []
    pending = [value]
    while pending:
        match pending.pop():
            case str() as text:
                found.append(text)
            case dict() as fields:
                pending.extend(reversed(fields.values()))
            case list() as values:
                pending.extend(reversed(values))
            case _:
                pass
    return found


def _strings_of_json(arguments: Any) -> list[str]:
    try:
        return strings(loads(arguments)) if isinstance(arguments, str) else []
    except ValueError:
        return []


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    return [part["text"] for _, part in objects(content) if isinstance(part.get("text"), str)]


def _functions(message: Message, *names: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for _, part in objects(message.get("parts")):
        for name in names:
            if isinstance(part.get(name), dict):
                yield part, part[name]


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
