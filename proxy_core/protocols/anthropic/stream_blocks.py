"""The content blocks of a stream, one after another.

A text or thinking block is opened by its first words only: a client sends an empty text block back, and Anthropic
refuses the whole conversation for it ever after.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from proxy_core.protocols.anthropic.content_write import carrier_block, write_block
from proxy_core.protocols.anthropic.finish import LAST_IS_ANSWER, TITLE
from proxy_core.protocols.anthropic.ids import ToolIds
from proxy_core.protocols.anthropic.names import ORIGIN, UNSIGNED
from proxy_core.protocols.anthropic.stream_events import DELTA_END, block_start, block_stop, delta_start, one_delta
from proxy_core.turn.content import Extra, Opaque, Part, ProtocolName, Refusal, Seal, Text, Thinking, ToolCall
from proxy_core.turn.events import ArgumentsDelta, BlockStarted, TextDelta, ThinkingDelta
from proxy_core.turn.losses import Losses
from proxy_core.turn.seals import sealed_for
from proxy_core.wire.json import dumps

_DELTAS: Mapping[type, tuple[type, str, str]] = {
    Text: (TextDelta, "text_delta", "text"),
    Refusal: (TextDelta, "text_delta", "text"),
    Thinking: (ThinkingDelta, "thinking_delta", "thinking"),
    ToolCall: (ArgumentsDelta, "input_json_delta", "partial_json"),
}


@dataclass(slots=True)
class _Block:
    """The block whose turn it is. `index` is None until the client has seen its start."""

    number: int
    part: Part
    seal: Seal | None = None
    index: int | None = None


class BlockWriter:
    """`live`, `takes` and `prefix`: which deltas may go straight out (`direct`), and what stands before their text."""

    def __init__(self, losses: Losses) -> None:
        self.origin: ProtocolName | None = None
        self.live: int | None = None
        self.takes: type | None = None
        self.prefix = b""
        self.called_tools = False
        self._losses = losses
        self._block: _Block | None = None
        self._next_index = 0
        self._waiting: list[dict[str, Any]] = []
        """Thinking blocks without text: thoughts, and carriers of seals for texts already shown. They go out when
        another block follows, since Claude Code takes the last block of a message for its answer."""
        self._tool_ids = ToolIds()

    @property
    def own(self) -> bool:
        return self.origin == ORIGIN

    def kept(self, path: str, extra: Extra) -> Extra:
        """`extra` where it is this protocol's own."""
        if self.own:
            return extra
        self._losses.drop_extra(path, extra, TITLE)
        return {}

    def begin(self, started: BlockStarted) -> bytes:
        part = started.part
        match part:
            case Text() | Refusal():
                seal = part.seal if isinstance(part, Text) else None
                self._block = _Block(started.block, part, seal)
                self._report_extra(part.extra)
                return self.delta(part.text)
            case Thinking() if not (part.redacted and part.seal and part.seal.origin == ORIGIN):
                self._block = _Block(started.block, replace(part, redacted=False), part.seal)
                self._report_extra(part.extra)
                return self.delta(part.text)
            case ToolCall():
                return self._begin_call(started.block, part)
            case _:
                return self._begin_whole(started.block, part)

    def _begin_call(self, number: int, call: ToolCall) -> bytes:
        self.called_tools = True
        shown = replace(call, id=self._tool_ids.shown(call.id))
        current = self._block = _Block(number, shown, call.seal)
        opened = self._open(current)
        if call.custom:
            self._losses.change(f"content[{current.index}].input", "free text is shown as the argument `input`")
            self.takes = None
            opened += self._partial_json('{"input":"')
        return opened + self.delta(call.arguments)

    def _begin_whole(self, number: int, part: Part) -> bytes:
        """A block that is complete at its start; clients build the input of a server tool from deltas, as any."""
        block = write_block(part, own=self.own) if isinstance(part, Opaque | Thinking) else None
        if block is None:
            self._losses.drop(f"content[{self._next_index}]", f"{TITLE} has no such part in replies")
            self._block = None
            return b""
        before, index = self._waited(), self._take_index()
        self._block = _Block(number, part, index=index)
        given = block.get("input")
        if not given:
            return before + block_start(index, block)
        text = given if isinstance(given, str) else dumps(given).decode()
        started = before + block_start(index, {**block, "input": {}})
        return started + one_delta(index, "input_json_delta", "partial_json", text)

    def _report_extra(self, extra: Extra) -> None:
        self.kept(f"content[{self._next_index}]", extra)

    def _take_index(self) -> int:
        self._next_index += 1
        return self._next_index - 1

    def _open(self, current: _Block) -> bytes:
        """The block's start, after what has to stand before it. From here on its deltas go straight out."""
        before = self._waited()
        if not isinstance(current.part, Thinking):
            before += self._carried(current)
        index = current.index = self._take_index()
        self.takes, kind, field = _DELTAS[type(current.part)]
        self.live, self.prefix = current.number, delta_start(index, kind, field)
        return before + block_start(index, self._skeleton(current.part))

    def _skeleton(self, part: Part) -> dict[str, Any]:
        match part:
            case Text() | Refusal():
                part = replace(part, text="")
            case Thinking():
                part = replace(part, text="", seal=None)
            case ToolCall():
                part = replace(part, arguments="", custom=False)
            case _:
                pass
        return write_block(part, own=self.own) or {}

    def _carried(self, current: _Block, *, previous: bool = False) -> bytes:
        """A block of its own for a seal that this protocol has no field for."""
        seal, current.seal = current.seal, None
        return self._textless(carrier_block(seal, previous=previous)) if seal and seal.origin != ORIGIN else b""

    def _waited(self) -> bytes:
        waiting, self._waiting = self._waiting, []
        return b"".join([self._textless(block) for block in waiting])

    def _textless(self, block: dict[str, Any]) -> bytes:
        index = self._take_index()
        started = block_start(index, {**block, "signature": ""})
        return started + one_delta(index, "signature_delta", "signature", block["signature"]) + block_stop(index)

    def delta(self, text: str) -> bytes:
        """Deltas that may not go straight out: the first of a block, and those of free text."""
        current = self._block
        if current is None or not text:
            return b""
        opened = self._open(current) if current.index is None else b""
        if isinstance(current.part, ToolCall) and current.part.custom:
            return self._partial_json(dumps(text)[1:-1].decode())
        return opened + self.prefix + dumps(text) + DELTA_END

    def _partial_json(self, text: str) -> bytes:
        return self.prefix + dumps(text) + DELTA_END

    def seal(self, seal: Seal) -> None:
        if self._block:
            self._block.seal = seal

    def more(self, extra: Extra) -> bytes:
        """Citations come one by one; nothing else is said in deltas."""
        current = self._block
        citations = self.kept(f"content[{self._next_index - 1}]", extra).get("citations")
        if current is None or not citations:
            return b""
        opened = self._open(current) if current.index is None else b""
        index = current.index or 0
        return opened + b"".join(one_delta(index, "citations_delta", "citation", citation) for citation in citations)

    def unknown_delta(self, raw: dict[str, Any]) -> dict[str, Any] | None:
        """A native delta that is not modelled, for the block that is open; None when it cannot be placed."""
        return {**raw, "index": self._block.index} if self._block and self._block.index is not None else None

    def end(self) -> bytes:
        current, self._block = self._block, None
        self.live = self.takes = None
        match current:
            case None:
                return b""
            case _Block(part=Thinking(redacted=False)):
                return self._end_thinking(current)
            case _Block(part=ToolCall(custom=custom), index=int(index)):
                ending = self._partial_json('"}') if custom else b""
                return ending + block_stop(index) + self._carried(current, previous=True)
            case _:
                return self._end_text(current)

    def _end_thinking(self, current: _Block) -> bytes:
        index, seal = current.index, current.seal
        if index is None:
            if seal:
                self._waiting.append(write_block(replace(current.part, seal=seal), own=self.own) or {})
            return b""
        if seal is None and not self.own:
            seal = UNSIGNED
        if seal is None:
            return block_stop(index)
        return one_delta(index, "signature_delta", "signature", sealed_for(seal, ORIGIN)) + block_stop(index)

    def _end_text(self, current: _Block) -> bytes:
        if current.seal and current.seal.origin != ORIGIN:
            self._waiting.append(carrier_block(current.seal, previous=True))
        return b"" if current.index is None else block_stop(current.index)

    def close(self) -> bytes:
        """Nothing follows any more."""
        ended = self.end()
        if self.own or not self._next_index:
            return ended + self._waited()
        for _ in self._waiting:
            self._losses.drop(f"content[{self._next_index}].signature", LAST_IS_ANSWER)
        return ended
