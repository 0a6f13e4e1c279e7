"""The items of a reply's output as they come about, with the API's own events.

https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from proxy_core.turn.content import Extra
from proxy_core.wire.json import dumps

type Native = dict[str, Any]
"""One of the API's events, without its `sequence_number`."""


@dataclass(slots=True)
class OpenPart:
    """Where the deltas of one block go: `head` is a delta event's bytes up to the text, `fields` its other fields."""

    block: int
    kind: str
    fields: Extra
    head: bytes
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.pieces)


def open_part(block: int, kind: str, fields: Extra) -> OpenPart:
    event = {"type": kind, **fields}
    return OpenPart(block, kind, fields, b"event: " + kind.encode() + b"\ndata: " + dumps(event)[:-1] + b',"delta":')


@dataclass(slots=True)
class Item:
    """`head` are the fields that are known from the start, `raw` is the finished item."""

    index: int
    head: Extra
    empty: Extra
    raw: Extra = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.head["id"]

    def added(self) -> Native:
        item = {**self.head, **self.empty}
        if item["type"] != "reasoning":
            item["status"] = "in_progress"
        return {"type": "response.output_item.added", "output_index": self.index, "item": item}

    def done(self) -> Native:
        return {"type": "response.output_item.done", "output_index": self.index, "item": self.raw}

    def place(self, **more: int) -> Extra:
        """The fields that say of an event where it belongs."""
        return {"item_id": self.id, "output_index": self.index, **more}


@dataclass(slots=True)
class Message(Item):
    """Stays open until something else begins, since further texts may join it."""

    content: list[Extra] = field(default_factory=list)

    def close(self, cut: bool) -> list[Native]:
        status = "incomplete" if cut else self.head.get("status", "completed")
        self.raw = {**self.head, "status": status, "content": self.content}
        return [self.done()]


def text_started(message: Message, block: int, refusal: bool) -> tuple[list[Native], OpenPart]:
    place = message.place(content_index=len(message.content))
    if refusal:
        part: Extra = {"type": "refusal", "refusal": ""}
        opened = open_part(block, "response.refusal.delta", place)
    else:
        part = {"type": "output_text", "annotations": [], "logprobs": [], "text": ""}
        opened = open_part(block, "response.output_text.delta", {**place, "logprobs": []})
    return [{"type": "response.content_part.added", **place, "part": part}], opened


def text_ended(message: Message, part: Extra) -> list[Native]:
    """`part` is the finished content part."""
    place = message.place(content_index=len(message.content))
    message.content.append(part)
    ended: Native = {"type": "response.content_part.done", **place, "part": part}
    if part["type"] == "refusal":
        return [{"type": "response.refusal.done", **place, "refusal": part["refusal"]}, ended]
    text = {"text": part["text"], "logprobs": part.get("logprobs") or []}
    return [{"type": "response.output_text.done", **place, **text}, ended]


@dataclass(slots=True)
class ReasoningItem(Item):
    """`sections` are its finished parts of `summary` and `content`, with the field that each belongs to."""

    sections: list[tuple[str, str]] = field(default_factory=list)

    def count(self, where: str) -> int:
        return sum(1 for name, _ in self.sections if name == where)

    def lists(self) -> Extra:
        summary = [{"type": "summary_text", "text": text} for where, text in self.sections if where == "summary"]
        content = [{"type": "reasoning_text", "text": text} for where, text in self.sections if where == "content"]
        return {"summary": summary, **({"content": content} if content else {})}


def section_started(item: ReasoningItem, block: int, where: str) -> tuple[list[Native], OpenPart]:
    index = item.count(where)
    if where == "content":
        place = item.place(content_index=index)
        part = {"type": "reasoning_text", "text": ""}
        added: Native = {"type": "response.content_part.added", **place, "part": part}
        return [added], open_part(block, "response.reasoning_text.delta", place)
    place = item.place(summary_index=index)
    part = {"type": "summary_text", "text": ""}
    added = {"type": "response.reasoning_summary_part.added", **place, "part": part}
    return [added], open_part(block, "response.reasoning_summary_text.delta", place)


def section_ended(item: ReasoningItem, where: str, text: str) -> list[Native]:
    index = item.count(where)
    item.sections.append((where, text))
    if where == "content":
        place = item.place(content_index=index)
        part = {"type": "reasoning_text", "text": text}
        return [
            {"type": "response.reasoning_text.done", **place, "text": text},
            {"type": "response.content_part.done", **place, "part": part},
        ]
    place = item.place(summary_index=index)
    part = {"type": "summary_text", "text": text}
    return [
        {"type": "response.reasoning_summary_text.done", **place, "text": text},
        {"type": "response.reasoning_summary_part.done", **place, "part": part},
    ]


_CALL_EVENTS = {
    "arguments": "response.function_call_arguments",
    "input": "response.custom_tool_call_input",
}


def call_started(item: Item, block: int, where: str) -> OpenPart:
    return open_part(block, f"{_CALL_EVENTS[where]}.delta", item.place())


def call_ended(item: Item, where: str) -> Native:
    return {"type": f"{_CALL_EVENTS[where]}.done", **item.place(), where: item.raw[where]}
