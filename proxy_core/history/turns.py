"""Turns as plain messages in the form of Chat Completions: known to everyone, and what the redaction can search.

https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from proxy_core.turn.content import Media, Opaque, Part, Refusal, Text, Thinking, ToolCall, ToolResult
from proxy_core.turn.request import ChatRequest, Turn

type Message = dict[str, Any]

_SYSTEM = ("system", "developer")


def new_turns(turns: Sequence[Turn]) -> Sequence[Turn]:
    """What has come since the last answer; with a prefill, which is an assistant's turn at the very end. Everything but
    the system's words where there was no answer yet."""
    end = len(turns)
    while end and turns[end - 1].role == "assistant":
        end -= 1
    start = end
    while start and turns[start - 1].role != "assistant":
        start -= 1
    return [turn for turn in turns[start:] if turn.role not in _SYSTEM or start]


def system_text(request: ChatRequest) -> str:
    """The words before the conversation, wherever the protocol has them."""
    leading: list[Part] = []
    for turn in request.turns:
        if turn.role not in _SYSTEM:
            break
        leading += turn.parts
    return "\n\n".join(_texts([*request.system, *leading]))


def messages_of(turns: Iterable[Turn]) -> list[Message]:
    return [message for turn in turns for message in _messages(turn)]


def message_of(role: str, parts: Sequence[Part]) -> Message:
    """`parts` without tool results."""
    message: Message = {"role": role}
    if thinking := "\n".join(part.text for part in parts if isinstance(part, Thinking) and part.text):
        message["thinking"] = thinking
    if text := "\n".join(_texts(parts)):
        message["content"] = text
    if calls := [_call(part) for part in parts if isinstance(part, ToolCall)]:
        message["tool_calls"] = calls
    return message


def _messages(turn: Turn) -> Iterator[Message]:
    """Tool results are messages of their own, whatever turn they stand in."""
    others = [part for part in turn.parts if not isinstance(part, ToolResult)]
    for part in turn.parts:
        if isinstance(part, ToolResult):
            yield _result(part)
    if others:
        yield message_of(turn.role, others)


def _result(part: ToolResult) -> Message:
    message: Message = {"role": "tool", "tool_call_id": part.call_id, "content": "\n".join(_texts(part.content))}
    if part.name:
        message["name"] = part.name
    if part.is_error:
        message["is_error"] = True
    return message


def _call(part: ToolCall) -> dict[str, Any]:
    if part.custom:
        return {"id": part.id, "custom": {"name": part.name, "input": part.arguments}}
    return {"id": part.id, "function": {"name": part.name, "arguments": part.arguments}}


def _texts(parts: Iterable[Part]) -> Iterator[str]:
    for part in parts:
        match part:
            case Text() | Refusal() if part.text:
                yield part.text
            case Media():
                yield _media(part)
            case Opaque():
                yield f"[{part.kind}]"
            case _:
                pass


def _media(part: Media) -> str:
    """Named, not kept."""
    size = f"{len(part.data) * 3 // 4} bytes" if part.data else part.url or part.file_id or ""
    shown = size if not size.startswith("data:") else "inline"
    return f"[{', '.join(filter(None, (part.kind, part.media_type, part.name, shown)))}]"


def flattened(message: Message) -> Message:
    """Tool calls as name and arguments, without the form around them."""
    calls = message.get("tool_calls")
    return {**message, "tool_calls": [_flat_call(call) for call in calls]} if calls else message


def _flat_call(call: dict[str, Any]) -> dict[str, Any]:
    called = call.get("function") or call.get("custom") or {}
    return {
        "id": call["id"],
        "name": called.get("name", ""),
        "arguments": called.get("arguments", called.get("input", "")),
    }
