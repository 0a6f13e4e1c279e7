"""What the request writer's functions share: where they write to, and whether the request is their own protocol's."""

from __future__ import annotations

from dataclasses import dataclass

from proxy_core.profiles.target import Target
from proxy_core.protocols.gemini.names import public
from proxy_core.turn.content import Extra
from proxy_core.turn.losses import Losses

API = "the Gemini API"


@dataclass(slots=True)
class Writing:
    """`own` requests get their extras and notes back; those of other protocols are reported as lost."""

    target: Target
    losses: Losses
    own: bool

    def kept(self, extra: Extra, path: str) -> Extra:
        if self.own:
            return public(extra)
        if extra:
            self.losses.drop_extra(path, extra, API)
        return {}

    def uncached(self, cache: Extra | None) -> None:
        if cache is not None and not self.own:
            self.losses.drop("cache_control", "Gemini caches prompts by itself")
