"""Where the texts are in a generateContent request; fields in camelCase or snake_case."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy_core.protocols.slots import Slot, SlotKind, deep_slots, field_slot, objects

MESSAGES = "contents"
_SCHEMAS = ("responseSchema", "response_schema", "responseJsonSchema", "response_json_schema")


def slots(body: dict[str, Any]) -> Iterator[Slot]:
    system = _first(body, "systemInstruction", "system_instruction")
    if isinstance(system, dict):
        for number, part in objects(system.get("parts")):
            yield from field_slot("system", part, "text", part=number)
    for index, content in objects(body.get(MESSAGES)):
        kind: SlotKind = "assistant" if content.get("role") == "model" else "user"
        for number, part in objects(content.get("parts")):
            yield from _part(kind, part, index, number)
    for _, tool in objects(body.get("tools")):
        for _, function in objects(_first(tool, "functionDeclarations", "function_declarations")):
            yield from field_slot("definition", function, "description")
            for name in ("parameters", "parametersJsonSchema", "parameters_json_schema"):
                yield from deep_slots("definition", function.get(name))
    generation = _first(body, "generationConfig", "generation_config")
    if isinstance(generation, dict):
        for name in _SCHEMAS:
            yield from deep_slots("definition", generation.get(name))


def _part(kind: SlotKind, part: dict[str, Any], index: int, number: int) -> Iterator[Slot]:
    signed = bool(_first(part, "thoughtSignature", "thought_signature"))
    thought: SlotKind = "thinking" if part.get("thought") else kind
    yield from field_slot(thought, part, "text", index, number, signed=signed and thought == "thinking")
    call = _first(part, "functionCall", "function_call")
    if isinstance(call, dict):
        for slot in deep_slots("tool_call", call.get("args"), index, number):
            slot.signed = signed
            yield slot
    response = _first(part, "functionResponse", "function_response")
    if isinstance(response, dict):
        yield from deep_slots("tool_result", response.get("response"), index, number)
    yield from _media(part, index, number)
    yield from field_slot("tool_call", _first(part, "executableCode", "executable_code"), "code", index, number)
    result = _first(part, "codeExecutionResult", "code_execution_result")
    yield from field_slot("tool_result", result, "output", index, number)


def _media(part: dict[str, Any], index: int, number: int) -> Iterator[Slot]:
    media = _first(part, "inlineData", "inline_data")
    if isinstance(media, dict) and str(_first(media, "mimeType", "mime_type")).startswith("text/"):
        yield from field_slot("document", media, "data", index, number, base64=True)


def _first(holder: dict[str, Any], *names: str) -> Any:
    return next((holder[name] for name in names if name in holder), None)
