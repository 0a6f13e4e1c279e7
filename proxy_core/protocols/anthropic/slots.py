"""Where the texts are in a Messages request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy_core.protocols.slots import Slot, SlotKind, deep_slots, field_slot, objects

MESSAGES = "messages"
_KIND_OF_ROLE: dict[str, SlotKind] = {"system": "system", "user": "user", "assistant": "assistant"}


def slots(body: dict[str, Any]) -> Iterator[Slot]:
    yield from field_slot("system", body, "system")
    for number, block in objects(body.get("system")):
        yield from field_slot("system", block, "text", part=number)
    for index, message in objects(body.get(MESSAGES)):
        kind = _KIND_OF_ROLE.get(str(message.get("role")), "system")
        yield from field_slot(kind, message, "content", index)
        for number, block in objects(message.get("content")):
            yield from _block(kind, block, index, number)
    for _, tool in objects(body.get("tools")):
        yield from field_slot("definition", tool, "description")
        yield from deep_slots("definition", tool.get("input_schema"))
        yield from deep_slots("definition", tool.get("input_examples"))
    yield from deep_slots("definition", body.get("output_config"))
    yield from deep_slots("definition", body.get("output_format"))


def _block(kind: SlotKind, block: dict[str, Any], index: int, number: int) -> Iterator[Slot]:
    match block.get("type"):
        case "text":
            yield from field_slot(kind, block, "text", index, number)
        case "thinking":
            yield from field_slot("thinking", block, "thinking", index, number, signed=bool(block.get("signature")))
        case "tool_use" | "server_tool_use" | "mcp_tool_use":
            yield from deep_slots("tool_call", block.get("input"), index, number)
        case "document":
            yield from _document(block, index, number)
        case "search_result":
            yield from _search_result(block, index, number)
        case str() as name if name.endswith("tool_result"):
            yield from field_slot("tool_result", block, "content", index, number)
            yield from field_slot("tool_result", block.get("content"), "text", index, number)
            for _, inner in objects(block.get("content")):
                yield from _result(inner, index, number)
        case _:
            pass


def _result(block: dict[str, Any], index: int, number: int) -> Iterator[Slot]:
    if block.get("type") == "document":
        yield from _document(block, index, number)
    elif block.get("type") == "search_result":
        yield from _search_result(block, index, number)
    else:
        yield from field_slot("tool_result", block, "text", index, number)


def _search_result(block: dict[str, Any], index: int, number: int) -> Iterator[Slot]:
    for _, inner in objects(block.get("content")):
        yield from field_slot("document", inner, "text", index, number)


def _document(block: dict[str, Any], index: int, number: int) -> Iterator[Slot]:
    source = block.get("source")
    if not isinstance(source, dict):
        return
    if source.get("type") == "text":
        yield from field_slot("document", source, "data", index, number)
    elif source.get("type") == "base64" and str(source.get("media_type", "")).startswith("text/"):
        yield from field_slot("document", source, "data", index, number, base64=True)
    for _, inner in objects(source.get("content")):
        yield from field_slot("document", inner, "text", index, number)
