"""What every part of the request writer has to know."""

from __future__ import annotations

from dataclasses import dataclass

from proxy_core.profiles.target import Dialect, ModelProfile, Target
from proxy_core.protocols.cohere.names import API
from proxy_core.turn.content import Extra
from proxy_core.turn.losses import Losses


@dataclass(slots=True)
class Writing:
    target: Target
    losses: Losses

    @property
    def dialect(self) -> Dialect:
        return self.target.dialect

    @property
    def profile(self) -> ModelProfile:
        return self.target.profile

    @property
    def thinks(self) -> bool:
        return self.profile.thinking != "none"

    def lose(self, extra: Extra, path: str) -> None:
        """Every request comes from another protocol, so what only that one knows goes no further."""
        self.losses.drop_extra(path, extra, API)

    def lose_cache(self, cache: Extra | None) -> None:
        if cache is not None:
            self.losses.drop("cache_control", f"{API} has no marks for its prompt cache")
