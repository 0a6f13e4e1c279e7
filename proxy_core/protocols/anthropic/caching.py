"""Prompt-cache marks.

https://platform.claude.com/docs/en/build-with-claude/prompt-caching
"""

from __future__ import annotations

from typing import Any

from proxy_core.protocols.anthropic.writing import Writing
from proxy_core.turn.content import Extra

_MOST_MARKS = 4
_MARK = {"type": "ephemeral"}
_UNMARKED = ("thinking", "redacted_thinking")


def fit_marks(body: dict[str, Any], writing: Writing) -> None:
    """Marks in a request of another protocol: at most four, the last ones; where there are none, those that do what
    other vendors do by themselves, in front of the conversation and at its end."""
    marked = [block for block in _blocks(body) if "cache_control" in block]
    for block in marked[:-_MOST_MARKS]:
        del block["cache_control"]
        writing.losses.drop("cache_control", f"only {_MOST_MARKS} cache marks are taken; the last ones were kept")
    if not marked and writing.target.dialect.cache_control:
        _mark_last(body.get("system") or body.get("tools") or [])
        _mark_last(body["messages"][-1]["content"])


def _mark_last(blocks: list[Extra]) -> None:
    for block in reversed(blocks):
        if block.get("type") not in _UNMARKED:
            block["cache_control"] = dict(_MARK)
            return


def _blocks(body: dict[str, Any]) -> list[Extra]:
    """Every block that may hold a mark, in the order in which the model reads them."""
    blocks = [*body.get("tools", ()), *body.get("system", ())]
    for message in body["messages"]:
        for block in message["content"]:
            if isinstance(block.get("content"), list):
                blocks += block["content"]
            blocks.append(block)
    return blocks
