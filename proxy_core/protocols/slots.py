"""Text slots: every string of a native request body that a person, a tool or a model wrote, to be read and changed in
place. Keys, ids, media and signatures are none; so unknown fields and their order survive an edit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

type SlotKind = Literal[
    "system", "user", "assistant", "thinking", "tool_call", "tool_result", "definition", "document", "other", "address"
]
"""`tool_call` is what the model passed to a tool, `definition` a tool's description or schema. `other` and `address`
are what `other_slots` finds."""

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


@dataclass(slots=True)
class KeySlot(Slot):
    """The name of a field, which some write as freely as its value. Renamed in its place."""

    @property
    def text(self) -> str:
        return self.key

    @text.setter
    def text(self, text: str) -> None:
        assert isinstance(self.holder, dict)
        fields = [(text if key == self.key else key, value) for key, value in self.holder.items()]
        self.holder.clear()
        self.holder.update(fields)
        self.key = text


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


_NOT_WRITTEN = frozenset(
    {
        *("type", "role", "id", "call_id", "tool_call_id", "tool_use_id", "item_id", "response_id"),
        *("previous_response_id", "file_id", "conversation", "container", "model", "name", "status", "finish_reason"),
        *("stop_reason", "object", "signature", "thoughtSignature", "thought_signature", "data", "file_data"),
        *("b64_json", "encrypted_content", "encrypted_index", "encrypted_stdout", "encrypted_thinking"),
    }
)
"""Names, ids, media and what is signed or encrypted."""
_FOR_PROVIDERS = frozenset(["mcp_servers", "headers", "authorization", "authorization_token", "server_url"])
"""Credentials that a client gives to its provider on purpose."""
_ADDRESSES = frozenset(["url", "image_url", "file_url", "fileUri", "file_uri", "uri"])
_SIGNATURES = frozenset(("signature", "thoughtSignature", "thought_signature"))
_SHORTEST = 8
_KEY = re.compile(r"\D*\d")
"""What of a field's name may be a secret."""


def other_slots(body: dict[str, Any], known: Iterable[Slot]) -> Iterator[Slot]:
    """The strings that no slot of `known` stands for: titles, file names, metadata, stop sequences, fields of tomorrow.

    `address` is what the provider is to fetch: a signature in it is there to be sent. Names of fields come last, since
    a field must not be renamed before its value is stored. What is signed is left out."""
    names: list[Slot] = []
    taken = {(id(slot.holder), slot.key) for slot in known}
    pending: list[Any] = [body]
    while pending:
        holder = pending.pop()
        named = isinstance(holder, dict)
        if named and not _SIGNATURES.isdisjoint(holder):
            continue
        for key, item in holder.items() if named else enumerate(holder):
            if isinstance(key, str) and len(key) >= 16 and _KEY.match(key):
                names.append(KeySlot("other", holder, key))
            if isinstance(item, str):
                if len(item) < _SHORTEST or key in _NOT_WRITTEN or key in _FOR_PROVIDERS or item.startswith("data:"):
                    continue
                if (id(holder), key) not in taken:
                    yield Slot("address" if key in _ADDRESSES else "other", holder, key)
            elif item and isinstance(item, dict | list) and key not in _FOR_PROVIDERS:
                pending.append(item)
    yield from names


def objects(values: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """Index and object of a list of messages, parts or tools; what is no object is skipped."""
    if isinstance(values, list):
        for index, value in enumerate(values):
            if isinstance(value, dict):
                yield index, value
