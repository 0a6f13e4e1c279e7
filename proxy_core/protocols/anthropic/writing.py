"""What the request writer's functions share: where they write to, and whether the request is their own protocol's."""

from __future__ import annotations

from dataclasses import dataclass

from proxy_core.profiles.target import ModelProfile, Target
from proxy_core.protocols.anthropic.names import public
from proxy_core.turn.content import Extra
from proxy_core.turn.losses import Losses

API = "the Messages API"
_UNKNOWN = ModelProfile()


@dataclass(slots=True)
class Writing:
    """`own` requests get their extras and notes back; those of other protocols are reported as lost."""

    target: Target
    losses: Losses
    own: bool

    @property
    def fits_model(self) -> bool:
        """Whether values are changed to what the model takes. Its own clients' requests for a model of which
        nothing is known are left as they are."""
        return not self.own or self.target.profile != _UNKNOWN

    def kept(self, extra: Extra, path: str) -> Extra:
        if self.own:
            return public(extra)
        if extra:
            self.losses.drop_extra(path, extra, API)
        return {}
