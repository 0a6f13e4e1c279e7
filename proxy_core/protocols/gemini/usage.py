"""Token counts (https://ai.google.dev/api/generate-content#UsageMetadata).

promptTokenCount includes cached tokens; tool-use prompts and thoughts are counted apart from prompt and candidates.
"""

from __future__ import annotations

from typing import Any

from proxy_core.turn.content import Extra
from proxy_core.turn.reply import Usage

_TOOL_USE = "toolUsePromptTokenCount"
_TOTAL = "totalTokenCount"
_COUNTED = frozenset(
    {"promptTokenCount", "cachedContentTokenCount", "candidatesTokenCount", "thoughtsTokenCount", _TOTAL}
)


def read_usage(raw: Any) -> Usage | None:
    """None for what is no usage at all."""
    if not isinstance(raw, dict) or not raw:
        return None
    prompt, cached = _count(raw, "promptTokenCount"), _count(raw, "cachedContentTokenCount")
    candidates, thoughts = _count(raw, "candidatesTokenCount"), _count(raw, "thoughtsTokenCount")
    tool_use = _count(raw, _TOOL_USE)
    usage = Usage(
        input=None if prompt is None else max(0, prompt - (cached or 0)) + (tool_use or 0),
        cache_read=cached,
        output=None if candidates is None and thoughts is None else (candidates or 0) + (thoughts or 0),
        reasoning=thoughts,
        extra={key: value for key, value in raw.items() if key not in _COUNTED},
    )
    total = _count(raw, _TOTAL)
    if total is not None and total != usage.prompt + (usage.output or 0):
        usage.extra[_TOTAL] = total
    return usage


def write_usage(usage: Usage, own: bool) -> dict[str, Any]:
    """`own`: the counts come from Gemini, so their extras belong here."""
    extra: Extra = dict(usage.extra) if own else {}
    output, thoughts = usage.output or 0, usage.reasoning or 0
    tool_use = extra.get(_TOOL_USE) or 0
    written: dict[str, Any] = {"promptTokenCount": max(0, usage.prompt - tool_use)}
    if usage.output is not None:
        written["candidatesTokenCount"] = max(0, output - thoughts)
    if usage.reasoning is not None:
        written["thoughtsTokenCount"] = thoughts
    if usage.cache_read is not None:
        written["cachedContentTokenCount"] = usage.cache_read
    return written | {_TOTAL: usage.prompt + output} | extra


def _count(raw: dict[str, Any], name: str) -> int | None:
    value = raw.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
