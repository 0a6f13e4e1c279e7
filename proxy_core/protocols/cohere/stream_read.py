"""A stream read into events. https://docs.cohere.com/docs/streaming"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from proxy_core.errors import Fault, FaultKind
from proxy_core.protocols.cohere.faults import fault_in
from proxy_core.protocols.cohere.finish import failure, finish_of
from proxy_core.protocols.cohere.logprobs import read_logprobs
from proxy_core.protocols.cohere.names import ORIGIN, record_in, records_in, rest, text_in
from proxy_core.protocols.cohere.reply import arguments_in, made_call_id, read_block
from proxy_core.protocols.cohere.usage import read_usage
from proxy_core.turn.content import Extra, Opaque, Part, Text, Thinking, ToolCall
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
    Started,
    TextDelta,
    ThinkingDelta,
    Unknown,
    UsageReported,
)
from proxy_core.wire.json import loads
from proxy_core.wire.sse import Frame
from proxy_core.wire.template import TextTemplate

_END = frozenset({"finish_reason", "usage", "error"})


class CohereReader:
    """One block of text or thoughts is open at a time. It ends when another begins, since citations of a text may come
    after its `content-end`; calls have numbers of their own."""

    def __init__(self) -> None:
        self._over = False
        self._started = False
        self._blocks = 0
        self._open: tuple[int, type] | None = None
        self._last_text: int | None = None
        self._calls: dict[Any, int] = {}
        self._silent: set[int] = set()
        self._called = False
        self._usual = TextTemplate()
        self._usual_block = 0

    def read(self, frame: Frame) -> Iterable[Event]:
        text = self._usual.text_of(frame.raw)
        if text is not None:
            return (TextDelta(self._usual_block, text),)
        if self._over:
            return ()
        data = frame.data
        if data is None or not data.strip():
            return (Ping(),)
        if data.strip() == b"[DONE]":
            return self.close()
        try:
            body = loads(data)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            shown = data[:200].decode("utf-8", "replace")
            return self._fail(Fault(FaultKind.UPSTREAM, f"The backend sent an event that cannot be read: {shown}"))
        events = self._event(body)
        self._learn(events, frame.raw)
        return events

    def close(self) -> Iterable[Event]:
        if self._over:
            return ()
        return self._fail(Fault(FaultKind.CUT, "The backend's stream ended before its message-end."))

    def _learn(self, events: list[Event], raw: bytes) -> None:
        match events:
            case [TextDelta(text=text, logprobs=None) as delta] if text:
                self._usual.learn(raw, text)
                self._usual_block = delta.block
            case _:
                pass

    def _fail(self, fault: Fault) -> list[Event]:
        self._over = True
        return [Failed(fault)]

    def _event(self, body: Extra) -> list[Event]:
        kind = body.get("type")
        reader = _EVENTS.get(kind) if isinstance(kind, str) else None
        if reader is None:
            if fault := fault_in(body):
                return self._fail(fault)
            return [Unknown(ORIGIN, str(kind), body)]
        events: list[Event] = []
        if not self._started:
            self._started = True
            events.append(Started(text_in(body.get("id")), "", origin=ORIGIN))
        reader(self, body, record_in(record_in(body.get("delta")).get("message")), events)
        return events

    def _message_start(self, body: Extra, message: Extra, events: list[Event]) -> None:
        """All that it says of the message is that there is nothing yet."""

    # -- content

    def _content_start(self, body: Extra, message: Extra, events: list[Event]) -> None:
        """A text that begins with nothing opens no block; what is no text comes whole."""
        self._close(events)
        block = record_in(message.get("content"))
        part = read_block(block)
        if isinstance(part, Opaque):
            events += [BlockStarted(self._blocks, part), BlockEnded(self._blocks)]
            self._blocks += 1
        elif part is not None:
            self._content(block, None, events)

    def _content_delta(self, body: Extra, message: Extra, events: list[Event]) -> None:
        self._content(record_in(message.get("content")), body.get("logprobs"), events)

    def _content(self, content: Extra, logprobs: Any, events: list[Event]) -> None:
        if thought := text_in(content.get("thinking")):
            self._think(thought, events)
        if text := text_in(content.get("text")):
            self._last_text = self._block(Text, Text(""), events)
            events.append(TextDelta(self._last_text, text, read_logprobs(logprobs)))

    def _content_end(self, body: Extra, message: Extra, events: list[Event]) -> None:
        """See the class."""

    def _tool_plan(self, body: Extra, message: Extra, events: list[Event]) -> None:
        if plan := text_in(message.get("tool_plan")):
            self._think(plan, events)

    def _think(self, text: str, events: list[Event]) -> None:
        events.append(ThinkingDelta(self._block(Thinking, Thinking(""), events), text))

    def _citation(self, body: Extra, message: Extra, events: list[Event]) -> None:
        raw = message.get("citations")
        citations = records_in([raw] if isinstance(raw, dict) else raw)
        if citations and self._open and self._open[0] == self._last_text:
            events.append(ExtraDelta(self._open[0], {"citations": citations}))

    def _block(self, kind: type, skeleton: Part, events: list[Event]) -> int:
        """The number of the open block of this kind; another is closed for it."""
        if self._open and self._open[1] is kind:
            return self._open[0]
        self._close(events)
        self._open = (self._blocks, kind)
        self._blocks += 1
        events.append(BlockStarted(self._open[0], skeleton))
        return self._open[0]

    def _close(self, events: list[Event]) -> None:
        if self._open:
            events.append(BlockEnded(self._open[0]))
            self._open = None

    # -- calls

    def _call_start(self, body: Extra, message: Extra, events: list[Event]) -> None:
        self._close(events)
        self._call_end(body, message, events)
        raw = _call_in(message)
        function = record_in(raw.get("function"))
        block, self._blocks = self._blocks, self._blocks + 1
        self._calls[body.get("index")] = block
        self._silent.add(block)
        self._called = True
        name, call_id = text_in(function.get("name")), text_in(raw.get("id")) or made_call_id()
        events.append(BlockStarted(block, ToolCall(call_id, name, "")))
        self._call_delta(body, message, events)

    def _call_delta(self, body: Extra, message: Extra, events: list[Event]) -> None:
        block = self._calls.get(body.get("index"))
        text = arguments_in(record_in(_call_in(message).get("function")))
        if block is not None and text:
            self._silent.discard(block)
            events.append(ArgumentsDelta(block, text))

    def _call_end(self, body: Extra, message: Extra, events: list[Event]) -> None:
        block = self._calls.pop(body.get("index"), None)
        if block is not None:
            self._end_call(block, events)

    def _end_call(self, block: int, events: list[Event]) -> None:
        if block in self._silent:
            events.append(ArgumentsDelta(block, "{}"))
        events.append(BlockEnded(block))

    # -- the end

    def _message_end(self, body: Extra, message: Extra, events: list[Event]) -> None:
        self._close(events)
        for block in self._calls.values():
            self._end_call(block, events)
        delta = record_in(body.get("delta"))
        raw = delta.get("finish_reason")
        self._over = True
        if usage := read_usage(delta.get("usage")):
            events.append(UsageReported(usage))
        if fault := failure(raw, delta.get("error")):
            events.append(Failed(fault))
            return
        word = raw if isinstance(raw, str) else None
        events.append(Finished(finish_of(raw, self._called), word, extra=rest(delta, _END)))
        events.append(Ended())


def _call_in(message: Extra) -> Extra:
    """One call, though the field's name speaks of several."""
    raw = message.get("tool_calls")
    return record_in(raw[0] if isinstance(raw, list) and raw else raw)


_EVENTS: dict[str, Callable[[CohereReader, Extra, Extra, list[Event]], None]] = {
    "message-start": CohereReader._message_start,
    "content-start": CohereReader._content_start,
    "content-delta": CohereReader._content_delta,
    "content-end": CohereReader._content_end,
    "tool-plan-delta": CohereReader._tool_plan,
    "tool-call-start": CohereReader._call_start,
    "tool-call-delta": CohereReader._call_delta,
    "tool-call-end": CohereReader._call_end,
    "citation-start": CohereReader._citation,
    "citation-end": CohereReader._content_end,
    "message-end": CohereReader._message_end,
}
