"""Events into Gemini's stream: SSE, or one JSON array where the client did not ask for `alt=sse`.

Calls go out whole, as Gemini's own do; the finish reasons and the usage share the last chunk, since clients read
nothing behind a finish reason.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from typing import Any

from proxy_core.errors import Fault
from proxy_core.protocols.contract import View
from proxy_core.protocols.gemini.candidate import FEEDBACK, write_logprobs
from proxy_core.protocols.gemini.faults import write_fault
from proxy_core.protocols.gemini.finish import write_finish
from proxy_core.protocols.gemini.names import ORIGIN, public
from proxy_core.protocols.gemini.reply import candidate_extra, joined, reply_parts, usage_metadata
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
from proxy_core.turn.fold import merge_extra, merged_usage
from proxy_core.turn.reply import Usage
from proxy_core.turn.sequence import Sequencer
from proxy_core.wire.json import dumps

_HEAD = b'{"candidates":[{"content":{"parts":['
_TEXT = _HEAD + b'{"text":'
_THOUGHT = _HEAD + b'{"thought":true,"text":'
_PING = b"\r\n"
"""Google's Python SDK takes an SSE comment for JSON and fails; a bare line end is harmless in either framing, once
there was something: older parsers want a stream to begin with data
(https://github.com/google-gemini/deprecated-generative-ai-js/blob/main/packages/main/src/requests/response-helpers.ts)."""
_TITLE = "Gemini"


@dataclass(slots=True)
class _Block:
    """An open block. `plain`: its text goes out as it comes, with nothing beside it."""

    part: Part
    choice: int
    head: bytes
    tail: bytes
    plain: bool
    pieces: list[str] = field(default_factory=list)
    late: Seal | None = None


class GeminiWriter:
    def __init__(self, view: View) -> None:
        self._view = view
        self._is_array = view.framing == "json_array"
        self._lead = b"[" if self._is_array else b"data: "
        self._next_lead = b",\r\n" if self._is_array else self._lead
        self._trail = b"" if self._is_array else b"\r\n\r\n"
        self._begun = False
        self._over = False
        self._started = Started("", "")
        self._named = b""
        self._tails: dict[int, bytes] = {}
        self._sequencers: dict[int, Sequencer] = {}
        self._choices: dict[int, int] = {}
        self._open: dict[int, _Block] = {}
        self._finished: dict[int, Finished] = {}
        self._usage: Usage | None = None
        self._name(self._started)

    def write(self, event: Event) -> bytes:
        if self._over:
            return b""
        match event:
            case TextDelta() | ThinkingDelta():
                block = self._open.get(event.block)
                if block is not None and block.plain:
                    return self._write_plain(block, event)
                return self._in_order(event)
            case ArgumentsDelta() | SealDelta() | ExtraDelta() | BlockStarted() | BlockEnded():
                return self._in_order(event)
            case Finished():
                self._finished.setdefault(event.choice, event)
                return self._in_order(event)
            case UsageReported():
                self._usage = merged_usage(self._usage, event.usage)
                return b""
            case Started():
                return self._start(event)
            case Ping():
                return _PING if self._begun else b""
            case Unknown():
                self._view.losses.drop(event.kind, f"{_TITLE} has no such event")
                return b""
            case Ended():
                return self._end(event)
            case Failed():
                return self._fail(event.fault)

    def _write_plain(self, block: _Block, event: TextDelta | ThinkingDelta) -> bytes:
        if isinstance(event, TextDelta) and event.logprobs:
            return self._write_parts(block.choice, [{"text": event.text}], event.logprobs)
        if not event.text:
            return b""
        lead, self._lead, self._begun = self._lead, self._next_lead, True
        return lead + block.head + dumps(event.text) + block.tail

    def _start(self, event: Started) -> bytes:
        self._started = event
        self._name(event)
        if event.usage:
            self._usage = merged_usage(self._usage, event.usage)
        return b""

    def _name(self, started: Started) -> None:
        reply_id = started.id or uuid.uuid4().hex
        self._named = b'"modelVersion":' + dumps(self._view.model) + b',"responseId":' + dumps(reply_id) + b"}"
        self._tails.clear()

    def _tail(self, choice: int) -> bytes:
        if choice not in self._tails:
            index = str(choice).encode()
            self._tails[choice] = b'}],"role":"model"},"index":' + index + b"}]," + self._named + self._trail
        return self._tails[choice]

    def _in_order(self, event: Event) -> bytes:
        """A block that starts while another of its choice is open waits for the other's end."""
        choice = self._choice_of(event)
        if choice is None:
            return b""
        if choice not in self._sequencers:
            self._sequencers[choice] = Sequencer()
        freed = self._sequencers[choice].feed(event)
        return b"".join([self._write_block_event(one) for one in freed])

    def _choice_of(self, event: Event) -> int | None:
        match event:
            case BlockStarted():
                self._choices[event.block] = event.choice
                return event.choice
            case Finished():
                return event.choice
            case TextDelta() | ThinkingDelta() | ArgumentsDelta() | SealDelta() | ExtraDelta() | BlockEnded():
                return self._choices.get(event.block)
            case _:
                return None

    def _write_block_event(self, event: Event) -> bytes:
        if isinstance(event, BlockStarted):
            return self._open_block(event)
        if not isinstance(event, TextDelta | ThinkingDelta | ArgumentsDelta | SealDelta | ExtraDelta | BlockEnded):
            return b""
        block = self._open.get(event.block)
        if block is None:
            return b""
        match event:
            case BlockEnded():
                del self._open[event.block]
                return self._close_block(block)
            case SealDelta():
                block.late = event.seal
            case ExtraDelta():
                self._add_extra(block, event.extra)
            case TextDelta() | ThinkingDelta() if block.plain:
                return self._write_plain(block, event)
            case TextDelta() | ThinkingDelta() | ArgumentsDelta():
                return self._add_piece(block, event)
        return b""

    def _open_block(self, event: BlockStarted) -> bytes:
        part = event.part
        block = _Block(part, event.choice, b"", b"", False)
        self._open[event.block] = block
        match part:
            case Text(logprobs=None) | Refusal():
                return self._open_text(block, part, _TEXT)
            case Thinking():
                return self._open_text(block, part, _THOUGHT)
            case Text():
                block.pieces.append(part.text)
            case ToolCall():
                block.pieces.append(part.arguments)
            case _:
                pass
        return b""

    def _open_text(self, block: _Block, part: Text | Thinking | Refusal, head: bytes) -> bytes:
        """A signature that is known before the text goes out with Gemini's own text, else behind the text."""
        seal = None if isinstance(part, Refusal) else part.seal
        if self._own and (seal or part.extra):
            block.pieces.append(part.text)
            return b""
        if part.extra:
            self._view.losses.drop_extra(_path(block), part.extra, _TITLE)
        block.head, block.tail, block.plain, block.late = head, self._tail(block.choice), True, seal
        return self._write_plain(block, TextDelta(0, part.text))

    @property
    def _own(self) -> bool:
        return self._started.origin == ORIGIN

    def _add_extra(self, block: _Block, extra: Extra) -> None:
        if self._own and not block.plain:
            block.part = replace(block.part, extra=dict(block.part.extra))
            merge_extra(block.part.extra, extra)
        else:
            self._view.losses.drop_extra(_path(block), extra, _TITLE)

    def _add_piece(self, block: _Block, event: TextDelta | ThinkingDelta | ArgumentsDelta) -> bytes:
        block.pieces.append(event.text)
        if isinstance(event, TextDelta) and event.logprobs and isinstance(block.part, Text):
            block.part = replace(block.part, logprobs=(block.part.logprobs or []) + event.logprobs)
        return b""

    def _close_block(self, block: _Block) -> bytes:
        part = _completed(block)
        if part is None:
            return b""
        logprobs = part.logprobs if isinstance(part, Text) else None
        parts = reply_parts(part, self._own, self._view.losses, _path(block))
        return self._write_parts(block.choice, parts, logprobs) if parts else b""

    def _write_parts(self, choice: int, parts: list[dict[str, Any]], logprobs: list[Any] | None) -> bytes:
        candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": choice}
        if logprobs:
            candidate["logprobsResult"] = write_logprobs(logprobs)
        return self._write_chunk({"candidates": [candidate]})

    def _write_chunk(self, chunk: dict[str, Any]) -> bytes:
        lead, self._lead, self._begun = self._lead, self._next_lead, True
        return lead + dumps(chunk)[:-1] + b"," + self._named + self._trail

    def _end(self, event: Ended) -> bytes:
        rest = b"".join([self._in_order(Finished("stop", choice=choice)) for choice in self._sequencers])
        self._over = True
        chunk = self._last_chunk(event)
        return rest + self._write_chunk(chunk) + (b"]" if self._is_array else b"")

    def _last_chunk(self, event: Ended) -> dict[str, Any]:
        extra = {**self._started.extra, **event.extra}
        if not self._own:
            self._view.losses.drop_extra("", extra, _TITLE)
        chunk: dict[str, Any] = dict(public(extra)) if self._own else {}
        candidates = []
        for choice in sorted(self._sequencers.keys() | self._finished.keys()) or [0]:
            finished = self._finished.get(choice) or Finished("stop", choice=choice)
            if self._own and FEEDBACK in finished.extra:
                chunk[FEEDBACK] = finished.extra[FEEDBACK]
            else:
                candidates.append(self._last_candidate(finished))
        if candidates:
            chunk = {"candidates": candidates, **chunk}
        if self._usage:
            chunk["usageMetadata"] = usage_metadata(self._usage, self._own, self._view.losses)
        return chunk

    def _last_candidate(self, finished: Finished) -> dict[str, Any]:
        candidate = {
            "content": {"parts": [{"text": ""}], "role": "model"},
            "finishReason": write_finish(finished.reason, finished.raw, self._own),
            "index": finished.choice,
        }
        path = f"choices[{finished.choice}]"
        return joined(candidate, candidate_extra(finished.extra, self._own, self._view.losses, path))

    def _fail(self, fault: Fault) -> bytes:
        """What calls are still open is not shown: half a call must not run."""
        self._over = True
        return self._lead + dumps(write_fault(fault)) + (b"]" if self._is_array else self._trail)


def _path(block: _Block) -> str:
    return f"choices[{block.choice}].parts"


def _completed(block: _Block) -> Part | None:
    """The part to write when a block ends; None when all of it has been written."""
    part, text = block.part, "".join(block.pieces)
    if block.plain:
        if block.late is None or not isinstance(part, Text | Thinking):
            return None
        return replace(part, text="", seal=block.late, extra={})
    match part:
        case Text() | Thinking() | Refusal():
            part = replace(part, text=text)
        case ToolCall():
            part = replace(part, arguments=text)
        case _:
            return part
    return replace(part, seal=block.late) if block.late and not isinstance(part, Refusal) else part
