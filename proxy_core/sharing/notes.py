"""What is told of a session, as plain values, and put back into one."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import fields
from typing import Any, cast

from proxy_core.loops.tools import Heard
from proxy_core.sessions.conversations import Conversation, State
from proxy_core.sessions.session import REPEATED, Session, SessionSettings
from proxy_core.sharing.changes import Fields, OneOff, Row, Settings, StateAfter, Talk

SETTINGS = tuple(field.name for field in fields(SessionSettings))

type Moment = Callable[[float], float]
"""From this machine's monotonic seconds to Redis's since 1970, or back."""


def fields_of(session: Session, talk: Conversation | None, heard: Heard | None, to_shared: Moment) -> Fields:
    """All but `one_off`, which needs to know what it was."""
    given: dict[str, Any] = {name: getattr(session.settings, name) for name in SETTINGS}
    given["agent"], given["greeted"] = session.agent, session.greeted
    given["notice"] = session.notice is not None
    given["talk"] = _talk(talk) if talk else None
    given["row"] = _row(heard, to_shared) if heard else None
    return cast(Fields, given)


def one_off_of(session: Session, known: OneOff | None) -> OneOff | None:
    """`known` as long as it is the same; a new token where another was named, or one was given back."""
    if session.one_off is None:
        return None
    if known and known["model"] == session.one_off:
        return known
    return {"model": session.one_off, "token": secrets.token_hex(8)}


def put_into(session: Session, given: Fields) -> None:
    """What the session itself holds; `talk` and `row` are put back by `talk_of` and `heard_of`."""
    for name in SETTINGS:
        if name in given:
            setattr(session.settings, name, given[name])
    if "one_off" in given:
        session.one_off = given["one_off"]["model"] if given["one_off"] else None
    if "agent" in given:
        session.agent = given["agent"]
    if "greeted" in given:
        session.greeted = given["greeted"]
    if "notice" in given:
        session.notice = REPEATED if given["notice"] else None


def talk_of(session: Session, talk: Talk) -> Conversation:
    return Conversation(
        session,
        (session.owner, talk["scope"]),
        talk["system"],
        frozenset(talk["opening"]),
        tuple(talk["texts"]),
        frozenset(talk["newest"]),
        {state["text"]: _state(state) for state in talk["states"]},
    )


def heard_of(row: Row, to_local: Moment) -> Heard:
    return Heard(to_local(row["at"]), row["kind"], row["seen"], row["before"], row["answered"])


def _talk(known: Conversation) -> Talk:
    return {
        "scope": known.scope[1],
        "system": known.system,
        "opening": sorted(known.opening),
        "texts": list(known.texts),
        "newest": sorted(known.newest),
        "states": [_after(text, state) for text, state in known.states.items()],
    }


def _after(text: int, state: State) -> StateAfter:
    settings = cast(Settings, state.settings.as_dict())
    return {"text": text, "settings": settings, "one_off": state.one_off, "greeted": state.greeted}


def _state(given: StateAfter) -> State:
    return State(SessionSettings(**given["settings"]), given["one_off"], given["greeted"])


def _row(heard: Heard, to_shared: Moment) -> Row:
    return cast(
        Row,
        {
            "at": round(to_shared(heard.at), 3),
            "kind": heard.kind,
            "seen": heard.seen,
            "before": heard.before,
            "answered": heard.answered,
        },
    )
