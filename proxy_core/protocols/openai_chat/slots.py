"""Where the texts are in a Chat Completions request, and in those of OpenAI's calls that are no chat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy_core.protocols.slots import Slot, SlotKind, deep_slots, field_slot, file_slot, objects

MESSAGES = "messages"
_KIND_OF_ROLE: dict[str, SlotKind] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool_result",
    "function": "tool_result",
}
_WITHOUT_MESSAGES = ("prompt", "input", "suffix")
"""What completions, embeddings and images are made of: a string, or a list of them."""
_THINKING = ("reasoning_content", "reasoning", "thinking")


def slots(body: dict[str, Any]) -> Iterator[Slot]:
    for index, message in objects(body.get(MESSAGES)):
        yield from _message(index, message)
    for _, tool in objects(body.get("tools")):
        yield from deep_slots("definition", tool.get("function") or tool.get("custom") or {})
    for _, function in objects(body.get("functions")):
        yield from deep_slots("definition", function)
    yield from deep_slots("definition", body.get("response_format"))
    yield from deep_slots("assistant", body.get("prediction"))
    for name in _WITHOUT_MESSAGES:
        yield from field_slot("user", body, name)
        yield from deep_slots("user", body.get(name))


def _message(index: int, message: dict[str, Any]) -> Iterator[Slot]:
    kind = _KIND_OF_ROLE.get(str(message.get("role")), "system")
    yield from field_slot(kind, message, "content", index)
    for number, part in objects(message.get("content")):
        yield from field_slot(kind, part, "text", index, number)
        yield from field_slot(kind, part, "refusal", index, number)
        yield from file_slot(part.get("file"), "file_data", index, number)
        for _, thought in objects(part.get("thinking")):
            yield from field_slot("thinking", thought, "text", index, number)
    yield from field_slot("assistant", message, "refusal", index)
    for name in _THINKING:
        yield from field_slot("thinking", message, name, index)
    for _, detail in objects(message.get("reasoning_details")):
        for name in ("text", "summary"):
            yield from field_slot("thinking", detail, name, index, signed=bool(detail.get("signature")))
    for _, call in objects(message.get("tool_calls")):
        yield from field_slot("tool_call", call.get("function"), "arguments", index, json=True)
        yield from field_slot("tool_call", call.get("custom"), "input", index)
    yield from field_slot("tool_call", message.get("function_call"), "arguments", index, json=True)
