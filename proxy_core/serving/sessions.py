"""`/v1/sessions`: which conversations there are and what was set for them. Whoever has the client key sees them all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from proxy_core.errors import not_found
from proxy_core.exchange.answers import Answer, json_answer
from proxy_core.exchange.inbound import Inbound
from proxy_core.serving.pages import Page
from proxy_core.sessions.session import Session
from proxy_core.sessions.store import Sessions
from proxy_core.viewing.contexts import Contexts

_PATH = "/v1/sessions"


def pages(sessions: Sessions, clock: Callable[[], float], contexts: Contexts | None = None) -> tuple[Page, ...]:
    """`clock` is in seconds since 1970."""
    contexts = contexts or Contexts()

    def list_all(inbound: Inbound) -> Answer:
        return _answer({"object": "list", "data": [describe(session, sessions, clock()) for session in sessions.all()]})

    def show(inbound: Inbound) -> Answer:
        session = _named(sessions, inbound)
        return _answer({**describe(session, sessions, clock()), "context": contexts.of(session.scope)})

    def end(inbound: Inbound) -> Answer:
        session = _named(sessions, inbound)
        sessions.end(session)
        contexts.forget(session.scope)
        return _answer({"id": session.id, "object": "session", "deleted": True})

    return (
        Page(_PATH, list_all),
        Page(f"{_PATH}/*", show, slow=True),
        Page(f"{_PATH}/*", end, methods=("DELETE",)),
    )


def describe(session: Session, sessions: Sessions, now: float) -> dict[str, Any]:
    """Without anything of the conversation's content. `idle` is in seconds."""
    idle = sessions.idle(session)
    return {
        "id": session.id,
        "object": "session",
        "agent": session.agent or None,
        "settings": session.settings.as_dict(),
        "one_off": session.one_off,
        "requests": session.requests,
        "last_used": datetime.fromtimestamp(now - idle, UTC).isoformat(timespec="seconds"),
        "idle": round(idle, 1),
    }


def _named(sessions: Sessions, inbound: Inbound) -> Session:
    """Where several clients call theirs the same, the asker's own."""
    id = unquote(inbound.path.removeprefix(f"{_PATH}/"))
    session = sessions.named(id, sessions.owner_of(inbound))
    if session is None:
        raise not_found(f"There is no session '{id[:128]}'; GET {_PATH} lists them. Sessions that are not used end.")
    return session


def _answer(value: dict[str, Any]) -> Answer:
    answer = json_answer(value)
    answer.headers.append(("cache-control", "no-store"))
    return answer
