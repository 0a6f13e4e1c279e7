"""How much to think, in the words of each dialect."""

from __future__ import annotations

from proxy_core.protocols.openai_chat.writing import Writing
from proxy_core.turn.content import Extra
from proxy_core.turn.effort import budget_of, effort_of, nearest_effort
from proxy_core.turn.request import Effort, Reasoning


def write_reasoning(reasoning: Reasoning | None, writing: Writing) -> Extra:
    """The top-level fields. For a model that does not think nothing is sent, unless the client spoke chat itself."""
    if reasoning is None:
        return {}
    extra = writing.kept(reasoning.extra, "reasoning")
    if not writing.own and writing.target.profile.thinking == "none":
        if reasoning.enabled is not False and reasoning.effort != "none":
            writing.losses.drop("reasoning", f"{writing.target.model} is not known to think")
        return {}
    match writing.dialect.reasoning:
        case "effort":
            return _as_effort(reasoning, writing)
        case "reasoning_object":
            return {"reasoning": {**_as_object(reasoning, writing), **extra}}
        case "thinking_object":
            return _as_thinking(reasoning, writing, extra)
        case "enable_thinking":
            return _as_switch(reasoning)
        case "none":
            writing.losses.drop("reasoning", f"{writing.dialect.name} has no such field")
            return {}


def _wanted(reasoning: Reasoning) -> Effort | None:
    """The effort asked for, in whichever way. Thinking that is switched on without a measure is the model's default."""
    if reasoning.enabled is False:
        return "none"
    if reasoning.effort is not None:
        return reasoning.effort
    return None if reasoning.budget is None else effort_of(reasoning.budget)


def _fitting(wanted: Effort, writing: Writing) -> Effort:
    profile = writing.target.profile
    if profile.thinking != "effort":
        return wanted
    nearest = nearest_effort(wanted, profile.efforts)
    if nearest != wanted:
        writing.losses.change("reasoning_effort", f"{writing.target.model} has no '{wanted}'; '{nearest}' was sent")
    return nearest


def _as_effort(reasoning: Reasoning, writing: Writing) -> Extra:
    wanted = _wanted(reasoning)
    return {} if wanted is None else {"reasoning_effort": _fitting(wanted, writing)}


def _as_object(reasoning: Reasoning, writing: Writing) -> Extra:
    """https://openrouter.ai/docs/use-cases/reasoning-tokens"""
    fields: Extra = {}
    if reasoning.effort is not None:
        fields["effort"] = _fitting(reasoning.effort, writing)
    elif reasoning.budget is not None and reasoning.budget > 0:
        fields["max_tokens"] = reasoning.budget
    if reasoning.enabled is not None and (writing.own or not fields or not reasoning.enabled):
        fields["enabled"] = reasoning.enabled
    if reasoning.show is not None and (writing.own or not reasoning.show):
        fields["exclude"] = not reasoning.show
    return fields


def _as_thinking(reasoning: Reasoning, writing: Writing, extra: Extra) -> Extra:
    """https://api-docs.deepseek.com/guides/thinking_mode: an effort beside `disabled` is refused."""
    wanted = _wanted(reasoning)
    if wanted == "none":
        if writing.target.profile.can_disable_thinking:
            return {"thinking": {"type": "disabled", **extra}}
        writing.losses.change("thinking", f"{writing.target.model} always thinks")
        return {}
    fields: Extra = {}
    if reasoning.enabled or (wanted is not None and not writing.own):
        fields["thinking"] = {"type": "enabled", **extra}
    if wanted is not None and (writing.target.profile.thinking == "effort" or writing.own):
        fields["reasoning_effort"] = _fitting(wanted, writing)
    return fields


def _as_switch(reasoning: Reasoning) -> Extra:
    """https://www.alibabacloud.com/help/en/model-studio/deep-thinking"""
    wanted = _wanted(reasoning)
    if wanted == "none" or reasoning.budget == 0:
        return {"enable_thinking": False}
    fields: Extra = {"enable_thinking": True}
    if reasoning.budget is not None and reasoning.budget > 0:
        fields["thinking_budget"] = reasoning.budget
    elif wanted is not None and reasoning.budget is None:
        fields["thinking_budget"] = budget_of(wanted)
    return fields
