"""Token counts: chat counts cached tokens as part of the prompt, and reasoning as part of the completion."""

from __future__ import annotations

from typing import Any

from proxy_core.turn.content import Extra
from proxy_core.turn.reply import Usage

_COUNTED = {"prompt_tokens", "completion_tokens", "total_tokens"}
_PROMPT_DETAILS = "prompt_tokens_details"
_COMPLETION_DETAILS = "completion_tokens_details"


def read_usage(raw: Any) -> Usage | None:
    """None for what is no usage at all; counts that are null or missing stay None (Databricks sends nulls)."""
    if not isinstance(raw, dict):
        return None
    prompt_details, completion_details = _details(raw, _PROMPT_DETAILS), _details(raw, _COMPLETION_DETAILS)
    cached = _count(prompt_details.get("cached_tokens"))
    if cached is None:
        # DeepSeek and Moonshot: https://api-docs.deepseek.com/guides/kv_cache
        cached = _count(raw.get("prompt_cache_hit_tokens")) or _count(raw.get("cached_tokens"))
    written = _count(prompt_details.get("cache_write_tokens"))
    reasoning = _count(completion_details.get("reasoning_tokens"))
    prompt = _count(raw.get("prompt_tokens"))
    if prompt is not None and cached is not None:
        cached = min(cached, prompt)  # xAI on Azure reports more cached tokens than it counts
    return Usage(
        input=None if prompt is None else max(0, prompt - (cached or 0) - (written or 0)),
        cache_read=cached,
        cache_write_5m=written,
        output=_output(raw, prompt, reasoning),
        reasoning=reasoning,
        extra=_extra(raw, prompt_details, completion_details),
    )


def _output(raw: Extra, prompt: int | None, reasoning: int | None) -> int | None:
    """xAI leaves reasoning out of completion_tokens, which only its total gives away."""
    output, total = _count(raw.get("completion_tokens")), _count(raw.get("total_tokens"))
    if output is not None and reasoning and total == (prompt or 0) + output + reasoning:
        return output + reasoning
    return output


def _extra(raw: Extra, prompt_details: Extra, completion_details: Extra) -> Extra:
    extra = {key: value for key, value in raw.items() if key not in _COUNTED and value is not None}
    extra.pop(_PROMPT_DETAILS, None)
    extra.pop(_COMPLETION_DETAILS, None)
    more_prompt = {k: v for k, v in prompt_details.items() if k not in ("cached_tokens", "cache_write_tokens")}
    more_completion = {k: v for k, v in completion_details.items() if k != "reasoning_tokens"}
    if more_prompt:
        extra[_PROMPT_DETAILS] = more_prompt
    if more_completion:
        extra[_COMPLETION_DETAILS] = more_completion
    return extra


def write_usage(usage: Usage | None, own: bool) -> dict[str, Any]:
    """`own`: the counts come from a chat backend, so its extras belong here."""
    usage = usage or Usage()
    extra = dict(usage.extra) if own else {}
    prompt_details = dict(extra.pop(_PROMPT_DETAILS, {}))
    completion_details = dict(extra.pop(_COMPLETION_DETAILS, {}))
    if usage.cache_read is not None or not own:
        prompt_details["cached_tokens"] = usage.cache_read or 0
    if usage.cache_write_5m is not None or usage.cache_write_1h is not None:
        prompt_details["cache_write_tokens"] = usage.cache_write
    if usage.reasoning is not None or not own:
        completion_details["reasoning_tokens"] = usage.reasoning or 0
    details = {_PROMPT_DETAILS: prompt_details, _COMPLETION_DETAILS: completion_details}
    output = usage.output or 0
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": output,
        "total_tokens": usage.prompt + output,
        **{name: value for name, value in details.items() if value},
        **extra,
    }


def _details(raw: Extra, key: str) -> Extra:
    details = raw.get(key)
    return details if isinstance(details, dict) else {}


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
