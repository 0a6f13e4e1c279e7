"""How long an attempt may take, and when its client needs a sign of life. All times are monotonic, in seconds."""

from __future__ import annotations

from dataclasses import dataclass, field

from proxy_core.config.settings import Failover

NEVER = float("inf")


@dataclass(slots=True)
class AttemptClock:
    """`idle` is the longest silence between two bytes. `begun` is when the exchange began; `last_ping` lasts over its
    attempts, since they share one client."""

    failover: Failover = field(default_factory=Failover)
    idle: float = 300.0
    begun: float = 0.0
    sent: float = 0.0
    last_byte: float = 0.0
    last_ping: float = 0.0
    heard: bool = False
    """The answer has begun."""

    def start(self, now: float, idle: float) -> None:
        """The request of an attempt was sent."""
        self.idle = idle
        self.sent = self.last_byte = now
        self.heard = False

    def deadline(self) -> tuple[float, str]:
        """When the attempt will have taken too long, and what to say then."""
        silence = self.idle if self.heard else self.failover.first_byte or self.idle
        what = "no byte for" if self.heard else "no answer within"
        end = self.last_byte + silence, f"{what} {silence:g} seconds"
        total = self.failover.total
        return end if total is None else min(end, (self.sent + total, f"not complete after {total:g} seconds"))

    def ping_due(self, now: float, answering: bool) -> float:
        """When a client that has its head (`answering`), or may get it early, has waited long enough."""
        after, every = self.failover.keep_alive_after, self.failover.keep_alive_every
        if answering:
            pause = every if self.last_ping > self.last_byte else after
            return max(self.last_byte, self.last_ping) + pause
        if self.failover.early_head:
            return self.last_ping + every if self.last_ping else self.begun + after
        return now + after
