"""A Responses stream, read into events.

https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.protocols.openai_responses.faults import fault_of
from proxy_core.protocols.openai_responses.finishes import read_finish
from proxy_core.protocols.openai_responses.names import ORIGIN, STREAMED, SUMMARY_PART
from proxy_core.protocols.openai_responses.reply import created_of, read_item, response_extra, text_of
from proxy_core.protocols.openai_responses.stream_items import (
    OpenBlock,
    OpenItem,
    is_modelled,
    message_extra,
    skeleton_of,
    text_skeleton,
)
from proxy_core.protocols.openai_responses.usage import read_usage
from proxy_core.turn.content import Extra, Opaque, Part, Refusal, Text, Thinking, ToolCall
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
from proxy_core.turn.fold import unfold
from proxy_core.turn.reply import Choice, Reply
from proxy_core.wire.json import loads
from proxy_core.wire.sse import Frame

_CUT = "The backend's answer ended before it was complete."
_TEXT_DELTA = "response.output_text.delta"
_KEEP_ALIVES = ("keepalive", "ping")
"""Events of gateways that only keep the line alive."""


class ResponsesStreamReader:
    def __init__(self) -> None:
        self._items: dict[int, OpenItem] = {}
        self._parts: list[Part] = []
        self._known_ids: set[str] = set()
        self._next = 0
        self._started = False
        self._done = False

    def read(self, frame: Frame) -> Iterable[Event]:
        if self._done:
            return ()
        data = frame.data
        if not data or data == b"[DONE]":
            return (Ping(),)
        try:
            event = loads(data)
            kind = event.get("type")
            if kind == _TEXT_DELTA:
                return self.text_delta(event)
            return self._read(kind, event)
        except ParleyError as error:
            return self._fail(error.fault)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return self._fail(Fault(FaultKind.UPSTREAM, "The backend sent an event that cannot be read."))

    def close(self) -> Iterable[Event]:
        return () if self._done else self._fail(Fault(FaultKind.CUT, _CUT))

    def _fail(self, fault: Fault) -> list[Event]:
        self._done = True
        return [Failed(fault)]

    def _read(self, kind: str | None, event: Extra) -> Iterable[Event]:
        handler = _HANDLERS.get(kind or "")
        if handler:
            return [*self._opening(kind), *handler(self, event)]
        if kind in _KEEP_ALIVES:
            return (Ping(),)
        if kind is None:
            return self.error(event)
        return (Unknown(ORIGIN, kind, event),)

    def _opening(self, kind: str | None) -> list[Event]:
        """A Started for servers that leave out `response.created`."""
        if self._started or kind in ("response.created", "error", "response.failed"):
            return []
        self._started = True
        return [Started("", "", origin=ORIGIN)]

    def created(self, event: Extra) -> list[Event]:
        response = event["response"]
        if self._started:
            return []
        self._started = True
        created = Started(text_of(response.get("id")), text_of(response.get("model")), created_of(response))
        created.extra, created.origin = response_extra(response), ORIGIN
        return [created]

    def in_progress(self, event: Extra) -> list[Event]:
        """Says nothing; a writer of this protocol says it by itself."""
        return [Ping()]

    def terminal(self, event: Extra) -> list[Event]:
        response = event["response"]
        begun = list(self._items)
        events = [ended for index in begun for ended in self._end_item(index)]
        events += self._missed(response.get("output") or [], begun)
        reason, raw = read_finish(response, self._parts)
        events.append(Finished(reason or "other", raw))
        usage = read_usage(response.get("usage"))
        if usage:
            events.append(UsageReported(usage))
        self._done = True
        return [*events, Ended(response_extra(response))]

    def _missed(self, output: list[Extra], begun: list[int]) -> list[Event]:
        """Items that only the last event holds, or holds to their end: some servers behind this API stream no more.

        `begun` are the places of those that were announced.
        """
        events: list[Event] = []
        streamed = self._next > 0
        for index, item in enumerate(output):
            known = item.get("id") in self._known_ids if item.get("id") else streamed
            if not known:
                events += self._whole(item, f"output[{index}]", {STREAMED: index} if index in begun else None)
        return events

    def failed(self, event: Extra) -> list[Event]:
        return self._fail(fault_of(event["response"].get("error"), None))

    def error(self, event: Extra) -> list[Event]:
        return self._fail(fault_of(event.get("error") or event, None))

    def item_added(self, event: Extra) -> list[Event]:
        item, index = event["item"], event.get("output_index", 0)
        begun = self._items[index] = OpenItem(item, is_modelled(item))
        if not begun.modelled:
            return [Unknown(ORIGIN, event["type"], event)]
        self._known_ids.add(text_of(item.get("id")))
        skeleton = skeleton_of(item, "item")
        return [] if skeleton is None else [self._begin(begun, 0, skeleton)]

    def _begin(self, item: OpenItem, content: int, part: Part) -> BlockStarted:
        if isinstance(part, Text | Refusal | Opaque) and not item.blocks:
            part.extra.update(message_extra(item.raw))
        block = item.blocks[content] = OpenBlock(self._next, part)
        self._next += 1
        self._parts.append(part)
        return BlockStarted(block.number, replace(part, extra=dict(part.extra)))

    def item_done(self, event: Extra) -> list[Event]:
        item, index = event["item"], event.get("output_index", 0)
        begun = self._items.get(index)
        self._known_ids.add(text_of(item.get("id")))
        if begun is None:
            return self._whole(item, "item")
        if not begun.modelled:
            del self._items[index]
            return self._whole(item, "item", {STREAMED: index})
        events = [
            rest
            for content, part in enumerate(read_item(item, "item"))
            for rest in self._completed(begun, content, part)
        ]
        return events + self._end_item(index)

    def _completed(self, begun: OpenItem, content: int, part: Part) -> list[Event]:
        """What a part of a finished item says beyond what has streamed."""
        block = begun.blocks.get(content)
        if block is None:
            return self._content_whole(begun, content, part)
        filled, block.filled = block.filled, True
        match part:
            case Thinking():
                text: list[Event] = [ThinkingDelta(block.number, part.text)] if part.text and not filled else []
                seal: list[Event] = [SealDelta(block.number, part.seal)] if part.seal else []
                return [*text, *seal, ExtraDelta(block.number, part.extra)]
            case ToolCall():
                rest = [ArgumentsDelta(block.number, part.arguments)] if part.arguments and not filled else []
                return [*rest, ExtraDelta(block.number, part.extra)]
            case _:
                return self._end_text(block, part)

    def _content_whole(self, begun: OpenItem, content: int, part: Part) -> list[Event]:
        """A part of a message that never streamed. Parts of unknown kind come like this, too."""
        text = part.text if isinstance(part, Text | Refusal) else ""
        if isinstance(part, Text | Refusal):
            part.text = ""
        started = self._begin(begun, content, part)
        deltas = [TextDelta(started.block, text)] if text else []
        begun.blocks[content].open = False
        return [started, *deltas, BlockEnded(started.block)]

    def _end_text(self, block: OpenBlock, part: Part) -> list[Event]:
        if not block.open:
            return []
        block.open = False
        annotations = part.extra.get("annotations") if not block.annotated else None
        extra: list[Event] = [ExtraDelta(block.number, {"annotations": annotations})] if annotations else []
        return [*extra, BlockEnded(block.number)]

    def _end_item(self, index: int) -> list[Event]:
        return [BlockEnded(block.number) for block in self._items.pop(index).blocks.values() if block.open]

    def _whole(self, item: Extra, path: str, note: Extra | None = None) -> list[Event]:
        """An item that comes at once."""
        parts = read_item(item, path)
        for part in parts:
            part.extra.update(note or {})
        self._parts += parts
        events = list(unfold(Reply("", "", [Choice(0, parts)])))[1:-1]
        first, self._next = self._next, self._next + len(parts)
        return [_renumbered(event, first) for event in events]

    def content_added(self, event: Extra) -> list[Event]:
        item = self._item(event)
        part, content = event["part"], event.get("content_index", 0)
        if item.raw.get("type") == "reasoning":
            return self._section(item, ("content", content))
        skeleton = text_skeleton(part["type"])
        return [] if skeleton is None else [self._begin(item, content, skeleton)]

    def _item(self, event: Extra) -> OpenItem:
        """The item that an event is about; one without fields where it was never announced."""
        return self._items.setdefault(event.get("output_index", 0), OpenItem({"type": "message"}))

    def content_done(self, event: Extra) -> list[Event]:
        item = self._item(event)
        block = item.blocks.get(event.get("content_index", 0))
        if item.raw.get("type") == "reasoning" or block is None:
            return []
        part = event["part"]
        return self._end_text(block, Text("", extra={"annotations": part.get("annotations")}))

    def text_delta(self, event: Extra) -> Iterable[Event]:
        item = self._items.get(event.get("output_index", 0))
        block = item.blocks.get(event.get("content_index", 0)) if item else None
        if block is None:
            return self._unannounced(event, Text(""))
        block.filled = True
        return (TextDelta(block.number, event["delta"], event.get("logprobs") or None),)

    def refusal_delta(self, event: Extra) -> Iterable[Event]:
        block = self._item(event).blocks.get(event.get("content_index", 0))
        if block is None:
            return self._unannounced(event, Refusal(""))
        block.filled = True
        return (TextDelta(block.number, event["delta"]),)

    def _unannounced(self, event: Extra, skeleton: Text | Refusal) -> list[Event]:
        """Text whose part never began."""
        opening = self._opening(None)
        started = self._begin(self._item(event), event.get("content_index", 0), skeleton)
        return [*opening, started, *self.text_delta(event)]

    def text_done(self, event: Extra) -> list[Event]:
        block = self._item(event).blocks.get(event.get("content_index", 0))
        text = event.get("text") or event.get("refusal")
        if block is None or block.filled or not text:
            return []
        block.filled = True
        return [TextDelta(block.number, text, event.get("logprobs") or None)]

    def annotation(self, event: Extra) -> list[Event]:
        block = self._item(event).blocks.get(event.get("content_index", 0))
        if block is None:
            return []
        block.annotated = True
        return [ExtraDelta(block.number, {"annotations": [event["annotation"]]})]

    def summary_added(self, event: Extra) -> list[Event]:
        return self._section(self._item(event), ("summary", event.get("summary_index", 0)))

    def _section(self, item: OpenItem, where: tuple[str, int]) -> list[Event]:
        """A part of a thought begins: a break in its text, and a note to this protocol's own writer."""
        block = item.blocks.get(0)
        if block is None or block.where == where:
            return []
        block.where = where
        marked = ExtraDelta(block.number, {SUMMARY_PART: where[0]})
        return [marked, ThinkingDelta(block.number, "\n\n")] if block.filled else [marked]

    def summary_delta(self, event: Extra) -> list[Event]:
        return self._thinking(event, ("summary", event.get("summary_index", 0)))

    def reasoning_delta(self, event: Extra) -> list[Event]:
        return self._thinking(event, ("content", event.get("content_index", 0)))

    def _thinking(self, event: Extra, where: tuple[str, int]) -> list[Event]:
        item = self._item(event)
        begun: list[Event] = [] if item.blocks else [self._begin(item, 0, Thinking(""))]
        block = item.blocks[0]
        if block.where != where:
            begun += self._section(item, where)
        block.filled = True
        return [*begun, ThinkingDelta(block.number, event["delta"])]

    def arguments_delta(self, event: Extra) -> list[Event]:
        """Without an announced item the call's name is unknown until the item is done, which then holds all."""
        block = self._item(event).blocks.get(0)
        if block is None:
            del self._items[event.get("output_index", 0)]
            return []
        block.filled = True
        return [ArgumentsDelta(block.number, event["delta"])]

    def silent(self, event: Extra) -> list[Event]:
        """What an event says again that its item's last one says, too."""
        return []


def _renumbered(event: Event, first: int) -> Event:
    if isinstance(event, BlockStarted | TextDelta | ThinkingDelta | ArgumentsDelta | BlockEnded):
        event.block += first
    return event


type _Handler = Callable[[ResponsesStreamReader, Extra], Iterable[Event]]
_HANDLERS: dict[str, _Handler] = {
    "response.created": ResponsesStreamReader.created,
    "response.in_progress": ResponsesStreamReader.in_progress,
    "response.completed": ResponsesStreamReader.terminal,
    "response.incomplete": ResponsesStreamReader.terminal,
    "response.cancelled": ResponsesStreamReader.terminal,
    "response.failed": ResponsesStreamReader.failed,
    "error": ResponsesStreamReader.error,
    "response.output_item.added": ResponsesStreamReader.item_added,
    "response.output_item.done": ResponsesStreamReader.item_done,
    "response.content_part.added": ResponsesStreamReader.content_added,
    "response.content_part.done": ResponsesStreamReader.content_done,
    "response.output_text.delta": ResponsesStreamReader.text_delta,
    "response.output_text.done": ResponsesStreamReader.text_done,
    "response.output_text.annotation.added": ResponsesStreamReader.annotation,
    "response.refusal.delta": ResponsesStreamReader.refusal_delta,
    "response.refusal.done": ResponsesStreamReader.text_done,
    "response.reasoning_summary_part.added": ResponsesStreamReader.summary_added,
    "response.reasoning_summary_part.done": ResponsesStreamReader.silent,
    "response.reasoning_summary_text.delta": ResponsesStreamReader.summary_delta,
    "response.reasoning_summary_text.done": ResponsesStreamReader.silent,
    "response.reasoning_text.delta": ResponsesStreamReader.reasoning_delta,
    "response.reasoning_text.done": ResponsesStreamReader.silent,
    "response.function_call_arguments.delta": ResponsesStreamReader.arguments_delta,
    "response.function_call_arguments.done": ResponsesStreamReader.silent,
    "response.custom_tool_call_input.delta": ResponsesStreamReader.arguments_delta,
    "response.custom_tool_call_input.done": ResponsesStreamReader.silent,
}
