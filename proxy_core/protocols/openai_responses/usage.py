"""Token counts: the API counts cached tokens as part of the input, and reasoning as part of the output."""

from __future__ import annotations

from typing import Any

from proxy_core.turn.content import Extra
from proxy_core.turn.reply import Usage

_COUNTED = ("input_tokens", "output_tokens", "total_tokens", "input_tokens_details", "output_tokens_details")


def read_usage(raw: Any) -> Usage | None:
    """None for what is no usage at all; counts that are null or missing stay None."""
    if not isinstance(raw, dict):
        return None
    given, made = _details(raw, "input_tokens_details"), _details(raw, "output_tokens_details")
    prompt, cached, stored = (
        _count(raw.get("input_tokens")),
        _count(given.get("cached_tokens")),
        _count(given.get("cache_write_tokens")),
    )
    return Usage(
        input=None if prompt is None else max(0, prompt - (cached or 0) - (stored or 0)),
        cache_read=cached,
        cache_write_5m=stored,
        output=_count(raw.get("output_tokens")),
        reasoning=_count(made.get("reasoning_tokens")),
        extra=_extra(raw, given, made),
    )


def _extra(raw: Extra, given: Extra, made: Extra) -> Extra:
    extra = {key: value for key, value in raw.items() if key not in _COUNTED and value is not None}
    more_given = {key: value for key, value in given.items() if key not in ("cached_tokens", "cache_write_tokens")}
    more_made = {key: value for key, value in made.items() if key != "reasoning_tokens"}
    if more_given:
        extra["input_tokens_details"] = more_given
    if more_made:
        extra["output_tokens_details"] = more_made
    return extra


def write_usage(usage: Usage | None, own: bool) -> Extra | None:
    """`own`: the counts come from a Responses backend. The official SDK requires all five details."""
    if usage is None:
        return None
    extra = dict(usage.extra) if own else {}
    output = usage.output or 0
    return {
        "input_tokens": usage.prompt,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read or 0,
            "cache_write_tokens": usage.cache_write,
            **extra.pop("input_tokens_details", {}),
        },
        "output_tokens": output,
        "output_tokens_details": {
            "reasoning_tokens": usage.reasoning or 0,
            **extra.pop("output_tokens_details", {}),
        },
        "total_tokens": usage.prompt + output,
        **extra,
    }


def _details(raw: Extra, key: str) -> Extra:
    details = raw.get(key)
    return details if isinstance(details, dict) else {}


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
