"""Events written as a Messages stream. https://platform.claude.com/docs/en/build-with-claude/streaming"""

from __future__ import annotations

from typing import Any

from proxy_core.errors import Fault
from proxy_core.protocols.anthropic.faults import write_stream_fault
from proxy_core.protocols.anthropic.finish import TITLE, failure, stop_fields
from proxy_core.protocols.anthropic.ids import message_id
from proxy_core.protocols.anthropic.names import ORIGIN
from proxy_core.protocols.anthropic.stream_blocks import BlockWriter
from proxy_core.protocols.anthropic.stream_events import DELTA_END, MESSAGE_STOP, PING, event
from proxy_core.protocols.anthropic.usage import write_delta_usage, write_usage
from proxy_core.protocols.contract import View
from proxy_core.turn.content import Extra
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
from proxy_core.turn.sequence import Sequencer
from proxy_core.wire.json import dumps
from proxy_core.wire.sse import render

_IN_DELTA = ("container",)
"""What `message_delta` has inside its `delta`; other fields about the whole reply stand beside it."""


class AnthropicWriter:
    """`message_delta` waits for the end, since usage may come after the finish reason and nothing may follow it."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._blocks = BlockWriter(view.losses)
        self._sequencer = Sequencer()
        self._hidden: set[int] = set()
        """Blocks of further choices, which a message cannot show."""
        self._started = False
        self._done = False
        self._usage: Usage | None = None
        self._finish: Finished | None = None

    def write(self, event: Event) -> bytes:
        blocks = self._blocks
        if (
            isinstance(event, (TextDelta, ThinkingDelta, ArgumentsDelta))
            and event.block == blocks.live
            and type(event) is blocks.takes
        ):
            return blocks.prefix + dumps(event.text) + DELTA_END
        if self._done or self._is_hidden(event):
            return b""
        if isinstance(event, Failed):
            return self._fail(event.fault)
        return b"".join([self._write(ordered) for ordered in self._sequencer.feed(event)])

    def _is_hidden(self, event: Event) -> bool:
        match event:
            case BlockStarted() | Finished() if event.choice:
                self._view.losses.drop(f"choices[{event.choice}]", f"{TITLE} shows one choice only")
                if isinstance(event, BlockStarted):
                    self._hidden.add(event.block)
                return True
            case TextDelta() | ThinkingDelta() | ArgumentsDelta() | SealDelta() | ExtraDelta() | BlockEnded():
                return event.block in self._hidden
            case _:
                return False

    def _write(self, event: Event) -> bytes:
        match event:
            case TextDelta() | ThinkingDelta() | ArgumentsDelta():
                return self._blocks.delta(event.text)
            case BlockStarted():
                return self._start_if_due() + self._blocks.begin(event)
            case BlockEnded():
                return self._blocks.end()
            case SealDelta():
                self._blocks.seal(event.seal)
            case ExtraDelta():
                return self._blocks.more(event.extra)
            case UsageReported():
                self._usage = merged_usage(self._usage, event.usage)
            case Finished():
                self._finish = self._finish or event
            case Ping():
                return PING
            case Started():
                return self._start(event)
            case Unknown():
                return self._unknown(event)
            case Ended():
                return self._end(event.extra)
            case Failed():
                return self._fail(event.fault)
        return b""

    def _start(self, started: Started) -> bytes:
        if self._started:
            return b""
        self._started = True
        self._blocks.origin = started.origin
        self._usage = started.usage
        message = {
            "id": message_id(started.id),
            "type": "message",
            "role": "assistant",
            "model": self._view.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            **self._blocks.kept("", started.extra),
            "usage": write_usage(started.usage, self._blocks.own),
        }
        return event("message_start", message=message)

    def _start_if_due(self) -> bytes:
        return b"" if self._started else self._start(Started("", self._view.model))

    def _unknown(self, unknown: Unknown) -> bytes:
        raw = unknown.raw if unknown.origin == ORIGIN and self._started else None
        if raw and unknown.kind == "content_block_delta":
            raw = self._blocks.unknown_delta(raw)
        if raw:
            return render(dumps(raw), unknown.kind)
        self._view.losses.drop(unknown.kind, f"{TITLE} has no such event")
        return b""

    def _end(self, extra: Extra) -> bytes:
        if self._finish and (fault := failure(self._finish.reason, self._finish.raw)):
            return self._fail(fault)
        self._done = True
        blocks = self._blocks
        ended = self._start_if_due() + blocks.close()
        kept = blocks.kept("", extra)
        delta: dict[str, Any] = self._stop_fields()
        delta |= {key: kept[key] for key in _IN_DELTA if key in kept}
        beside = {key: value for key, value in kept.items() if key not in _IN_DELTA}
        if self._usage:
            blocks.kept("usage", self._usage.extra)
        usage = write_delta_usage(self._usage, blocks.own)
        return ended + event("message_delta", delta=delta, usage=usage, **beside) + MESSAGE_STOP

    def _stop_fields(self) -> dict[str, Any]:
        finish, blocks = self._finish, self._blocks
        if finish is None:
            return stop_fields(None, None, None, blocks.own, blocks.called_tools)
        details = blocks.kept("", finish.extra)
        return stop_fields(finish.reason, finish.raw, finish.stop_sequence, blocks.own, blocks.called_tools) | details

    def _fail(self, fault: Fault) -> bytes:
        """Behind a `message_start`, without which Claude Code takes the answer for malformed and does not try again."""
        self._done = True
        self._blocks.takes = None
        return self._start_if_due() + write_stream_fault(fault)
