"""What the user set for a model beside the request: by command, or in addons.yaml."""

from __future__ import annotations

from dataclasses import dataclass, replace

from proxy_core.profiles.target import ModelProfile, Target
from proxy_core.turn.losses import Losses
from proxy_core.turn.request import ChatRequest, Effort, Reasoning


@dataclass(frozen=True, slots=True)
class Wishes:
    """None: nothing is wished. A backend's writer translates and bounds them like the client's own."""

    temperature: float | None = None
    effort: Effort | None = None
    thinking_budget: int | None = None

    def __bool__(self) -> bool:
        return self != NO_WISHES

    @property
    def reason(self) -> str:
        """For the record of why a request was rendered anew."""
        named = {
            "temperature": self.temperature,
            "reasoning effort": self.effort,
            "thinking budget": self.thinking_budget,
        }
        return ", ".join(f"{name} set to {value}" for name, value in named.items() if value is not None)

    def over(self, weaker: Wishes) -> Wishes:
        """These, and `weaker` ones where these say nothing. Effort and budget are two words for one thing."""
        thinks = self.effort is not None or self.thinking_budget is not None
        return Wishes(
            self.temperature if self.temperature is not None else weaker.temperature,
            self.effort if thinks else weaker.effort,
            self.thinking_budget if thinks else weaker.thinking_budget,
        )

    def where_unsaid(self, request: ChatRequest) -> Wishes:
        """Those that the request itself says nothing about."""
        silent = request.reasoning is None
        return Wishes(
            self.temperature if request.sampling.temperature is None else None,
            self.effort if silent else None,
            self.thinking_budget if silent else None,
        )

    def fitting(self, target: Target, losses: Losses) -> Wishes:
        """Those that the model takes, as far as it takes them: a client's own words may be its vendor's to judge, but
        nobody typed these for this model."""
        return self._bounded(target, losses) if self else self

    def _bounded(self, target: Target, losses: Losses) -> Wishes:
        profile, wishes = target.profile, self
        if self.temperature is not None and not profile.temperature:
            losses.drop("temperature", f"{target.model} does not take it")
            wishes = replace(wishes, temperature=None)
        elif self.temperature is not None and self.temperature > profile.max_temperature:
            losses.change("temperature", f"{target.model} takes at most {profile.max_temperature}")
            wishes = replace(wishes, temperature=profile.max_temperature)
        thinks = profile.thinking != "none" or profile == _UNKNOWN
        if thinks or (self.effort is None and self.thinking_budget is None):
            return wishes
        losses.drop("reasoning", f"{target.model} does not reason")
        return replace(wishes, effort=None, thinking_budget=None)

    def applied(self, request: ChatRequest) -> ChatRequest:
        sampling, reasoning = request.sampling, request.reasoning
        if self.temperature is not None:
            sampling = replace(sampling, temperature=self.temperature)
        if self.effort is not None or self.thinking_budget is not None:
            show = reasoning.show if reasoning else None
            wanted = self.effort != "none" and self.thinking_budget != 0
            reasoning = Reasoning(enabled=wanted, effort=self.effort, budget=self.thinking_budget, show=show)
        return replace(request, sampling=sampling, reasoning=reasoning, wished=bool(self))


_UNKNOWN = ModelProfile()
NO_WISHES = Wishes()
