"""Events of any origin to chunks."""

from __future__ import annotations

from dataclasses import dataclass, field

from proxy_core.protocols.contract import View
from proxy_core.protocols.openai_chat import reasoning
from proxy_core.protocols.openai_chat.faults import write_stream_fault
from proxy_core.protocols.openai_chat.finishes import finish_word
from proxy_core.protocols.openai_chat.ids import made_call_id, made_id
from proxy_core.protocols.openai_chat.reply_write import (
    called,
    created_at,
    kept,
    shown_other,
    speaks_functions,
    thought_field,
)
from proxy_core.protocols.openai_chat.tables import NAME, TITLE
from proxy_core.protocols.openai_chat.usage import write_usage
from proxy_core.turn.content import Extra, Part, Refusal, Seal, Text, Thinking, ToolCall
from proxy_core.turn.events import (
    ArgumentsDelta,
    BlockEnded,
    BlockStarted,
    Ended,
    Event,
    ExtraDelta,
    Failed,
    Finished,
    Ping,
    SealDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    Unknown,
    UsageReported,
)
from proxy_core.turn.fold import merged_usage
from proxy_core.turn.reply import Usage
from proxy_core.wire.json import dumps

_DONE = b"data: [DONE]\n\n"
_PING = b": ping\n\n"
_TAIL = b'},"logprobs":null,"finish_reason":null}]}\n\n'


@dataclass(slots=True)
class _Block:
    """An open block. A delta's chunk is `head`, the text as JSON, `tail`."""

    part: Part
    choice: int
    head: bytes = b""
    tail: bytes = _TAIL
    call: int = 0
    seal: Seal | None = None
    thoughts: list[str] = field(default_factory=list)
    empty: bool = True


class ChatStreamWriter:
    def __init__(self, view: View) -> None:
        self._view = view
        self._functions = speaks_functions(view)
        self._own = False
        self._over = False
        self._head = b""
        self._blocks: dict[int, _Block] = {}
        self._calls: dict[int, int] = {}
        self._images: dict[int, int] = {}
        self._opened: set[int] = set()
        self._finished: set[int] = set()
        self._refused: set[int] = set()
        self._usage: Usage | None = None

    def write(self, event: Event) -> bytes:
        if type(event) is TextDelta and event.logprobs is None:
            block = self._blocks.get(event.block)
            return block.head + dumps(event.text) + block.tail if block else b""
        return b"" if self._over else self._write(event)

    def _write(self, event: Event) -> bytes:
        match event:
            case TextDelta() | ThinkingDelta() | ArgumentsDelta():
                return self._delta(event)
            case BlockStarted():
                return self._block_started(event)
            case BlockEnded():
                return self._block_ended(event.block)
            case SealDelta():
                return self._sealed(event.block, event.seal)
            case ExtraDelta():
                return self._more(event)
            case Started():
                return self._start(event)
            case Finished():
                return self._finish(event)
            case UsageReported():
                self._usage = merged_usage(self._usage, event.usage)
                return b""
            case Ended():
                return self._end(event)
            case Failed():
                self._close()
                return write_stream_fault(event.fault)
            case Ping():
                return _PING
            case Unknown():
                self._view.losses.drop(event.kind, f"{TITLE} has no such event")
                return b""

    # -- chunks

    def _start(self, event: Started) -> bytes:
        self._own = event.origin == NAME
        if event.usage:
            self._usage = merged_usage(self._usage, event.usage)
        first = {
            "id": event.id or made_id(),
            "object": "chat.completion.chunk",
            "created": created_at(event.created, self._view),
            "model": self._view.model,
        }
        self._head = b"data: " + dumps(first)[:-1]
        return self._role(0, kept(event.extra, self._own, "", self._view))

    def _role(self, choice: int, beside: Extra | None = None) -> bytes:
        """The first chunk of a choice."""
        self._opened.add(choice)
        if not self._head:
            return self._start(Started("", self._view.model))
        return self._chunk(choice, {"role": "assistant", "content": ""}, beside=beside)

    def _chunk(
        self,
        choice: int,
        delta: Extra,
        finish: str | None = None,
        more: Extra | None = None,
        beside: Extra | None = None,
    ) -> bytes:
        """`more` are fields of the choice, `beside` of the chunk."""
        fields = {"index": choice, "delta": delta, "logprobs": None, "finish_reason": finish, **(more or {})}
        rest = b"," + dumps(beside)[1:-1] if beside else b""
        return self._head + rest + b',"choices":[' + dumps(fields) + b"]}\n\n"

    def _delta_head(self, choice: int, opening: str) -> bytes:
        return self._head + b',"choices":[{"index":%d,"delta":{%s' % (choice, opening.encode())

    # -- blocks

    def _block_started(self, event: BlockStarted) -> bytes:
        out = b"" if event.choice in self._opened else self._role(event.choice)
        part = event.part
        block = _Block(part, event.choice)
        match part:
            case Text():
                block.head = self._delta_head(event.choice, '"content":')
                out += self._text_started(block, part)
            case Refusal():
                self._refused.add(event.choice)
                block.head = self._delta_head(event.choice, '"refusal":')
            case Thinking():
                block.head = self._delta_head(event.choice, f'"{thought_field(part.extra)}":')
                block.seal = part.seal
            case ToolCall():
                out += self._call_started(block, part)
            case _:
                path = f"choices[{event.choice}]"
                other = shown_other(part, self._view, path)
                return out + self._chunk(event.choice, self._numbered(other, event.choice)) if other else out
        self._blocks[event.block] = block
        return out + self._first_text(block, part)

    def _first_text(self, block: _Block, part: Part) -> bytes:
        """What the skeleton holds already."""
        match part:
            case Text() | Refusal() | Thinking() if part.text:
                return self._piece(block, part.text)
            case ToolCall() if part.arguments:
                return self._piece(block, part.arguments)
            case _:
                return b""

    def _text_started(self, block: _Block, part: Text) -> bytes:
        out = b""
        if part.seal:
            out += self._signature(block.choice, part.seal)
        extra = kept(part.extra, self._own, f"choices[{block.choice}]", self._view)
        return out + self._chunk(block.choice, {"content": "", **extra}) if extra else out

    def _call_started(self, block: _Block, part: ToolCall) -> bytes:
        choice = block.choice
        block.call = self._calls.get(choice, 0)
        self._calls[choice] = block.call + 1
        if self._functions:
            block.head = self._delta_head(choice, '"function_call":{"arguments":')
            block.tail = b"}" + _TAIL
            return self._chunk(choice, {"function_call": {"name": part.name, "arguments": ""}})
        kind, text = ("custom", "input") if part.custom else ("function", "arguments")
        block.head = self._delta_head(choice, f'"tool_calls":[{{"index":{block.call},"{kind}":{{"{text}":')
        block.tail = b"}}]" + _TAIL
        extra = kept(part.extra, self._own, f"choices[{choice}].tool_calls[{block.call}]", self._view)
        inner = extra.pop("function", {})
        call = {"index": block.call, "id": part.id or made_call_id(), **called(part, "", inner), **extra}
        if part.seal:
            call["extra_content"] = reasoning.shown_thought_signature(part.seal)
        return self._chunk(choice, {"tool_calls": [call]})

    def _numbered(self, other: Extra, choice: int) -> Extra:
        """Native calls that only chat knows take their number in the order of calls, and pictures in theirs: the
        official SDK puts entries of a list together by their `index`."""
        if "images" in other:
            number = self._images.get(choice, 0)
            self._images[choice] = number + 1
            return {"images": [{**other["images"][0], "index": number}]}
        if "tool_calls" in other:
            number = self._calls.get(choice, 0)
            self._calls[choice] = number + 1
            return {"tool_calls": [{**other["tool_calls"][0], "index": number}]}
        return other

    def _delta(self, event: TextDelta | ThinkingDelta | ArgumentsDelta) -> bytes:
        block = self._blocks.get(event.block)
        if block is None:
            return b""
        if type(event) is TextDelta and event.logprobs is not None:
            logprobs = {"logprobs": {"content": event.logprobs, "refusal": None}}
            return self._chunk(block.choice, {"content": event.text}, more=logprobs)
        return self._piece(block, event.text)

    def _piece(self, block: _Block, text: str) -> bytes:
        if isinstance(block.part, Thinking):
            block.thoughts.append(text)
        block.empty = block.empty and not text
        return block.head + dumps(text) + block.tail

    def _sealed(self, number: int, seal: Seal) -> bytes:
        block = self._blocks.get(number)
        match block and block.part:
            case Thinking() if block:
                block.seal = seal
            case Text() if block:
                return self._signature(block.choice, seal)
            case ToolCall() if block and not self._functions:
                call = {"index": block.call, "extra_content": reasoning.shown_thought_signature(seal)}
                return self._chunk(block.choice, {"tool_calls": [call]})
        return b""

    def _signature(self, choice: int, seal: Seal) -> bytes:
        return self._chunk(choice, {"content": "", "extra_content": reasoning.shown_thought_signature(seal)})

    def _more(self, event: ExtraDelta) -> bytes:
        block = self._blocks.get(event.block)
        if block is None:
            return b""
        extra = kept(event.extra, self._own, f"choices[{block.choice}]", self._view)
        return self._chunk(block.choice, extra) if extra else b""

    def _block_ended(self, number: int) -> bytes:
        block = self._blocks.pop(number, None)
        match block and block.part:
            case Thinking() as part if block:
                thinking = Thinking("".join(block.thoughts), block.seal, part.redacted)
                details = reasoning.shown_details(thinking, 0)
                return self._chunk(block.choice, {"reasoning_details": details}) if details else b""
            case ToolCall(custom=False) if block and block.empty and not self._own:
                return self._piece(block, "{}")
        return b""

    # -- the end

    def _finish(self, event: Finished) -> bytes:
        out = b"" if event.choice in self._opened else self._role(event.choice)
        for number, block in list(self._blocks.items()):
            if block.choice == event.choice:
                out += self._block_ended(number)
        self._finished.add(event.choice)
        word = finish_word(event.reason, event.raw, self._own, self._functions, event.choice in self._refused)
        more = kept(event.extra, self._own, f"choices[{event.choice}]", self._view)
        return out + self._chunk(event.choice, more.pop("message", {}), word, more)

    def _end(self, event: Ended) -> bytes:
        out = b""
        for choice in sorted(self._opened - self._finished or ({0} if not self._finished else ())):
            reason = "tool_calls" if self._calls.get(choice) else "stop"
            out += self._finish(Finished(reason, choice=choice))
        extra = kept(event.extra, self._own, "", self._view)
        if self._usage and not self._own:
            self._view.losses.drop_extra("usage", self._usage.extra, TITLE)
        if self._view.request.include_usage and self._usage:
            extra = {"usage": write_usage(self._usage, self._own), **extra}
        if extra:
            out += self._head + b',"choices":[],' + dumps(extra)[1:] + b"\n\n"
        self._close()
        return out + _DONE

    def _close(self) -> None:
        self._over = True
        self._blocks.clear()
