"""What of a request tells who made it: its first texts, and the names of its tools."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from proxy_core.protocols import SLOTS
from proxy_core.protocols.slots import objects
from proxy_core.turn.content import ProtocolName

_DEFINITIONS = frozenset({"tools", "functions", "response_format", "text", "generationConfig", "generation_config"})
_MOST_TEXTS = 12


def first_texts(protocol: ProtocolName, body: dict[str, Any]) -> list[str]:
    """System texts and the first text of the conversation, whoever said it."""
    texts: list[str] = []
    slots = SLOTS[protocol]({name: value for name, value in body.items() if name not in _DEFINITIONS})
    for slot in islice(slots, _MOST_TEXTS):
        if slot.kind == "system":
            texts.append(slot.text)
        elif slot.message <= 0 and slot.kind == "user":
            texts.append(slot.text)
            break
        elif slot.kind == "assistant":
            break
    return texts


def user_texts(protocol: ProtocolName, body: dict[str, Any]) -> list[str]:
    """The first texts of user messages."""
    slots = SLOTS[protocol]({name: value for name, value in body.items() if name not in _DEFINITIONS})
    return [slot.text for slot in islice(slots, _MOST_TEXTS) if slot.kind == "user"]


def tool_names(body: dict[str, Any]) -> Iterator[str]:
    """Of the tools declared in any protocol's form, also within namespaces and Codex's `additional_tools`."""
    pending = [body.get("tools"), *(item.get("tools") for _, item in objects(body.get("input")))]
    while pending:
        for _, tool in objects(pending.pop()):
            function = tool.get("function")
            named = function if isinstance(function, dict) else tool
            if isinstance(named.get("name"), str):
                yield named["name"]
            pending += [tool.get(name) for name in ("tools", "functionDeclarations", "function_declarations")]
