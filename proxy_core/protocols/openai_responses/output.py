"""The output of a response as it grows: its items, their places and ids, and the message that further texts join."""

from __future__ import annotations

from proxy_core.profiles.target import Target
from proxy_core.protocols.contract import View
from proxy_core.protocols.openai_responses.items_read import PREVIOUS
from proxy_core.protocols.openai_responses.names import ITEM, MADE_REASONING, ORIGIN
from proxy_core.protocols.openai_responses.output_items import Item, Message, Native
from proxy_core.protocols.openai_responses.writing import Writing
from proxy_core.turn.content import Extra, Seal
from proxy_core.turn.seals import sealed_for

_PREFIXES = {
    "message": "msg_",
    "reasoning": MADE_REASONING,
    "function_call": "fc_",
    "custom_tool_call": "ctc_",
    "image_generation_call": "ig_",
}


class Output:
    """`seed` is what the made-up ids have in common. `refused` is whether the reply holds a refusal."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.writing = Writing(Target(view.model), view.losses, own=False)
        self.seed = ""
        self.refused = False
        self.message: Message | None = None
        self._items: dict[int, Extra] = {}
        self._next = 0
        self._indexes: dict[int, int] = {}

    @property
    def own(self) -> bool:
        return self.writing.own

    @property
    def items(self) -> list[Extra]:
        return [self._items[index] for index in sorted(self._items)]

    def reserve(self, native: int | None = None) -> int:
        """The place of a new item; `native` is the place it had in the backend's own reply."""
        index, self._next = self._next, self._next + 1
        if native is not None:
            self._indexes[native] = index
        return index

    def place_of(self, native: int) -> int:
        return self._indexes.get(native, native)

    def begun(self, native: int | None) -> int | None:
        """The place of an item whose beginning was passed on."""
        return None if native is None else self._indexes.get(native)

    def head(self, kind: str, index: int, note: Extra) -> Extra:
        """What identifies a new item; `note` is what its own reply said."""
        made = f"{_PREFIXES[kind]}{self.seed}_{index}"
        return {"id": note.get("id") or made, "type": kind, **{k: v for k, v in note.items() if k == "status"}}

    def finished(self, item: Item, raw: Extra) -> Native:
        item.raw = raw
        self._items[item.index] = raw
        return item.done()

    def whole(self, raw: Extra, index: int) -> list[Native]:
        """An item that has no beginnings."""
        self._items[index] = raw
        item = Item(index, raw, {}, raw)
        return [{"type": "response.output_item.added", "output_index": index, "item": raw}, item.done()]

    def open_message(self, extra: Extra) -> list[Native]:
        """The message for a text with these extras: the open one, unless the text begins another."""
        starts = self.own and ITEM in extra
        if self.message and not starts:
            return []
        closed = self.close_message()
        index = self.reserve()
        note = extra.get(ITEM, {}) if self.own else {}
        others = extra.get("item", {}) if self.own else {}
        head = {**self.head("message", index, note), "role": "assistant", **others}
        self.message = Message(index, head, {"content": []})
        return [*closed, self.message.added()]

    def close_message(self, cut: bool = False) -> list[Native]:
        """`cut`: the reply ended before the message did."""
        message, self.message = self.message, None
        if message is None:
            return []
        closed = message.close(cut)
        self._items[message.index] = message.raw
        return closed

    def carrier(self, seal: Seal | None, previous: bool = False) -> list[Native]:
        """A reasoning item that carries another provider's signature of the next or the previous part."""
        if seal is None or seal.origin == ORIGIN:
            return []
        carried = Seal(seal.origin, PREVIOUS + seal.data) if previous else seal
        closed = self.close_message()
        index = self.reserve()
        raw = {**self.head("reasoning", index, {}), "summary": []}
        return [*closed, *self.whole({**raw, "encrypted_content": sealed_for(carried, ORIGIN)}, index)]
