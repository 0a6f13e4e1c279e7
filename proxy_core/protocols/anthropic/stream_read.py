"""A Messages stream read into events. https://platform.claude.com/docs/en/build-with-claude/streaming"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.protocols.anthropic.content_read import read_block
from proxy_core.protocols.anthropic.faults import fault_of
from proxy_core.protocols.anthropic.finish import FINISH_FIELDS, MESSAGE_FIELDS, finish_of
from proxy_core.protocols.anthropic.names import ORIGIN, rest
from proxy_core.protocols.anthropic.usage import read_usage
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
    SealDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    Unknown,
    UsageReported,
)
from proxy_core.turn.fold import merge_extra
from proxy_core.turn.reply import Usage
from proxy_core.turn.seals import unsealed_from
from proxy_core.wire.fields import array, integer, optional_string, record, string
from proxy_core.wire.json import loads
from proxy_core.wire.sse import Frame
from proxy_core.wire.template import TextTemplate

_DELTA_FIELDS = ("stop_reason", "stop_sequence", *FINISH_FIELDS)
_IMPLIED: dict[str, Callable[[], Part]] = {"text_delta": lambda: Text(""), "thinking_delta": lambda: Thinking("")}
"""The block that a delta without a `content_block_start` belongs to; only these need nothing told at their start."""


@dataclass(slots=True)
class _Held:
    """A block that only this protocol knows: given out once it is complete, since nobody else can add to it."""

    raw: dict[str, Any]
    json: list[str] = field(default_factory=list)


class AnthropicReader:
    def __init__(self) -> None:
        self._blocks: dict[int, int] = {}
        """Open blocks: the number that each index of the stream was given."""
        self._held: dict[int, _Held] = {}
        self._whole_inputs: dict[int, str] = {}
        """Tool inputs that came whole in `content_block_start`; deltas, where there are any, replace them."""
        self._count = 0
        self._message_id: str | None = None
        self._usage: Usage | None = None
        self._finished = False
        self._extra: Extra = {}
        self._done = False
        self._usual = TextTemplate()
        self._usual_block = 0

    def read(self, frame: Frame) -> Iterable[Event]:
        text = self._usual.text_of(frame.raw)
        if text is not None:
            return (TextDelta(self._usual_block, text),)
        if self._done:
            return ()
        data = frame.data
        if data is None:
            return (Ping(),)
        try:
            body = loads(data)
        except (ValueError, RecursionError):
            return (Ping(),) if data.strip() == b"[DONE]" else self._fail(_unreadable(data))
        try:
            events = self._event(record(body, "data"))
        except ParleyError as error:
            return self._fail(Fault(FaultKind.UPSTREAM, f"The backend sent a wrong event: {error.fault.message}"))
        self._learn(events, frame.raw)
        return events

    def _learn(self, events: Iterable[Event], raw: bytes) -> None:
        match events:
            case (TextDelta() as delta,) if delta.text:
                self._usual.learn(raw, delta.text)
                self._usual_block = delta.block
            case _:
                pass

    def close(self) -> Iterable[Event]:
        if self._done:
            return ()
        return self._fail(Fault(FaultKind.CUT, "The backend's stream ended before its message_stop."))

    def _fail(self, fault: Fault) -> Iterable[Event]:
        self._done = True
        return (Failed(fault),)

    def _event(self, body: dict[str, Any]) -> Iterable[Event]:
        kind = body.get("type")
        if kind == "content_block_delta":
            return self._delta(body)
        reader = _EVENTS.get(kind) if isinstance(kind, str) else None
        if reader:
            return reader(self, body)
        if kind is None and "error" in body:
            return self._error(body)
        return (Unknown(ORIGIN, str(kind), body),)

    def _message_start(self, body: dict[str, Any]) -> Iterable[Event]:
        message = record(body.get("message"), "message")
        message_id = optional_string(message.get("id"), "message.id") or ""
        if self._message_id is not None:
            return self._second_start(message_id)
        self._message_id = message_id
        self._usage = read_usage(message.get("usage"))
        events: list[Event] = [
            Started(
                message_id,
                optional_string(message.get("model"), "message.model") or "",
                usage=self._usage,
                extra=rest(message, MESSAGE_FIELDS),
                origin=ORIGIN,
            )
        ]
        for index, block in enumerate(array(message.get("content") or [], "message.content")):
            events += self._whole_block(block, f"message.content[{index}]")
        if message.get("stop_reason") is not None:
            events.append(self._finish(message))
        return events

    def _second_start(self, message_id: str) -> Iterable[Event]:
        """Gateways send it twice; one that lost its own upstream puts a second answer behind half of the first.

        https://github.com/vercel/ai/issues/18331
        """
        if message_id == self._message_id:
            return ()
        return self._fail(Fault(FaultKind.CUT, "The backend began a second answer before the first was complete."))

    def _whole_block(self, block: Any, path: str) -> list[Event]:
        started = BlockStarted(self._next_number(), read_block(block, path))
        return [started, BlockEnded(started.block)]

    def _next_number(self) -> int:
        self._count += 1
        return self._count - 1

    def _block_start(self, body: dict[str, Any]) -> Iterable[Event]:
        index = integer(body.get("index"), "index")
        part = read_block(body.get("content_block"), "content_block")
        if isinstance(part, Opaque):
            self._held[index] = _Held(dict(record(part.raw, "content_block")))
            return (Ping(),)
        started = self._open(index, part)
        if isinstance(part, ToolCall):
            if part.arguments != "{}":
                self._whole_inputs[started.block] = part.arguments
            part.arguments = ""
        return (started,)

    def _open(self, index: int, part: Part) -> BlockStarted:
        block = self._blocks[index] = self._next_number()
        return BlockStarted(block, part)

    def _delta(self, body: dict[str, Any]) -> Iterable[Event]:
        index = integer(body.get("index"), "index")
        delta = record(body.get("delta"), "delta")
        kind = string(delta.get("type"), "delta.type")
        block = self._blocks.get(index)
        reader = _DELTAS.get(kind)
        if block is None or reader is None:
            return self._odd_delta(body, index, kind, delta)
        return reader(self, block, delta)

    def _odd_delta(self, body: dict[str, Any], index: int, kind: str, delta: dict[str, Any]) -> Iterable[Event]:
        if index in self._held:
            _fill(self._held[index], delta)
            return (Ping(),)
        if index in self._blocks or kind not in _IMPLIED:
            return (Unknown(ORIGIN, "content_block_delta", body),)
        started = self._open(index, _IMPLIED[kind]())
        return (started, *_DELTAS[kind](self, started.block, delta))

    def _text(self, block: int, delta: dict[str, Any]) -> Iterable[Event]:
        return (TextDelta(block, string(delta.get("text"), "delta.text")),)

    def _thinking(self, block: int, delta: dict[str, Any]) -> Iterable[Event]:
        return (ThinkingDelta(block, string(delta.get("thinking"), "delta.thinking")),)

    def _arguments(self, block: int, delta: dict[str, Any]) -> Iterable[Event]:
        text = string(delta.get("partial_json"), "delta.partial_json")
        if text:
            self._whole_inputs.pop(block, None)
        return (ArgumentsDelta(block, text),)

    def _signature(self, block: int, delta: dict[str, Any]) -> Iterable[Event]:
        signature = string(delta.get("signature"), "delta.signature")
        return (SealDelta(block, unsealed_from(signature, ORIGIN)),) if signature else ()

    def _citation(self, block: int, delta: dict[str, Any]) -> Iterable[Event]:
        return (ExtraDelta(block, {"citations": [delta.get("citation")]}),)

    def _block_stop(self, body: dict[str, Any]) -> Iterable[Event]:
        index = integer(body.get("index"), "index")
        held = self._held.pop(index, None)
        if held:
            return self._whole_block(_completed(held), "content_block")
        block = self._blocks.pop(index, None)
        if block is None:
            return ()
        whole = self._whole_inputs.pop(block, None)
        return (ArgumentsDelta(block, whole), BlockEnded(block)) if whole else (BlockEnded(block),)

    def _message_delta(self, body: dict[str, Any]) -> Iterable[Event]:
        delta = record(body.get("delta") or {}, "delta")
        merge_extra(self._extra, rest(delta, _DELTA_FIELDS))
        merge_extra(self._extra, rest(body, ("type", "delta", "usage")))
        events: list[Event] = []
        usage = read_usage(body.get("usage"), self._usage)
        if usage:
            events.append(UsageReported(usage))
        if delta.get("stop_reason") is not None and not self._finished:
            events.append(self._finish(delta))
        return events or (Ping(),)

    def _finish(self, source: dict[str, Any]) -> Finished:
        self._finished = True
        raw = optional_string(source.get("stop_reason"), "stop_reason")
        stop_sequence = optional_string(source.get("stop_sequence"), "stop_sequence")
        extra = {key: source[key] for key in FINISH_FIELDS if source.get(key) is not None}
        return Finished(finish_of(raw), raw, stop_sequence, extra=extra)

    def _message_stop(self, body: dict[str, Any]) -> Iterable[Event]:
        self._done = True
        return (Ended(self._extra),)

    def _error(self, body: dict[str, Any]) -> Iterable[Event]:
        return self._fail(fault_of(body))

    def _ping(self, body: dict[str, Any]) -> Iterable[Event]:
        return (Ping(),)


def _fill(held: _Held, delta: dict[str, Any]) -> None:
    """Adds a delta to a block that is not modelled: `input` as JSON pieces, any other field as it is named."""
    if delta.get("type") == "input_json_delta":
        held.json.append(string(delta.get("partial_json"), "delta.partial_json"))
        return
    for key, value in delta.items():
        before = held.raw.get(key)
        if key == "type" or value is None:
            continue
        held.raw[key] = before + value if isinstance(before, str) and isinstance(value, str) else value


def _completed(held: _Held) -> dict[str, Any]:
    text = "".join(held.json)
    if text:
        try:
            held.raw["input"] = loads(text)
        except ValueError:  # cut at max_tokens
            held.raw["input"] = text
    return held.raw


def _unreadable(data: bytes) -> Fault:
    start = data[:80].decode("utf-8", "replace")
    return Fault(FaultKind.UPSTREAM, f"The backend sent an event that is not the JSON it should be: {start!r}")


_EVENTS: dict[str, Callable[[AnthropicReader, dict[str, Any]], Iterable[Event]]] = {
    "message_start": AnthropicReader._message_start,
    "content_block_start": AnthropicReader._block_start,
    "content_block_stop": AnthropicReader._block_stop,
    "message_delta": AnthropicReader._message_delta,
    "message_stop": AnthropicReader._message_stop,
    "error": AnthropicReader._error,
    "ping": AnthropicReader._ping,
}
_DELTAS: dict[str, Callable[[AnthropicReader, int, dict[str, Any]], Iterable[Event]]] = {
    "text_delta": AnthropicReader._text,
    "thinking_delta": AnthropicReader._thinking,
    "input_json_delta": AnthropicReader._arguments,
    "signature_delta": AnthropicReader._signature,
    "citations_delta": AnthropicReader._citation,
}
