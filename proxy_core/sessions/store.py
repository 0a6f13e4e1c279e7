"""All sessions of a running proxy: found again by what the client calls them, or by what it sends again of them."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

from proxy_core.exchange.inbound import Inbound
from proxy_core.sessions.conversations import Conversation, Conversations, Scope, State
from proxy_core.sessions.hints import Hint, hints, owner_of, product
from proxy_core.sessions.session import Session
from proxy_core.sessions.transcript import Transcript, transcript
from proxy_core.turn.content import ProtocolName

_KEPT_ANSWERS = 10_000

type SessionKey = tuple[str, str]
"""Owner and id."""


class Watcher(Protocol):
    """Is told of what is not to be seen on a session itself."""

    def changed(self, session: Session) -> object: ...

    def ended(self, session: Session) -> None: ...

    def answered(self, session: Session, response_id: str) -> None: ...


class Sessions:
    """`clock` is monotonic, in seconds. The one used least recently goes when there are more than `limit`; one that
    was not used for `longest_idle` seconds is gone."""

    def __init__(self, clock: Callable[[], float], limit: int = 1000, longest_idle: float = 86_400.0) -> None:
        self._clock = clock
        self._limit = limit
        self._longest_idle = longest_idle
        self._salt = secrets.token_bytes(16)
        self._sessions: OrderedDict[SessionKey, Session] = OrderedDict()
        self._conversations = Conversations()
        self._answers: OrderedDict[SessionKey, SessionKey] = OrderedDict()
        self._text_key = b""
        self._watcher: Watcher | None = None

    def share(self, salt: bytes, watcher: Watcher) -> None:
        """Several proxies of the same `salt` are to know each other's sessions: clients and conversations get the same
        names in all of them. To be called before the first request."""
        self._salt = salt
        self._text_key = hashlib.blake2b(b"texts", key=salt).digest()
        self._watcher = watcher

    def of(self, inbound: Inbound, json: dict[str, Any], protocol: ProtocolName) -> Session:
        """The request's session, counted as used. `json` is the body as the client sent it, commands included."""
        self._expire()
        session = self._find(inbound, json, protocol)
        session.last_used = self._clock()
        session.requests += 1
        self._sessions.move_to_end((session.owner, session.id))
        return session

    def answered(self, session: Session, response_id: str) -> None:
        """A later request may say no more of the conversation than which answer it follows (`previous_response_id`)."""
        self.keep_answer(session.owner, response_id, session.id)
        if self._watcher:
            self._watcher.answered(session, response_id)

    def keep_answer(self, owner: str, response_id: str, id: str) -> None:
        self._answers[owner, response_id] = (owner, id)
        while len(self._answers) > _KEPT_ANSWERS:
            self._answers.popitem(last=False)

    def owner_of(self, inbound: Inbound) -> str:
        return owner_of(inbound, self._salt)

    def all(self) -> Sequence[Session]:
        """The one used last comes first."""
        self._expire()
        return [*reversed(self._sessions.values())]

    def named(self, id: str, owner: str = "") -> Session | None:
        """The owner's, else the one used last: several clients may call theirs the same."""
        found = [session for session in self.all() if session.id == id]
        return next((session for session in found if session.owner == owner), next(iter(found), None))

    def idle(self, session: Session) -> float:
        """Seconds since it was used."""
        return self._clock() - session.last_used

    def end(self, session: Session) -> None:
        """What was set for it is forgotten; a request that goes on with it begins a new one."""
        if self.drop(session) and self._watcher:
            self._watcher.ended(session)

    def drop(self, session: Session) -> bool:
        """Ends it here alone; false where it was over already."""
        if self._sessions.pop((session.owner, session.id), None) is None:
            return False
        self._conversations.forget(session)
        return True

    def changed(self, session: Session) -> None:
        """To be called when something was set for a session from elsewhere than its own requests."""
        if self._watcher and self.get(session.owner, session.id) is session:
            self._watcher.changed(session)

    def get(self, owner: str, id: str) -> Session | None:
        return self._sessions.get((owner, id))

    def put(self, owner: str, id: str, used: float) -> Session:
        """A session that is known elsewhere and was used at `used`; begun then where there is none here."""
        session = self._sessions.get((owner, id))
        if session is None:
            session = self._begin(owner, id)
            session.created = session.last_used = used
        session.last_used = max(session.last_used, used)
        self._sessions.move_to_end((owner, id))
        return session

    def reorder(self) -> None:
        """To be called after sessions were put: they stand in the order of their last use."""
        self._sessions = OrderedDict(sorted(self._sessions.items(), key=lambda entry: entry[1].last_used))

    def conversation_of(self, session: Session) -> Conversation | None:
        return self._conversations.of(session)

    def put_conversation(self, known: Conversation) -> None:
        self._conversations.put(known)

    def _find(self, inbound: Inbound, json: dict[str, Any], protocol: ProtocolName) -> Session:
        owner = self.owner_of(inbound)
        followed = self._followed(owner, json)
        if followed:
            return followed
        told = list(hints(inbound, json))
        sure = next((hint.name for hint in told if not hint.vague), None)
        if sure:
            return self._sessions.get((owner, sure)) or self._begin(owner, sure)
        scope = (owner, inbound.listener, self._place(inbound), product(inbound), *_names(told))
        return self._by_transcript(self._scope(scope), transcript(json, protocol, self._text_key))

    def _place(self, inbound: Inbound) -> str:
        """Of several proxies behind one address, each may see another's in place of the client's."""
        return "" if self._watcher else inbound.client

    def _scope(self, scope: Scope) -> Scope:
        """As it may be written down: names of end users stay here."""
        if not self._watcher:
            return scope
        named = "\0".join(scope[1:]).encode("utf-8", "surrogatepass")
        return scope[0], hashlib.blake2b(named, key=self._text_key, digest_size=16).hexdigest()

    def _followed(self, owner: str, json: dict[str, Any]) -> Session | None:
        previous = json.get("previous_response_id")
        key = self._answers.get((owner, previous)) if isinstance(previous, str) else None
        return self._sessions.get(key) if key else None

    def _by_transcript(self, scope: Scope, seen: Transcript) -> Session:
        if not seen.texts:
            return self._without_words(scope, seen)
        known = self._conversations.find(scope, seen)
        if known:
            self._conversations.go_on(known, seen)
            return known.session
        state = self._conversations.state_before(scope, seen)
        session = self._begin(scope[0], self._new_id(scope, seen), state)
        self._conversations.begin(session, scope, seen)
        return session

    def _without_words(self, scope: Scope, seen: Transcript) -> Session:
        """Embeddings, images: one session for all that the client sends."""
        id = _id(scope, seen)
        return self._sessions.get((scope[0], id)) or self._begin(scope[0], id)

    def _begin(self, owner: str, id: str, state: State | None = None) -> Session:
        now = self._clock()
        session = Session(id, owner, now, now)
        if state:
            session.settings = replace(state.settings)
            session.one_off, session.greeted = state.one_off, state.greeted
        self._sessions[owner, id] = session
        while len(self._sessions) > self._limit:
            self.end(next(iter(self._sessions.values())))
        return session

    def _new_id(self, scope: Scope, seen: Transcript) -> str:
        """The same after a restart for the same beginning."""
        base = _id(scope, seen)
        taken = {id for _, id in self._sessions}
        count = 1
        while (id := base if count == 1 else f"{base}-{count}") in taken:
            count += 1
        return id

    def _expire(self) -> None:
        """They stand in the order of their last use."""
        oldest = self._clock() - self._longest_idle
        while self._sessions and (session := next(iter(self._sessions.values()))).last_used < oldest:
            self.end(session)


def _id(scope: Scope, seen: Transcript) -> str:
    """Nothing of a key is in it: the owner, who stands first in `scope`, is left out."""
    named = "\0".join((*scope[1:], str(seen.system), str(seen.texts[-1:])))
    return "c-" + hashlib.blake2b(named.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _names(told: Sequence[Hint]) -> tuple[str, ...]:
    return tuple(hint.name for hint in told)
