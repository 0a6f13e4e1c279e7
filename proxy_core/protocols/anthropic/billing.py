"""Claude Code's billing line: the first text of its system prompt, different in every request.

At any other vendor it would only spoil the prompt cache, since what stands after it counts as new each time.
"""

from __future__ import annotations

from dataclasses import replace

from proxy_core.turn.content import Part, Text
from proxy_core.turn.losses import Losses
from proxy_core.turn.request import ChatRequest

_MARK = "x-anthropic-billing-header:"


def strip_billing_header(request: ChatRequest, losses: Losses) -> None:
    """Takes the line out of `request.system`, which becomes a new list; its parts stay as they were."""
    if not any(_has_mark(part) for part in request.system):
        return
    kept: list[Part] = []
    for index, part in enumerate(request.system):
        if isinstance(part, Text) and _has_mark(part):
            losses.drop(f"system[{index}]", "Claude Code's billing line is for Anthropic alone")
            text = _without_line(part.text)
            if text.strip():
                kept.append(replace(part, text=text))
        else:
            kept.append(part)
    request.system = kept


def _has_mark(part: Part) -> bool:
    return isinstance(part, Text) and _MARK in part.text


def _without_line(text: str) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if not line.lstrip().startswith(_MARK)).lstrip("\n")
