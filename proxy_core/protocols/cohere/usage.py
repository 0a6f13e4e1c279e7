"""Token counts: `tokens` are what the model read and wrote, cached ones among them; `billed_units` what is paid for.

https://docs.cohere.com/docs/how-does-cohere-pricing-work
"""

from __future__ import annotations

from typing import Any

from proxy_core.protocols.cohere.names import record_in
from proxy_core.turn.reply import BILLED_NOTE, Usage

_BILLED = "billed_units"
_COUNTED = frozenset({"tokens", "cached_tokens", _BILLED})


def read_usage(raw: Any) -> Usage | None:
    """None for what is no usage at all. What is billed is noted, and counts where there is nothing else."""
    if not isinstance(raw, dict) or not raw:
        return None
    billed = record_in(raw.get(_BILLED))
    tokens = record_in(raw.get("tokens")) or billed
    prompt, cached = _count(tokens.get("input_tokens")), _count(raw.get("cached_tokens"))
    if prompt is not None and cached is not None:
        cached = min(cached, prompt)
    return Usage(
        input=None if prompt is None else prompt - (cached or 0),
        cache_read=cached,
        output=_count(tokens.get("output_tokens")),
        reasoning=_count(tokens.get("reasoning_tokens")),
        extra={
            **({BILLED_NOTE: billed} if billed else {}),
            **{key: value for key, value in raw.items() if key not in _COUNTED and value is not None},
        },
    )


def _count(value: Any) -> int | None:
    """The API's own description has them as floats."""
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
