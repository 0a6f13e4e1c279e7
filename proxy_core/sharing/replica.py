"""This program's part in what is shared: what changed here and is still to be told, what others told.

Memory is the working copy. Of two changes to the same thing the one that stands later in the common log holds; what is
still to be told here will stand later than all that is read before.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from proxy_core.loops.tools import ToolLoops
from proxy_core.routing.limits import LONGEST_REST
from proxy_core.routing.rests import LONGEST_PAUSE, Breaker, Rest, Rests, Subject
from proxy_core.sessions.session import Session
from proxy_core.sessions.store import SessionKey, Sessions
from proxy_core.sharing.changes import (
    LONGEST_WORD,
    AnswerNoted,
    BreakerChange,
    Change,
    Fields,
    RestChange,
    SessionChange,
    SessionEnd,
)
from proxy_core.sharing.identity import Identity
from proxy_core.sharing.notes import fields_of, heard_of, one_off_of, put_into, talk_of
from proxy_core.wire.json import dumps

logger = logging.getLogger("parley")

_MOST_ANSWERS = 10_000
_SHORTEST_SECRET = 8
_DAY = 86_400.0


@dataclass(slots=True)
class Clocks:
    """`offset` makes Redis's seconds since 1970 of this machine's monotonic ones."""

    monotonic: Callable[[], float]
    offset: float = 0.0

    def set(self, shared_now: float) -> None:
        self.offset = shared_now - self.monotonic()

    def now(self) -> float:
        return self.to_shared(self.monotonic())

    def to_shared(self, moment: float) -> float:
        return moment + self.offset

    def to_local(self, moment: float) -> float:
        return moment - self.offset


@dataclass(slots=True)
class Told:
    """What is known of a session by all: its fields, and when they changed last."""

    fields: dict[str, Any] = field(default_factory=dict)
    at: float = 0.0


@dataclass(slots=True)
class Pending:
    """What is still to be told of a session. `claims` are tokens of one-off models that were taken here."""

    fields: dict[str, Any] = field(default_factory=dict)
    used: int = 0
    claims: list[str] = field(default_factory=list)

    def before(self, later: Pending) -> Pending:
        return Pending({**self.fields, **later.fields}, self.used + later.used, [*self.claims, *later.claims])


@dataclass(slots=True)
class Batch:
    """In the order in which it is to be written."""

    ends: dict[SessionKey, float] = field(default_factory=dict)
    sessions: dict[SessionKey, Pending] = field(default_factory=dict)
    health: set[Subject | str] = field(default_factory=set)
    answers: dict[tuple[str, str], str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.ends or self.sessions or self.health or self.answers)

    @property
    def claims(self) -> list[str]:
        return [token for pending in self.sessions.values() for token in pending.claims]


@dataclass(slots=True)
class Snapshot:
    """All that is stored, as it was at `now`. `sessions` by when they were used last, the oldest first."""

    now: float
    sessions: list[SessionChange] = field(default_factory=list)
    ended: list[SessionEnd] = field(default_factory=list)
    health: list[RestChange | BreakerChange] = field(default_factory=list)
    answers: list[AnswerNoted] = field(default_factory=list)


class Replica:
    """`keys` gives each backend's keys as configured now, `secrets` what must not be written down."""

    def __init__(
        self,
        sessions: Sessions,
        rests: Rests,
        tool_loops: ToolLoops,
        identity: Identity,
        clocks: Clocks,
        keys: Callable[[str], Collection[str]],
        secrets: Callable[[], Collection[str]] = frozenset,
    ) -> None:
        self.clocks = clocks
        self.on_pending: Callable[[], object] = lambda: None
        self._sessions = sessions
        self._rests = rests
        self._tool_loops = tool_loops
        self._identity = identity
        self._keys = keys
        self._secrets = secrets
        self._told: dict[SessionKey, Told] = {}
        self._pending = Batch()
        self._held_back: set[tuple[str, str]] = set()
        sessions.share(identity.owners, self)
        rests.on_change = self._health_changed

    @property
    def has_pending(self) -> bool:
        return bool(self._pending)

    # What changes here

    def changed(self, session: Session, used: int = 0) -> str | None:
        """To be called when something may have been set. `used`: the requests that it stands for.

        Returns the token of the one-off model that was taken since the last call, if one was.
        """
        key = (session.owner, session.id)
        if self._sessions.get(*key) is not session:
            return None
        told = self._told.setdefault(key, Told())
        fields = self._fields(session, told)
        new = {name: value for name, value in fields.items() if told.fields.get(name, _UNSET.get(name)) != value}
        self._hold_back(session, new)
        claim = _taken(told.fields.get("one_off"), new)
        if not (new or used):
            return None
        told.fields |= new
        told.at = self.clocks.now()
        earlier = self._pending.sessions.get(key, Pending())
        self._pending.sessions[key] = earlier.before(Pending(new, used, [claim] if claim else []))
        self.on_pending()
        return claim

    def ended(self, session: Session) -> None:
        key = (session.owner, session.id)
        self._told.pop(key, None)
        self._pending.sessions.pop(key, None)
        self._pending.ends[key] = self.clocks.now()
        self.on_pending()

    def answered(self, session: Session, response_id: str) -> None:
        if len(response_id) > LONGEST_WORD:
            return
        answers = self._pending.answers
        answers[session.owner, response_id] = session.id
        if len(answers) > _MOST_ANSWERS:
            del answers[next(iter(answers))]
        self.on_pending()

    def _health_changed(self, about: Subject | str) -> None:
        self._pending.health.add(about)
        self.on_pending()

    def _fields(self, session: Session, told: Told) -> Fields:
        heard = self._tool_loops.heard_of(session.scope)
        fields = fields_of(session, self._sessions.conversation_of(session), heard, self.clocks.to_shared)
        fields["one_off"] = one_off_of(session, told.fields.get("one_off"))
        return fields

    def _hold_back(self, session: Session, new: dict[str, Any]) -> None:
        """What somebody set to a key by mistake is not written down."""
        secrets = [secret.encode() for secret in self._secrets() if len(secret) >= _SHORTEST_SECRET]
        for name in [name for name, value in new.items() if any(secret in dumps(value) for secret in secrets)]:
            del new[name]
            if (session.scope, name) not in self._held_back and len(self._held_back) < _MOST_ANSWERS:
                self._held_back.add((session.scope, name))
                logger.warning("A key stands in what was set for session %s; it is not shared", session.id)

    # What is told

    def take(self) -> Batch:
        """What is still to be told; `put_back` what could not be."""
        batch, self._pending = self._pending, Batch()
        return batch

    def put_back(self, batch: Batch) -> None:
        later, self._pending = self._pending, batch
        for key, at in later.ends.items():
            batch.sessions.pop(key, None)
            batch.ends[key] = at
        for key, pending in later.sessions.items():
            batch.sessions[key] = batch.sessions.get(key, Pending()).before(pending)
        batch.health |= later.health
        batch.answers |= later.answers

    def changes(self, batch: Batch) -> Iterator[Change]:
        now = self.clocks.now()
        for (owner, id), at in batch.ends.items():
            yield SessionEnd(owner, id, at)
        for (owner, id), pending in batch.sessions.items():
            yield SessionChange(owner, id, cast(Fields, pending.fields), now, pending.used)
        for about in batch.health:
            yield self._breaker(about) if isinstance(about, str) else self._rest(about)
        for (owner, response), id in batch.answers.items():
            yield AnswerNoted(owner, response, id, now)

    def _rest(self, subject: Subject) -> RestChange:
        backend, key, model = subject
        rest = self._rests.rest_of(subject)
        name = self._identity.key_name(key)
        if rest is None:
            return RestChange(backend, name, model, None)
        return RestChange(backend, name, model, self.clocks.to_shared(rest.until), rest.why, rest.times)

    def _breaker(self, backend: str) -> BreakerChange:
        known = self._rests.breaker_of(backend)
        if known is None:
            return BreakerChange(backend)
        until = self.clocks.to_shared(known.open_until)
        return BreakerChange(backend, known.failures, until, known.pause, known.probing)

    # What others told

    def apply(self, changes: Iterable[Change], own: bool = False) -> None:
        """In the order of the log. `own`: they were told by this program, which knows how often it was used."""
        for change in changes:
            match change:
                case SessionChange():
                    self._apply_session(change, own)
                case SessionEnd():
                    self._apply_end(change)
                case RestChange() | BreakerChange():
                    self._apply_health(change)
                case AnswerNoted():
                    self._sessions.keep_answer(change.owner, change.response, change.id)

    def _apply_session(self, change: SessionChange, own: bool) -> None:
        key = (change.owner, change.id)
        if key in self._pending.ends:
            return
        session = self._sessions.put(change.owner, change.id, self._bounded(change.at, 0.0))
        pending = self._pending.sessions.get(key)
        given = {name: value for name, value in change.set.items() if pending is None or name not in pending.fields}
        self._put(session, cast(Fields, given))
        if not own:
            session.requests += change.used
        told = self._told.setdefault(key, Told())
        told.fields |= given
        told.at = max(told.at, change.at)

    def _put(self, session: Session, given: Fields) -> None:
        put_into(session, given)
        talk = given.get("talk")
        if talk:
            self._sessions.put_conversation(talk_of(session, talk))
        if "row" in given:
            row = given["row"]
            self._tool_loops.take_over(session.scope, heard_of(row, self.clocks.to_local) if row else None)

    def _apply_end(self, change: SessionEnd) -> None:
        key = (change.owner, change.id)
        session = self._sessions.get(*key)
        begun_since = session and session.created > self.clocks.to_local(change.at)
        if session and not begun_since and key not in self._pending.sessions:
            self._sessions.drop(session)
            self._told.pop(key, None)

    def _apply_health(self, change: RestChange | BreakerChange) -> None:
        about = self._about(change)
        if about is None or about in self._pending.health:
            return
        match change:
            case BreakerChange(failures=0) | RestChange(until=None):
                self._rests.take_over(about, None)
            case BreakerChange():
                until, pause = self._bounded(change.open_until, LONGEST_PAUSE), min(change.pause, LONGEST_PAUSE)
                self._rests.take_over(about, Breaker(change.failures, until, pause, change.probing))
            case RestChange(until=float() as until, why=why) if why:
                self._rests.take_over(about, Rest(self._bounded(until, LONGEST_REST), why, change.times))

    def _bounded(self, moment: float, longest: float) -> float:
        """Here, at most `longest` seconds from now; what is a day old is of no use whenever it was."""
        now = self.clocks.monotonic()
        return max(now - _DAY, min(self.clocks.to_local(moment), now + longest))

    def _about(self, change: RestChange | BreakerChange) -> Subject | str | None:
        """None where the key is none of ours."""
        if isinstance(change, BreakerChange):
            return change.backend
        if change.key is None:
            return change.backend, None, change.model
        named = (key for key in self._keys(change.backend) if self._identity.key_name(key) == change.key)
        key = next(named, None)
        return (change.backend, key, change.model) if key is not None else None

    # After a time without the others

    def load(self, stored: Snapshot) -> None:
        """Takes over what is stored. What was set here meanwhile, and what was lost there, is to be told again."""
        for end in stored.ended:
            told = self._told.get((end.owner, end.id))
            if told and told.at <= end.at:
                self._apply_end(end)
        found = set[SessionKey]()
        for change in stored.sessions:
            found.add((change.owner, change.id))
            self._compare(change)
        self._sessions.reorder()
        for session in self._sessions.all():
            if (session.owner, session.id) not in found:
                self._tell_again(session, {}, session.requests)
        self.apply([*stored.health, *stored.answers])

    def _compare(self, change: SessionChange) -> None:
        """Here `used` stands for all requests. A store that was set back to an earlier time is told what it forgot."""
        key = (change.owner, change.id)
        known, told = self._sessions.get(*key), self._told.get(key)
        if known and told and told.at > change.at and key not in self._pending.sessions:
            self._tell_again(known, dict(change.set), 0)
            return
        self._apply_session(change, own=known is not None)
        if known:
            known.requests = max(known.requests, change.used)

    def _tell_again(self, session: Session, stored: dict[str, Any], used: int) -> None:
        """All that differs from what is stored."""
        self._told[session.owner, session.id] = Told(stored)
        self._pending.sessions.pop((session.owner, session.id), None)
        self.changed(session, used)


_UNSET: dict[str, Any] = {"greeted": False, "notice": False}
"""What a field is that nobody has told of; else None."""


def _taken(before: Any, new: dict[str, Any]) -> str | None:
    """The token of a one-off model that is no more."""
    return before["token"] if before and "one_off" in new else None
