"""Text slots: every string of a native request body that a person, a tool or a model wrote, to be read and changed in
place. Keys, ids, media and signatures are none; so unknown fields and their order survive an edit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

type SlotKind = Literal["system", "user", "assistant", "thinking", "tool_call", "tool_result", "definition", "document"]
"""`tool_call` is what the model passed to a tool, `definition` a tool's description or schema."""

_TEXT_TYPES = r"text/|application/(?:json|xml|yaml|x-yaml|toml|sql|javascript|x-sh)\b"
_TEXT_FILE = re.compile(rf"data:(?:{_TEXT_TYPES})[^,]{{0,80}};base64,")


@dataclass(slots=True)
class Slot:
    """`holder[key]` is the string. `message` is the index of its message in the body's list of them, -1 outside.

    `part` is the index of the content part, -1 where the content is a bare string. `json`: the string is itself JSON.
    `base64`: it is the base64 of a text document, after
    `data:…;base64,` if it is a data URL. `signed`: a signature covers it, it must not be changed.
    """

    kind: SlotKind
    holder: dict[str, Any] | list[Any]
    key: Any
    message: int = -1
    part: int = -1
    json: bool = False
    base64: bool = False
    signed: bool = False

    @property
    def text(self) -> str:
        return self.holder[self.key]

    @text.setter
    def text(self, text: str) -> None:
        self.holder[self.key] = text


def field_slot(
    kind: SlotKind, holder: Any, key: str, message: int = -1, part: int = -1, **marks: bool
) -> Iterator[Slot]:
    """The slot of one field, if it holds a string."""
    if isinstance(holder, dict) and isinstance(holder.get(key), str):
        yield Slot(kind, holder, key, message, part, **marks)


def file_slot(holder: Any, key: str, message: int, part: int) -> Iterator[Slot]:
    """The slot of a text document in a data URL. Its text is the whole URL."""
    if isinstance(holder, dict) and isinstance(holder.get(key), str) and _TEXT_FILE.match(holder[key]):
        yield Slot("document", holder, key, message, part, base64=True)


def deep_slots(kind: SlotKind, value: Any, message: int = -1, part: int = -1) -> Iterator[Slot]:
    """The slots of every string value within `value`, however deep; without recursion, since bodies may be deep."""
    pending = [value]
    while pending:
        holder = pending.pop()
        items = holder.items() if isinstance(holder, dict) else enumerate(holder) if isinstance(holder, list) else ()
        nested = []
        for key, item in items:
            if isinstance(item, str):
                yield Slot(kind, holder, key, message, part)
            elif isinstance(item, dict | list):
                nested.append(item)
        pending.extend(reversed(nested))


def objects(values: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """Index and object of a list of messages, parts or tools; what is no object is skipped."""
    if isinstance(values, list):
        for index, value in enumerate(values):
            if isinstance(value, dict):
                yield index, value
