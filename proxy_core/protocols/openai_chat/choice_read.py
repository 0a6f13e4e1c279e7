"""One choice of a stream: its deltas to events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from proxy_core.errors import ParleyError
from proxy_core.protocols.openai_chat import media, reasoning
from proxy_core.protocols.openai_chat.calls_read import Calls
from proxy_core.protocols.openai_chat.finishes import finish_of
from proxy_core.protocols.openai_chat.lenient import records_in
from proxy_core.protocols.openai_chat.messages_read import thinking_text
from proxy_core.protocols.openai_chat.tables import FIELD_NOTE, NAME, REASONING_FIELDS
from proxy_core.turn.content import Extra, Media, Opaque, Part, Refusal, Text, Thinking
from proxy_core.turn.events import (
    BlockEnded,
    BlockStarted,
    Event,
    ExtraDelta,
    Finished,
    SealDelta,
    TextDelta,
    ThinkingDelta,
)

_KNOWN = {"index", "delta", "message", "finish_reason", "logprobs"}
_DELTA_FIELDS = {
    "role",
    "content",
    "refusal",
    "tool_calls",
    "function_call",
    "reasoning_details",
    "extra_content",
    "images",
    "audio",
    "annotations",
    *REASONING_FIELDS,
}
_JOINED = ("text", "summary", "data")


class ChoiceReader:
    """`text_block` is the open text block, or None. At most one block of text, thoughts or refusal is open at a time;
    calls stay open until the end, since their deltas may interleave."""

    def __init__(self, index: int, new_block: Callable[[], int]) -> None:
        self.index = index
        self.finished = False
        self.text_block: int | None = None
        self._new_block = new_block
        self._open: tuple[int, type] | None = None
        self._details: list[Extra] = []
        self._plain_thoughts = False
        self._calls = Calls(new_block, index)
        self._refused = False
        self._extra: Extra = {}

    def read(self, choice: Extra) -> list[Event]:
        events: list[Event] = []
        if self.finished:
            return events
        delta = choice.get("delta")
        if delta is None:
            delta = choice.get("message")
        if isinstance(delta, dict) and delta:
            self._delta(delta, _logprobs(choice), events)
        for key, value in choice.items():
            if key not in _KNOWN and value is not None:
                self._extra[key] = value
        if choice.get("finish_reason"):
            self.finish(choice["finish_reason"], events)
        return events

    def finish(self, raw: Any, events: list[Event]) -> None:
        """Ends all blocks; `raw` is None where the stream ended without a reason."""
        if self.finished:
            return
        self.finished = True
        self._close(events)
        self._calls.close(events)
        word = raw if isinstance(raw, str) else None
        reason = finish_of(raw, self._calls.announced > 0, self._refused)
        events.append(Finished(reason, word, None, self.index, self._extra))

    def _delta(self, delta: Extra, logprobs: list[Any] | None, events: list[Event]) -> None:
        """In the order in which models produce them, whatever one chunk holds: thoughts, text, calls."""
        self._thoughts(delta, events)
        content = delta.get("content")
        if isinstance(content, str):
            self._text(content, logprobs, events)
        elif isinstance(content, list):
            self._parts(content, events)
        if isinstance(delta.get("refusal"), str) and delta["refusal"]:
            self._refused = True
            block = self._block(Refusal, Refusal(""), events)
            events.append(TextDelta(block, delta["refusal"]))
        if delta.keys() - {"role", "content"}:
            self._others(delta, events)

    def _others(self, delta: Extra, events: list[Event]) -> None:
        if delta.get("extra_content"):
            self._signature(delta["extra_content"], events)
        if annotations := records_in(delta.get("annotations")):
            self._annotations(annotations, events)
        for image in records_in(delta.get("images")):
            self._whole(_image(image), events)
        if isinstance(delta.get("tool_calls"), list) and delta["tool_calls"]:
            self._close(events)
            self._calls.feed(delta["tool_calls"], events)
        if isinstance(delta.get("function_call"), dict) and delta["function_call"]:
            self._close(events)
            self._calls.feed_function(delta["function_call"], events)
        self._beside(delta)

    def _beside(self, delta: Extra) -> None:
        for key, value in delta.items():
            if key not in _DELTA_FIELDS and value is not None:
                self._extra.setdefault("message", {})[key] = value
        if isinstance(delta.get("audio"), dict):
            _merge_audio(self._extra.setdefault("message", {}).setdefault("audio", {}), delta["audio"])

    # -- blocks

    def _block(self, kind: type, skeleton: Part, events: list[Event]) -> int:
        """The number of the open block of this kind; others are closed for it."""
        if self._open and self._open[1] is kind:
            return self._open[0]
        self._close(events)
        block = self._new_block()
        self._open = (block, kind)
        if kind is Text:
            self.text_block = block
        events.append(BlockStarted(block, skeleton, self.index))
        return block

    def _close(self, events: list[Event]) -> None:
        self.text_block = None
        sealed = any(reasoning.is_sealed(detail) for detail in self._details)
        opened, self._open = self._open, None
        if opened and opened[1] is Thinking:
            self._seal(opened[0], events)
        if opened:
            events.append(BlockEnded(opened[0]))
        if sealed and self._details:
            self._encrypted(events)

    def _seal(self, block: int, events: list[Event]) -> None:
        if any(reasoning.is_sealed(detail) for detail in self._details):
            events.append(SealDelta(block, reasoning.seal_of_details(self._details)))
        self._details = []

    def _encrypted(self, events: list[Event]) -> None:
        """Encrypted thoughts that came without text."""
        block = self._new_block()
        events.append(BlockStarted(block, Thinking("", redacted=True), self.index))
        self._seal(block, events)
        events.append(BlockEnded(block))

    def _whole(self, part: Part | None, events: list[Event]) -> None:
        if part is not None:
            self._close(events)
            block = self._new_block()
            events.append(BlockStarted(block, part, self.index))
            events.append(BlockEnded(block))

    # -- contents

    def _thoughts(self, delta: Extra, events: list[Event]) -> None:
        details = delta.get("reasoning_details")
        for detail in records_in(details):
            _add_detail(self._details, detail)
        for name in REASONING_FIELDS:
            text = delta.get(name)
            if isinstance(text, str) and text:
                self._plain_thoughts = True
                self._think(text, name, events)
                return
        if not self._plain_thoughts and (text := reasoning.text_of_details(details)):
            self._think(text, reasoning.DETAILS_FIELD, events)

    def _think(self, text: str, field: str, events: list[Event]) -> None:
        block = self._block(Thinking, Thinking("", extra={FIELD_NOTE: field}), events)
        events.append(ThinkingDelta(block, text))

    def _text(self, text: str, logprobs: list[Any] | None, events: list[Event]) -> None:
        """An empty text opens no block: vendors send one with every delta of another kind."""
        if text or (logprobs and self.text_block is not None):
            block = self._block(Text, Text(""), events)
            events.append(TextDelta(block, text, logprobs))

    def _parts(self, parts: list[Any], events: list[Event]) -> None:
        """Mistral's content while it thinks: https://docs.mistral.ai/capabilities/reasoning"""
        for part in parts:
            if isinstance(part, str):
                self._text(part, None, events)
            elif isinstance(part, dict):
                self._part(part, events)

    def _part(self, part: Extra, events: list[Event]) -> None:
        match part:
            case {"type": "text", "text": str(text)}:
                self._text(text, None, events)
            case {"type": "thinking", "thinking": list() | str() as thoughts}:
                if text := _thinking_text(thoughts):
                    self._think(text, "content", events)
            case {"type": "image_url"}:
                self._whole(_image(part), events)
            case _:
                self._whole(Opaque(NAME, str(part.get("type")), part), events)

    def _signature(self, extra_content: Any, events: list[Event]) -> None:
        """Google's signature of a text, which may be empty."""
        if seal := reasoning.read_thought_signature(extra_content):
            events.append(SealDelta(self._block(Text, Text(""), events), seal))

    def _annotations(self, annotations: list[Any], events: list[Event]) -> None:
        if self.text_block is not None:
            events.append(ExtraDelta(self.text_block, {"annotations": annotations}))
        else:
            beside = self._extra.setdefault("message", {})
            beside["annotations"] = beside.get("annotations", []) + annotations


def _logprobs(choice: Extra) -> list[Any] | None:
    logprobs = choice.get("logprobs")
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    return content if isinstance(content, list) else None


def _thinking_text(thoughts: Any) -> str:
    try:
        return thinking_text(thoughts, "thinking")
    except ParleyError:
        return ""


def _image(value: Any) -> Media | Opaque | None:
    if not isinstance(value, dict):
        return None
    try:
        return media.read_image(value.get("image_url"), "image_url")
    except ParleyError:
        return Opaque(NAME, "image", value)


def _add_detail(details: list[Extra], detail: Extra) -> None:
    """Details come in pieces, each with its type and index; pieces of one are joined as OpenRouter's clients do."""
    last = details[-1] if details else None
    if last is None or (last.get("type"), last.get("index")) != (detail.get("type"), detail.get("index")):
        details.append(dict(detail))
        return
    for key, value in detail.items():
        if key in _JOINED and isinstance(last.get(key), str) and isinstance(value, str):
            last[key] += value
        elif value is not None:
            last[key] = value


def _merge_audio(audio: Extra, delta: Extra) -> None:
    for key, value in delta.items():
        if key in ("data", "transcript") and isinstance(audio.get(key), str) and isinstance(value, str):
            audio[key] += value
        else:
            audio[key] = value
