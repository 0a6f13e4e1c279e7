"""One request of a client, from its coming to its end: what is found out about it on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from proxy_core.errors import Fault
from proxy_core.exchange.exchange import Exchange
from proxy_core.exchange.inbound import Admitted, Inbound
from proxy_core.history.heard import Heard
from proxy_core.protocols.contract import Call
from proxy_core.sessions.prefix import PrefixChange
from proxy_core.sessions.session import Session


@dataclass(slots=True)
class Visit:
    """`oversized` is the size of a body too large to be kept, else 0. `has_target`: the user named a place for
    requests that no rule claims. `started` is in seconds since 1970. `redactions` counts by rule."""

    inbound: Inbound
    started: float
    oversized: int = 0
    has_target: bool = False
    call: Call | None = None
    admitted: Admitted | None = None
    exchange: Exchange | None = None
    fault: Fault | None = None
    session: Session | None = None
    project: str | None = None
    agent: str | None = None
    route: str | None = None
    redactions: Mapping[str, int] = field(default_factory=dict)
    one_off: str | None = None
    """The session's model for one request, which this one took."""
    steer_after_loop: bool = False
    counted: bool = False
    """Counted among the answers under way."""
    commands: tuple[str, ...] = ()
    prefix: PrefixChange | None = None
    tool_loop: str | None = None
    heard: Heard | None = None
    """The answer as the history has it, where one is kept."""

    @property
    def is_model_call(self) -> bool:
        """Whether it asked for something that a model answers; pages and lists do not count."""
        return self.call is not None
