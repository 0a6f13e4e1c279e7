"""Which conversation a request goes on with, told by what the client sends again of it.

Only requests of one client, by the same program, are compared. Each conversation is known by its opening, the newest
user text of its first request, and by its newest text so far:

    both are in the request                    it goes on (or is sent once more)
    the opening is among the earlier texts     it was taken back to an earlier turn: a new conversation, which begins
                                               with what was set up to there
    neither                                    a new one; so is a request without earlier texts whose opening has
                                               been gone on from, as someone begins with the same words once more

So two that begin with the same words part where their words do, and neither sees what the other sets after that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from proxy_core.sessions.session import Session, SessionSettings
from proxy_core.sessions.transcript import Transcript

_KEPT_TEXTS = 256
_KEPT_STATES = 256

type Scope = tuple[str, ...]
type IndexKey = tuple[Scope, int]


@dataclass(frozen=True, slots=True)
class State:
    """What was set at some point of a conversation."""

    settings: SessionSettings
    one_off: str | None
    greeted: bool

    @classmethod
    def of(cls, session: Session) -> State:
        return cls(replace(session.settings), session.one_off, session.greeted)


@dataclass(slots=True)
class Conversation:
    """`states` holds what was set after a text, where that changed something."""

    session: Session
    scope: Scope
    system: int
    opening: frozenset[int]
    texts: tuple[int, ...] = ()
    newest: frozenset[int] = frozenset()
    states: dict[int, State] = field(default_factory=dict)

    def note(self, seen: Transcript) -> None:
        """Before the next request is carried out: what was set so far was set by the newest text."""
        state = State.of(self.session)
        if self.texts and state != next(reversed(self.states.values()), None):
            self.states |= dict.fromkeys(self.newest, state)
            for oldest in list(self.states)[:-_KEPT_STATES]:
                del self.states[oldest]
        self.texts, self.newest = seen.texts[-_KEPT_TEXTS:], seen.newest

    def state_after(self, texts: Sequence[int]) -> State | None:
        """What had been set when `texts` were all that it had in common with the asker."""
        earlier = set(texts)
        common = next((at for at in range(len(self.texts) - 1, -1, -1) if self.texts[at] in earlier), -1)
        found = (self.states.get(text) for text in reversed(self.texts[: common + 1]))
        return next(filter(None, found), None)

    def goes_on_in(self, seen: Transcript) -> bool:
        began_again = len(seen.texts) == 1 < len(self.texts)
        if began_again or not any(text in self.newest for text in seen.texts):
            return False
        if seen.system != self.system:  # an agent that changed its mode; not one that asks for a title
            return seen.texts[: len(self.texts)] == self.texts and len(seen.texts) > len(self.texts)
        return any(text in self.opening for text in seen.texts) or self._lost_its_beginning(seen)

    def was_taken_back_in(self, seen: Transcript) -> bool:
        return seen.system == self.system and any(text in self.opening for text in seen.texts[:-1])

    def in_common(self, seen: Transcript) -> int:
        """How many texts from the beginning are the same."""
        pairs = zip(self.texts, seen.texts, strict=False)
        return next(
            (at for at, (one, other) in enumerate(pairs) if one != other), min(len(self.texts), len(seen.texts))
        )

    def tail(self) -> int | None:
        """Stands for the two newest texts, by which a client is recognised that leaves out the oldest."""
        return hash(self.texts[-2:]) if len(self.texts) > 1 else None

    def _lost_its_beginning(self, seen: Transcript) -> bool:
        kept = seen.texts[:-1]
        return len(kept) > 1 and self.texts[-len(kept) :] == kept


class Conversations:
    """The bounds are the sessions': whoever ends one calls `forget`."""

    def __init__(self) -> None:
        self._all: dict[int, Conversation] = {}
        self._index: defaultdict[IndexKey, list[Conversation]] = defaultdict(list)

    def find(self, scope: Scope, seen: Transcript) -> Conversation | None:
        """The one that goes on in the request."""
        going_on = [known for known in self._candidates(scope, seen) if known.goes_on_in(seen)]
        return max(going_on, key=lambda known: _likeness(known, seen), default=None)

    def state_before(self, scope: Scope, seen: Transcript) -> State | None:
        """What a new conversation begins with that branches off from another."""
        taken_back = [known for known in self._candidates(scope, seen) if known.was_taken_back_in(seen)]
        origin = max(taken_back, key=lambda known: _likeness(known, seen), default=None)
        return origin.state_after(seen.texts[:-1]) if origin else None

    def begin(self, session: Session, scope: Scope, seen: Transcript) -> None:
        known = Conversation(session, scope, seen.system, seen.newest)
        known.note(seen)
        if seen.texts[:-1]:
            known.states[seen.texts[-2]] = State.of(session)
        self.put(known)

    def go_on(self, known: Conversation, seen: Transcript) -> None:
        self._unindex(known, known.tail())
        known.note(seen)
        known.system = seen.system
        self._index_tail(known)

    def forget(self, session: Session) -> None:
        known = self._all.pop(id(session), None)
        if known:
            for key in (*known.opening, known.tail()):
                self._unindex(known, key)

    def of(self, session: Session) -> Conversation | None:
        return self._all.get(id(session))

    def put(self, known: Conversation) -> None:
        """In place of what is known of its session's conversation."""
        self.forget(known.session)
        self._all[id(known.session)] = known
        for text in known.opening:
            self._index[known.scope, text].append(known)
        self._index_tail(known)

    def _candidates(self, scope: Scope, seen: Transcript) -> Iterable[Conversation]:
        tails = (hash(seen.texts[at : at + 2]) for at in range(len(seen.texts) - 1))
        keys = dict.fromkeys((*seen.texts, *tails))
        found = (known for key in keys for known in self._index.get((scope, key), ()))
        return {id(known): known for known in found}.values()

    def _index_tail(self, known: Conversation) -> None:
        tail = known.tail()
        if tail is not None:
            self._index[known.scope, tail].append(known)

    def _unindex(self, known: Conversation, key: int | None) -> None:
        if key is None:
            return
        left = [other for other in self._index.get((known.scope, key), ()) if other is not known]
        if left:
            self._index[known.scope, key] = left
        else:
            self._index.pop((known.scope, key), None)


def _likeness(known: Conversation, seen: Transcript) -> tuple[bool, int, float]:
    return known.system == seen.system, known.in_common(seen), known.session.last_used
