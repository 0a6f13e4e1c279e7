"""Seals remembered between turns, for clients that drop them.

Gemini refuses a past function call without its signature, Anthropic a past call without the signed thoughts before
it, and OpenAI's reasoning models do worse without their encrypted reasoning. A client of another protocol has a
field for these (see `turn.seals`) but need not send it back. So what a reply sealed is kept here for a while, and
put back where the client returns the same call, or the same text, bare.

    https://ai.google.dev/gemini-api/docs/thought-signatures
    https://platform.claude.com/docs/en/build-with-claude/extended-thinking#preserving-thinking-blocks

Thoughts are put back only to the very call that they led to, id and all: calls that are merely alike may be another
user's. A call's or text's own signature tells nobody anything, so for that the same content is enough.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from proxy_core.profiles.target import ToolIdRule
from proxy_core.turn.content import Part, ProtocolName, Seal, Text, Thinking, ToolCall
from proxy_core.turn.events import Ended, Event
from proxy_core.turn.fold import Folder
from proxy_core.turn.request import ChatRequest, Turn
from proxy_core.turn.toolids import fitted_id
from proxy_core.wire.json import dumps, loads

_SHORTEST_TEXT = 50
"""Shorter texts are too common to tell a reply by."""
_OVERHEAD = 300
"""Bytes that an entry costs beside its strings."""

_ID_RULE = ToolIdRule()

type _Key = bytes
type _Place = Literal["leading", "before", "after"]


@dataclass(frozen=True, slots=True)
class _Thought:
    """A sealed part that no client shows. `place`: at the turn's beginning, or around the call it is kept with."""

    part: Thinking | Text
    place: _Place


@dataclass(slots=True)
class _Entry:
    seal: Seal | None
    thoughts: tuple[_Thought, ...]
    size: int
    used: float


class SealLedger:
    """Bounded by number of entries, their bytes, and seconds since an entry was last of use.

    `scope` keeps conversations of different clients apart where the caller can tell them.
    """

    def __init__(
        self,
        max_entries: int = 20_000,
        max_bytes: int = 64 * 1024 * 1024,
        max_age: float = 12 * 3600,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._max_age = max_age
        self._clock = clock
        self._entries: OrderedDict[_Key, _Entry] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def bytes(self) -> int:
        return self._bytes

    def remember(self, parts: Iterable[Part], protocol: ProtocolName, scope: str = "") -> None:
        """Keeps the seals among the parts of one answer, as the client gets to see it."""
        place = _Keys(protocol, scope)
        for part, thoughts in _attributed(parts, protocol):
            seal = _own_seal(part, protocol)
            match part:
                case ToolCall() if seal or thoughts:
                    self._keep(place.call(part), seal, tuple(thoughts))
                    if seal:
                        self._keep(place.alike(part), seal)
                case Text() | Thinking() if seal and len(part.text) >= _SHORTEST_TEXT:
                    self._keep(place.words(part), seal)
                case _:
                    pass

    def restore(self, request: ChatRequest, protocol: ProtocolName, scope: str = "") -> ChatRequest:
        """`request` with the seals that `protocol`'s backend gave out and the client left away; itself if none."""
        if not self._entries:
            return request
        place = _Keys(protocol, scope)
        turns = [self._restored(turn, place) if turn.role == "assistant" else turn for turn in request.turns]
        if all(new is old for new, old in zip(turns, request.turns, strict=True)):
            return request
        return replace(request, turns=turns)

    def _restored(self, turn: Turn, place: _Keys) -> Turn:
        found = {id(part): self._find(place.call(part)) for part in turn.parts if isinstance(part, ToolCall)}
        entries = [entry for entry in found.values() if entry]
        if any(isinstance(part, Thinking) and part.seal for part in turn.parts):
            thoughts: list[_Thought] = []  # this client does keep them
        else:
            thoughts = [thought for entry in entries for thought in entry.thoughts]
        first = next((part for part in turn.parts if isinstance(part, ToolCall)), None)
        parts: list[Part] = [thought.part for thought in thoughts if thought.place == "leading"]
        for part in turn.parts:
            if thoughts and isinstance(part, Thinking):
                continue  # the client's copy, without its seal
            entry = found.get(id(part))
            around = entry.thoughts if entry and thoughts else ()
            parts += [thought.part for thought in around if thought.place == "before"]
            parts.append(self._sealed(part, entry, place, part is first))
            parts += [thought.part for thought in around if thought.place == "after"]
        unchanged = len(parts) == len(turn.parts) and all(map(_is, parts, turn.parts))
        return turn if unchanged else replace(turn, parts=parts)

    def _sealed(self, part: Part, entry: _Entry | None, place: _Keys, first: bool) -> Part:
        """Of parallel calls only the first is signed, so only that one may get the signature of one alike."""
        match part:
            case ToolCall(seal=None):
                known = entry or (self._find(place.alike(part)) if first else None)
            case Text(seal=None) | Thinking(seal=None) if len(part.text) >= _SHORTEST_TEXT:
                known = self._find(place.words(part))
            case _:
                known = None
        return replace(part, seal=known.seal) if known and known.seal else part

    def _find(self, key: _Key) -> _Entry | None:
        self._expire()
        entry = self._entries.get(key)
        if entry:
            entry.used = self._clock()
            self._entries.move_to_end(key)
        return entry

    def _keep(self, key: _Key, seal: Seal | None, thoughts: tuple[_Thought, ...] = ()) -> None:
        size = _OVERHEAD + _length(seal) + sum(_length(t.part.seal) + len(t.part.text) for t in thoughts)
        self._drop(key)
        self._entries[key] = _Entry(seal, thoughts, size, self._clock())
        self._bytes += size
        self._expire()

    def _expire(self) -> None:
        """Entries stand in the order of their last use."""
        oldest = self._clock() - self._max_age
        while self._entries:
            key, entry = next(iter(self._entries.items()))
            crowded = len(self._entries) > self._max_entries or self._bytes > self._max_bytes
            if not crowded and entry.used >= oldest:
                return
            self._drop(key)

    def _drop(self, key: _Key) -> None:
        entry = self._entries.pop(key, None)
        if entry:
            self._bytes -= entry.size


class LedgerStage:
    """Remembers the seals of a reply that runs through. It must be the last stage: what counts is what the client
    sees, since that is what it will return."""

    def __init__(self, ledger: SealLedger, protocol: ProtocolName, scope: str = "") -> None:
        self._ledger = ledger
        self._protocol: ProtocolName = protocol
        self._scope = scope
        self._folder = Folder()

    def feed(self, event: Event) -> Iterable[Event]:
        self._folder.add(event)
        if isinstance(event, Ended):
            for choice in self._folder.reply.choices:
                self._ledger.remember(choice.parts, self._protocol, self._scope)
        return (event,)


@dataclass(frozen=True, slots=True)
class _Keys:
    protocol: ProtocolName
    scope: str

    def call(self, call: ToolCall) -> _Key:
        """This very call, also where its id had to be changed for the client."""
        return self._key("call", fitted_id(call.id, _ID_RULE), call.name, _canonical(call))

    def alike(self, call: ToolCall) -> _Key:
        """Any call of the same tool with the same arguments, for clients and backends that have ids of their own."""
        return self._key("alike", call.name, _canonical(call))

    def words(self, part: Text | Thinking) -> _Key:
        return self._key(type(part).__name__, part.text)

    def _key(self, *fields: str) -> _Key:
        text = dumps([self.protocol, self.scope, *fields])
        return hashlib.blake2b(text, digest_size=16).digest()


def _attributed(parts: Iterable[Part], protocol: ProtocolName) -> Iterator[tuple[Part, list[_Thought]]]:
    """Each part with the thoughts to keep with it. Only calls have some: those since the call before, and the last
    call those that follow it."""
    parts = list(parts)
    last = max((index for index, part in enumerate(parts) if isinstance(part, ToolCall)), default=-1)
    place: _Place = "leading"
    pending: list[_Thought] = []
    for index, part in enumerate(parts):
        pending += _thoughts([part], protocol, place)
        if index == last:
            pending += _thoughts(parts[index + 1 :], protocol, "after")
        if isinstance(part, ToolCall):
            yield part, pending
            pending = []
        else:
            yield part, []
        if not _unseen(part):
            place = "before"


def _thoughts(parts: Iterable[Part], protocol: ProtocolName, place: _Place) -> list[_Thought]:
    """The sealed parts that no client shows, without the fields that only their own protocol's codec shares."""
    sealed = [part for part in parts if _own_seal(part, protocol)]
    return [_Thought(replace(p, extra={}), place) for p in sealed if isinstance(p, Thinking | Text) and _unseen(p)]


def _unseen(part: Part) -> bool:
    return isinstance(part, Thinking) or (isinstance(part, Text) and not part.text)


def _own_seal(part: Part, protocol: ProtocolName) -> Seal | None:
    """The part's seal where `protocol` can check it."""
    if isinstance(part, Text | Thinking | ToolCall) and part.seal and part.seal.origin == protocol:
        return part.seal
    return None


def _canonical(call: ToolCall) -> str:
    """The arguments in one form: clients parse them and write them again, JavaScript without the `.0` of numbers."""
    if call.custom:
        return call.arguments
    try:
        return dumps(_sorted(loads(call.arguments or "{}"))).decode()
    except (ValueError, RecursionError):
        return call.arguments


def _sorted(value: Any) -> Any:
    match value:
        case dict():
            return {key: _sorted(value[key]) for key in sorted(value)}
        case list():
            return [_sorted(item) for item in value]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


def _length(seal: Seal | None) -> int:
    return len(seal.data) if seal else 0


def _is(one: object, other: object) -> bool:
    return one is other
