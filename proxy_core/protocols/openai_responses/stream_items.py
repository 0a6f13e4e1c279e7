"""What the stream's reader keeps of the items that have begun."""

from __future__ import annotations

from dataclasses import dataclass, field

from proxy_core.protocols.openai_responses.items_read import read_call
from proxy_core.protocols.openai_responses.names import ITEM, noted, rest
from proxy_core.turn.content import Extra, Part, Refusal, Text, Thinking


@dataclass(slots=True)
class OpenBlock:
    """`number` in our events. `where`: the part of a thought that its last delta belonged to."""

    number: int
    part: Part
    open: bool = True
    filled: bool = False
    annotated: bool = False
    where: tuple[str, int] = ("summary", 0)


@dataclass(slots=True)
class OpenItem:
    """`blocks` by content index; calls and thoughts are one block, at 0. Items that are not `modelled` have none."""

    raw: Extra
    modelled: bool = True
    blocks: dict[int, OpenBlock] = field(default_factory=dict)


def is_modelled(item: Extra) -> bool:
    return item.get("type") in ("message", "reasoning", "function_call", "custom_tool_call")


def skeleton_of(item: Extra, path: str) -> Part | None:
    """The block of an item that begins; None for messages, whose blocks are their parts."""
    match item.get("type"):
        case "reasoning":
            return Thinking("", extra={ITEM: noted(item)})
        case "function_call":
            return _call(item, path, "arguments")
        case "custom_tool_call":
            return _call(item, path, "input")
        case _:
            return None


def _call(item: Extra, path: str, where: str) -> Part:
    """Without arguments, which come as deltas, and without further fields, which come with the finished item."""
    call = read_call({**item, where: ""}, path, where)
    call.extra = {key: value for key, value in call.extra.items() if key.startswith("_")}
    if call.extra[ITEM].get("status") == "in_progress":
        call.extra[ITEM]["status"] = "completed"
    return call


def text_skeleton(kind: str) -> Text | Refusal | None:
    """The block of a message's part; None for kinds that are not modelled."""
    return Text("") if kind == "output_text" else Refusal("") if kind == "refusal" else None


def message_extra(item: Extra) -> Extra:
    """What the first part of a message notes of it."""
    note = noted(item)
    if note.get("status") == "in_progress":
        note["status"] = "completed"
    others = rest(item, ("type", "id", "status", "role", "content"))
    return {ITEM: note, **({"item": others} if others else {})}
