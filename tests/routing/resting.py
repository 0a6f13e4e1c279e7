"""Backends, keys and a clock for tests of routing."""

from __future__ import annotations

from dataclasses import dataclass, field

from proxy_core.errors import Fault, FaultKind
from proxy_core.routing.plan import Element
from proxy_core.routing.rests import Patience, Rests
from proxy_core.routing.upstreams import Backend


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def backend(name: str, *keys: str) -> Backend:
    return Backend(name, "openai_chat", f"https://{name}.example.com/v1", keys)


def element(name: str, *keys: str, model: str = "m", window: int | None = None) -> Element:
    return Element(backend(name, *keys), model, keys or (None,), window)


def fault(kind: FaultKind, retry_after: float | None = None) -> Fault:
    return Fault(kind, "so it goes", retry_after=retry_after)


@dataclass
class Resting:
    """Rests whose clock the test turns."""

    clock: Clock = field(default_factory=Clock)
    patience: Patience = field(default_factory=Patience)

    def __post_init__(self) -> None:
        self.rests = Rests(self.clock, self.patience)

    def fail(
        self, kind: FaultKind, name: str = "a", key: str = "k1", model: str = "m", asked: float | None = None
    ) -> float:
        """Seconds until that key may be used again."""
        self.rests.failed(name, key, model, fault(kind), asked)
        return self.wakes_in(name, key, model)

    def wakes_in(self, name: str = "a", key: str = "k1", model: str = "m") -> float:
        return self.rests.wakes_in(name, key, model)
