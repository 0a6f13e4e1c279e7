"""One block of a reply, written as it streams: `start`, then `delta`, `extend` and `seal`, then `end`.

`open` is where plain deltas may go at once. Blocks of other protocols show themselves only when they hold something.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from proxy_core.protocols.openai_responses.content_write import write_text
from proxy_core.protocols.openai_responses.items_read import REDACTED
from proxy_core.protocols.openai_responses.items_write import call_item, given_summary
from proxy_core.protocols.openai_responses.names import CONTENT, ITEM, NAMESPACE, ORIGIN, STREAMED, SUMMARY_PART
from proxy_core.protocols.openai_responses.output import Output
from proxy_core.protocols.openai_responses.output_items import (
    Item,
    Native,
    OpenPart,
    ReasoningItem,
    call_ended,
    call_started,
    section_ended,
    section_started,
    text_ended,
    text_started,
)
from proxy_core.protocols.openai_responses.writing import API
from proxy_core.turn.content import Extra, Media, Opaque, Part, Refusal, Seal, Text, Thinking, ToolCall, ToolResult
from proxy_core.turn.fold import merge_extra
from proxy_core.turn.seals import sealed_for
from proxy_core.wire.json import loads

_BREAK = "\n\n"
"""Stands in the text of thoughts where a part of the summary ends."""


def _delta(part: OpenPart, text: str, logprobs: list[Any] | None = None) -> Native:
    part.pieces.append(text)
    more = {"logprobs": logprobs} if logprobs else {}
    return {"type": part.kind, **part.fields, "delta": text, **more}


class TextBlock:
    """A part of a message; another provider's signature goes into an item of its own."""

    def __init__(self, output: Output, block: int, part: Text | Refusal) -> None:
        self.open: OpenPart | None = None
        self._output, self._block = output, block
        self._part = replace(part, extra=dict(part.extra))
        self._seal = part.seal if isinstance(part, Text) else None
        self._late_seal: Seal | None = None
        self._logprobs: list[Any] = []

    def start(self) -> list[Native]:
        started = self._begin() if self._output.own else []
        logprobs = self._part.logprobs if isinstance(self._part, Text) else None
        return started + self.delta(self._part.text, logprobs) if self._part.text else started

    def _begin(self) -> list[Native]:
        output = self._output
        refusal = isinstance(self._part, Refusal)
        output.refused |= refusal
        events = output.carrier(self._seal) + output.open_message(self._part.extra)
        if output.message is None:
            return events
        started, self.open = text_started(output.message, self._block, refusal)
        return events + started

    def delta(self, text: str, logprobs: list[Any] | None) -> list[Native]:
        events = [] if self.open else self._begin()
        if self.open:
            events.append(_delta(self.open, text, logprobs))
        self._logprobs += logprobs or []
        return events

    def seal(self, seal: Seal) -> None:
        if self.open:
            self._late_seal = seal
        else:
            self._seal = seal

    def extend(self, extra: Extra) -> list[Native]:
        known = len(self._part.extra.get("annotations") or [])
        merge_extra(self._part.extra, extra)
        message = self._output.message
        if not self._output.own or not self.open or not message:
            return []
        place = message.place(content_index=len(message.content))
        more = (self._part.extra.get("annotations") or [])[known:]
        return [
            {
                "type": "response.output_text.annotation.added",
                **place,
                "annotation_index": known + offset,
                "annotation": annotation,
            }
            for offset, annotation in enumerate(more)
        ]

    def end(self) -> list[Native]:
        message = self._output.message
        if not self.open or not message:
            return self._output.carrier(self._seal)
        ended = text_ended(message, self._written(self.open.text))
        return ended + self._output.carrier(self._late_seal, previous=True)

    def _written(self, text: str) -> Extra:
        path = f"output[{self._block}]"
        if isinstance(self._part, Refusal):
            return {"type": "refusal", "refusal": text, **self._output.writing.kept(self._part.extra, path)}
        self._part.text = text
        return {**write_text(self._part, "assistant", self._output.writing, path), "logprobs": self._logprobs}


class ThinkingBlock:
    """A reasoning item. Its summary is one part, unless the API itself says where another begins."""

    def __init__(self, output: Output, block: int, part: Thinking) -> None:
        self.open: OpenPart | None = None
        self._output, self._block = output, block
        self._part = replace(part, extra=dict(part.extra))
        self._item: ReasoningItem | None = None
        self._where = "summary"
        self._at_break = False

    def start(self) -> list[Native]:
        started = self._begin() if self._output.own else []
        return started + self.delta(self._part.text, None) if self._part.text else started

    def _begin(self) -> list[Native]:
        output = self._output
        closed = output.close_message()
        index = output.reserve()
        head = output.head("reasoning", index, self._part.extra.get(ITEM, {}) if output.own else {})
        self._item = ReasoningItem(index, head, {"summary": []})
        return [*closed, self._item.added()]

    def delta(self, text: str, logprobs: list[Any] | None) -> list[Native]:
        if self._at_break and text == _BREAK:
            return []
        events = [] if self._item else self._begin()
        if self._item and not self.open:
            started, self.open = section_started(self._item, self._block, self._where)
            events += started
        return [*events, _delta(self.open, text)] if self.open else events

    def seal(self, seal: Seal) -> None:
        self._part.seal = seal

    def extend(self, extra: Extra) -> list[Native]:
        where = extra.get(SUMMARY_PART)
        if where is None or not self._output.own:
            merge_extra(self._part.extra, extra)
            return []
        ended = self._end_section()
        self._where, self._at_break = where, bool(ended)
        return ended

    def _end_section(self) -> list[Native]:
        part, self.open = self.open, None
        return section_ended(self._item, self._where, part.text) if part and self._item else []

    def end(self) -> list[Native]:
        begun = [] if self._item or not self._part.seal else self._begin()
        item = self._item
        if item is None:
            return []
        ended = [*begun, *self._end_section()]
        self._part.text = _BREAK.join(text for _, text in item.sections)
        raw = {**item.head, **(given_summary(self._part) or item.lists()), **self._sealed()}
        raw |= self._output.writing.kept(self._part.extra, f"output[{self._block}]")
        return [*ended, self._output.finished(item, raw)]

    def _sealed(self) -> Extra:
        seal = self._part.seal
        if seal is None:
            return {}
        if self._part.redacted and seal.origin != ORIGIN:
            seal = Seal(seal.origin, REDACTED + seal.data)
        return {"encrypted_content": sealed_for(seal, ORIGIN)}


class CallBlock:
    """A call of a function or a custom tool."""

    def __init__(self, output: Output, block: int, part: ToolCall) -> None:
        self.open: OpenPart | None = None
        self._output, self._block = output, block
        self._call = replace(part, extra=dict(part.extra))
        self._late_seal: Seal | None = None
        self._where = "input" if part.custom else "arguments"
        self._item = Item(-1, {"id": ""}, {})

    def start(self) -> list[Native]:
        output = self._output
        events = output.carrier(self._call.seal) + output.close_message()
        index = output.reserve()
        kind = "custom_tool_call" if self._call.custom else "function_call"
        head = output.head(kind, index, self._call.extra.get(ITEM, {}) if output.own else {})
        self._call.id = self._call.id or f"call_{output.seed}_{index}"[-64:]
        self._item = Item(index, {**head, **self._named()}, {self._where: ""})
        self.open = call_started(self._item, self._block, self._where)
        events.append(self._item.added())
        return events + self.delta(self._call.arguments, None) if self._call.arguments else events

    def _named(self) -> Extra:
        """The tool's name, and its namespace where the client declared it in one."""
        written = call_item(self._call, self._call.id, {}, self._output.own)
        named = {key: written[key] for key in ("call_id", "name", "namespace") if key in written}
        if not self._output.own:
            named |= self._in_namespace()
        return named

    def _in_namespace(self) -> Extra:
        for tool in self._output.view.request.tools:
            note = tool.extra.get(NAMESPACE)
            if note and tool.name == self._call.name and note["tool"] != tool.name:
                return {"name": note["tool"], "namespace": note["name"]}
        return {}

    def delta(self, text: str, logprobs: list[Any] | None) -> list[Native]:
        return [_delta(self.open, text)] if self.open else []

    def seal(self, seal: Seal) -> None:
        self._late_seal = seal

    def extend(self, extra: Extra) -> list[Native]:
        merge_extra(self._call.extra, extra)
        return []

    def end(self) -> list[Native]:
        text = self.open.text if self.open else ""
        events = self.delta("{}", None) if not text and not self._call.custom else []
        extra = self._output.writing.kept(self._call.extra, f"output[{self._block}]")
        note = self._call.extra.get(ITEM, {}) if self._output.own else {}
        raw = {
            **self._item.head,
            "status": note.get("status") or self._status(text),
            self._where: text or ("" if self._call.custom else "{}"),
            **extra,
        }
        done = self._output.finished(self._item, raw)
        return [*events, call_ended(self._item, self._where), done, *self._output.carrier(self._late_seal, True)]

    def _status(self, text: str) -> str:
        """Arguments that break off are those of an answer that was cut: no client should run the call."""
        return "completed" if self._call.custom or not text or _is_json(text) else "incomplete"


class WholeBlock:
    """A part that comes at once: an item of the API's own, or a picture."""

    open: OpenPart | None = None

    def __init__(self, output: Output, block: int, part: Media | Opaque | ToolResult) -> None:
        self._output, self._path, self._part = output, f"output[{block}]", part

    def start(self) -> list[Native]:
        match self._part:
            case Opaque(origin=origin) as part if origin == ORIGIN and self._output.own:
                return self._opaque(part)
            case Media(kind="image", data=str(data)) as picture:
                return self._picture(picture, data)
            case Opaque(kind=kind):
                self._output.writing.losses.drop(self._path, f"{API} does not know '{kind}'")
            case Media(kind=kind):
                self._output.writing.losses.drop(self._path, f"{API} has no place for such {kind} in a reply")
            case ToolResult():
                self._output.writing.losses.drop(self._path, f"{API} has no results of tools in replies")
        return []

    def _opaque(self, part: Opaque) -> list[Native]:
        output = self._output
        if CONTENT in part.extra:
            return self._content(part)
        closed = output.close_message()
        begun = output.begun(part.extra.get(STREAMED))
        if begun is not None:
            return [*closed, output.whole(part.raw, begun)[-1]]
        return [*closed, *output.whole(part.raw, output.reserve())]

    def _content(self, part: Opaque) -> list[Native]:
        opened = self._output.open_message(part.extra)
        message = self._output.message
        if message is None:
            return opened
        place = message.place(content_index=len(message.content))
        message.content.append(part.raw)
        states = ("response.content_part.added", "response.content_part.done")
        return opened + [{"type": state, **place, "part": part.raw} for state in states]

    def _picture(self, picture: Media, data: str) -> list[Native]:
        output = self._output
        closed = output.carrier(picture.seal) + output.close_message()
        begun = output.begun(picture.extra.get(STREAMED))
        index = output.reserve() if begun is None else begun
        note = picture.extra.get(ITEM, {}) if output.own else {}
        raw = {**output.head("image_generation_call", index, note), "status": "completed", "result": data}
        raw |= output.writing.kept(picture.extra, self._path)
        whole = output.whole(raw, index)
        return [*closed, *(whole if begun is None else whole[1:])]

    def delta(self, text: str, logprobs: list[Any] | None) -> list[Native]:
        return []

    def seal(self, seal: Seal) -> None:
        """A late signature of a picture has no place."""

    def extend(self, extra: Extra) -> list[Native]:
        return []

    def end(self) -> list[Native]:
        return []


type Block = TextBlock | ThinkingBlock | CallBlock | WholeBlock


def _is_json(text: str) -> bool:
    try:
        loads(text)
    except ValueError:
        return False
    return True


def block_of(output: Output, block: int, part: Part) -> Block:
    match part:
        case Text() | Refusal():
            return TextBlock(output, block, part)
        case Thinking():
            return ThinkingBlock(output, block, part)
        case ToolCall():
            return CallBlock(output, block, part)
        case Media() | Opaque() | ToolResult():
            return WholeBlock(output, block, part)
