"""Chunks to events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from proxy_core.errors import Fault, FaultKind
from proxy_core.protocols.openai_chat.choice_read import ChoiceReader
from proxy_core.protocols.openai_chat.faults import fault_in
from proxy_core.protocols.openai_chat.lenient import number_in, record_in, records_in, text_in
from proxy_core.protocols.openai_chat.tables import NAME, PADDING
from proxy_core.protocols.openai_chat.usage import read_usage
from proxy_core.turn.content import Extra
from proxy_core.turn.events import Ended, Event, Failed, Ping, Started, TextDelta, UsageReported
from proxy_core.wire.json import loads
from proxy_core.wire.sse import Frame
from proxy_core.wire.template import TextTemplate

_CHUNK_FIELDS = {"id", "object", "created", "model", "choices", "usage", *PADDING}
_PLAIN_CHUNK = frozenset({*_CHUNK_FIELDS, "system_fingerprint", "service_tier", "provider"})
_PLAIN_CHOICE = frozenset({"index", "delta", "finish_reason", "logprobs", "native_finish_reason"})
_PLAIN_DELTA = frozenset({"content", "role"})
_CUT = "The backend's answer ended before it was complete."
_EMPTY = "The backend's answer was empty."


class ChatStreamReader:
    def __init__(self) -> None:
        self._over = False
        self._started = False
        self._blocks = 0
        self._usual = TextTemplate()
        self._usual_block = 0
        self._choices: dict[int, ChoiceReader] = {}
        self._extra: Extra = {}
        self._late: Extra = {}

    def read(self, frame: Frame) -> Iterable[Event]:
        text = self._usual.text_of(frame.raw)
        if text is not None:
            return (TextDelta(self._usual_block, text),)
        if self._over:
            return ()
        data = frame.data
        if data is None:
            return (Ping(),)
        if data == b"[DONE]":
            return self._end()
        try:
            chunk = loads(data)
        except ValueError:
            return self._unreadable(data)
        if not isinstance(chunk, dict):
            return self._unreadable(data)
        return self._plain_text(chunk, frame.raw) or self._chunk(chunk, frame)

    def close(self) -> Iterable[Event]:
        """Several vendors leave `[DONE]` out; a finish reason for every choice is enough."""
        if self._over:
            return ()
        if self._choices and all(choice.finished for choice in self._choices.values()):
            return self._end()
        self._over = True
        return (Failed(Fault(FaultKind.CUT, _CUT)),)

    def _plain_text(self, chunk: dict[str, Any], raw: bytes) -> tuple[Event, ...]:
        """The events of a chunk that holds a piece of text and nothing else, which is nearly every chunk."""
        choices = chunk.get("choices")
        if type(choices) is not list or len(choices) != 1 or not chunk.keys() <= _PLAIN_CHUNK or chunk.get("usage"):
            return ()
        choice = choices[0]
        if (
            type(choice) is not dict
            or not choice.keys() <= _PLAIN_CHOICE
            or choice.get("finish_reason")
            or choice.get("logprobs")
        ):
            return ()
        delta, index = choice.get("delta"), choice.get("index")
        reader = self._choices.get(index) if type(index) is int else None
        if type(delta) is not dict or reader is None or reader.text_block is None or not delta.keys() <= _PLAIN_DELTA:
            return ()
        text = delta.get("content")
        if type(text) is not str or not text:
            return ()
        self._usual.learn(raw, text)
        self._usual_block = reader.text_block
        return (TextDelta(reader.text_block, text),)

    def _chunk(self, chunk: dict[str, Any], frame: Frame) -> list[Event]:
        if fault := _fault_of(chunk, frame):
            self._over = True
            return [Failed(fault)]
        events: list[Event] = []
        choices = records_in(chunk.get("choices"))
        self._note(chunk)
        if not self._started and (choices or chunk.get("id")):
            events.append(self._start(chunk))
        for place, choice in enumerate(choices):
            events += self._choice(choice, place).read(choice)
        if usage := read_usage(chunk.get("usage") or _groq(chunk).get("usage")):
            events.append(UsageReported(usage))
        return events

    def _note(self, chunk: dict[str, Any]) -> None:
        """Fields of the vendor's own; those that come after the start are given out with the end."""
        for key, value in chunk.items():
            if key in _CHUNK_FIELDS or value is None or self._extra.get(key) == value:
                continue
            self._extra[key] = value
            if self._started:
                self._late[key] = value

    def _start(self, chunk: dict[str, Any]) -> Started:
        self._started = True
        return Started(
            text_in(chunk.get("id")),
            text_in(chunk.get("model")),
            number_in(chunk.get("created")),
            extra=dict(self._extra),
            origin=NAME,
        )

    def _choice(self, choice: Extra, place: int) -> ChoiceReader:
        index = number_in(choice.get("index"))
        index = place if index is None else index
        if index not in self._choices:
            self._choices[index] = ChoiceReader(index, self._new_block)
        return self._choices[index]

    def _new_block(self) -> int:
        self._blocks += 1
        return self._blocks - 1

    def _end(self) -> list[Event]:
        self._over = True
        if not self._choices:
            return [Failed(Fault(FaultKind.UPSTREAM, _EMPTY))]
        events: list[Event] = []
        for choice in self._choices.values():
            choice.finish(None, events)
        return [*events, Ended(self._late)]

    def _unreadable(self, data: bytes) -> Iterable[Event]:
        if not data.strip():
            return ()
        self._over = True
        shown = data[:200].decode("utf-8", "replace")
        return (Failed(Fault(FaultKind.UPSTREAM, f"The backend sent a chunk that cannot be read: {shown}")),)


def _groq(chunk: dict[str, Any]) -> Extra:
    """Groq's own envelope, which may hold usage or an error: https://console.groq.com/docs/openai"""
    return record_in(chunk.get("x_groq"))


def _fault_of(chunk: dict[str, Any], frame: Frame) -> Fault | None:
    """Some servers say only by the event's name that it is an error."""
    if fault := fault_in(chunk) or fault_in(_groq(chunk)):
        return fault
    if "choices" in chunk or b"event:" not in frame.raw or frame.event != "error":
        return None
    return fault_in({"error": chunk})
