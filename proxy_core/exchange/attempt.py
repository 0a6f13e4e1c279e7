"""One try at one upstream: the request that is sent, and all that is needed to read what comes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from proxy_core.errors import Fault
from proxy_core.exchange.inbound import HeaderMap
from proxy_core.exchange.meter import Meter
from proxy_core.exchange.step import HeaderList, Step
from proxy_core.exchange.tap import BodyMeter
from proxy_core.loops.text import LoopObserver
from proxy_core.pipeline.lanes import LaneChoice
from proxy_core.pipeline.observers import Observer
from proxy_core.pipeline.splice import Mirror
from proxy_core.pipeline.stages import Stage
from proxy_core.protocols.contract import BackendCodec, View
from proxy_core.routing.upstreams import Upstream
from proxy_core.turn.losses import Losses

HEDGED = "hedged"
"""The outcome of an attempt that one made beside it, or that it was made beside, was faster than."""


@dataclass(slots=True)
class OutgoingRequest:
    """What goes over the wire. `url` is absolute."""

    method: str
    url: str
    headers: HeaderList
    body: bytes


@dataclass(slots=True)
class Attempt:
    """`view` and `stages` are for the translate lane; `mirror` retouches what passes in the other two.
    `make_view` is for those too, should an answer that passes untouched have to be ended by us."""

    number: int
    upstream: Upstream
    codec: BackendCodec
    choice: LaneChoice
    request: OutgoingRequest
    losses: Losses = field(default_factory=Losses)
    view: View | None = None
    make_view: Callable[[], View] | None = None
    stages: Sequence[Stage] = ()
    observers: Sequence[Observer] = ()
    meter: Meter | None = None
    """Also one of the observers."""
    tap: BodyMeter | None = None
    """The meter of what is no chat, which nothing observes."""
    loop: LoopObserver | None = None
    """So is this; with `avoids_loops` a whole answer that it finds looping is asked for elsewhere."""
    avoids_loops: bool = False
    steers: bool = False
    """Having looped, the same model is asked to go on from before that."""
    continues: bool = False
    """Having broken off, another attempt goes on in the same answer."""
    resumable: bool = False
    """Its answer is written so that another attempt can go on in it."""
    goes_on: str = ""
    """Whose answer it goes on with and why, half a sentence; "" for an answer of its own."""
    mirror: Mirror | None = None
    slow: bool = False
    """Another was made beside it, or would have been, had there been one."""
    status: int | None = None
    outcome: str = ""
    fault: Fault | None = None
    """Why it failed, before or after the client saw something of it."""
    answer: Step | None = None
    """What the client gets should no other attempt succeed, where that is more than the fault alone."""
    headers: HeaderMap = field(default_factory=lambda: HeaderMap(()))
    """The upstream's response headers."""
    started: float = 0.0
    ended: float | None = None

    @property
    def name(self) -> str:
        """Backend and model."""
        return f"{self.upstream.backend.name}:{self.upstream.model}"

    @property
    def summary(self) -> str:
        """For people: backend, model, the key's last four characters, status or fault, seconds."""
        came = str(self.status) if self.status else ""
        why = str(self.fault.kind) if self.fault else self.outcome
        took = f"{self.ended - self.started:.2f}s" if self.ended is not None else ""
        goes_on = f"({self.goes_on})" if self.goes_on else ""
        return " ".join(filter(None, (self.name, self.upstream.key_tail, came, why, took, goes_on)))
