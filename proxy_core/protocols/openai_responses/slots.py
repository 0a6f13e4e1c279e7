"""Where the texts are in a Responses request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy_core.protocols.slots import Slot, SlotKind, deep_slots, field_slot, file_slot, objects

MESSAGES = "input"
_KIND_OF_ROLE: dict[str, SlotKind] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}
_NO_TEXT = frozenset(
    {"id", "type", "role", "status", "call_id", "name", "namespace", "encrypted_content", "server_label"}
)
"""Fields of items that are not what anyone wrote."""


def slots(body: dict[str, Any]) -> Iterator[Slot]:
    yield from field_slot("system", body, "instructions")
    yield from field_slot("user", body, MESSAGES, 0)
    for index, item in objects(body.get(MESSAGES)):
        yield from _item(index, item)
    for _, tool in objects(body.get("tools")):
        yield from _definition(tool)
    yield from deep_slots("definition", body.get("text"))


def _definition(tool: dict[str, Any]) -> Iterator[Slot]:
    yield from field_slot("definition", tool, "description")
    yield from deep_slots("definition", tool.get("parameters"))
    yield from deep_slots("definition", tool.get("format"))
    for _, inner in objects(tool.get("tools")):
        yield from _definition(inner)


def _item(index: int, item: dict[str, Any]) -> Iterator[Slot]:
    match item.get("type", "message"):
        case "message":
            yield from _message(index, item)
        case "function_call" | "mcp_call":
            yield from field_slot("tool_call", item, "arguments", index, json=True)
            yield from field_slot("tool_result", item, "output", index)
        case "custom_tool_call":
            yield from field_slot("tool_call", item, "input", index)
        case "reasoning":
            yield from _reasoning(index, item)
        case str() as kind if kind.endswith("_output"):
            yield from _output(index, item)
        case "code_interpreter_call":
            yield from field_slot("tool_call", item, "code", index)
            yield from deep_slots("tool_result", item.get("outputs"), index)
        case "additional_tools":
            for _, tool in objects(item.get("tools")):
                yield from _definition(tool)
        case _:
            rest = {key: value for key, value in item.items() if key not in _NO_TEXT and isinstance(value, dict | list)}
            yield from deep_slots("tool_call", rest, index)


def _message(index: int, item: dict[str, Any]) -> Iterator[Slot]:
    kind = _KIND_OF_ROLE.get(str(item.get("role")), "system")
    yield from field_slot(kind, item, "content", index)
    for number, part in objects(item.get("content")):
        yield from field_slot(kind, part, "text", index, number)
        yield from field_slot(kind, part, "refusal", index, number)
        yield from file_slot(part, "file_data", index, number)


def _reasoning(index: int, item: dict[str, Any]) -> Iterator[Slot]:
    signed = bool(item.get("encrypted_content"))
    for name in ("summary", "content"):
        for number, part in objects(item.get(name)):
            yield from field_slot("thinking", part, "text", index, number, signed=signed)


def _output(index: int, item: dict[str, Any]) -> Iterator[Slot]:
    yield from field_slot("tool_result", item, "output", index)
    if isinstance(item.get("output"), dict):
        yield from deep_slots("tool_result", item["output"], index)
    for number, part in objects(item.get("output")):
        yield from field_slot("tool_result", part, "text", index, number)
        yield from file_slot(part, "file_data", index, number)
        for stream in ("stdout", "stderr"):
            yield from field_slot("tool_result", part, stream, index, number)
