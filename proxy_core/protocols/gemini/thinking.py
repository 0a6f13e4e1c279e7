"""thinkingConfig, read and written (https://ai.google.dev/gemini-api/docs/thinking)."""

from __future__ import annotations

from typing import Any

from proxy_core.protocols.gemini.names import GIVEN, camel, rest
from proxy_core.protocols.gemini.writing import Writing
from proxy_core.turn.content import Extra
from proxy_core.turn.effort import as_effort, budget_of, effort_of, nearest_effort
from proxy_core.turn.request import Effort, Reasoning
from proxy_core.wire.fields import optional_boolean, optional_integer, optional_string, record

DYNAMIC = -1
"""A budget that lets the model decide."""
_KNOWN = ("includeThoughts", "thinkingBudget", "thinkingLevel")


def read_thinking(value: Any, path: str) -> Reasoning | None:
    if value is None:
        return None
    raw = camel(record(value, path))
    budget = optional_integer(raw.get("thinkingBudget"), f"{path}.thinkingBudget")
    level = optional_string(raw.get("thinkingLevel"), f"{path}.thinkingLevel")
    effort = as_effort(level.lower()) if level else None
    return Reasoning(
        enabled=budget != 0 if budget is not None else True if effort else None,
        effort=effort,
        budget=budget,
        adaptive=budget == DYNAMIC,
        show=optional_boolean(raw.get("includeThoughts"), f"{path}.includeThoughts"),
        extra={**rest(raw, _KNOWN), GIVEN: {"raw": raw, "effort": effort, "budget": budget}},
    )


def write_thinking(reasoning: Reasoning | None, writing: Writing) -> Extra | None:
    if reasoning is None:
        return None
    given = _given(reasoning, writing)
    if given is not None:
        return given
    asked = _asked(reasoning, writing)
    if asked is None:
        return None
    unknown = writing.kept(reasoning.extra, "reasoning")
    show = reasoning.show if writing.own else reasoning.show is not False and asked.get("thinkingBudget") != 0
    shown = {"includeThoughts": show} if show is not None else {}
    return {**shown, **asked, **unknown} or None


def _given(reasoning: Reasoning, writing: Writing) -> Extra | None:
    """A Gemini client's own words, unless they were changed since or are of a generation that the model is not."""
    given = reasoning.extra.get(GIVEN) if writing.own else None
    if given is None or (given["effort"], given["budget"]) != (reasoning.effort, reasoning.budget):
        return None
    if reasoning.effort and writing.target.profile.thinking == "budget":
        return None
    return given["raw"]


def _asked(reasoning: Reasoning, writing: Writing) -> Extra | None:
    """The measure of thinking in the model's own terms; None where thinking is not to be spoken of."""
    match writing.target.profile.thinking:
        case "budget":
            budget = _budget(reasoning, writing)
            return {"thinkingBudget": budget} if budget is not None else {}
        case "level":
            level = _level(reasoning, writing)
            return {"thinkingLevel": level.upper()} if level else {}
        case _:
            if _wanted(reasoning):
                writing.losses.drop("reasoning", f"{writing.target.model} is not known to think")
            return None


def _wanted(reasoning: Reasoning) -> bool:
    return reasoning.enabled is not False and reasoning.effort != "none" and reasoning.budget != 0


def _budget(reasoning: Reasoning, writing: Writing) -> int | None:
    profile, model = writing.target.profile, writing.target.model
    if not _wanted(reasoning):
        if profile.can_disable_thinking:
            return 0
        writing.losses.change("reasoning", f"{model} always thinks; the least budget was sent")
        return profile.min_budget
    wanted = reasoning.budget
    if wanted is None:
        if reasoning.effort is None:
            return DYNAMIC if reasoning.enabled or reasoning.adaptive else None
        wanted = budget_of(reasoning.effort)
    if wanted < 0:
        return DYNAMIC
    budget = min(max(wanted, profile.min_budget), profile.max_budget)
    if budget != wanted and reasoning.budget is not None:
        writing.losses.change("reasoning.budget", f"{model} takes {profile.min_budget} to {profile.max_budget} tokens")
    return budget


def _level(reasoning: Reasoning, writing: Writing) -> Effort | None:
    profile, model = writing.target.profile, writing.target.model
    if not _wanted(reasoning):
        writing.losses.change("reasoning", f"{model} always thinks; '{profile.efforts[0]}' was sent")
        return profile.efforts[0]
    wanted = reasoning.effort
    if wanted is None:
        if reasoning.budget is None or reasoning.budget < 0:
            return None
        wanted = effort_of(reasoning.budget)
    nearest = nearest_effort(wanted, profile.efforts)
    if nearest != wanted and reasoning.effort is not None:
        writing.losses.change("reasoning.effort", f"{model} has no '{wanted}'; '{nearest}' was sent")
    return nearest
