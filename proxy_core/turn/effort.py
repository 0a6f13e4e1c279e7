"""Reasoning effort (a word) and thinking budget (tokens), translated both ways.

The figures are the middle of what gateways use: a budget read back as an effort and written again stays the same.
"""

from __future__ import annotations

from proxy_core.turn.request import Effort

_BUDGET_OF_EFFORT: dict[Effort, int] = {
    "none": 0,
    "minimal": 512,
    "low": 1024,
    "medium": 8192,
    "high": 24576,
    "xhigh": 32768,
    "max": 65536,
}
_EFFORTS: tuple[Effort, ...] = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def budget_of(effort: Effort) -> int:
    return _BUDGET_OF_EFFORT[effort]


def effort_of(budget: int) -> Effort:
    """The smallest effort whose budget is not below `budget`; -1 (the model decides) is "medium"."""
    if budget < 0:
        return "medium"
    for effort in _EFFORTS:
        if budget <= _BUDGET_OF_EFFORT[effort]:
            return effort
    return "max"


def nearest_effort(effort: Effort, accepted: tuple[Effort, ...]) -> Effort:
    """The accepted effort closest to `effort`; of two equally close ones the lower, which costs less."""
    if effort in accepted or not accepted:
        return effort
    rank = _EFFORTS.index(effort)
    return min(accepted, key=lambda other: (abs(_EFFORTS.index(other) - rank), _EFFORTS.index(other)))


def as_effort(word: str) -> Effort | None:
    """`word` as an Effort, or None when it is not one."""
    for effort in _EFFORTS:
        if word == effort:
            return effort
    return None
