"""How much the model is to think, in the form that the model takes, and what it cannot do at the same time.

https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking, /extended-thinking and /effort
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from proxy_core.protocols.anthropic.writing import API, Writing
from proxy_core.turn.content import Extra
from proxy_core.turn.effort import budget_of, effort_of, nearest_effort
from proxy_core.turn.request import Effort, Reasoning

_KINDS = ("budget", "adaptive")


@dataclass(slots=True)
class Thought:
    """`fields` is the request's `thinking`; None leaves it out."""

    fields: Extra | None = None
    effort: Effort | None = None

    @property
    def on(self) -> bool:
        return self.fields is not None and self.fields["type"] != "disabled"


def given_thought(reasoning: Reasoning | None, writing: Writing) -> Thought:
    """As its own client asked, for a model that takes it so."""
    if reasoning is None:
        return Thought()
    if reasoning.enabled is None and reasoning.budget is None:
        return Thought(None, reasoning.effort)
    fields: Extra = {"type": _type_of(reasoning)}
    if reasoning.budget is not None and fields["type"] == "enabled":
        fields["budget_tokens"] = reasoning.budget
    if (display := _display(reasoning, None)) is not None:
        fields["display"] = display
    return Thought({**fields, **writing.kept(reasoning.extra, "thinking")}, reasoning.effort)


def _type_of(reasoning: Reasoning) -> str:
    if reasoning.enabled is False:
        return "disabled"
    if not reasoning.adaptive:
        return "enabled"
    return _adaptive_type(reasoning)


def _adaptive_type(reasoning: Reasoning) -> str:
    """`adaptive`, or a kin of it that the client named (`between_tools`)."""
    noted = reasoning.extra.get("_type")
    return noted if noted not in (None, "enabled", "disabled") else "adaptive"


def _display(reasoning: Reasoning, otherwise: str | None) -> str | None:
    """What the client's own word was, as long as it says the same."""
    noted = reasoning.extra.get("_display")
    if noted is not None and (noted != "omitted") == reasoning.show:
        return noted
    if reasoning.show is None:
        return otherwise
    return "summarized" if reasoning.show else "omitted"


def fitted_thought(reasoning: Reasoning | None, writing: Writing, max_tokens: int) -> Thought:
    """As the model takes it. Nothing is sent to a model that does not think."""
    profile = writing.target.profile
    if reasoning is None:
        return Thought()
    if profile.thinking not in _KINDS:
        if reasoning.enabled or reasoning.effort not in (None, "none") or reasoning.budget:
            writing.losses.drop("reasoning", f"{writing.target.model} is not known to think")
        return Thought()
    if not writing.own:
        writing.losses.drop_extra("reasoning", reasoning.extra, API)
    if _is_off(reasoning):
        return _without(reasoning, writing)
    effort = _effort(reasoning, writing)
    if writing.own and profile.efforts and reasoning.enabled is None and reasoning.budget is None:
        return Thought(None, effort)
    if profile.thinking == "adaptive":
        return Thought(_shown({"type": _adaptive_type(reasoning)}, reasoning, writing), effort)
    return _budgeted(reasoning, effort, writing, max_tokens)


def _is_off(reasoning: Reasoning) -> bool:
    return (
        reasoning.enabled is False or reasoning.effort == "none" or (reasoning.budget == 0 and not reasoning.adaptive)
    )


def _without(reasoning: Reasoning, writing: Writing) -> Thought:
    profile = writing.target.profile
    asked = reasoning.effort if reasoning.effort != "none" else None
    effort = nearest_effort(asked, profile.efforts) if asked and profile.efforts else None
    if profile.can_disable_thinking:
        return Thought({"type": "disabled"}, "high" if effort in ("xhigh", "max") else effort)
    writing.losses.change("reasoning", f"{writing.target.model} always thinks; it was asked to think least")
    return Thought(None, profile.efforts[0] if profile.efforts else None)


def _effort(reasoning: Reasoning, writing: Writing) -> Effort | None:
    profile = writing.target.profile
    wanted = reasoning.effort
    if wanted is None and reasoning.budget is not None and profile.thinking == "adaptive":
        wanted = effort_of(reasoning.budget)
    if wanted is None or not profile.efforts:
        return None
    effort = nearest_effort(wanted, profile.efforts)
    if reasoning.effort and effort != wanted:
        writing.losses.change("reasoning", f"{writing.target.model} takes effort '{effort}', not '{wanted}'")
    return effort


def _budgeted(reasoning: Reasoning, effort: Effort | None, writing: Writing, max_tokens: int) -> Thought:
    """A budget below `max_tokens` that leaves room for the answer (T41)."""
    profile = writing.target.profile
    asked = reasoning.budget if reasoning.budget and reasoning.budget > 0 else None
    wanted = asked or budget_of(reasoning.effort or "medium")
    room = max_tokens - 1 if writing.own else max(profile.min_budget, max_tokens * 3 // 4)
    budget = max(profile.min_budget, min(wanted, room, profile.max_budget))
    if budget >= max_tokens:
        writing.losses.drop("reasoning", f"max_tokens ({max_tokens}) leaves no room for thinking")
        return Thought()
    if asked and budget != asked:
        writing.losses.change("reasoning", f"a budget of {wanted} is outside what fits; {budget} was sent")
    return Thought(_shown({"type": "enabled", "budget_tokens": budget}, reasoning, writing), effort)


def _shown(fields: Extra, reasoning: Reasoning, writing: Writing) -> Extra:
    """Newer models send no thoughts unless asked; clients of other protocols expect what there is to see."""
    otherwise = "summarized" if writing.target.profile.thinking == "adaptive" and not writing.own else None
    display = _display(reasoning, otherwise)
    if display is not None:
        fields["display"] = display
    return {**fields, **(writing.kept(reasoning.extra, "thinking") if writing.own else {})}


def switched_off(thought: Thought, writing: Writing, why: str) -> Thought:
    """`thought` for a request that cannot be answered while thinking."""
    if thought.on:
        writing.losses.change("reasoning", why)
    if not writing.target.profile.can_disable_thinking:
        return thought
    effort: Effort | None = "high" if thought.effort in ("xhigh", "max") else thought.effort
    return Thought({"type": "disabled"}, effort)


def thought_fields(thought: Thought) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if thought.fields is not None:
        fields["thinking"] = thought.fields
    if thought.effort is not None:
        fields["output_config"] = {"effort": thought.effort}
    return fields
