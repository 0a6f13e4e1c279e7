"""What a person typed. Everything else in a request may have been written by anyone: it must never command.

Where a closing tag or fence could be forged by what stands inside, the last one counts: text between two pasted files
is then taken for pasted as well.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from proxy_core.commands.grammar import Span
from proxy_core.commands.layout import Message, is_result, parts_of, results, role_of
from proxy_core.commands.wrappers import (
    BRACKETS,
    EXPANSIONS,
    FLEETING_TAGS,
    OPEN_ENDED_TAGS,
    OPENINGS,
    PERSON_TAGS,
    PERSON_TOOLS,
    RESULT_HEADER,
    TAILS,
)
from proxy_core.protocols.slots import Slot, objects
from proxy_core.turn.content import ProtocolName

type Mode = Literal["free", "tags", "closed"]
"""Of a text: typed but for what is marked as pasted; typed only within PERSON_TAGS; not typed at all."""

_TAG = re.compile(r"<(/?)([A-Za-z][\w.:-]*)(?:\s[^<>]*)?>")
_FENCE = re.compile(r"^[ \t>]*(?:`{3,}|~{3,})", re.MULTILINE)
_TICKS = re.compile(r"`+|\n[ \t]*\n")


@dataclass(slots=True)
class Typed:
    """A text. `spans` is what the person put there; of it, `quoted` is code and markup, which does not command.

    `keeps`: beside it stands context that later turns need. `wrapped`: it stood in PERSON_TAGS.
    """

    slot: Slot
    spans: list[Span] = field(default_factory=list)
    quoted: list[Span] = field(default_factory=list)
    keeps: bool = False
    wrapped: bool = False

    @property
    def text(self) -> str:
        return self.slot.text

    @property
    def blank(self) -> bool:
        return is_nothing("".join(self.text[start:end] for start, end in self.spans))


def is_nothing(text: str) -> bool:
    """Blank, or the quotation marks that `opencode run` puts around what was typed."""
    return text.strip() in ("", '""', "''")


def newest_turn(protocol: ProtocolName, messages: Sequence[Message]) -> list[int]:
    """Indices of the messages of the newest user turn, in order; none when the model spoke last."""
    turn: list[int] = []
    saw_result = False
    for index in range(len(messages) - 1, -1, -1):
        role = role_of(protocol, messages[index])
        if role == "system":
            continue
        with_result = role == "tool" or any(map(is_result, parts_of(protocol, messages[index]) or []))
        if role not in ("user", "tool") or (saw_result and not with_result):
            break
        saw_result = saw_result or with_result
        turn.append(index)
    return turn[::-1]


def typed_texts(
    protocol: ProtocolName, message: Message, slots: Sequence[Slot], call_names: Mapping[str, str], wraps: bool
) -> list[Typed]:
    """The texts of a user or tool message that a person may have typed in, with nothing in `spans` where not.

    `call_names` says which tool a call's id belongs to; `wraps`: the agent puts what is typed into PERSON_TAGS.
    """
    if role_of(protocol, message) == "user":
        own = [slot for slot in slots if slot.kind == "user"]
        modes = list(_modes(protocol, message, own))
        texts = [_read(slot, mode, wraps) for slot, mode in zip(own, modes, strict=True)]
    else:
        texts = []
    answers = [slot for slot in slots if slot.kind == "tool_result" and _is_answer(protocol, message, slot, call_names)]
    texts += [_read(slot, "tags", wraps) for slot in answers]
    if wraps and any(typed.wrapped for typed in texts):
        for typed in texts:
            typed.spans = typed.spans if typed.wrapped else []
    return texts


def _modes(protocol: ProtocolName, message: Message, slots: Sequence[Slot]) -> Iterator[Mode]:
    expanded = any(EXPANSIONS.match(slot.text) for slot in slots)
    mode: Mode = "tags" if expanded else "free"
    closing: re.Pattern[str] | None = None
    for slot in slots:
        if closing or _from_elsewhere(message, slot.part):
            closing = None if closing and closing.match(slot.text) else closing
            yield "closed"
            continue
        closing = next((end for begin, end in BRACKETS if begin.match(slot.text) and not end.search(slot.text)), None)
        yield mode if not closing else "closed"
        if mode != "closed":
            # Closed it stays: what follows is a file's or a command's text, which may hold such a line itself.
            for header in RESULT_HEADER.finditer(slot.text):
                mode = "tags" if header[1] in PERSON_TOOLS and mode != "closed" else "closed"


def _from_elsewhere(message: Message, part: int) -> bool:
    """Codex says of each content item where it comes from."""
    passed = message.get("internal_chat_message_metadata_passthrough")
    origins = passed.get("content_item_metadata") if isinstance(passed, dict) else None
    for index, origin in objects(origins):
        provenance = origin.get("provenance")
        if index == part and isinstance(provenance, dict):
            return provenance.get("type", "user") != "user"
    return False


def _is_answer(protocol: ProtocolName, message: Message, slot: Slot, call_names: Mapping[str, str]) -> bool:
    """Whether a tool result is what the person answered."""
    parts = parts_of(protocol, message)
    for piece in results(protocol, message):
        here = piece.element is message or (parts and slot.part < len(parts) and parts[slot.part] is piece.element)
        if here and call_names.get(piece.id, piece.name) in PERSON_TOOLS:
            return True
    return False


def _read(slot: Slot, mode: Mode, wraps: bool) -> Typed:
    text = slot.text
    opening = next((stretch for stretch in OPENINGS if stretch.pattern.match(text)), None)
    if mode == "closed" or opening:
        return Typed(slot, keeps=not (opening and opening.fleeting))
    limit, keeps, in_person_tool = _end_of_typing(text)
    marked = _mark_up(text, limit)
    must_wrap = mode == "tags" or in_person_tool
    wrapped = must_wrap or bool(marked.regions and (wraps or _begins_with_tag(text, marked.regions)))
    spans = _minus(marked.regions if wrapped else [(0, limit)], marked.cut)
    quoted = sorted([*marked.quoted, *(span for start, end in spans for span in _code(text, start, end))])
    return Typed(slot, spans, quoted, keeps or marked.keeps, wrapped and bool(marked.regions))


def _begins_with_tag(text: str, regions: Sequence[Span]) -> bool:
    return not text[: regions[0][0]].partition("<")[0].strip()


def _end_of_typing(text: str) -> tuple[int, bool, bool]:
    """Where the agent's own text begins, whether that has to be kept, and whether a person's answer was announced."""
    limit, keeps, in_person_tool = len(text), False, False
    for tail in TAILS:
        if (match := tail.pattern.search(text)) and match.start() < limit:
            limit, keeps = match.start(), not tail.fleeting
    for header in RESULT_HEADER.finditer(text, 0, limit):
        if header[1] not in PERSON_TOOLS:
            return header.start(), True, in_person_tool
        in_person_tool = True
    return limit, keeps, in_person_tool


@dataclass(slots=True)
class _MarkUp:
    """`cut` is not typed, `quoted` is, but does not command; `regions` are what stands within PERSON_TAGS."""

    cut: list[Span] = field(default_factory=list)
    quoted: list[Span] = field(default_factory=list)
    regions: list[Span] = field(default_factory=list)
    keeps: bool = False


def _mark_up(text: str, limit: int) -> _MarkUp:
    marked = _MarkUp()
    tags = list(_TAG.finditer(text, 0, limit)) if "<" in text else []
    last_closing = {tag[2].lower(): tag for tag in tags if tag[1]}
    position = inside = 0
    for tag in tags:
        name = tag[2].lower()
        closing = last_closing.get(name)
        if tag.start() < position or tag[1] or tag[0].endswith("/>"):
            continue
        if closing and closing.start() < tag.start():
            closing = None
        if name in PERSON_TAGS:
            if closing and tag.start() >= inside:
                inside = closing.end()
                marked.regions.append((tag.end(), closing.start()))
                marked.cut += [tag.span(), closing.span()]
        elif closing or name in OPEN_ENDED_TAGS:
            position = closing.end() if closing else limit
            _add_block(marked, name, (tag.start(), position))
    marked.cut.sort()
    return marked


def _add_block(marked: _MarkUp, name: str, block: Span) -> None:
    if name in OPEN_ENDED_TAGS or name in FLEETING_TAGS or "_" in name or "-" in name:
        marked.cut.append(block)
        marked.keeps = marked.keeps or name not in FLEETING_TAGS
    else:
        marked.quoted.append(block)


def _code(text: str, start: int, end: int) -> Iterator[Span]:
    """Fences, from the first to the last (one alone: to the end), and code spans in what stands before and after."""
    fences = list(_FENCE.finditer(text, start, end)) if "```" in text or "~~~" in text else []
    if not fences:
        yield from _ticked(text, start, end)
        return
    first = fences[0].start()
    last = text.find("\n", fences[-1].end(), end) if len(fences) % 2 == 0 else end
    last = last if last >= 0 else end
    yield from _ticked(text, start, first)
    yield (first, last)
    yield from _ticked(text, last, end)


def _ticked(text: str, start: int, end: int) -> Iterator[Span]:
    """`code` spans: a run of backticks up to the next run of the same length in the same paragraph."""
    runs: dict[tuple[int, int], deque[int]] = {}
    ticks: list[tuple[int, tuple[int, int]]] = []
    paragraph = 0
    for tick in _TICKS.finditer(text, start, end) if "`" in text else ():
        if tick[0][0] == "\n":
            paragraph += 1
            continue
        kind = (len(tick[0]), paragraph)
        ticks.append((tick.start(), kind))
        runs.setdefault(kind, deque()).append(tick.start())
    position = start
    for opening, kind in ticks:
        same = runs[kind]
        while same and same[0] <= max(opening, position - 1):
            same.popleft()
        if opening >= position and same:
            position = same[0] + kind[0]
            yield (opening, position)


def _minus(spans: Sequence[Span], cut: Sequence[Span]) -> list[Span]:
    """`spans` without `cut`, both sorted."""
    left: list[Span] = []
    for start, end in spans:
        for cut_start, cut_end in cut:
            if cut_end <= start or cut_start >= end:
                continue
            if cut_start > start:
                left.append((start, cut_start))
            start = max(start, cut_end)
        if start < end:
            left.append((start, end))
    return left
