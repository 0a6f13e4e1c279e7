"""Token counts: here `input_tokens` leaves out what was read from or written to a cache.

https://platform.claude.com/docs/en/build-with-claude/prompt-caching#tracking-cache-performance
"""

from __future__ import annotations

from typing import Any

from proxy_core.turn.reply import Usage

_COUNTED = frozenset(
    {
        "input_tokens",
        "output_tokens",
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
        "cache_creation",
        "output_tokens_details",
    }
)
_DETAILS = "output_tokens_details"


def read_usage(raw: Any, earlier: Usage | None = None) -> Usage | None:
    """None for what is no usage at all.

    A `message_delta` has the sum of cache writes only; `earlier` is what `message_start` said, with their shares.
    """
    if not isinstance(raw, dict):
        return None
    five_minutes, one_hour = _cache_writes(raw, earlier)
    details = raw.get(_DETAILS)
    extra = {key: value for key, value in raw.items() if key not in _COUNTED and value is not None}
    reasoning = None
    if isinstance(details, dict):
        reasoning = _count(details.get("thinking_tokens"))
        more = {key: value for key, value in details.items() if key != "thinking_tokens"}
        if more:
            extra[_DETAILS] = more
    return Usage(
        input=_count(raw.get("input_tokens")),
        cache_read=_count(raw.get("cache_read_input_tokens")),
        cache_write_5m=five_minutes,
        cache_write_1h=one_hour,
        output=_count(raw.get("output_tokens")),
        reasoning=reasoning,
        extra=extra,
    )


def _cache_writes(raw: dict[str, Any], earlier: Usage | None) -> tuple[int | None, int | None]:
    shares = raw.get("cache_creation")
    if isinstance(shares, dict):
        return _count(shares.get("ephemeral_5m_input_tokens")), _count(shares.get("ephemeral_1h_input_tokens"))
    total = _count(raw.get("cache_creation_input_tokens"))
    if total is None or earlier is None or earlier.cache_write_1h is None:
        return total, None
    one_hour = min(earlier.cache_write_1h, total)
    return total - one_hour, one_hour


def write_usage(usage: Usage | None, own: bool) -> dict[str, Any]:
    """Usage as it stands in a message. `own`: the counts come from an Anthropic backend, so its extras belong here.

    Every field is there, since Claude Code fails on a `message_start` that lacks one of the cache counts.
    """
    usage = usage or Usage()
    shares = {
        "ephemeral_5m_input_tokens": usage.cache_write_5m or 0,
        "ephemeral_1h_input_tokens": usage.cache_write_1h or 0,
    }
    return {
        "input_tokens": usage.input or 0,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read or 0,
        "cache_creation": shares,
        "output_tokens": usage.output or 0,
        **_output_details(usage, own),
        **_extra(usage, own),
    }


def write_delta_usage(usage: Usage | None, own: bool) -> dict[str, Any]:
    """Usage as it stands in `message_delta`: cumulative, and final."""
    written = write_usage(usage, own)
    del written["cache_creation"]
    for name in ("service_tier", "inference_geo", "speed"):
        written.pop(name, None)
    return written


def _output_details(usage: Usage, own: bool) -> dict[str, Any]:
    details = dict(usage.extra.get(_DETAILS, {})) if own else {}
    if usage.reasoning is not None:
        details["thinking_tokens"] = usage.reasoning
    return {_DETAILS: details} if details else {}


def _extra(usage: Usage, own: bool) -> dict[str, Any]:
    return {key: value for key, value in usage.extra.items() if key != _DETAILS} if own else {}


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
