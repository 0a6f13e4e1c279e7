"""How much to think: a switch and a budget of tokens. https://docs.cohere.com/docs/reasoning"""

from __future__ import annotations

from proxy_core.protocols.cohere.writing import Writing
from proxy_core.turn.content import Extra
from proxy_core.turn.effort import budget_of
from proxy_core.turn.request import Reasoning


def write_thinking(reasoning: Reasoning | None, max_tokens: int | None, writing: Writing) -> Extra:
    """Models that can think do so unless told otherwise; the others refuse the field."""
    if reasoning is None:
        return {}
    writing.lose(reasoning.extra, "reasoning")
    off = reasoning.enabled is False or reasoning.effort == "none" or reasoning.budget == 0
    if not writing.thinks:
        if not off:
            writing.losses.drop("reasoning", f"{writing.target.model} is not known to think")
        return {}
    if off:
        return {"thinking": {"type": "disabled"}}
    budget = _budget(reasoning, max_tokens, writing)
    return {"thinking": {"type": "enabled", **({} if budget is None else {"token_budget": budget})}}


def _budget(reasoning: Reasoning, max_tokens: int | None, writing: Writing) -> int | None:
    """None where the model is to decide."""
    if reasoning.budget is not None:
        wanted = None if reasoning.budget < 0 else reasoning.budget
    else:
        wanted = None if reasoning.effort is None else budget_of(reasoning.effort)
    if wanted is None:
        return None
    fitting = min(wanted, writing.profile.max_budget)
    if max_tokens is not None and fitting >= max_tokens:
        fitting = max(1, max_tokens // 2)  # what was thought counts as output: some of it is for the answer
    if fitting != wanted and reasoning.budget is not None:
        writing.losses.change("reasoning.budget", f"a budget of {wanted} does not fit; {fitting} was sent")
    return fitting
