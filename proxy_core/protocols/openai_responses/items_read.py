"""Items that a model put out (messages, reasoning, calls), read. They come in replies and return in later requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from proxy_core.protocols.openai_responses.content_read import read_content
from proxy_core.protocols.openai_responses.names import ITEM, NAMESPACE, ORIGIN, SUMMARY, flat_name, noted, rest
from proxy_core.turn.content import Media, Opaque, Part, Refusal, Text, Thinking, ToolCall
from proxy_core.turn.seals import unsealed_from
from proxy_core.wire.fields import array, optional_string, record, string

REDACTED = "redacted:"
"""In front of a foreign seal: it stands for thoughts that their provider encrypted whole."""
PREVIOUS = "previous:"
"""In front of a foreign seal: it belongs to the part before the reasoning item, not to the one after it."""


def output_parts(item: dict[str, Any], path: str) -> list[Part]:
    """The parts of one output item; items of a kind that is not modelled are kept whole as Opaque."""
    kind = item.get("type") or "message"
    reader = _READERS.get(kind)
    return reader(item, path) if reader else [Opaque(ORIGIN, kind, item)]


def _read_message(item: dict[str, Any], path: str) -> list[Part]:
    empty: list[Part] = [Text("")]
    parts = read_content(item.get("content"), f"{path}.content", "assistant") or empty
    first = parts[0]
    first.extra[ITEM] = noted(item)
    others = rest(item, ("type", "id", "status", "role", "content"))
    if others and isinstance(first, Text | Refusal | Opaque):
        first.extra["item"] = others
    return parts


def _read_reasoning(item: dict[str, Any], path: str) -> list[Part]:
    extra = rest(item, ("type", "id", "status", "summary", "content", "encrypted_content"))
    extra[ITEM] = noted(item)
    summary = _texts(item.get("summary"), f"{path}.summary")
    content = _texts(item.get("content"), f"{path}.content")
    extra[SUMMARY] = {key: item[key] for key in ("summary", "content") if item.get(key) is not None}
    thinking = Thinking("\n\n".join(summary + content), extra=extra)
    sealed = optional_string(item.get("encrypted_content"), f"{path}.encrypted_content")
    if sealed:
        _seal(thinking, sealed)
    return [thinking]


def _seal(thinking: Thinking, sealed: str) -> None:
    seal = unsealed_from(sealed, ORIGIN)
    if seal.origin != ORIGIN and seal.data.startswith(REDACTED):
        seal.data = seal.data.removeprefix(REDACTED)
        thinking.redacted = True
    thinking.seal = seal


def _texts(value: Any, path: str) -> list[str]:
    if value is None:
        return []
    entries = [record(entry, f"{path}[{index}]") for index, entry in enumerate(array(value, path))]
    return [string(entry.get("text"), f"{path}[{index}].text") for index, entry in enumerate(entries)]


def _read_function_call(item: dict[str, Any], path: str) -> list[Part]:
    return [read_call(item, path, "arguments")]


def _read_custom_call(item: dict[str, Any], path: str) -> list[Part]:
    return [read_call(item, path, "input")]


def read_call(item: dict[str, Any], path: str, field: str) -> ToolCall:
    """`field` is where the arguments are: `input` in calls of custom tools."""
    name = string(item.get("name"), f"{path}.name")
    namespace = optional_string(item.get("namespace"), f"{path}.namespace")
    extra = rest(item, ("type", "id", "status", "call_id", "name", "namespace", field))
    extra[ITEM] = noted(item)
    if namespace is not None:
        extra[NAMESPACE] = {"name": namespace, "tool": name}
    call_id = string(item.get("call_id"), f"{path}.call_id")
    arguments = string(item.get(field), f"{path}.{field}")
    return ToolCall(call_id, flat_name(namespace, name), arguments, custom=field == "input", extra=extra)


def _read_picture(item: dict[str, Any], path: str) -> list[Part]:
    """A picture that the model made; without its data, as in histories that refer to a stored one, it stays whole."""
    data = item.get("result")
    if not isinstance(data, str) or not data:
        return [Opaque(ORIGIN, "image_generation_call", item)]
    extra = rest(item, ("type", "id", "status", "result"))
    extra[ITEM] = noted(item)
    return [Media("image", f"image/{item.get('output_format') or 'png'}", data=data, extra=extra)]


_READERS: dict[str, Callable[[dict[str, Any], str], list[Part]]] = {
    "message": _read_message,
    "reasoning": _read_reasoning,
    "function_call": _read_function_call,
    "custom_tool_call": _read_custom_call,
    "image_generation_call": _read_picture,
}
