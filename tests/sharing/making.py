"""Several proxies' memories, as far as they are shared."""

from __future__ import annotations

from typing import Any

from proxy_core.loops.tools import ToolLoops
from proxy_core.routing.rests import Rests
from proxy_core.sessions.session import Session
from proxy_core.sessions.store import Sessions
from proxy_core.sharing.changes import Unreadable, read, written
from proxy_core.sharing.identity import Identity, identity
from proxy_core.sharing.replica import Batch, Clocks, Replica
from tests.sessions.asking import Clock, chat, inbound

KEYS = ("sk-one", "sk-two")
IDENTITY = identity("client key")


class Instance:
    """One proxy. Each has a monotonic clock of its own, `ahead` of the first one's."""

    def __init__(self, ahead: float = 0.0, known: Identity = IDENTITY, keys: tuple[str, ...] = KEYS) -> None:
        self.clock = Clock()
        self.clock.now += ahead
        self.sessions = Sessions(self.clock, limit=5)
        self.rests = Rests(self.clock)
        self.tools = ToolLoops()
        self.clocks = Clocks(self.clock)
        self.clocks.set(1_700_000_000.0)
        self.replica = Replica(
            self.sessions,
            self.rests,
            self.tools,
            known,
            self.clocks,
            lambda backend: keys,
            lambda: {"sk-secret-of-ours"},
        )

    def asks(self, *texts: str, session: str | None = None, **more: Any) -> Session:
        """A request, and what it set is noted."""
        headers = {"x-session-id": session} if session else {}
        found = self.sessions.of(inbound(**{**headers, **more}), chat(*texts), "openai_chat")
        self.replica.changed(found, used=1)
        return found

    def sets(self, session: Session, **settings: Any) -> str | None:
        for name, value in settings.items():
            setattr(session if name in ("one_off", "greeted", "notice") else session.settings, name, value)
        return self.replica.changed(session)

    def tell(self) -> tuple[Batch, bytes]:
        batch = self.replica.take()
        return batch, written(self.replica.changes(batch))

    def hear(self, data: bytes, own: bool = False) -> None:
        changes = list(read(data))
        assert not any(isinstance(change, Unreadable) for change in changes)
        self.replica.apply([change for change in changes if not isinstance(change, Unreadable)], own)


def told(teller: Instance, *hearers: Instance) -> None:
    """What changed at `teller` is in the log, and everyone has read it."""
    _, data = teller.tell()
    for hearer in (teller, *hearers):
        hearer.hear(data, own=hearer is teller)


def mirrored(here: Instance, session: Session) -> Session:
    found = here.sessions.get(session.owner, session.id)
    assert found is not None
    return found
